"""Whether a network starts from its seed: two of one seed are equal, and those of two seeds
differ."""

import torch
from torch import nn

from smallbatch.core.errors import UserError
from smallbatch.core.records import ModelSettings
from smallbatch.models import generators
from smallbatch.models.build import as_written

# A network may say of itself, by this attribute, that all seeds start from the same weights.
SAME_START = "same_start"


def check_starts(
    model: ModelSettings, shape: tuple[int, int, int], classes: int, norm: str
) -> None:
    """Raise UserError unless the seed, and nothing else, decides how a network starts."""
    name = f"model {model['_target_']}"
    made, ends = [], []
    for seed in (0, 0, 1):
        with generators.seeded(seed):
            made.append(as_written(model, shape, classes, norm))
            ends.append(generators.states())
    changed = _differing(made[0], made[1])
    if changed:
        raise UserError(
            f"{name}: two networks of seed 0 differ ({changed}), so its constructor draws from a generator that the seed does "
            "not start; draw from torch's, Python's random or NumPy's np.random"
        )
    if getattr(made[0], SAME_START, False):
        return
    fixed = [
        whose
        for whose, one, two in zip(generators.NAMES, ends[0], ends[2], strict=True)
        if one == two
    ]
    said = f"or, if that is meant, write {SAME_START} = True into the class"
    if fixed:
        raise UserError(
            f"{name}: its constructor seeds {fixed[0]} random generator itself, so networks of several seeds would start alike; "
            f"leave the seed to smallbatch, {said}"
        )
    if not _differing(made[0], made[2]):
        raise UserError(
            f"{name}: its weights are the same for seeds 0 and 1, so seeds would repeat one start in another order of examples; "
            f"draw weights at random, {said} (pretrained weights, say)"
        )


def _differing(one: nn.Module, two: nn.Module) -> str:
    """The first parameter or buffer in which two networks differ; empty if there is none."""
    pairs = zip(
        [*one.named_parameters(), *one.named_buffers()],
        [*two.named_parameters(), *two.named_buffers()],
        strict=False,
    )
    for (path, mine), (_, other) in pairs:
        if mine.shape != other.shape or not torch.equal(mine, other):
            return path
    return ""
