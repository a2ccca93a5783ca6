"""Training on a GPU: what of it can be looked at on a processor, and, where there is a GPU, the GPU
itself."""

import networks
import numpy as np
import pytest
import torch
from torch import nn

from smallbatch.bench import gpu as bench
from smallbatch.bench.cases import Case
from smallbatch.core.errors import UserError
from smallbatch.models.build import build
from smallbatch.training.engines import cuda
from smallbatch.training.engines.choose import SAID, candidates
from smallbatch.training.engines.device import place, products_in
from smallbatch.training.engines.equivalence import verified
from smallbatch.training.engines.factory import MODULES, make_trainer
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.fleet import set_up, train_fleet
from smallbatch.training.updates import batches

NORMS = {"none": ("none", None), "bn": ("bn", 8), "ghost": ("bn", 4)}
M, SEEDS = 8, [0, 1, 2]
WAYS = ["groups", "products", "vmap"]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def setting(make_fleet, norm="none", model="conv.ConvNet", **changes):
    kind, b = NORMS[norm]
    optimizer = {"momentum": 0.9, "weight_decay": 0.01}
    model = {"name": "own", "_target_": f"smallbatch.models.{model}"}
    return make_fleet(
        model=model, norm=kind, bn_batch_size=b, optimizer=optimizer, batch_size=M, **changes
    )


def some_updates(data, number):
    """Batches, rates and sums of losses of `number` updates."""
    rates = np.linspace(0.01, 0.05, number)[:, None] * np.ones(len(SEEDS))
    return batches(SEEDS, M, len(data.train.labels), 0, number), rates, np.zeros(len(SEEDS))


def assert_same(one: dict, two: dict, **tolerance):
    for key, values in one.items():
        if tolerance:
            np.testing.assert_allclose(values, two[key], **tolerance, err_msg=key)
        else:
            assert np.array_equal(values, two[key]), key


@pytest.mark.parametrize("engine", WAYS)
@pytest.mark.parametrize("norm", NORMS)
def test_the_static_step_has_the_bits_of_the_update(
    digits32, make_fleet, monkeypatch, norm, engine
):
    """In parts that don't divide the number of updates, and again in the same tensors."""
    monkeypatch.setattr(cuda, "PART", 4)
    fleet = setting(make_fleet, norm)
    order, rates, total = some_updates(digits32, 11)
    plain, still = (make_trainer(engine, digits32, fleet, SEEDS) for _ in range(2))
    plain.update(digits32.train, order, rates, total)
    still.net.train()
    step = cuda.StaticStep(still, digits32.train, M)
    before = {key: value.data_ptr() for key, value in still.net.state_dict().items()}
    index, ready = (
        torch.from_numpy(order).permute(1, 2, 0),
        torch.from_numpy(rates).float()[..., None],
    )
    sums = torch.zeros(len(SEEDS), dtype=torch.float64)
    for part in (slice(0, 6), slice(6, 11)):
        cuda.run(step, step, index[part], ready[part], sums)
    assert_same(plain.state(), still.state())
    assert np.array_equal(total, sums.numpy()) and total.all()
    assert before == {key: value.data_ptr() for key, value in still.net.state_dict().items()}


UNFOLDED = {
    "plain": lambda: nn.Conv2d(1, 4, 3, padding=1),
    "stride": lambda: nn.Conv2d(1, 4, 3, stride=2, padding=2, bias=False),
    "groups": lambda: nn.Sequential(
        nn.Conv2d(1, 6, 1), nn.Conv2d(6, 4, (3, 2), groups=2, padding=(1, 0))
    ),
    "dilation": lambda: nn.Conv2d(1, 4, 3, dilation=2, stride=(1, 3)),
}


@pytest.mark.parametrize("name", UNFOLDED)
def test_batched_products_are_the_convolutions(name):
    torch.manual_seed(0)
    nets = [nn.Sequential(UNFOLDED[name](), nn.Flatten()) for _ in range(2)]
    verified(MODULES["products"], nets, (1, 8, 8), 4, SAID["products"])


def test_whole_networks_train_as_batched_products(digits32, make_fleet):
    for network in (networks.Residual, networks.Cat, networks.Attention):
        nets = [
            build({"_target_": f"networks.{network.__name__}"}, (1, 8, 8), 10, *norm, 0)
            for norm in norms(network)
        ]
        verified(MODULES["products"], nets * 2, (1, 8, 8), M, SAID["products"])
    fleet, updates = setting(make_fleet, "ghost", "resnet.ResNet"), some_updates(digits32, 5)
    one, two = (make_trainer(engine, digits32, fleet, SEEDS) for engine in ("vmap", "products"))
    for trainer in (one, two):
        trainer.update(digits32.train, *updates)
    assert_same(one.state(), two.state(), rtol=1e-3, atol=1e-5)


