"""Studies that are called 007 and 1e3, of which Snakemake makes numbers."""

SOURCE = "snakemake/snakemake#2431"
OUTCOME = "trains"


def run(user):
    for name in ("007", "1e3", "1_0"):
        user.study(name)
        assert user.plan(f"study={name}", "conf=mine").study["study"] == name
