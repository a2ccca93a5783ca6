"""Optimizers of a fleet follow those of torch, in every way of training, and go on from a stored
state."""

import networks  # noqa: F401  (its classes are targets)
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smallbatch.config.checks import _check_optimizer
from smallbatch.data.stream import stream
from smallbatch.models.build import build
from smallbatch.training.engines.choose import candidates
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.factory import MODULES
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.modules import Modules
from smallbatch.training.fleet import train_fleet
from smallbatch.training.optimizers.kinds import OPTIMIZERS as KINDS
from smallbatch.training.optimizers.steps import beta2, make_optimizer
from smallbatch.training.updates import batches

M, STEPS = 8, 20
POINTS = [(2.0**-7, 0), (2.0**-5, 1), (2.0**-6, 2)]
OPTIMIZERS = {
    "momentum": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    "nesterov": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    "adamw": {
        "name": "adamw",
        "momentum": 0.0,
        "weight_decay": 0.1,
        "beta1": 0.8,
        "beta2": 0.95,
        "eps": 1e-6,
    },
    "adamw, half-life": {"name": "adamw", "momentum": 0.0, "weight_decay": 0.0, "half_life": 100.0},
}
WAYS = [(way, name) for name in OPTIMIZERS for way in ("groups", "vmap", "separate", "compiled")]
WAYS = [(way, name) for way, name in WAYS if way != "compiled" or not name.startswith("adamw")]
MODEL = {"_target_": "smallbatch.models.conv.ConvNet"}


def torchs(name, parameters, rate):
    one = OPTIMIZERS[name]
    if one["name"] == "sgd":
        return torch.optim.SGD(
            parameters, rate, 0.9, weight_decay=0.01, nesterov=bool(one.get("nesterov"))
        )
    if name == "adamw":
        return torch.optim.AdamW(parameters, rate, (0.8, 0.95), 1e-6, 0.1)
    return torch.optim.AdamW(parameters, rate, (0.9, 0.5 ** (M / 100)), 1e-8, 0.0)


def network(name, seed, dtype):
    """With AdamW without norm: it makes whole steps of the rounding errors that are a bias's
    gradient before batch norm."""
    norm = ("none", None) if name.startswith("adamw") else ("bn", 4)
    return build(MODEL, (1, 8, 8), 10, *norm, seed).to(dtype)


def trainer_of(way, name, points, dtype):
    nets = [network(name, seed, dtype) for _, seed in points]
    if way == "compiled":
        return Compiled(nets, (1, 8, 8), M, OPTIMIZERS[name])
    return Modules(nets, MODULES[way], OPTIMIZERS[name], m=M)


def update(trainer, data, points, first=0, last=STEPS):
    order = batches(
        [seed for _, seed in points], M, len(data.train.labels), first * M, last - first
    )
    rates = np.tile([rate * M for rate, _ in points], (last - first, 1))
    trainer.update(data.train, order, rates, np.zeros(len(points)))
    return trainer


def weights(trainer, r):
    if isinstance(trainer, Compiled):
        return torch.cat([torch.from_numpy(vector) for vector in trainer.weights(r).values()])
    return torch.cat([p.detach().view(trainer.replicas, -1)[r] for p in trainer.net.parameters()])


