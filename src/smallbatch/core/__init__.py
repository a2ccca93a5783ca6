"""Helpers for every other package: names of points, files, source code and machines."""
