"""A network whose constructor needs an argument that the study does not give."""

SOURCE = "hydra-ecosystem/hydra#2783"
OUTCOME = "refused"
SAYS = "model.depth: missing; nets.make needs it"


def run(user):
    user.file("mine/nets.py", "def make(depth, classes): ...\n")
    user.study("t", model="{name: x, _target_: nets.make}")
    user.plan("study=t", "conf=mine")
