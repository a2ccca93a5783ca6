"""The random generators that a user's network may draw from: torch's, Python's and NumPy's global
ones."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

NAMES = ("torch's", "Python's", "NumPy's")


def seed_all(seed: int) -> None:
    """Start all of them from `seed`."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def states() -> tuple[bytes, Any, tuple]:
    """Where they stand, in the order of NAMES."""
    kind, keys, *rest = np.random.get_state()
    numpy_state = (kind, tuple(np.asarray(keys).tolist()), *rest)
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), numpy_state


def set_python_states(states: list[list]) -> None:
    """Bring Python's and NumPy's to where `states` found them, from JSON too."""
    (version, keys, gauss), numpy_state = states
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(numpy_state))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let them start from `seed` for a while, and then go on from where they were."""
    with unchanged():
        seed_all(seed)
        yield


@contextlib.contextmanager
def unchanged(device: torch.device | None = None) -> Iterator[None]:
    """Let them go on afterwards from where they were, whatever was drawn; the GPU's too if `device`
    is one."""
    is_gpu = device is not None and device.type == "cuda" and torch.cuda.is_initialized()
    gpus = [device] if is_gpu else []
    python, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=gpus):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)
