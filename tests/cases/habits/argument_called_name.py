"""A function that makes networks by an argument called name."""

SOURCE = "hydra-ecosystem/hydra#1171"
OUTCOME = "refused"
SAYS = "model.name: it labels the network and is not passed on, but nets.make has an argument of that name; rename the argument"


def run(user):
    user.file("mine/nets.py", "def make(name, classes): ...\n")
    user.study("t", model="{name: resnet18, _target_: nets.make}")
    user.plan("study=t", "conf=mine")
