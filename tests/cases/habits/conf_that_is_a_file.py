"""The study's file in place of the conf folder."""

SOURCE = "Hydra documentation: Config Search Path"
OUTCOME = "refused"
SAYS = "--config conf=mine/study/t.yaml: it is a file; name the folder that holds study/t.yaml"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine/study/t.yaml")
