"""The compiled step against modules of torch, in double precision, and what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.data.read import Split
from smallbatch.models.norm import GhostBatchNorm, norm_layer
from smallbatch.models.resnet import ResNet
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.compiled.translate import make_tape
from smallbatch.training.engines.compiled.verify import verify
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.modules import Modules, lone

M, B, STEPS = 8, 4, 20


class Net(nn.Module):
    """Layers in a row, with a shortcut from input to output of `body`."""

    def __init__(self, stem, body, head, shortcut=lambda x: x):
        super().__init__()
        self.stem, self.body, self.head, self.shortcut = stem, body, head, shortcut

    def forward(self, x):
        x = self.stem(x)
        return self.head(F.relu(self.body(x) + self.shortcut(x)))


class OptionB(nn.Module):
    """A bottleneck block with a convolution on its shortcut, before which a norm and ReLU stand
    (pre-activation)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 5, stride=1, padding=2)
        self.norm = GhostBatchNorm(12, B)
        self.one, self.three, self.last = (
            nn.Conv2d(12, 6, 1),
            nn.Conv2d(6, 6, 3, stride=2, padding=1),
            nn.Conv2d(6, 20, 1),
        )
        self.inner = GhostBatchNorm(6, B)
        self.across = nn.Conv2d(12, 20, 1, stride=2, bias=False)
        self.head = nn.Linear(20, 7)

    def forward(self, x):
        y = torch.relu(self.norm(self.stem(x)))
        z = self.last(self.three(self.inner(self.one(y)).relu()))
        return self.head(F.adaptive_avg_pool2d(z + self.across(y), 1).flatten(1))


