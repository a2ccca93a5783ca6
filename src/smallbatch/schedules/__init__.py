"""Batch size and learning rate over the course of training."""
