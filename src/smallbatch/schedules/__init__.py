"""Batch size and learning rate over the course of training.

budget.py     how long a point trains
course.py     which batch size each update has, where epochs end (fixed before training)
timetable.py  all that is known of a training before it begins, built once
rate.py       what the learning rate is multiplied by: drops, cosine, warm-up
adaptive.py   rules that choose the batch size while training, from moments of the gradient
"""
