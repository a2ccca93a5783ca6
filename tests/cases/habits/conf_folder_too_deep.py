"""The folder of studies in place of the conf folder that holds it."""

SOURCE = "Hydra documentation: Config Search Path"
OUTCOME = "refused"
SAYS = "--config conf=mine/study: one folder too deep; write conf=mine"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine/study")
