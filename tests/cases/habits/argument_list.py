"""A network whose arguments are given by place: _args_."""

SOURCE = "Hydra documentation: Instantiating objects with Hydra (_args_)"
OUTCOME = "refused"
SAYS = "model._args_: not supported; write arguments by their names"


def run(user):
    user.study("t", model="{name: x, _target_: nets.Net, _args_: [3]}")
    user.plan("study=t", "conf=mine")
