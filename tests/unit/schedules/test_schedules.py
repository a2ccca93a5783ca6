"""Training under each schedule: against a plain loop, interrupted, and drawn in both ways."""

import math

import numpy as np
import plain
import pytest
import torch
from torch.nn import functional as F

from smallbatch.core.errors import Stopped
from smallbatch.data.stream import fresh
from smallbatch.models.build import build
from smallbatch.training import loop
from smallbatch.training.checkpoint import CheckpointPolicy
from smallbatch.training.engines import limits as widths
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.factory import MODULES, make_trainer
from smallbatch.training.engines.modules import Modules
from smallbatch.training.loop import train_block

MODEL = {"name": "conv", "_target_": "smallbatch.models.conv.ConvNet"}
SIZE, EPOCHS, M = 256, 3, 8
SCHEDULES = {
    "constant": {"name": "constant"},
    "step": {"name": "step", "drops": [0.3, 0.6], "factor": 0.5},
    "warmup": {"name": "step", "drops": [0.5], "factor": 0.5, "warmup": 0.2, "warmup_from": 0.25},
    "cosine": {"name": "cosine", "warmup": 0.1},
    "increase": {"name": "increase-batch", "drops": [0.3, 0.6, 0.8], "factor": 3, "cap": 0.15},
    "hybrid": {"name": "increase-batch", "drops": [0.3, 0.6, 0.8], "factor": 3, "increases": 1},
    "fresh": {"name": "constant", "sampling": "fresh"},
}


def batches_and_rates(name, seed):
    """Batches and factors of the rate, written down by hand: one update after the other until the
    budget ends."""
    schedule, total, seen, made = SCHEDULES[name], EPOCHS * SIZE, 0, []
    permutations = [
        np.random.Generator(np.random.PCG64([seed, epoch])).permutation(SIZE)
        for epoch in range(EPOCHS + 1)
    ]
    order = np.concatenate(permutations)
    while True:
        passed = sum(seen >= math.ceil(drop * total) for drop in schedule.get("drops", []))
        m, factor = M, 1.0
        if schedule["name"] == "increase-batch":
            m = M * 3 ** min(passed, schedule.get("increases", passed))
            m = min(m, int(schedule.get("cap", 1.0) * SIZE / M) * M)
            factor = m / M / 3**passed
        elif schedule["name"] == "step":
            factor = schedule["factor"] ** passed
        warm = schedule.get("warmup", 0) * total
        if schedule["name"] == "cosine":
            factor = (1 + math.cos(math.pi * max(0, seen - warm) / (total - warm))) / 2
        if seen < warm:
            low = schedule.get("warmup_from", 0)
            factor *= low + (1 - low) * seen / warm
        if seen + m > total:
            return made
        index = (
            fresh(seed, len(made), SIZE)[:m] if "sampling" in schedule else order[seen : seen + m]
        )
        made.append((torch.from_numpy(np.array(index)), factor))
        seen += m


def fleet_of(make_fleet, name, **changes):
    updates = len(batches_and_rates(name, 0))
    fleet = make_fleet(
        schedule=SCHEDULES[name],
        updates=updates,
        examples=EPOCHS * SIZE,
        norm="bn",
        bn_batch_size=M,
        **changes,
    )
    return fleet | {"dataset": {"sizes": {"train": SIZE}}}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("engine", ["compiled", "groups", "separate"])
def test_every_replica_follows_the_plain_loop_under_every_schedule(
    digits, make_fleet, engine, name
):
    """With ghost batch norm over the first m, momentum and decay: to 1e-9 in double precision."""
    fleet, rates, seeds = fleet_of(make_fleet, name), [2.0**-8, 2.0**-7], [0, 5]
    fleet["optimizer"] = optimizer = {"momentum": 0.5, "weight_decay": 0.01}
    if engine == "separate":
        rates, seeds = rates[:1], seeds[:1]
    nets = [build(MODEL, (1, 8, 8), 10, "bn", M, seed).double() for seed in seeds]
    largest = max(len(index) for index, _ in batches_and_rates(name, 0))
    if engine == "compiled":
        trainer = Compiled(nets, (1, 8, 8), largest, optimizer)
    else:
        trainer = Modules(nets, MODULES[engine], optimizer, m=M)
    starts = [build(MODEL, (1, 8, 8), 10, "bn", M, seed) for seed in seeds]
    found = train_block(trainer, digits, fleet, rates, seeds)
    for r, (rate, seed) in enumerate(zip(rates, seeds, strict=True)):
        net = plain.PlainConvNet(M).double().start_from(starts[r]).train()
        stepper = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.5, weight_decay=0.01)
        for index, factor in batches_and_rates(name, seed):
            stepper.param_groups[0]["lr"] = rate * M * factor
            stepper.zero_grad()
            F.cross_entropy(net(digits.train.images[index]), digits.train.labels[index]).backward()
            stepper.step()
        truth = torch.cat([p.detach().flatten() for p in net.parameters()])
        if engine == "compiled":
            own = torch.from_numpy(np.concatenate(list(trainer.weights(r).values())))
        else:
            own = torch.cat([p.detach().view(len(seeds), -1)[r] for p in trainer.net.parameters()])
        assert torch.allclose(own, truth, rtol=1e-9, atol=1e-9)
        summary, last = found[r]["summary"], found[r]["history"][-1]
        made = batches_and_rates(name, seed)
        assert (summary["updates"], summary["examples"]) == (
            len(made),
            sum(len(index) for index, _ in made),
        )
        assert (last["batch_size"], last["lr"]) == (
            len(made[-1][0]),
            pytest.approx(rate * M * made[-1][1]),
        )
        assert last["smith_g"] == pytest.approx(last["lr"] * SIZE / (last["batch_size"] * 0.5))


