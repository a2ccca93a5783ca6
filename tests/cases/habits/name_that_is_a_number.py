"""A model that is called 7, which YAML takes for a number or boolean."""

SOURCE = "YAML documentation: 10.3 Core Schema (tag resolution of plain scalars)"
OUTCOME = "refused"
SAYS = (
    "model.name: 7 is a number or boolean to YAML, not a text; write one that begins with a letter"
)


def run(user):
    user.study("t", model="{name: 7, _target_: nets.Net}")
    user.plan("study=t", "conf=mine")
