"""A data set whose name has a slash: bars/v2."""

SOURCE = "Snakemake documentation: Wildcards (a constraint that a name does not meet)"
OUTCOME = "refused"
SAYS = "dataset.name: 'bars/v2' is not a name; use letters, digits, - and _"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", "hydra=dataset.name=bars/v2")
