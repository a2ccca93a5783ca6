"""A study with its own data set, on top of another one's keys."""

SOURCE = "Hydra documentation: The Defaults List (overriding a group)"
OUTCOME = "refused"
SAYS = "dataset: nets.data would get the keys of conf/dataset/mnist.yaml too ("


def run(user):
    user.study(
        "t",
        defaults="- override /dataset: mnist\n  - override /model: null",
        model="{name: x, _target_: nets.Net}",
        dataset="{name: d, _target_: nets.data}",
    )
    user.plan("study=t", "conf=mine")
