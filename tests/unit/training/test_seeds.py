"""The seed is the run: what a network draws, and what it keeps in Python, is the same each time, also
after an interruption."""

import importlib
import json
import random

import numpy as np
import pytest
import torch
from test_checkpoint import IDENTITY, plain
from test_network_cases import FOLDER
from torch import nn

from smallbatch.core.errors import Stopped
from smallbatch.models import generators
from smallbatch.models.build import build
from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training import checkpoint, loop
from smallbatch.training.engines.modules import Modules, lone
from smallbatch.training.fleet import train_fleet
from smallbatch.training.scoring import exact_statistics

POINTS = [(2.0**-6, 5)]
PLAIN = {"momentum": 0.0, "weight_decay": 0.0}


@pytest.fixture(autouse=True)
def cases_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


def outcomes(data, fleet, keep=lambda block, engine: checkpoint.NO_CHECKPOINT, log=None):
    blocks = train_fleet(data, fleet, POINTS, lambda text: None, log, keep, 1)
    return [outcome for _, found in blocks for outcome in found]


def draw(*_):
    torch.rand(1)
    random.random()
    np.random.rand()


@pytest.mark.parametrize("name", ["random_in_forward", "counter"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    digits32, make_fleet, tmp_path, monkeypatch, name
):
    fleet = make_fleet(model={"name": name, "_target_": f"{name}.Net"}, updates=40)
    whole = outcomes(digits32, fleet)
    assert plain(outcomes(digits32, fleet, log=draw)) == plain(whole)  # what logging draws
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)

    def keep(block, engine):
        whose = IDENTITY | {"engine": engine}
        stops = lambda: attempts < 3  # noqa: E731
        return checkpoint.policy_of(tmp_path / "c", whose, 1e9, stops, lambda text: None)

    found, attempts = [], 0
    while not found:
        draw()  # another process stands elsewhere
        try:
            found = outcomes(digits32, fleet, keep)
        except Stopped:
            attempts += 1
    assert attempts == 3 and plain(found) == plain(whole)


def test_weights_drawn_by_numpy_and_python_follow_the_seed_and_disturb_nobody():
    model = {"_target_": "numpy_weights.Net"}
    before = generators.states()
    made = [build(model, (1, 8, 8), 10, "none", None, seed).weight for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
    assert generators.states() == before


def test_states_of_python_and_numpy_pass_through_json():
    generators.seed_all(3)
    random.gauss(0, 1), np.random.standard_normal()  # each keeps a second number
    states = json.loads(json.dumps([list(state) for state in generators.states()[1:]]))
    expected = [random.gauss(0, 1), random.random(), *np.random.standard_normal(3)]
    generators.seed_all(4)
    generators.set_python_states(states)
    assert [random.gauss(0, 1), random.random(), *np.random.standard_normal(3)] == expected


class Counting(nn.Module):
    """Counts its training batches in a buffer and in Python."""

    def __init__(self):
        super().__init__()
        self.norm, self.batches = GhostBatchNorm(1, 8), 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.batches += 1
            self.seen = self.seen + 1
        return self.norm(x).flatten(1)


def test_measuring_statistics_changes_nothing_that_a_network_keeps(digits32):
    net = Counting()
    exact_statistics(net, digits32.train.images, 1)
    assert (net.batches, net.seen.item(), net.norm.chunks) == (0, 0, 0)


def test_the_number_of_evaluations_does_not_change_training(digits32, make_fleet):
    """Statistics for batch norm are measured in training mode, in which dropout draws; this network
    draws in evaluation too."""
    model = {"name": "noise", "_target_": "bn_and_noise.Net"}
    ends = []
    for epochs in ([], [1, 2]):
        changes = {"norm": "bn", "bn_batch_size": 4, "evaluation": {"epochs": epochs}}
        fleet = make_fleet(model=model, batch_size=8, updates=96, **changes)
        found = outcomes(digits32, fleet)[0]
        found["summary"].pop("seconds")
        ends.append((found["history"][-1]["val_loss"], found["summary"]))
    assert ends[0] == ends[1]


def test_a_momentum_that_a_forward_has_changed_is_in_the_state(digits32):
    one, two = (Modules([Counting()], lone, PLAIN) for _ in range(2))
    one.net.norm.momentum = 0.5
    one.net.train()
    one.net(digits32.train.images[:8])
    one.net.norm.momentum = 0.25
    one.net(digits32.train.images[8:16])
    two.load(one.state())
    for trainer in (one, two):
        trainer.net(digits32.train.images[16:24])
    means = [x[:8].mean() for x in digits32.train.images[:24].split(8)]
    expected = (0.5 * 0.75**2 * means[0] + 0.25 * 0.75 * means[1] + 0.25 * means[2]) / (
        1 - 0.5 * 0.75**2
    )
    for trainer in (one, two):
        assert trainer.net.norm.running()[0].item() == pytest.approx(expected.item(), abs=1e-6)


def test_measuring_gradients_changes_no_generator(digits32):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10))
    trainer = Modules([net], lone, PLAIN)
    before = generators.states()
    trainer.gradient_products(digits32.train, np.arange(16).reshape(1, 2, 8))
    assert generators.states() == before


def test_a_target_of_several_seeds_is_one_network_each(make_fleet):
    case = importlib.import_module("numpy_weights")
    with generators.seeded(7):
        own = case.Net().weight
    assert torch.equal(
        own, build({"_target_": "numpy_weights.Net"}, (1, 8, 8), 10, "none", None, 7).weight
    )
