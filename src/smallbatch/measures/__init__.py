"""Measures of every replica at the end of every epoch, in addition to its losses.

measure.py       the interface of a measure: a key of the study, columns, a function, and its cost
registry.py      the list of measures, and how to add one
noise_scale.py   the gradient noise scale
"""
