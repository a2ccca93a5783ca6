"""A conf folder under jörg, Dropbox (Me), R&D, a,b and the like."""

SOURCE = "hydra-ecosystem/hydra#2891"
OUTCOME = "trains"


NAMES = ["jörg/Dropbox (Me)", "R&D/a,b/x=y", "it's/[1] {2}", '100%/${HOME}/a"b']


def run(user):
    for name in NAMES:
        user.study("t", conf=f"{name}/mine")
        assert user.plan("study=t", f"conf={name}/mine", "hydra=").study["title"] == "Mine", name
