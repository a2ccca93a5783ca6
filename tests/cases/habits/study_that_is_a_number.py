"""A study that a config file of Snakemake names by a number."""

from smallbatch.workflow.settings import read_settings

SOURCE = "snakemake/snakemake#3650"
OUTCOME = "refused"
SAYS = "--config study=7: Snakemake made a number or boolean of the name, and how it was written is lost; rename the study"


def run(user):
    read_settings({"study": 7})
