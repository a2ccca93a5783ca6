"""Claims: hypotheses that a study states in advance, decided from its tables. docs/claims.md
summarizes the rules."""
