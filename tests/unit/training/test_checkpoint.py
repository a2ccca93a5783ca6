"""Checkpoints as files, training that goes on from one, and replicas that leave: no bit changes."""

import itertools
import json
import os
import time

import numpy as np
import pytest
import torch
from test_exact import volatile_apart
from torch import nn

from smallbatch.core.errors import Stopped
from smallbatch.training import checkpoint, loop
from smallbatch.training.fleet import blocks, make_trainer, train_fleet
from smallbatch.training.loop import train_block

IDENTITY = {
    "points": ["a", "b"],
    "fleet": "f",
    "code": "c",
    "data": "d",
    "engine": "groups",
    "versions": "torch 2",
}
ARRAYS = {
    "weights": np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32),
    "total": np.array([np.nan, 1e300]),
    "right": np.array([[True, False]]),
    "none": np.empty((2, 0), np.int64),
}
STATE = {"done": 7, "records": [{"loss": 0.1 + 0.2, "bad": float("inf")}]}


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "fleet" / "code" / ".checkpoint-0123abcd"
    checkpoint.save(path, IDENTITY, STATE, ARRAYS)
    return path


def test_a_checkpoint_is_read_as_it_was_written_and_nothing_is_left_beside_it(written):
    state, arrays = checkpoint.load(written, IDENTITY)
    assert state == STATE and list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype and array.flags.writeable
        np.testing.assert_array_equal(array, ARRAYS[name])
    assert os.listdir(written.parent) == [written.name]
    assert checkpoint.load(written.with_name(".checkpoint-none"), IDENTITY) is None


def test_a_checkpoint_cut_anywhere_is_refused(written):
    content = written.read_bytes()
    for length in [*range(0, 900, 7), *range(900, len(content), 211), len(content) - 1]:
        written.write_bytes(content[:length])
        with pytest.raises(checkpoint.Unusable, match="is truncated"):
            checkpoint.load(written, IDENTITY)


def test_a_checkpoint_with_any_bit_flipped_is_refused(written):
    content = written.read_bytes()
    for place in [*range(0, 900, 7), *range(900, len(content), 211), len(content) - 1]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        written.write_bytes(flipped)
        with pytest.raises(checkpoint.Unusable):
            checkpoint.load(written, IDENTITY)
    written.write_bytes(content + b"more")
    with pytest.raises(checkpoint.Unusable, match="is damaged"):
        checkpoint.load(written, IDENTITY)
    written.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(checkpoint.Unusable, match="is not a checkpoint"):
        checkpoint.load(written, IDENTITY)


@pytest.mark.parametrize("key", IDENTITY)
def test_a_foreign_checkpoint_is_refused(written, key):
    with pytest.raises(checkpoint.Unusable, match=f"is of (other|another).*{key.rstrip('s')}"):
        checkpoint.load(written, IDENTITY | {key: "other"})


def test_a_checkpoint_that_cannot_be_written_costs_a_warning(tmp_path):
    (tmp_path / "file").touch()
    said = []
    keep = checkpoint.policy_of(
        tmp_path / "file" / ".checkpoint-0", IDENTITY, 1.0, lambda: False, said.append
    )
    keep.save(STATE, ARRAYS)
    assert any("could not be written" in text and "training goes on" in text for text in said)


def test_leftovers_go_when_their_points_are_stored_and_others_stay(written):
    theirs = written.with_name(".checkpoint-other")
    checkpoint.save(theirs, IDENTITY | {"points": ["z"]}, STATE, ARRAYS)
    dead = written.with_name(".writing-part")
    dead.mkdir()
    young = written.with_name(".writing-young")
    young.touch()
    os.utime(dead, (time.time() - 2 * checkpoint.A_DAY,) * 2)
    checkpoint.sweep(written.parents[1], lambda points: points == ["a", "b"])
    assert {path.name for path in written.parent.iterdir()} == {theirs.name, young.name}


# 5 replicas of which 3 diverge: at once, later (its loss overflows), and at once.
POINTS = [(2.0**-7, 0), (1e30, 1), (2.0**-6, 2), (1e30, 3), (2.0**-5, 4)]