def norms(network):
    return [("none", None)] if network is networks.Attention else [("bn", 4)]


def test_padding_that_is_not_unfolded_is_a_reason(digits32):
    with pytest.raises(CannotFuse, match="padding same of mode zeros is not unfolded"):
        verified(
            MODULES["products"],
            [nn.Conv2d(1, 2, 3, padding="same")] * 2,
            (1, 8, 8),
            4,
            SAID["products"],
        )


def test_where_a_job_trains(monkeypatch):
    said = []
    for there, device, gpus, expected in (
        (False, None, 0, "cpu"),
        (False, None, 1, "cpu"),
        (False, "cpu", 1, "cpu"),
        (True, None, 0, "cpu"),
        (True, None, 1, "cuda"),
        (True, "cuda", 0, "cuda"),
        (True, "cpu", 1, "cpu"),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert place(device, gpus, None, said.append).type == expected
    assert len(said) == 1 and "sees no GPU on this machine (training.gpus: 1)" in said[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"training\.device: cuda, but torch"):
        place("cuda", 1, None, said.append)
    with pytest.raises(UserError, match="precision: tf32 is available on GPUs only"):
        place(None, 1, "tf32", said.append)


def test_products_are_in_single_precision_but_for_a_while():
    set_up()
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    for precision, expected in ((None, "ieee"), ("bf16", "ieee"), ("tf32", "tf32")):
        with products_in(precision):
            assert {backend.fp32_precision for backend in backends} == {expected}
        assert {backend.fp32_precision for backend in backends} == {"ieee"}


def test_the_compiled_step_knows_no_other_precision(digits32, make_fleet):
    ways, reasons = candidates(digits32, setting(make_fleet, precision="bf16"))
    assert ways[:3] == ["groups", "vmap", "separate"] and reasons == [
        "the compiled step does not support bf16"
    ]


@pytest.mark.parametrize("engine", WAYS)
@pytest.mark.parametrize("norm", NORMS)
def test_bfloat16_is_that_of_products_alone(digits32, make_fleet, norm, engine):
    """Weights and statistics stay in single precision, and differ from those without by no more
    than rounding."""
    order, rates, total = some_updates(digits32, 1)
    trainers = [
        make_trainer(engine, digits32, setting(make_fleet, norm, **given), SEEDS)
        for given in ({}, {"precision": "bf16"})
    ]
    for trainer in trainers:
        trainer.update(digits32.train, order, rates, total)
    single, half = (trainer.state() for trainer in trainers)
    assert all(half[key].dtype == values.dtype for key, values in single.items())
    assert any(not np.array_equal(half[key], values) for key, values in single.items())
    one, two = (
        np.concatenate([rows for key, rows in s.items() if "velocity" in key], 1)
        for s in (single, half)
    )
    assert (
        np.linalg.norm(two - one, axis=1) < 0.25 * np.linalg.norm(one, axis=1)
    ).all()  # ReLU and maximum at ties


def accuracies(data, fleet):
    """Test accuracy at the end of 10 seeds."""
    points = [(2.0**-5, seed) for seed in range(10)]
    return np.array(
        [
            o["summary"]["test_accuracy"]
            for _, block in train_fleet(data, fleet, points, print)
            for o in block
        ]
    )


def assert_equal_within_seed_noise(one: np.ndarray, two: np.ndarray):
    difference = two - one  # each seed has the same initial weights and batches in both
    assert abs(difference.mean()) < 3 * max(one.std(ddof=1), two.std(ddof=1)) / len(one) ** 0.5
    assert one.mean() > 0.9 and two.mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["none", "ghost"])
def test_accuracy_with_bfloat16_is_that_of_single_precision_within_seed_noise(
    standard_digits, make_fleet, norm
):
    kind, b = NORMS[norm]
    fleet = make_fleet(norm=kind, bn_batch_size=b, updates=640)
    one, two = (accuracies(standard_digits, fleet | given) for given in ({}, {"precision": "bf16"}))
    assert_equal_within_seed_noise(one, two)


