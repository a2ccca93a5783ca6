"""Benchmarks of training speed: ``python -m smallbatch.bench``."""
