"""A value with a comma that is no list."""

SOURCE = "NVIDIA/cloudai#557"
OUTCOME = "refused"
SAYS = "title: a,b holds a comma, which separates values of a list; put it in quotes"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", "hydra=title=a,b")