@pytest.mark.parametrize("engine", ["compiled", "groups", "separate"])
def test_a_batch_that_is_computed_in_pieces_is_the_same_batch(
    digits, make_fleet, engine, monkeypatch
):
    """Whole chunks of batch norm at a time: 16 of up to 32 examples at once."""
    monkeypatch.setattr(widths, "AT_ONCE", 20)
    assert (
        widths.piece_of(32, M) == 16
        and widths.piece_of(16, M) == 16
        and widths.piece_of(50, 50) == 50
    )
    test_every_replica_follows_the_plain_loop_under_every_schedule(
        digits, make_fleet, engine, "increase"
    )


@pytest.mark.parametrize("name", ["increase", "fresh", "cosine"])
def test_stopped_between_any_two_updates_training_goes_on_to_the_same_bits(
    digits32, make_fleet, name, monkeypatch
):
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)
    fleet, rates, seeds = fleet_of(make_fleet, name), [2.0**-8, 2.0**-7], [0, 5]

    def train(keep=None):
        keep = {} if keep is None else {"checkpoints": keep}
        return train_block(
            make_trainer("compiled", digits32, fleet, seeds), digits32, fleet, rates, seeds, **keep
        )

    whole, saved, stops = train(), None, 0
    while True:
        kept = []
        try:
            parts = train(
                CheckpointPolicy(
                    saved, lambda *state, kept=kept: kept.append(state), 0.0, lambda: True
                )
            )
            break
        except Stopped:
            saved, stops = kept[-1], stops + 1
    assert stops > 8
    for one, two in zip(whole, parts, strict=True):
        assert one["correct"] == two["correct"]
        assert [row["train_loss_running"] for row in one["history"]] == [
            row["train_loss_running"] for row in two["history"]
        ]


def test_fresh_draws_are_without_replacement_begin_alike_at_every_m_and_differ_by_update_and_seed():
    draws = fresh(3, 7, 100)
    assert sorted(draws) == list(range(100)) and (fresh(3, 7, 100)[:8] == draws[:8]).all()
    others = [fresh(3, 8, 100), fresh(4, 7, 100), fresh(3, 7, 100, purpose=5)]
    assert all((other != draws).any() for other in others)
    counts = np.bincount(np.concatenate([fresh(0, u, 50)[:10] for u in range(5000)]), minlength=50)
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000 * 0.8)


def test_augmentation_goes_on_where_the_batch_grows(digits32, make_fleet):
    """Crops are drawn by (seed, epoch, example): the same whatever batch an example falls into."""
    moved = {}
    for name in ("constant", "increase"):
        fleet = fleet_of(make_fleet, name) | {
            "augmentation": {"name": "crop-flip", "padding": 2, "flip": True}
        }
        seen = moved.setdefault(name, [])

        class Watching(Compiled):
            def update(self, train, order, lr, total, seen=seen):
                seen.append(train.images[torch.from_numpy(order[0]).flatten()].clone())
                super().update(train, order, lr, total)

        nets = [build(MODEL, (1, 8, 8), 10, "bn", M, 0)]
        train_block(
            Watching(nets, (1, 8, 8), 48, fleet["optimizer"]), digits32, fleet, [2.0**-9], [0]
        )
        moved[name] = torch.cat(seen)
    number = min(map(len, moved.values()))
    assert number > 2 * SIZE and torch.equal(moved["constant"][:number], moved["increase"][:number])
