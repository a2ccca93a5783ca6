"""Claims: what a study said beforehand, decided from its tables. SCIENCE in short: README, "Claims"."""
