"""Ordinary networks (`networks.py`): which way each trains and why, that it is right, and its
bits."""

import functools
import re

import networks
import numpy as np
import plain
import pytest
import torch
from torch import nn

from smallbatch.core.errors import UserError
from smallbatch.models.build import build
from smallbatch.models.norm import GhostBatchNorm
from smallbatch.schedules.timetable import Timetable
from smallbatch.training.engines.choose import candidates
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.compiled.translate import make_tape
from smallbatch.training.engines.factory import MODULES
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.limits import padding_replicas
from smallbatch.training.engines.modules import Modules, row_major
from smallbatch.training.fleet import train_fleet
from smallbatch.training.scoring import norm_layers
from smallbatch.training.updates import batches

M, STEPS = 8, 20
POINTS = [(2.0**-7, 0), (2.0**-6, 1), (2.0**-5, 0)]
NORM = "norm (LayerNorm) is not a layer of the compiled step; layer norm (LayerNorm) cannot be written as channel groups"
EXPECTED = {  # the way that comes first, and why none before it does
    "Residual": ("compiled", ""),
    "Sizes": ("compiled", ""),
    "GroupNormed": ("groups", "1 (GroupNorm) is not a layer of the compiled step"),
    "GroupedShared": ("groups", "one.weight is used on inputs of different shapes"),
    "LayerNormed": ("vmap", NORM),
    "Shared": (
        "vmap",
        "one.weight is used on inputs of different shapes; layer norm (LayerNorm) cannot be written as channel groups",
    ),
    "Cat": (
        "vmap",
        "cat is not an operation of the compiled step; its output changes when replicas stand side by side as channel groups",
    ),
    "Attention": (
        "vmap",
        "squeeze is not an operation of the compiled step; positions of Attention itself cannot be written as channel groups",
    ),
    "TorchAttention": (
        "vmap",
        "squeeze is not an operation of the compiled step; layer attention (MultiheadAttention) cannot be written as channel groups",
    ),
    "OwnParameters": (
        "vmap",
        "scale is not an operation of the compiled step; scale of OwnParameters itself cannot be written as channel groups",
    ),
    "Folded": (
        "vmap",
        "its forward can't be followed call by call ('len' is not supported in symbolic tracing by default. If you want this "
        "call to be recorded, please call torch.fx.wrap('len') at module scope); "
        "its output changes when replicas stand side by side as channel groups",
    ),
    "Frozen": (
        "vmap",
        "squeeze is not an operation of the compiled step; positions of Frozen itself cannot be written as channel groups",
    ),
    "Buffers": (
        "vmap",
        "its forward changes a tensor in its place (add_); mean of Buffers itself cannot be written as channel groups",
    ),
    "SoftEvaluation": (
        "vmap",
        "its forward is another one in evaluation; "
        "its output changes when replicas stand side by side as channel groups",
    ),
    "Dropout": (
        "separate",
        "layer drop (Dropout) draws random numbers, and in a fleet these would depend on a replica's neighbours",
    ),
    "Counting": ("separate", "the forward of Counting keeps state in steps, which is not a buffer"),
    "Branching": (
        "separate",
        "the forward of Branching reads values of tensors into Python, where replicas can't differ",
    ),
    "NormTwice": (
        "vmap",
        "the compiled step differs from the module in its evaluation; "
        "the last bits of a replica would depend on its neighbours as channel groups",
    ),
    "OneLayer": ("compiled", ""),
    "InPlace": (
        "vmap",
        "its forward changes a tensor in its place (relu_); seen of InPlace itself cannot be written as channel groups",
    ),
    "OtherInEvaluation": (
        "vmap",
        "its forward is another one in evaluation; seen of OtherInEvaluation itself cannot be written as channel groups",
    ),
    "Warming": (
        "separate",
        "the forward of Warming reads values of tensors into Python, where replicas can't differ",
    ),
    "Unseen": (
        "separate",
        "the forward of Unseen reads values of tensors into Python, where replicas can't differ",
    ),
    "NewBuffer": (
        "separate",
        "its forward is another one in evaluation; mean of NewBuffer itself cannot be written as channel groups; "
        "its buffer changes when replicas stand side by side by vmap",
    ),
}
TOGETHER = [name for name, (way, _) in EXPECTED.items() if way != "separate"]
NORMED = ["Residual", "Cat", "OwnParameters", "Sizes", "NormTwice"]


