"""Optimizers: `kinds.py` lists them without torch, `steps.py` creates them, and each has its own
file."""
