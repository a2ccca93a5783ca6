"""Networks as users have them (`tests/cases/networks/`): they train as in a plain loop, or a sentence
says why not."""

import importlib
import random
import re
import sys
from pathlib import Path

import numpy as np
import plain
import pytest
import torch
from torch.nn import functional as F

from smallbatch.core.errors import UserError
from smallbatch.training.fleet import train_fleet

FOLDER = Path(__file__).parents[2] / "cases" / "networks"
CASES = sorted(path.stem for path in FOLDER.glob("*.py"))
# also in the ways of several replicas, whose comparison takes seconds
TOGETHER = ("bn_over_tokens", "frozen_by_class")
M, UPDATES, RATE, SEED = 8, 96, 2.0**-7, 3


@pytest.fixture(autouse=True)
def cases_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in CASES:
        sys.modules.pop(name, None)


def fleet_of(case, make_fleet):
    norm, _, b = getattr(case, "NORM", "none").partition(":")
    chunk = {"bn_batch_size": int(b or M)} if norm == "bn" else {}
    model = {"name": case.__name__, "_target_": f"{case.__name__}.Net"}
    optimizer = {"name": "sgd", **optimizer_of(case)}
    fleet = {"model": model, "norm": norm, "optimizer": optimizer, **chunk}
    return make_fleet(batch_size=M, updates=UPDATES, **fleet)


def optimizer_of(case):
    return getattr(case, "OPTIMIZER", {"momentum": 0.0, "weight_decay": 0.0})


def plain_loop(case, data):
    """The validation loss of a network that starts from SEED and trains by torch alone."""
    seed_all()
    net = case.Net()
    if case.__name__ == "lazy_layers":
        net.eval()
        net(torch.zeros(2, *data.shape))
    seed_all()
    images = data.train.images.clone()
    settings = {"drops": (0.5, 0.75), **optimizer_of(case)}
    plain.train(net, images, data.train.labels, M, UPDATES, RATE * M, SEED, **settings)
    net.eval()
    with torch.no_grad():
        return F.cross_entropy(net(data.validation.images.clone()), data.validation.labels).item()


def seed_all():
    torch.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)


def trained(case, data, make_fleet):
    most = None if case.__name__ in TOGETHER else 1  # replicas at once
    fleet, points = fleet_of(case, make_fleet), [(RATE, SEED)]
    blocks = train_fleet(data, fleet, points, lambda text: None, most=most)
    return next(outcome for _, outcomes in blocks for outcome in outcomes)


@pytest.mark.parametrize("name", CASES)
def test_it_trains_as_in_a_plain_loop_or_a_sentence_says_why_not(name, digits32, make_fleet):
    case = importlib.import_module(name)
    images = digits32.train.images.clone()
    if case.OUTCOME == "refused":
        with pytest.raises(UserError, match=re.escape(case.SAYS)):
            trained(case, digits32, make_fleet)
    else:
        loss = trained(case, digits32, make_fleet)["history"][-1]["val_loss"]
        assert loss == pytest.approx(plain_loop(case, digits32), rel=2e-4)
    assert torch.equal(images, digits32.train.images), "a network has changed the data"
