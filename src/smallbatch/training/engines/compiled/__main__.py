"""Compile the training step for this machine, once: ``python -m
smallbatch.training.engines.compiled``."""

from smallbatch.training.engines.compiled.ready import ensure_compiled

if __name__ == "__main__":
    ensure_compiled(processes=2)
