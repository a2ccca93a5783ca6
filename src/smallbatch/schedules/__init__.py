"""Batch size and learning rate over the course of training.

budget.py     the length of training
course.py     the batch size of each update and the ends of epochs, if known before training
timetable.py  batch sizes, epochs and learning rates of a fleet, computed once before training
registry.py   the list of schedules, and how to add one
rate.py       the factor of the learning rate: a shape (shapes.py: drops, cosine) and a warm-up
adaptive.py   rules that choose the batch size during training, from moments of the gradient
"""
