"""Optimizers: `kinds.py` lists them without torch, `steps.py` makes them; each has a file with its
step."""
