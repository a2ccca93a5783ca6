"""A file of the user's that raises when it is imported."""

SOURCE = "Python documentation: NameError"
OUTCOME = "refused"
SAYS = "mine/nets.py, line 2: name 'nope' is not defined)"


def run(user):
    user.file(
        "mine/nets.py",
        "from torch import nn\nnope\nclass Net(nn.Module):\n    def __init__(self):\n        pass\n",
    )
    user.study("t")
    user.build("study=t", "conf=mine")
