"""Files that many working directories have: test.py, setup.py, tests/."""

SOURCE = "Python documentation: The initialization of the sys.path module search path"
OUTCOME = "trains"


def run(user):
    for name in ("test.py", "setup.py", "tests/__init__.py", "mine/tests/__init__.py"):
        user.file(name, "x = 1\n")
    user.study("t")
    assert user.plan("study=t", "conf=mine").study["points"] == 8
