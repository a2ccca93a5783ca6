"""Batch size and learning rate over the course of training.

budget.py     how long a point trains
course.py     which batch size each update has, where epochs end (fixed before training)
timetable.py  all that is known of a training before it begins, built once
registry.py   the list of schedules, and how to add one
rate.py       what the learning rate is multiplied by: a shape (shapes.py: drops, cosine), and a warm-up before it
adaptive.py   rules that choose the batch size while training, from moments of the gradient
"""
