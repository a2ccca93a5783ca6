"""What the Snakefile calls, and a study without it."""
