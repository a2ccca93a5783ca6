"""A file of the user's that is not valid Python."""

SOURCE = "Python documentation: SyntaxError"
OUTCOME = "refused"
SAYS = "mine/nets.py: line 2 is not valid Python (expected ':')"


def run(user):
    user.file("mine/nets.py", "from torch import nn\nclass Net(nn.Module)\n    pass\n")
    user.study("t")
    user.plan("study=t", "conf=mine")
