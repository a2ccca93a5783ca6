"""Functions that the Snakefile calls, and running a study without Snakemake."""
