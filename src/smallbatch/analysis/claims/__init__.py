"""Claims: what a study says beforehand, decided from its tables. The rules in short: README, section Claims."""
