"""What is measured of every replica at the end of every epoch, beside its losses.

measure.py       what a measure has: a key of the study, columns, a function, and what it costs
registry.py      the list of measures, and how to add one
noise_scale.py   the gradient noise scale
"""
