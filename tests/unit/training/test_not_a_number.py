"""Logits that are not numbers."""

import numpy as np
import pytest
import torch
from torch import nn

from smallbatch.data.read import Split
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.factory import MODULES
from smallbatch.training.engines.modules import Modules


def net() -> nn.Module:
    """Answers class 1 where its input is positive, else class 0; no number gives no number."""
    made = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        made[1].weight.copy_(torch.tensor([[-1.0], [1.0]]))
    return made


@pytest.mark.parametrize("engine", ["compiled", *sorted(MODULES)])
def test_an_answer_that_is_not_a_number_is_never_right(engine):
    optimizer = {"momentum": 0.0, "weight_decay": 0.0}
    replicas = 1 if engine.startswith("separate") else 2
    nets = [net() for _ in range(replicas)]
    trainer = (
        Compiled(nets, (1, 1, 1), 2, optimizer)
        if engine == "compiled"
        else Modules(nets, MODULES[engine], optimizer)
    )
    nan, inf = float("nan"), float("inf")
    images = torch.tensor([1.0, -1.0, nan, nan, inf, -1.0]).reshape(6, 1, 1, 1)
    split = Split(images, torch.tensor([1, 0, 0, 1, 1, 1]))
    _, correct = trainer.score(split)
    assert np.asarray(correct).tolist() == [[True, True, False, False, False, False]] * replicas
