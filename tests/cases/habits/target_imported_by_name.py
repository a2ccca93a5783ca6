"""A network of an installed package, imported by its name in a file of the user's."""

SOURCE = "hydra-ecosystem/hydra#3258"
OUTCOME = "trains"


def run(user):
    user.file("mine/nets.py", "from torch.nn import Identity as Net\n")
    user.study("t", model="{name: x, _target_: nets.Net}")
    plan = user.plan("study=t", "conf=mine")
    assert plan.study["config"]["model"]["_target_"] == "nets.Net"
