"""A target behind --config, which Snakemake takes for a setting."""

import importlib

import snakemake_logger_plugin_smallbatch

SOURCE = "snakemake/snakemake#529"
OUTCOME = "refused"
SAYS = "error: --config report: every word behind --config is a setting; write a target before it: snakemake report --config ..."


def run(user):
    user.words("--cores", "2", "--config", "study=digits", "report", "-n")
    importlib.reload(snakemake_logger_plugin_smallbatch)
