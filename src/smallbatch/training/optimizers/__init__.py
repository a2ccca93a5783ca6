"""Optimizers of replicas: their kinds, and their steps."""
