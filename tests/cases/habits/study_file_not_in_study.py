"""A study file that stands in the conf folder itself."""

SOURCE = "Hydra documentation: Config Search Path"
OUTCOME = "refused"
SAYS = "mine/t.yaml: it must stand in mine/study/, as t.yaml; move it"


def run(user):
    user.study("t")
    user.path("mine/study/t.yaml").rename(user.path("mine/t.yaml"))
    user.plan("study=t", "conf=mine")
