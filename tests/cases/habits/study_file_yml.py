"""A study file that ends in .yml."""

SOURCE = "hydra-ecosystem/hydra#1308"
OUTCOME = "refused"
SAYS = "mine/study/t.yml: files of a conf folder end in .yaml; rename it to t.yaml"


def run(user):
    user.study("t")
    user.path("mine/study/t.yaml").rename(user.path("mine/study/t.yml"))
    user.plan("study=t", "conf=mine")