@pytest.mark.parametrize(("way", "name"), WAYS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_every_replica_follows_torchs_own_optimizer(digits, digits32, way, name, dtype, tolerance):
    data = digits if dtype == torch.float64 else digits32
    for points in [POINTS] if way != "separate" else [[point] for point in POINTS]:
        trainer = update(trainer_of(way, name, points, dtype), data, points)
        for r, (rate, seed) in enumerate(points):
            net = network(name, seed, dtype).train()
            optimizer = torchs(name, net.parameters(), rate * M)
            for index in stream(seed, len(data.train.labels), 0, STEPS * M).reshape(STEPS, M):
                optimizer.zero_grad()
                F.cross_entropy(net(data.train.images[index]), data.train.labels[index]).backward()
                optimizer.step()
            named = dict(net.named_parameters())
            order = list(trainer.weights(r)) if way == "compiled" else list(named)
            theirs = torch.cat([named[key].detach().flatten() for key in order])
            assert torch.allclose(weights(trainer, r), theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("way", "name"), WAYS)
def test_training_goes_on_from_a_stored_state_bit_for_bit(digits32, way, name):
    points = POINTS if way != "separate" else POINTS[:1]
    through = update(
        update(trainer_of(way, name, points, torch.float32), digits32, points, 0, 7),
        digits32,
        points,
        7,
        20,
    )
    state = update(trainer_of(way, name, points, torch.float32), digits32, points, 0, 7).state()
    resumed = trainer_of(way, name, points, torch.float32)
    resumed.load({key: value.copy() for key, value in state.items()})
    update(resumed, digits32, points, 7, 20)
    for key, value in through.state().items():
        assert np.array_equal(value, resumed.state()[key]), key


@pytest.mark.round_alike
def test_replicas_that_leave_change_no_bit_of_the_others(digits32, make_fleet):
    """One diverges at once and leaves the fleet at the epoch's end."""
    fleet = make_fleet(optimizer=OPTIMIZERS["adamw"], updates=96)
    few = [(2.0**-9, 0), (2.0**-8, 1)]
    with_other = [few[0], (1e30, 5), few[1]]

    def train(points):
        found = {}
        for block, outcomes in train_fleet(digits32, fleet, points, lambda text: None):
            found |= dict(zip(block, outcomes, strict=True))
        return [(found[point]["correct"], found[point]["summary"]["train_loss"]) for point in few]

    assert train(few) == train(with_other)


@pytest.mark.round_alike
def test_the_compiled_step_leaves_adamw_to_other_ways(digits32, make_fleet):
    ways, reasons = candidates(digits32, make_fleet(optimizer=OPTIMIZERS["adamw"]))
    assert ways[0] == "groups" and reasons == ["the compiled step knows SGD alone"]
    assert candidates(digits32, make_fleet(optimizer=OPTIMIZERS["nesterov"]))[0][0] == "compiled"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_an_optimizer_is_as_large_as_memory_is_predicted_with(name):
    config, weights = OPTIMIZERS[name], torch.zeros(3, 50)
    state = make_optimizer(config, [weights], 3, M).state()
    kept = sum(tensor.numel() for tensor in state.values() if tensor.shape == weights.shape)
    assert kept == weights.numel() * KINDS[config["name"]].state_per_weight(config)
    plain = config | {"momentum": 0.0}
    without = make_optimizer(plain, [weights], 3, M).state()
    assert bool(without) == bool(KINDS[config["name"]].state_per_weight(plain))


def test_an_unknown_optimizer_trains_as_no_other():
    with pytest.raises(
        ValueError, match=r"^optimizer.name: 'rmsprop' is not an optimizer; write sgd or adamw$"
    ):
        make_optimizer(
            {"name": "rmsprop", "momentum": 0.9, "weight_decay": 0.0}, [torch.zeros(2, 3)], 2, M
        )


def test_the_compiled_step_refuses_an_optimizer_that_it_does_not_know():
    with pytest.raises(CannotFuse, match=r"^the compiled step does not support adamw$"):
        trainer_of("compiled", "adamw", POINTS, torch.float32)


def test_the_half_life_in_examples_is_the_same_at_every_batch_size():
    for m in (1, 8, 64):
        assert beta2({"half_life": 64.0}, m) ** (64 / m) == pytest.approx(0.5)
    assert beta2({"beta2": 0.9}, 8) == 0.9 and beta2({}, 8) == 0.999


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "adam"}, "'adam' is not an optimizer; write sgd or adamw"),
        ({"nesterov": True}, "optimizer.nesterov: true, but momentum is 0"),
        ({"beta1": 0.5}, "optimizer.beta1: 0.5 is a setting of adamw; leave it out with sgd"),
        ({"name": "adamw", "momentum": 0.9}, "optimizer.momentum: 0.9 is a setting of sgd"),
        ({"name": "adamw", "beta2": 1.0}, "optimizer.beta2: 1.0 must be at least 0 and below 1"),
        (
            {"name": "adamw", "beta2": 0.9, "half_life": 5.0},
            "optimizer.half_life: it stands in place of beta2; add optimizer.beta2=null",
        ),
        ({"name": "adamw", "half_life": -5.0}, "optimizer.half_life: -5.0 must be above 0"),
    ],
)
def test_settings_that_no_optimizer_has_are_refused(changes, said):
    null = dict.fromkeys(key for kind in KINDS.values() for key in kind.keys)
    with pytest.raises(
        ValueError, match="^" + ("optimizer.name: " if said.startswith("'") else "") + said
    ):
        _check_optimizer({"name": "sgd", "weight_decay": 0.0} | null | {"momentum": 0.0} | changes)
