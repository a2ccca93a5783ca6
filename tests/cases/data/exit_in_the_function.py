"""A function that ends the process if its files are missing."""

import sys

SOURCE = "ics-jku/wal#48"
OUTCOME = "refused"
SAYS = "exit_in_the_function.py, line 11: no file train.npz"


def data(sizes):
    sys.exit("no file train.npz")
