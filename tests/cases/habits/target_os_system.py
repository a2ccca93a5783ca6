"""A study whose model is os.system with a command."""

SOURCE = "hydra-ecosystem/hydra#3258"
OUTCOME = "refused"
SAYS = "model._target_: os.system is not code that a study may name; import it in a file in the folder of --config conf=DIR"


def run(user):
    user.study("t", model="{name: x, _target_: os.system, command: touch made}")
    user.plan("study=t", "conf=mine")
