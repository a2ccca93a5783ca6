"""A file of the user's that does something when it is imported, and a dry run."""

SOURCE = "hydra-ecosystem/hydra#3258"
OUTCOME = "trains"


def run(user):
    user.file("mine/nets.py", "open('made', 'w').close()\n\n\nclass Net:\n    pass\n")
    user.study("t", model="{name: x, _target_: nets.Net}")
    assert user.plan("study=t", "conf=mine").study["points"] == 8
    assert not user.path("made").exists()