def test_the_benchmark_measures_and_counts(monkeypatch):
    """On a processor, as small as can be."""
    monkeypatch.setattr(bench, "SECONDS", 0.005)
    monkeypatch.setattr(bench, "REPEATS", 1)
    case, device = Case("resnet8", (3, 8, 8), 2, "bn"), torch.device("cpu")
    peak = bench.limits("bf16", device, size=64)
    row = bench.measure(case, "bf16", 3, device, peak)
    assert (
        row["engine"] != "compiled" and row["textbook"] == "eager" and row["ratio_to_textbook"] > 0
    )
    assert min(peak) > 0 and row["share_of_arithmetic"] > 0 and row["share_of_bandwidth"] > 0
    data = bench.random_data(case)
    _, _, alone = bench.as_fleet(case, data, None, 1, "separate")
    macs = 64 * 9 * (3 + 16 + 16) * 16 + 16 * 9 * (16 + 32) * 32 + 4 * 9 * (32 + 64) * 64 + 64 * 10
    first = 64 * 9 * 3 * 16  # which has no gradient of its input
    counted = bench.cost(bench.FlopCounterMode(display=False), alone, data, case).get_total_flops()
    assert counted == 2 * case.batch_size * (3 * macs - first)
    moved = [
        bench.cost(
            bench.Traffic(), bench.as_fleet(case, data, None, n, "vmap")[2], data, case
        ).bytes
        for n in (2, 4)
    ]
    assert 0 < moved[0] < moved[1] < 2.1 * moved[0]


@needs_gpu
@pytest.mark.parametrize("precision", [None, "tf32", "bf16"])
@pytest.mark.parametrize("engine", WAYS)
@pytest.mark.parametrize("norm", NORMS)
def test_replays_lead_where_the_updates_lead(
    digits32, make_fleet, monkeypatch, norm, engine, precision
):
    set_up()
    monkeypatch.setattr(cuda, "PART", 4)
    data, said = digits32.to(torch.device("cuda")), []
    fleet = setting(make_fleet, norm, precision=precision)
    order, rates, _ = some_updates(data, 11)
    eager, graph = (make_trainer(engine, data, fleet, SEEDS, said.append) for _ in range(2))
    eager.capture = False
    sums = [np.zeros(len(SEEDS)) for _ in range(2)]
    for trainer, total in zip((eager, graph), sums, strict=True):
        for part in (slice(0, 6), slice(6, 11)):
            trainer.update(data.train, order[:, part].copy(), rates[part], total)
    assert not said and graph.once is not graph.static
    assert_same(eager.state(), graph.state(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*sums, rtol=1e-4)
    # one leaves: the graph is another
    graph.load({name: rows[:2] for name, rows in graph.state().items()})
    graph.update(data.train, order[:2].copy(), rates[:, :2], np.zeros(2))
    assert not said and graph.replicas == 2


@needs_gpu
@pytest.mark.parametrize("norm", NORMS)
def test_a_gpu_trains_what_a_processor_trains(digits, make_fleet, norm):
    """In double precision, where the ways to sum leave no trace."""
    set_up()
    order, rates, total = some_updates(digits, 20)
    kind, b = NORMS[norm]
    states = []
    for device in ("cpu", "cuda"):
        data, fleet = digits.to(torch.device(device)), setting(make_fleet, norm)
        nets = [
            build(fleet["model"], data.shape, 10, kind, b, seed).double().to(device)
            for seed in SEEDS
        ]
        trainer = type(make_trainer("groups", data, fleet, SEEDS))(
            nets, MODULES["groups"], fleet["optimizer"]
        )
        trainer.update(data.train, order, rates, total)
        loss, _ = trainer.score(data.test, trainer.exact_statistics(data.train.images))
        states.append(trainer.state() | {"loss": loss})
    assert_same(*states, rtol=1e-8, atol=1e-8)


@needs_gpu
def test_a_step_that_no_graph_can_hold_is_done_one_by_one_and_said(
    digits32, make_fleet, monkeypatch
):
    set_up()
    data, said = digits32.to(torch.device("cuda")), []
    trainer = make_trainer("groups", data, setting(make_fleet), SEEDS, said.append)
    # waits for the GPU
    trainer.net.register_forward_hook(lambda module, inputs, y: float(y.sum()) and None)
    order, rates, total = some_updates(data, 3)
    trainer.update(data.train, order, rates, total)
    assert (
        len(said) == 1 and "no CUDA graph" in said[0] and np.isfinite(total).all() and total.all()
    )


@needs_gpu
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_accuracy_on_a_gpu_is_that_of_single_precision_within_seed_noise(
    standard_digits, make_fleet, precision
):
    data = standard_digits.to(torch.device("cuda"))
    fleet = make_fleet(norm="bn", bn_batch_size=4, updates=1280)
    assert_equal_within_seed_noise(
        *(accuracies(data, fleet | {"precision": p}) for p in (None, precision))
    )
