"""Replicas that choose their own batch size, against plain PyTorch loops and brute force."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from smallbatch.data.stream import fresh, stream
from smallbatch.models.build import build
from smallbatch.schedules.adaptive import Average, Moments, averaged, wanted
from smallbatch.training.checkpoint import CheckpointPolicy
from smallbatch.training.engines.choose import candidates
from smallbatch.training.engines.factory import make_trainer, network
from smallbatch.training.fleet import train_fleet
from smallbatch.training.loop import train_block

MODEL = {"name": "conv", "_target_": "smallbatch.models.conv.ConvNet"}
RULES = {
    "ba-sgd": {"name": "ba-sgd", "sampling": "fresh", "drops": []},
    "ba-sgd in epochs": {"name": "ba-sgd", "drops": [0.5], "factor": 0.5},
    "gradient-noise": {"name": "gradient-noise", "smoothing": 0.5, "cap": 0.5, "drops": []},
    "cabs": {"name": "cabs", "smoothing": 0.5, "drops": []},
}
BLOCK, ROUNDS = 4, 150


def rule(make_fleet, name, momentum=0.0, decay=0.0, **changes):
    optimizer = {"name": "sgd", "momentum": momentum, "weight_decay": decay}
    about = {
        "schedule": RULES[name],
        "batch_size": BLOCK,
        "updates": ROUNDS,
        "optimizer": optimizer,
    }
    return make_fleet(**about, **changes)


def single_gradients(net, images, labels):
    """The gradient of each example's loss, one after the other: ``[n, P]``; and the losses."""
    rows, losses = [], []
    for image, label in zip(images, labels, strict=True):
        loss = F.cross_entropy(net(image[None]), label[None])
        rows.append(
            torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
        )
        losses.append(loss.item())
    return torch.stack(rows), np.array(losses)


def plain_adaptive(net, data, fleet, rate, seed):
    """Algorithm 1 of Yin, Luo & Nakamura 2017, and the two others, in double precision; returns the
    batch sizes."""
    schedule, optimizer, size = fleet["schedule"], fleet["optimizer"], len(data.train.labels)
    cap = int((schedule.get("cap") or 1.0) * size)
    weights = torch.cat([p.detach().flatten() for p in net.parameters()])
    velocity, average = torch.zeros_like(weights), Average()
    gathered, losses, made, sizes = [], [], 0, []
    for u in range(ROUNDS):
        lr = (
            rate
            * BLOCK
            * schedule.get("factor", 1.0) ** sum(u / ROUNDS >= drop for drop in schedule["drops"])
        )
        if schedule.get("sampling") == "fresh":
            index = fresh(seed, made, size)[len(gathered) * BLOCK :][:BLOCK]
        else:
            index = stream(seed, size, u * BLOCK, (u + 1) * BLOCK)
        g, loss = single_gradients(net, data.train.images[index], data.train.labels[index])
        gathered.append(g)
        losses.append(loss)
        g = torch.cat(gathered)
        m, f = len(g), g.mean(0)
        variance = g.var(0, unbiased=True)
        step = f + optimizer["momentum"] * velocity
        seen = Moments(
            m,
            np.concatenate(losses).mean(),
            *(float(x) for x in (f @ f, f @ step, variance.sum(), f**2 @ variance)),
        )
        if m + BLOCK > cap or m >= wanted(schedule, seen, average, lr):
            velocity = optimizer["momentum"] * velocity + f + optimizer["weight_decay"] * weights
            weights = weights - lr * velocity
            torch.nn.utils.vector_to_parameters(weights, net.parameters())
            average = averaged(schedule, seen, average)
            sizes.append(m)
            gathered, losses, made = [], [], made + 1
    return weights, sizes


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("engine", ["compiled", "groups", "separate"])
@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.5, 0.01)])
def test_every_replica_follows_the_plain_algorithm(
    digits, make_fleet, name, engine, momentum, decay
):
    """To 1e-9 in double precision, batch sizes included."""
    fleet, scale = (
        rule(make_fleet, name, momentum, decay),
        1.0 if name == "cabs" or not momentum else 0.4,
    )
    points, largest = [(scale * 2.0**-5, 0), (scale * 2.0**-4, 4)], 0
    points = points[1:] if engine == "separate" else points
    trainer = make_double(engine, digits, fleet, [seed for _, seed in points])
    outcomes = train_block(
        trainer, digits, fleet, [rate for rate, _ in points], [seed for _, seed in points]
    )
    for r, (rate, seed) in enumerate(points):
        weights, sizes = plain_adaptive(
            network(digits, fleet, seed).double(), digits, fleet, rate, seed
        )
        assert outcomes[r]["summary"]["updates"] == len(sizes)
        assert outcomes[r]["summary"]["examples"] == ROUNDS * BLOCK
        assert torch.allclose(weights_of(trainer, engine, r), weights, rtol=1e-9, atol=1e-9)
        largest = max(largest, *sizes)
    assert largest > BLOCK  # the rule did choose


