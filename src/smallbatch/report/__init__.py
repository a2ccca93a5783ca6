"""The report of a study, report.html, as a self-contained file."""