def config(make_fleet, name, **changes):
    norm = {"norm": "bn", "bn_batch_size": 4} if name in NORMED else {}
    return make_fleet(
        model={"name": name, "_target_": f"networks.{name}"}, batch_size=M, **norm, **changes
    )


@pytest.fixture(scope="module")
def first_way(digits32):
    """The way that comes first for each network, and why none before it does."""

    @functools.cache
    def find(name):
        norm = {"norm": "bn", "bn_batch_size": 4} if name in NORMED else {"norm": "none"}
        fleet = {"model": {"_target_": f"networks.{name}"}, "batch_size": M, "schedule": {}} | norm
        ways, reasons = candidates(digits32, fleet)
        assert ways[-1].startswith("separate")
        return ways[0], "; ".join(reasons)

    return find


def trainer_of(engine, name, seeds, dtype=torch.float32, momentum=0.9, weight_decay=0.01, b=4):
    norm = ("bn", b) if name in NORMED else ("none", None)
    nets = [
        build({"_target_": f"networks.{name}"}, (1, 8, 8), 10, *norm, seed).to(dtype)
        for seed in seeds
    ]
    optimizer = {"momentum": momentum, "weight_decay": weight_decay}
    return (
        Compiled(nets, (1, 8, 8), M, optimizer)
        if engine == "compiled"
        else Modules(nets, MODULES[engine], optimizer)
    )


def weights(trainer, replicas, r):
    """Name and vector of each trained parameter of replica r."""
    if isinstance(trainer, Compiled):
        return {name: torch.from_numpy(vector) for name, vector in trainer.weights(r).items()}
    return {name: p.detach().view(replicas, -1)[r] for name, p in trainer.net.named_parameters()}


def update(trainer, data, points, steps=STEPS):
    fleet = {"batch_size": M, "updates": steps, "schedule": {"drops": [0.5, 0.75], "factor": 0.1}}
    timetable = Timetable.of(fleet | {"evaluation": {"epochs": []}}, len(data.train.labels))
    order = batches([seed for _, seed in points], M, len(data.train.labels), 0, steps)
    trainer.update(
        data.train,
        order,
        timetable.rates([rate for rate, _ in points], 0, steps),
        np.zeros(len(points)),
    )
    return trainer


@pytest.mark.round_alike
@pytest.mark.parametrize("name", EXPECTED)
def test_one_sentence_says_which_way_and_why(first_way, name):
    assert first_way(name) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 5e-4)])
def test_every_replica_follows_the_plain_loop(digits, digits32, first_way, name, dtype, tolerance):
    follows_the_plain_loop(
        digits if dtype == torch.float64 else digits32, first_way(name)[0], name, dtype, tolerance
    )


def test_a_network_that_changes_its_weights_in_its_forward_is_not_compiled(digits32, make_fleet):
    with pytest.raises(CannotFuse, match="draws random numbers or keeps state"):
        make_tape(networks.Shrinking(), (1, 8, 8))


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (
            "Listed",
            {},
            "model Listed: its forward uses a BatchNorm2d that is not among its modules; keep layers in",
        ),
        (
            "Averaging",
            {"momentum": None},
            "model networks.Averaging: norm keeps no running averages with a momentum",
        ),
        ("Averaging", {"track_running_stats": False}, "track_running_stats=False"),
    ],
)
def test_batch_norm_that_would_not_follow_the_grid_is_refused(
    digits32, make_fleet, network, options, message
):
    fleet = config(make_fleet, network) | {"norm": "bn", "bn_batch_size": 4}
    fleet["model"] |= options
    with pytest.raises(UserError, match=re.escape(message)):
        candidates(digits32, fleet)


