"""A study with its own model, without override /model: null."""

SOURCE = "Hydra documentation: The Defaults List (overriding a group)"
OUTCOME = "refused"
SAYS = "model: nets.Net would get the keys of conf/model/conv.yaml too (channels); write '- override /model: null' in the study"


def run(user):
    user.study("t", defaults="", model="{name: x, _target_: nets.Net}")
    user.plan("study=t", "conf=mine")
