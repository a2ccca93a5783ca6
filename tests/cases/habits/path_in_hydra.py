"""Paths with brackets, blanks, commas, umlauts, in hydra=... with and without quotes."""

SOURCE = "hydra-ecosystem/hydra#1577"
OUTCOME = "trains"


PATHS = {
    "+dataset.folder='{}/a (2024)'": "a (2024)",
    "+dataset.folder='{}/a (2024)' grid.seeds=5": "a (2024)",
    "grid.seeds=5 '+dataset.folder=\"{}/a (2024)\"'": "a (2024)",
    "+dataset.folder={}/a,jörg": "a,jörg",
}


def run(user):
    user.study("t")
    for text, name in PATHS.items():
        config = user.compose("study=t", "conf=mine", "hydra=" + text.format(user.path(".")))
        assert config["dataset"]["folder"] == str(user.path(name)), text
        assert config["grid"]["seeds"] == (5 if "seeds" in text else 2)