class TwoUses(nn.Module):
    """A convolution used twice, an activation that three layers read, sums of unequal makers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8 * 36, 7)

    def forward(self, x):
        x = self.stem(x)
        y = self.conv(x.relu())
        y = self.conv(y) + x
        return self.head(F.max_pool2d(y + x, 2).relu().view(x.size(0), -1))


def seeded(make):
    def build(seed):
        torch.manual_seed(seed)
        return make()

    return build


NETWORKS = {
    "mlp": lambda: nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * 144, 33),
        GhostBatchNorm(33, B),
        nn.ReLU(),
        nn.Linear(33, 9),
        nn.ReLU(),
        nn.Linear(9, 7),
    ),
    "resnet8": lambda: ResNet(3, 7, norm_layer("none", None), width=8),
    "resnet8-bn": lambda: ResNet(3, 7, norm_layer("bn", M), width=8),
    "resnet14-ghost": lambda: ResNet(3, 7, norm_layer("bn", B), n=2, width=8),
    "bottleneck": OptionB,
    "two uses": TwoUses,
    "odd sizes": lambda: nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(5, 11, 3, stride=2, padding=2),
        GhostBatchNorm(11, B),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(44, 7),
    ),
    "pools": lambda: (
        nn.Sequential(  # windows that overlap, reach over the border, or leave pixels out
            nn.Conv2d(3, 8, 3, padding=1),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(8, 9, 3, padding=1),
            nn.MaxPool2d(3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(9, 8, 3, padding=2),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(8, 8, 1),
            nn.MaxPool2d(2, 3),
            nn.Flatten(),
            nn.Linear(8, 7),
        )
    ),
    "pool of two uses": lambda: Net(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.MaxPool2d(3, 1, 1),
        nn.Sequential(nn.AvgPool2d(12), nn.Flatten(), nn.Linear(8, 7)),
    ),
    "pool of a pool": lambda: (
        nn.Sequential(  # neighbours have the same maximum: its gradient goes to the first
            nn.Conv2d(3, 8, 3, padding=1),
            nn.MaxPool2d(3, 1, 1),
            nn.MaxPool2d(3, 2),
            nn.MaxPool2d(2, 1),
            nn.Flatten(),
            nn.Linear(128, 7),
        )
    ),
    "strides": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, stride=3),
        nn.ReLU(),
        nn.Conv2d(8, 16, 2, stride=2, bias=False),
        nn.Conv2d(16, 8, 2, stride=3, padding=1),
        nn.Flatten(),
        nn.Linear(8, 7),
    ),
    "shortcut": lambda: Net(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)),
        nn.Sequential(nn.AvgPool2d(12), nn.Flatten(), nn.Linear(8, 7)),
    ),
}


@pytest.fixture(scope="module")
def split():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(60, 3, 12, 12, generator=generator, dtype=torch.float64)
    return Split(images, torch.randint(0, 7, (60,), generator=generator))


def updated(trainer, split, replicas):
    order = np.random.default_rng(0).permuted(np.tile(np.arange(60), (replicas, 3)), axis=1)[
        :, : STEPS * M
    ]
    lr = np.linspace(0.002, 0.03, replicas)[None] * np.where(np.arange(STEPS) < 10, 1, 0.1)[:, None]
    total = np.zeros(replicas)
    trainer.update(split, order.reshape(replicas, STEPS, M), lr, total)
    return total


@pytest.mark.parametrize(
    "optimizer", [{"momentum": 0.0, "weight_decay": 0.0}, {"momentum": 0.9, "weight_decay": 0.01}]
)
@pytest.mark.parametrize("name", NETWORKS)
def test_replicas_follow_the_module_alone(split, name, optimizer):
    nets = [seeded(NETWORKS[name])(seed).double() for seed in range(3)]
    trainer = Compiled(nets, (3, 12, 12), M, optimizer)
    total = updated(trainer, split, 3)
    for r in range(3):
        alone = Modules([seeded(NETWORKS[name])(r).double()], lone, optimizer)
        order = np.random.default_rng(0).permuted(np.tile(np.arange(60), (3, 3)), axis=1)[
            :, : STEPS * M
        ]
        lr = np.linspace(0.002, 0.03, 3)[None] * np.where(np.arange(STEPS) < 10, 1, 0.1)[:, None]
        losses = np.zeros(1)
        alone.update(split, order.reshape(3, STEPS, M)[r : r + 1], lr[:, r : r + 1], losses)
        assert losses[0] == pytest.approx(total[r], abs=1e-9)
        for key, parameter in alone.net.named_parameters():
            assert np.allclose(
                trainer.weights(r)[key], parameter.detach().reshape(-1), rtol=1e-9, atol=1e-9
            ), key
        for statistics in ("running", "exact", "population"):
            (ours, right), (theirs, right_alone) = (
                one.score(
                    split,
                    None
                    if statistics == "running"
                    else getattr(one, f"{statistics}_statistics")(split.images),
                )
                for one in (trainer, alone)
            )
            assert ours[r] == pytest.approx(theirs[0], abs=1e-9), statistics
            assert (right[r] == right_alone[0]).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_verification_passes_what_is_right(name):
    verify(seeded(NETWORKS[name])(0), (3, 12, 12), M)


def test_verification_finds_a_wrong_gradient(monkeypatch):
    net = seeded(NETWORKS["odd sizes"])(0)
    honest = Compiled.gradients

    def falsified(self, batch):
        found = honest(self, batch)
        return found | {"0.weight": found["0.weight"] * 1.001}

    monkeypatch.setattr(Compiled, "gradients", falsified)
    with pytest.raises(CannotFuse, match=r"differs from the module in the gradient of 0\.weight"):
        verify(net, (3, 12, 12), M)


def test_verification_finds_a_wrong_evaluation(monkeypatch):
    net = seeded(NETWORKS["odd sizes"])(0)
    monkeypatch.setattr(Compiled, "running_statistics", lambda self: self.running)
    with pytest.raises(CannotFuse, match="its evaluation"):
        verify(net, (3, 12, 12), M)


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (
            nn.Sequential(
                nn.Conv2d(3, 8, 3, groups=1, dilation=2), nn.Flatten(), nn.Linear(512, 7)
            ),
            "dilation",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(800, 7)),
            "1 (Sigmoid) is not a layer",
        ),
        (
            nn.Sequential(
                nn.Conv2d(3, 8, 3), nn.MaxPool2d((3, 2)), nn.Flatten(), nn.Linear(120, 7)
            ),
            "windows that aren't square",
        ),
        (
            nn.Sequential(nn.MaxPool2d(3), nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 7)),
            "max-pooling of the images",
        ),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2), nn.Linear(100, 7)), "a change of shape"),
        (nn.Sequential(nn.Conv2d(3, 7, 11)), "isn't one number per class"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(432, 7).requires_grad_(False)),
            "1.weight is frozen",
        ),
    ],
)
def test_other_networks_are_refused_with_a_reason(net, reason):
    with pytest.raises(CannotFuse) as refusal:
        make_tape(net, (3, 12, 12))
    assert reason in str(refusal.value)


def test_infinity_and_nan_are_seen(split):
    trainer = Compiled(
        [seeded(NETWORKS["resnet8-bn"])(0).double()],
        (3, 12, 12),
        M,
        {"momentum": 0.0, "weight_decay": 0.0},
    )
    total = np.zeros(1)
    trainer.update(
        split, np.arange(STEPS * M).reshape(1, STEPS, M) % 60, np.full((STEPS, 1), 1e200), total
    )
    assert not np.isfinite(total[0]) and not trainer.finite()[0]


def test_replicas_are_bit_identical_whatever_their_number_order_and_neighbours(split):
    single = Split(split.images.float(), split.labels)
    nets = [seeded(NETWORKS["resnet14-ghost"])(seed) for seed in range(4)]
    order = np.random.default_rng(1).integers(0, 60, (4, 12, M))

    def trained(which, rates):
        trainer = Compiled(
            [nets[r] for r in which], (3, 12, 12), M, {"momentum": 0.9, "weight_decay": 0.0}
        )
        trainer.update(
            single,
            np.ascontiguousarray(order[which]),
            np.tile(rates, (12, 1)),
            np.zeros(len(which)),
        )
        return trainer.state() | {
            "loss": trainer.score(single, trainer.exact_statistics(single.images))[0]
        }

    all_, some, one = (
        trained([0, 1, 2, 3], [0.01, 1e30, 0.02, 0.03]),
        trained([2, 0], [0.02, 0.01]),
        trained([2], [0.02]),
    )
    for key in all_:
        assert np.array_equal(all_[key][[2, 0]], some[key]) and np.array_equal(
            one[key][0], some[key][0]
        )
