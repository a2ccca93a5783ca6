"""Claims: what a study says beforehand, decided from its tables. The rules in short:
docs/claims.md."""
