"""A study named by its file: study=t.yaml."""

SOURCE = "Hydra documentation: Config groups (names without extension)"
OUTCOME = "refused"
SAYS = "study: 't.yaml' is not a name; write study=t"


def run(user):
    user.study("t")
    user.plan("study=t.yaml", "conf=mine")