def test_batch_norm_keeps_its_momentum_and_precision(make_fleet):
    model = {"_target_": "networks.Averaging", "momentum": 0.3, "eps": 1e-3, "dtype": torch.float64}
    layer = build(model, (1, 8, 8), 10, "bn", 4, 0).norm
    assert (layer.momentum, layer.eps, layer.running_mean.dtype) == (0.3, 1e-3, torch.float64)
    assert {p.dtype for p in layer.parameters()} == {torch.float64}


def test_a_loss_that_is_no_number_from_the_start_has_diverged(digits32, make_fleet):
    outcomes = [
        o
        for _, block in train_fleet(digits32, config(make_fleet, "Infinite"), POINTS, print)
        for o in block
    ]
    for outcome in outcomes:
        summary = outcome["summary"]
        assert (summary["status"], summary["updates"], summary["train_loss"]) == (
            "diverged",
            0,
            None,
        )
        assert len(outcome["history"]) == 1


def test_channel_groups_with_batch_norm_of_odd_width_follow_the_plain_loop(digits):
    follows_the_plain_loop(digits, "groups", "Residual", torch.float64, 1e-9)


def follows_the_plain_loop(data, engine, name, dtype, tolerance):
    """In the plain loop the module is as its author wrote it, batch norm being torch's over
    chunks."""
    for block in [POINTS] if engine != "separate" else [[point] for point in POINTS]:
        torch.manual_seed(7)
        trainer = update(trainer_of(engine, name, [seed for _, seed in block], dtype), data, block)
        for r, (rate, seed) in enumerate(block):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                alone = getattr(networks, name)()
            chunked(alone)
            alone.to(dtype)
            torch.manual_seed(7)
            images = row_major(data.train.images)
            plain.train(
                alone, images, data.train.labels, M, STEPS, rate * M, seed, 0.9, 0.01, (0.5, 0.75)
            )
            ours = weights(trainer, len(block), r)
            theirs = (
                dict(zip(ours, alone.parameters(), strict=True))
                if engine != "compiled"
                else dict(alone.named_parameters())
            )
            for key, one in ours.items():
                if (
                    "unused" not in key
                ):  # torch's optimizer leaves alone what has no gradient; here it decays
                    assert torch.allclose(
                        one, theirs[key].detach().flatten(), rtol=tolerance, atol=tolerance
                    ), key


def chunked(net):
    """Let the batch norm of `net` work over chunks of 4 examples, as a loop."""
    for layer in list(net.modules()):
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.forward = lambda x, norm=layer.forward: torch.cat(
                [norm(part) for part in x.split(4)]
            )


@pytest.mark.parametrize("name", NORMED)
def test_statistics_of_batch_norm_are_those_of_the_separate_modules(digits, name):
    together = update(trainer_of("vmap", name, [0, 1, 0], torch.float64), digits, POINTS)
    for r, point in enumerate(POINTS):
        alone = update(trainer_of("separate", name, [point[1]], torch.float64), digits, [point])
        for one, two in zip(norm_layers(together.net), norm_layers(alone.net), strict=True):
            assert one.chunks == two.chunks == STEPS * M // 4 * (2 if name == "NormTwice" else 1)
            for ours, theirs in zip(one.running(), two.running(), strict=True):
                assert torch.allclose(ours.view(3, -1)[r], theirs, rtol=1e-9, atol=1e-9)
        for statistics in (None, Modules.exact_statistics, Modules.population_statistics):
            ours, theirs = (
                trainer.score(
                    digits.validation, statistics and statistics(trainer, digits.train.images)
                )
                for trainer in (together, alone)
            )
            assert (
                ours[0][r] == pytest.approx(theirs[0][0], abs=1e-9)
                and (ours[1][r] == theirs[1][0]).all()
            )


