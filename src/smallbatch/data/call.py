"""Calling a data function, with the random numbers of a new process each time."""

import copy
import inspect
import random
import time
import warnings
from typing import Any

import numpy as np

from smallbatch.core.errors import UserError, first_line, user_line
from smallbatch.core.locate import locate
from smallbatch.data.notes import DataNote

# Keys of a data set that say what it should be or where its files are: they go to the parameters of
# these names, and not to **kwargs.
OF_PLAN = {"name", "_target_", "shape", "classes", "mirror", "download", "files"}
QUICK = 5.0  # seconds


class DataFunction:
    """The function that a data set names, with its arguments; raises UserError.

    Random numbers that nothing seeds would be other ones whenever the data is prepared: those of
    Python, NumPy and torch begin at 0, before the user's file is imported, which may seed
    them otherwise.
    """

    def __init__(self, dataset: dict):
        self.name, self.target = dataset["name"], dataset["_target_"]
        self.is_users = not self.target.startswith("smallbatch.")
        if self.is_users:
            _seed()
        self.load = locate(self.target)
        if not callable(self.load):
            raise UserError(
                f"dataset._target_: {self.target} is not a function; name one that returns the splits"
            )
        self.arguments = self._arguments(dataset)
        self.states = _random_states() if self.is_users else None
        self.notes: list[str] = []  # of the last call
        self.is_quick = False  # enough to be called once more

    def __call__(self) -> object:
        """What it returns."""
        if self.states:
            _set_random_states(self.states)
        begun = time.perf_counter()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", DataNote)
            try:
                returned = self.load(**copy.deepcopy(self.arguments))  # it may change them
            except UserError:
                raise
            except (Exception, SystemExit) as error:
                place = _place(error) if self.is_users else ""
                raise UserError(f"dataset {self.name}: {place}{first_line(error)}") from error
        self.is_quick = time.perf_counter() - begun < QUICK
        self.notes = _noted(said)
        return returned

    def _arguments(self, dataset: dict) -> dict[str, Any]:
        signature = inspect.signature(self.load)
        asked = signature.parameters
        takes_all = any(one.kind is one.VAR_KEYWORD for one in asked.values())
        arguments = {
            key: value
            for key, value in dataset.items()
            if key in asked or (takes_all and key not in OF_PLAN)
        }
        try:
            signature.bind(**arguments)
        except TypeError as error:
            raise UserError(
                f"dataset {self.name}: {self.target} cannot be called ({error}); "
                "write the key into dataset, or give the parameter a default"
            ) from error
        return arguments


def _seed() -> None:
    import torch  # in functions: preparing the project's own data sets needs none

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def _random_states() -> tuple[Any, ...]:
    import torch

    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_random_states(states: tuple[Any, ...]) -> None:
    import torch

    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def _noted(said: list[warnings.WarningMessage]) -> list[str]:
    """The notes of the data function; other warnings are shown as they would have been."""
    for other in said:
        if not issubclass(other.category, DataNote):
            warnings.showwarning(other.message, other.category, other.filename, other.lineno)
    return [str(one.message) for one in said if issubclass(one.category, DataNote)]


def _place(error: BaseException) -> str:
    """Where the user's code raised it, and what."""
    line = user_line(error)
    return f"{type(error).__name__} in {line}: " if line else ""