def make_double(engine, data, fleet, seeds):
    from smallbatch.schedules.course import largest_batch
    from smallbatch.training.engines.adaptive import Adaptive
    from smallbatch.training.engines.compiled.trainer import Compiled
    from smallbatch.training.engines.factory import MODULES
    from smallbatch.training.engines.modules import Modules

    nets = [build(MODEL, (1, 8, 8), 10, "none", None, seed).double() for seed in seeds]
    if engine == "compiled":
        trainer = Compiled(nets, (1, 8, 8), BLOCK, fleet["optimizer"])
    else:
        trainer = Modules(nets, MODULES[engine], fleet["optimizer"], m=BLOCK)
    return Adaptive(
        trainer,
        fleet["schedule"],
        BLOCK,
        largest_batch(fleet["schedule"], 1, len(data.train.labels)),
        seeds,
    )


def weights_of(adaptive, engine, r):
    if engine == "compiled":
        return torch.from_numpy(np.concatenate(list(adaptive.trainer.weights(r).values())))
    return torch.cat(
        [p.detach().view(adaptive.replicas, -1)[r] for p in adaptive.trainer.net.parameters()]
    )


@pytest.mark.parametrize("engine", ["compiled", "groups", "separate"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_moments_in_single_precision_are_those_of_single_examples_in_double(
    digits32, make_fleet, engine, momentum
):
    fleet = rule(make_fleet, "ba-sgd", momentum)
    trainer = make_trainer(engine, digits32, fleet, [7] if engine == "separate" else [7, 8]).trainer
    sums, losses = np.zeros((2, trainer.gradient_size), trainer.dtype), 0.0
    # so that there is a velocity
    trainer.apply(0, np.full(trainer.gradient_size, 1e-3, trainer.dtype), 0.0)
    net = network(digits32, fleet, 7).double()
    blocks = [np.arange(8), np.arange(100, 108), np.arange(50, 58)]
    for block in blocks:
        losses += trainer.moment_sums(0, digits32.train, block, sums)
    found = trainer.weighed(0, sums, 3, 8, losses / 3)
    index = np.concatenate(blocks)
    g, single = single_gradients(
        net, digits32.train.images[index].double(), digits32.train.labels[index]
    )
    f, variance = g.mean(0), g.var(0, unbiased=True)
    expected = (
        24,
        single.mean(),
        f @ f,
        f @ (f + momentum * 1e-3),
        variance.sum(),
        f**2 @ variance,
    )
    assert found == pytest.approx([float(x) for x in expected], rel=2e-4)


def test_the_unbiased_trace_has_no_bias_at_gradients_of_a_linear_model(make_fleet, digits):
    """On a model whose single gradients are known in closed form: softmax regression, (p - y) ⊗
    x."""
    from smallbatch.training.engines.compiled.trainer import Compiled

    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double()
    trainer = Compiled([net], (1, 8, 8), 256, {"momentum": 0.0, "weight_decay": 0.0})
    images, labels = digits.train.images, digits.train.labels
    x = torch.cat([images.flatten(1), torch.ones(256, 1, dtype=torch.float64)], 1)
    error = net(images).detach().softmax(1) - F.one_hot(labels, 10)
    g = torch.einsum("nk,nd->nkd", error, x).flatten(1)
    traces, rng = [], np.random.default_rng(0)
    for _ in range(300):
        sums = np.zeros((2, trainer.gradient_size))
        index = rng.integers(0, 256, 16)
        loss = trainer.moment_sums(0, digits.train, index, sums)
        traces.append(trainer.weighed(0, sums, 1, 16, loss).trace)
    true = float(g.var(0, unbiased=False).sum())
    assert abs(np.mean(traces) - true) < 4 * np.std(traces) / np.sqrt(300)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_an_interrupted_training_goes_on_to_the_same_result(digits32, make_fleet, name, engine):
    """Stopped at every chance: with batches that are half gathered."""
    from smallbatch.core.errors import Stopped

    fleet = rule(make_fleet, name, momentum=0.9) | {"updates": ROUNDS // 2}
    rates, seeds = [2.0**-6, 2.0**40, 2.0**-5], [0, 1, 2]
    whole = train_block(make_trainer(engine, digits32, fleet, seeds), digits32, fleet, rates, seeds)
    kept, stops = None, 0
    while True:
        saved = []
        keep = CheckpointPolicy(
            kept,
            lambda state, arrays, saved=saved: saved.append((state, arrays)),
            0.0,
            lambda: True,
        )
        try:
            parts = train_block(
                make_trainer(engine, digits32, fleet, seeds),
                digits32,
                fleet,
                rates,
                seeds,
                checkpoints=keep,
            )
            break
        except Stopped:
            kept, stops = saved[-1], stops + 1
    assert stops > 2
    for one, two in zip(whole, parts, strict=True):
        assert (
            without_time(one["history"]) == without_time(two["history"])
            and one["correct"] == two["correct"]
        )
    assert [result["summary"]["status"] for result in whole][1] == "diverged"


def without_time(history):
    return [
        repr({key: value for key, value in row.items() if key not in ("time", "seconds")})
        for row in history
    ]


@pytest.mark.round_alike
@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_neighbours_change_no_bit(digits32, make_fleet, engine):
    fleet = rule(make_fleet, "ba-sgd") | {"updates": ROUNDS // 2}
    points = [(2.0**-6, 0), (2.0**-5, 1), (2.0**40, 2), (2.0**-6, 3)]

    def trained(points):
        rates, seeds = [rate for rate, _ in points], [seed for _, seed in points]
        found = train_block(
            make_trainer(engine, digits32, fleet, seeds), digits32, fleet, rates, seeds
        )
        return {
            point: without_time(one["history"]) for point, one in zip(points, found, strict=True)
        }

    wide, pair = trained(points), trained([points[3], points[0]])
    assert all(pair[point] == wide[point] for point in pair)


class Tied(nn.Module):
    """One layer used twice: squares of its gradients are no sum over the two."""

    def __init__(self, in_channels, classes, norm, image_size):
        super().__init__()
        self.first = nn.Linear(64, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        x = torch.relu(self.first(x.flatten(1)))
        return self.last(torch.relu(self.first(x)))


class Branches(Tied):
    def forward(self, x):
        x = x.flatten(1)
        return self.last(torch.relu(self.first(x)) if x.mean() > -100 else x)


@pytest.mark.round_alike
def test_a_network_whose_moments_the_compiled_step_has_not_takes_another_way(digits32, make_fleet):
    for name, model in {"Tied": "groups", "Branches": "separate"}.items():
        fleet = rule(
            make_fleet, "ba-sgd", model={"name": name, "_target_": f"test_adaptive.{name}"}
        )
        ways, reasons = candidates(digits32, fleet)
        assert ways[0] == model and reasons
        points = [(2.0**-6, 0), (2.0**-5, 1)]
        outcomes = [
            one
            for _, block in train_fleet(digits32, fleet, points, lambda text: None)
            for one in block
        ]
        assert all(one["summary"]["status"] != "diverged" for one in outcomes)


def test_single_gradients_of_a_network_are_those_of_autograd_where_they_cannot_be_vectorised(
    digits32,
):
    from smallbatch.training.engines.modules import example_gradients

    net = Branches(1, 10, None, 8)
    weights = {name: p.detach() for name, p in net.named_parameters()}
    images, labels = digits32.train.images[:5], digits32.train.labels[:5]
    losses, made = example_gradients(net, weights, images, labels)
    g, single = single_gradients(net, images, labels)
    assert losses.tolist() == pytest.approx(single, rel=1e-5)
    assert torch.allclose(torch.cat([made[name].flatten(1) for name in weights], 1), g, atol=1e-6)
    assert functional_call(net, weights, (images,)).shape == (5, 10)


@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_the_batch_size_that_is_told_is_that_of_finished_updates(
    digits32, make_fleet, engine, monkeypatch
):
    """A rule that always takes all it may: 152 of 256, in blocks of 4, whatever the epochs cut
    through."""
    monkeypatch.setattr("smallbatch.training.engines.adaptive.wanted", lambda *_: np.inf)
    fleet = rule(make_fleet, "ba-sgd") | {"updates": 64 * 5}
    fleet["schedule"] = fleet["schedule"] | {"cap": 0.6}
    (found,) = train_block(
        make_trainer(engine, digits32, fleet, [0]), digits32, fleet, [2.0**-6], [0]
    )
    sizes = [(row["updates"], row["batch_size"]) for row in found["history"][1:]]
    assert sizes == [(updates, 152) for updates in (1, 3, 5, 6, 8)]
    assert found["history"][-1]["smith_g"] == pytest.approx(2.0**-6 * 4 * 256 / 152)
    assert [row["capped"] for row in found["history"][1:]] == [1, 3, 5, 6, 8]
