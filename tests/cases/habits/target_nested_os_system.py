"""A study with os.system as an argument of its model."""

SOURCE = "hydra-ecosystem/hydra#3258"
OUTCOME = "refused"
SAYS = "model.act._target_: os.system is not code that a study may name"


def run(user):
    user.study(
        "t", model="{name: x, _target_: nets.Net, act: {_target_: os.system, command: touch made}}"
    )
    user.plan("study=t", "conf=mine")
