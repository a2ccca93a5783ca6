"""From a study to its points, fleets, jobs and plan files."""
