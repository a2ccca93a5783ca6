"""A mirror that is named from the home folder: ~/data."""

SOURCE = "Python documentation: os.path.expanduser"
OUTCOME = "trains"


def run(user):
    user.set("HOME", str(user.path("home")))
    config = user.compose("hydra=dataset=mnist dataset.mirror=~/data")
    assert config["dataset"]["mirror"] == str(user.path("home/data"))
