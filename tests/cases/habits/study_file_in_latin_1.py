"""A study file in Latin-1, with an umlaut in its title."""

SOURCE = "hydra-ecosystem/hydra#1090"
OUTCOME = "refused"
SAYS = "mine/study/t.yaml, line 5: not UTF-8; save the file as UTF-8"


def run(user):
    user.study("t")
    path = user.path("mine/study/t.yaml")
    path.write_bytes(path.read_bytes().replace(b"Mine", "Größe".encode("latin-1")))
    user.plan("study=t", "conf=mine")
