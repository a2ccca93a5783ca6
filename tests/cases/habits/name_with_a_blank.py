"""A model whose name in the study file has a blank."""

SOURCE = "Snakemake documentation: Wildcards (a constraint that a name does not meet)"
OUTCOME = "refused"
SAYS = "model.name: 'my net' is not a name; use letters, digits, - and _"


def run(user):
    user.study("t", model="{name: my net, _target_: nets.Net}")
    user.plan("study=t", "conf=mine")
