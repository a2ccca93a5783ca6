"""A model that is named after a version: resnet18.v2."""

SOURCE = "Snakemake documentation: Wildcards (a constraint that a name does not meet)"
OUTCOME = "refused"
SAYS = "model.name: 'resnet18.v2' is not a name; use letters, digits, - and _"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", "hydra=model.name=resnet18.v2")
