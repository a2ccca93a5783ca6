"""A file torch.py beside the user's network."""

SOURCE = "Python documentation: The initialization of the sys.path module search path"
OUTCOME = "refused"
SAYS = "mine/torch.py: an installed package has a module torch, and one would hide the other; rename yours"


def run(user):
    user.file("mine/torch.py", "x = 1\n")
    user.study("t")
    user.plan("study=t", "conf=mine")