class Dropping(nn.Module):
    """Draws from torch's generator, and has a parameter of its own, so that replicas train one by
    one."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10)
        )

    def forward(self, x):
        return self.layers(self.scale * x)


SETTINGS = {
    "none": {},
    "bn": {"norm": "bn", "bn_batch_size": 4},
    "momentum": {"optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01}},
    "nesterov": {
        "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.0, "nesterov": True}
    },
    "augmentation": {"augmentation": {"name": "crop-flip", "padding": 2, "flip": True}},
    # channel groups
    "adamw": {"optimizer": {"name": "adamw", "momentum": 0.0, "weight_decay": 0.01}},
    "vmap": {"model": {"name": "net", "_target_": "networks.LayerNormed"}},
}


@pytest.fixture(params=[*SETTINGS, "one by one"])
def fleet(request, make_fleet, monkeypatch):
    if request.param == "one by one":

        def make(*arguments):
            torch.manual_seed(arguments[-1])
            return Dropping()

        monkeypatch.setattr("smallbatch.training.engines.factory.build", make)
        return make_fleet(updates=80)
    return make_fleet(updates=80, **SETTINGS[request.param])


def train(data, fleet, keep=lambda block, engine: checkpoint.NO_CHECKPOINT, points=POINTS):
    return [
        o
        for _, outcomes in train_fleet(data, fleet, points, lambda text: None, None, keep)
        for o in outcomes
    ]


def plain(outcomes: list[dict]) -> str:
    """All that is reported but the times, so that equal means equal in every bit (and NaN is
    NaN)."""
    rows = [
        [
            volatile_apart(outcome["summary"]),
            [
                {key: value for key, value in row.items() if key not in ("time", "seconds")}
                for row in outcome["history"]
            ],
            outcome["correct"].hex(),
        ]
        for outcome in outcomes
    ]
    return json.dumps(rows)


def test_training_stopped_at_any_moment_and_gone_on_with_changes_no_bit(
    digits32, fleet, tmp_path, monkeypatch
):
    """Every chunk is a new attempt: the trainer, its histories and torch's generator come from the
    file alone."""
    whole = train(digits32, fleet)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)  # one update, after the first 8
    attempts, said, outcomes = itertools.count(), [], []

    def keep(block, engine):
        return checkpoint.policy_of(
            tmp_path / f"{block}", IDENTITY | {"engine": engine}, 1e9, lambda: True, said.append
        )

    while len(outcomes) < len(POINTS):
        # nothing may hang on the generator that the attempt finds
        torch.manual_seed(next(attempts))
        try:
            for _, found in train_fleet(
                digits32, fleet, POINTS[len(outcomes) :], said.append, None, keep
            ):
                outcomes += found
        except Stopped:
            continue
    assert plain(outcomes) == plain(whole)
    assert next(attempts) >= 10 and sum("goes on from" in text for text in said) >= 9
    for one, two in zip(outcomes, whole, strict=True):
        assert one["summary"]["seconds"] > 0 and len(one["history"]) == len(two["history"])
        assert [row["seconds"] for row in one["history"]] == sorted(
            row["seconds"] for row in one["history"]
        )


def test_chunks_of_updates_change_no_bit(digits32, fleet, monkeypatch):
    whole = train(digits32, fleet)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)
    assert plain(train(digits32, fleet)) == plain(whole)


@pytest.mark.round_alike
def test_replicas_that_diverged_leave_and_nothing_else_changes(digits32, make_fleet, monkeypatch):
    fleet = make_fleet(updates=160, norm="bn", bn_batch_size=4)
    sizes = []
    seeds, rates = [seed for _, seed in POINTS], [rate for rate, _ in POINTS]

    def outcomes(trainer):
        score = trainer.score
        monkeypatch.setattr(
            trainer, "score", lambda *a: sizes.append(trainer.replicas) or score(*a)
        )
        return plain(train_block(trainer, digits32, fleet, rates, seeds))

    with_trimming = outcomes(make_trainer("groups", digits32, fleet, seeds))
    assert sizes[0] == 5 and sizes[-1] == 3
    sizes.clear()
    monkeypatch.setattr(loop, "drop_diverged", lambda trainer, state: None)
    assert outcomes(make_trainer("groups", digits32, fleet, seeds)) == with_trimming
    assert set(sizes) == {5}


@pytest.mark.parametrize("alive", [0, 1])
def test_a_lone_survivor_keeps_company_and_a_block_without_survivors_ends(
    digits32, make_fleet, monkeypatch, alive
):
    points = [(2.0**-6 if seed < alive else 1e30, seed) for seed in range(4)]
    trainers, updates = [], []
    make = make_trainer

    def noted(*arguments):
        trainers.append(make(*arguments))
        update = trainers[-1].update
        trainers[-1].update = lambda train, order, *rest: (
            updates.append(order.shape) or update(train, order, *rest)
        )
        return trainers[-1]

    monkeypatch.setattr("smallbatch.training.fleet.make_trainer", noted)
    ours = train(digits32, make_fleet(updates=128), points=points)
    assert updates[-1][0] == (2 if alive else 4)
    assert sum(shape[1] for shape in updates) == (128 if alive else 32)
    monkeypatch.setattr(loop, "drop_diverged", lambda trainer, state: None)
    assert plain(ours) == plain(train(digits32, make_fleet(updates=128), points=points))


def test_no_checkpoint_is_written_before_it_is_due(digits32, make_fleet, tmp_path):
    def keep(seconds):
        return lambda block, engine: checkpoint.policy_of(
            tmp_path / "c", IDENTITY | {"engine": engine}, seconds, lambda: False, print
        )

    train(digits32, make_fleet(), keep(10.0))
    assert not (tmp_path / "c").exists()
    train(digits32, make_fleet(), keep(1e-6))
    assert (tmp_path / "c").exists()


def test_what_is_left_of_a_fleet_is_cut_as_before():
    for number, width in itertools.product(range(1, 60), range(1, 12)):
        cut = blocks(list(range(number)), width)
        assert [*itertools.chain(*cut)] == list(range(number)) and len(cut) == -(-number // width)
        assert max(map(len, cut)) <= width and max(map(len, cut)) - min(map(len, cut)) <= 1
        for done in range(1, len(cut)):
            assert blocks([*itertools.chain(*cut[done:])], width) == cut[done:]
