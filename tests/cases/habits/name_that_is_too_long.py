"""A model whose name holds its whole configuration."""

SOURCE = "Snakemake documentation: Wildcards (a constraint that a name does not meet)"
OUTCOME = "refused"
SAYS = "is too long; use at most 60 letters"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", f"hydra=model.name={'depth16-' * 30}")
