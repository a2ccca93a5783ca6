"""Every replica of a fleet follows the same point trained alone in a plain PyTorch loop
(`plain.py`)."""

import numpy as np
import plain
import pytest
import torch

from smallbatch.models.build import build
from smallbatch.schedules.timetable import Timetable
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.factory import MODULES, make_trainer
from smallbatch.training.engines.modules import Modules
from smallbatch.training.fleet import train_fleet
from smallbatch.training.loop import train_block
from smallbatch.training.updates import batches

MODEL = {"name": "conv", "_target_": "smallbatch.models.conv.ConvNet"}
NORMS = {"none": ("none", None, None), "bn": ("bn", 8, 0), "ghost": ("bn", 4, 4)}
POINTS = [(2.0**-7, 0), (2.0**-6, 1), (2.0**-5, 0)]
STEPS, M = 20, 8


def fleet_weights(
    engine, data, norm, b, points, momentum=0.0, weight_decay=0.0, dtype=torch.float64
):
    """Per replica the weights after STEPS updates of a fleet, as one vector each."""
    nets = [build(MODEL, (1, 8, 8), 10, norm, b, seed).to(dtype) for _, seed in points]
    optimizer = {"momentum": momentum, "weight_decay": weight_decay}
    trainer = (
        Compiled(nets, (1, 8, 8), M, optimizer)
        if engine == "compiled"
        else Modules(nets, MODULES[engine], optimizer)
    )
    fleet = {"batch_size": M, "updates": STEPS, "schedule": {"drops": [0.5, 0.75], "factor": 0.1}}
    timetable = Timetable.of(fleet | {"evaluation": {"epochs": []}}, len(data.train.labels))
    lr = timetable.rates([rate for rate, _ in points], 0, STEPS)
    order = batches([seed for _, seed in points], M, len(data.train.labels), 0, STEPS)
    trainer.update(data.train, order, lr, np.zeros(len(points)))
    if engine == "compiled":
        names = [name for name, _ in nets[0].named_parameters()]
        return torch.from_numpy(
            np.stack(
                [np.concatenate([trainer.weights(r)[n] for n in names]) for r in range(len(points))]
            )
        )
    return torch.cat([p.detach().view(len(points), -1) for p in trainer.net.parameters()], 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), (0.9, 0.01)])
@pytest.mark.parametrize("engine", ["compiled", "groups", "vmap"])
def test_every_replica_follows_the_plain_loop(
    digits, digits32, engine, norm, momentum, weight_decay
):
    """To 1e-9 in double precision. In single precision it is as near to that as rounding allows: to
    2e-4, or, where rounding decides which way a maximum or a ReLU goes, to what torch's own loop
    comes to in single precision."""
    kind, b, chunk = NORMS[norm]
    together, single = (
        fleet_weights(engine, data, kind, b, POINTS, momentum, weight_decay, dtype)
        for data, dtype in ((digits, torch.float64), (digits32, torch.float32))
    )
    for r, (rate, seed) in enumerate(POINTS):
        truth, own = (
            plain_weights(
                data,
                dtype,
                chunk,
                build(MODEL, (1, 8, 8), 10, kind, b, seed),
                rate,
                seed,
                momentum,
                weight_decay,
            )
            for data, dtype in ((digits, torch.float64), (digits32, torch.float32))
        )
        assert torch.allclose(together[r], truth, rtol=1e-9, atol=1e-9)
        assert (single[r] - truth).abs().max() <= max(2e-4, 2 * (own - truth).abs().max())


def plain_weights(data, dtype, chunk, net, rate, seed, momentum, weight_decay):
    alone = plain.PlainConvNet(chunk).to(dtype).start_from(net)
    plain.train(
        alone,
        data.train.images,
        data.train.labels,
        M,
        STEPS,
        rate * M,
        seed,
        momentum,
        weight_decay,
        (0.5, 0.75),
    )
    return torch.cat([p.detach().flatten() for p in alone.parameters()])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("engine", ["compiled", "groups", "vmap"])
def test_width_position_and_neighbours_change_no_bit(digits32, engine, norm):
    kind, b, _ = NORMS[norm]
    wide = fleet_weights(
        engine, digits32, kind, b, [*POINTS, (2.0**-8, 3), (2.0**-4, 4)], dtype=torch.float32
    )
    pair = fleet_weights(engine, digits32, kind, b, [POINTS[2], POINTS[0]], dtype=torch.float32)
    assert torch.equal(wide[0], pair[1]) and torch.equal(wide[2], pair[0])


