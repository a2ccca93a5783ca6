"""Data sets: preparing them once, reading them in a job, and the order in which examples are
drawn."""

SPLITS = ("train", "validation", "test")  # in this order in a prepared data set
