"""A study that reaches os.system by a file of the user's that imports os."""

SOURCE = "hydra-ecosystem/hydra#3409"
OUTCOME = "refused"
SAYS = "_target_: nets.os.system: os is a module that nets.py imports; name a class or function that nets.py defines"


def run(user):
    user.file("mine/nets.py", "import os\n")
    user.study("t", model="{name: x, _target_: nets.os.system, command: touch made}")
    user.plan("study=t", "conf=mine")
