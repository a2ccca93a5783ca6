"""A file profile.py beside the user's network."""

SOURCE = "Python documentation: The initialization of the sys.path module search path"
OUTCOME = "refused"
SAYS = "mine/profile.py: Python has a module profile, and one would hide the other; rename yours"


def run(user):
    user.file("mine/profile.py", "x = 1\n")
    user.study("t")
    user.plan("study=t", "conf=mine")