@pytest.mark.round_alike
@pytest.mark.parametrize("channels", [(5, 6), (3, 13)])
def test_odd_numbers_of_channels_change_no_bit_either(digits32, channels):
    """Where batch norm and matrix products have channels left over that fill no vector of the
    processor."""

    def weights(seeds):
        nets = [
            build(MODEL | {"channels": channels}, (1, 8, 8), 10, "bn", 4, seed) for seed in seeds
        ]
        trainer = Modules(nets, MODULES["groups"], {"momentum": 0.0, "weight_decay": 0.0})
        order = batches(seeds, M, len(digits32.train.labels), 0, 4)
        trainer.update(
            digits32.train, order, np.full((4, len(seeds)), 2.0**-4), np.zeros(len(seeds))
        )
        loss, _ = trainer.score(digits32.validation)
        return {
            key: rows[seeds.index(0)] for key, rows in (trainer.state() | {"loss": loss}).items()
        }

    pair = weights([0, 1])
    for seeds in ([2, 1, 0], [3, 0, 1, 2, 4], [*range(1, 16), 0]):
        assert all(np.array_equal(rows, pair[key]) for key, rows in weights(seeds).items())


@pytest.mark.round_alike
@pytest.mark.parametrize(("m", "b"), [(64, 4), (128, 8), (64, 16), (256, 256), (2, 2)])
@pytest.mark.parametrize("width", [3, 7, 13])
@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_how_points_are_packed_changes_no_bit_of_what_is_reported(
    digits32, make_fleet, engine, m, b, width
):
    """With many chunks too, where sums over chunks must not depend on the number of replicas."""
    fleet = make_fleet(batch_size=m, norm="bn", bn_batch_size=b, updates=6)
    points = [(2.0**-8, seed) for seed in range(width)]
    wide = train_blocks(engine, digits32, fleet, [points])
    pairs = train_blocks(engine, digits32, fleet, [points[:2]])
    for one, two in zip(wide, pairs, strict=False):
        assert volatile_apart(one["summary"]) == volatile_apart(two["summary"])
        assert one["correct"] == two["correct"]
        assert [row["val_loss"] for row in one["history"]] == [
            row["val_loss"] for row in two["history"]
        ]


def train_blocks(engine, data, fleet, blocks):
    return [
        outcome
        for block in blocks
        for outcome in train_block(
            make_trainer(engine, data, fleet, [seed for _, seed in block]),
            data,
            fleet,
            [rate for rate, _ in block],
            [seed for _, seed in block],
        )
    ]


@pytest.mark.round_alike
@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_a_replica_that_diverges_leaves_its_neighbours_alone(
    digits32, make_fleet, engine, monkeypatch
):
    monkeypatch.setattr("smallbatch.training.fleet.choose_engine", lambda *_: (engine, 8))
    calm = [(2.0**-7, 0), (2.0**-6, 1)]
    stormy = [calm[0], (1e30, 2), calm[1]]
    alone = outcomes(digits32, make_fleet(), calm)
    beside = outcomes(digits32, make_fleet(), stormy)
    assert beside[1]["summary"]["status"] == "diverged"
    for one, two in ((alone[0], beside[0]), (alone[1], beside[2])):
        assert one["correct"] == two["correct"]
        assert volatile_apart(one["summary"]) == volatile_apart(two["summary"])


@pytest.mark.round_alike
@pytest.mark.parametrize("engine", ["compiled", "groups"])
def test_a_lone_point_gets_the_bits_that_it_has_in_company(
    digits32, make_fleet, engine, monkeypatch
):
    monkeypatch.setattr("smallbatch.training.fleet.choose_engine", lambda *_: (engine, 8))
    alone, company = (
        outcomes(digits32, make_fleet(), POINTS[:1]),
        outcomes(digits32, make_fleet(), POINTS),
    )
    assert volatile_apart(alone[0]["summary"]) == volatile_apart(company[0]["summary"])
    assert [row["train_loss_running"] for row in alone[0]["history"]] == [
        row["train_loss_running"] for row in company[0]["history"]
    ]


def outcomes(data, fleet, points):
    return [
        outcome
        for _, block in train_fleet(data, fleet, points, lambda text: None)
        for outcome in block
    ]


def volatile_apart(summary: dict) -> dict:
    return {key: value for key, value in summary.items() if key != "seconds"}
