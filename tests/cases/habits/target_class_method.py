"""A network that a class method makes: nets.Net.small."""

SOURCE = "Hydra documentation: Instantiating objects with Hydra (_target_ of a class method)"
OUTCOME = "trains"


def run(user):
    user.study("t", model="{name: x, _target_: nets.Net.small, width: 3}")
    user.plan("study=t", "conf=mine")
    assert user.build("study=t", "conf=mine").head.in_features == 3