@pytest.mark.round_alike
@pytest.mark.parametrize("name", TOGETHER)
def test_width_position_and_a_diverged_neighbour_change_no_bit(digits32, first_way, name):
    engine = first_way(name)[0]
    pair = [(2.0**-7, 0), (2.0**-6, 1)]
    three = [pair[1], (1e30, 2), pair[0]]
    many = [*((2.0**-8, seed) for seed in range(5, 18)), pair[0], (1e30, 3), pair[1]]
    (one, *same) = [
        measured(engine, name, digits32, points, pair) for points in (pair, three, many)
    ]
    for other in same:
        for key in one:
            assert np.array_equal(one[key], other[key]), key


def measured(engine, name, data, points, wanted):
    """Weights and scores of the points `wanted` after some updates among `points`."""
    points = points + points[-1:] * padding_replicas(engine, len(points), M * 10)
    trainer = update(trainer_of(engine, name, [seed for _, seed in points]), data, points, 6)
    rows = [points.index(point) for point in wanted]
    loss, correct = trainer.score(data.validation, trainer.exact_statistics(data.train.images))
    return {key: value[rows] for key, value in trainer.state().items()} | {
        "loss": loss[rows],
        "correct": correct[rows],
    }


@pytest.mark.parametrize("name", ["Shared", "Frozen", "OwnParameters", "Buffers"])
def test_a_stacked_network_goes_on_from_a_stored_state(digits32, name):
    through = update(
        update(trainer_of("vmap", name, [0, 1, 0]), digits32, POINTS, 3), digits32, POINTS, 3
    )
    stored = update(trainer_of("vmap", name, [0, 1, 0]), digits32, POINTS, 3).state()
    resumed = trainer_of("vmap", name, [5, 6])
    resumed.load(stored)
    update(resumed, digits32, POINTS, 3)
    for key, value in through.state().items():
        assert np.array_equal(value, resumed.state()[key]), key


@pytest.mark.filterwarnings("error:There is a performance drop")
@pytest.mark.parametrize("name", ["TorchAttention", "Attention"])
def test_no_replica_of_an_attention_block_is_computed_on_its_own(digits32, name):
    update(trainer_of("vmap", name, [0, 1, 0]), digits32, POINTS, 1).score(digits32.test)


def test_the_stack_shares_and_freezes_what_the_network_does():
    shared = MODULES["vmap"]([networks.Shared(), networks.Shared()])
    assert shared.net.b.bias is shared.net.a.bias and shared.net.two is shared.net.one
    norm = GhostBatchNorm(4, 2)
    twice = MODULES["vmap"]([nn.Sequential(norm, norm)] * 2)
    assert twice.net[0] is twice.net[1] and norm_layers(twice) == [twice.net[0].layer]
    frozen = MODULES["vmap"]([networks.Frozen(), networks.Frozen()])
    assert [name for name, p in frozen.named_parameters() if p.requires_grad] == [
        "net.unused.weight",
        "net.unused.bias",
        "net.head.weight",
        "net.head.bias",
    ]


def test_a_lone_point_trained_by_vmap_has_the_bits_of_company(digits32, make_fleet, monkeypatch):
    monkeypatch.setattr("smallbatch.training.fleet.choose_engine", lambda *_: ("vmap", 8))

    def outcomes(points):
        fleet = config(make_fleet, "Sizes")
        return [
            outcome
            for _, block in train_fleet(digits32, fleet, points, lambda text: None)
            for outcome in block
        ]

    (one,), (same, _) = outcomes(POINTS[:1]), outcomes(POINTS[:2])
    assert one["summary"]["engine"] == "vmap" and one["summary"]["status"] == "completed"
    assert (
        one["summary"] | {"seconds": 0} == same["summary"] | {"seconds": 0}
        and one["correct"] == same["correct"]
    )
