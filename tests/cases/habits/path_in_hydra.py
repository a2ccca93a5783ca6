"""Paths with brackets, blanks, commas, umlauts, in hydra=... with and without quotes."""

SOURCE = "hydra-ecosystem/hydra#1577"
OUTCOME = "trains"


PATHS = {
    "+dataset.folder='{}/a (2024)'": "a (2024)",
    "+dataset.folder='{}/a (2024)' grid.seeds=2": "a (2024)",
    "grid.seeds=2 '+dataset.folder=\"{}/a (2024)\"'": "a (2024)",
    "+dataset.folder={}/a,b": "a,b",
    "+dataset.folder={}/jörg": "jörg",
    "'+dataset.folder={}/a b' grid.seeds=2": "a b",
}


def run(user):
    for text, name in PATHS.items():
        config = user.compose("hydra=" + text.format(user.path(".")))
        assert config["dataset"]["folder"] == str(user.path(name)), text
        assert config["grid"]["seeds"] == (2 if "seeds" in text else 10)
