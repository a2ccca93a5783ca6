"""Which networks can be fused as channel groups, and that the others fall back."""

import pytest
import torch
from torch import nn

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.equivalence import verified
from smallbatch.training.engines.groups import CannotFuse, fuse
from smallbatch.training.fleet import blocks, train_fleet


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(2, 4)
        self.body = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.head = nn.Linear(4, 10, bias=False)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.body(self.norm(x).relu())
        return self.head(x.mean((2, 3)))


class OwnParameter(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.scale * x.flatten(1))


class WholeBatchMean(nn.Module):
    """Its forward mixes channels, so replicas would mix."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.flatten(1) - x.mean((1, 2, 3))[:, None])


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 3, padding=1)
        self.same = self.one
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.same(self.one(x).relu()).flatten(1))


def pair(network):
    nets = []
    for seed in range(2):
        torch.manual_seed(seed)
        nets.append(network())
    return nets


@pytest.mark.parametrize("network", [Residual, Shared])
def test_networks_of_ordinary_layers_fuse(network):
    verified(fuse, pair(network), (1, 8, 8), 4, "as channel groups")
    nets = pair(network)
    assert sum(p.numel() for p in fuse(nets).parameters()) == 2 * sum(
        p.numel() for p in nets[0].parameters()
    )


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (OwnParameter, "scale of OwnParameter itself cannot be written as channel groups"),
        (WholeBatchMean, "output changes"),
    ],
)
def test_networks_that_cannot_fuse_say_why(network, reason):
    with pytest.raises(CannotFuse, match=reason.replace("(", r"\(").replace(")", r"\)")):
        verified(fuse, pair(network), (1, 8, 8), 4, "as channel groups")


def test_a_network_that_cannot_share_a_forward_trains_one_by_one(digits32, make_fleet, monkeypatch):
    monkeypatch.setattr(
        "smallbatch.training.engines.factory.build",
        lambda *arguments: nn.Sequential(OwnParameter(), nn.Dropout()),
    )
    said = []
    ((block, outcome), *_) = train_fleet(
        digits32, make_fleet(), [(2.0**-6, 0), (2.0**-7, 1)], said.append
    )
    assert "one by one" in said[0] and len(block) == 1
    assert (
        outcome[0]["summary"]["engine"] == "separate"
        and outcome[0]["summary"]["status"] == "completed"
    )


class Unusual(nn.Module):
    """A frozen layer, an unused one, and batch norm without weights."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Conv2d(1, 2, 3, padding=1)
        self.frozen.requires_grad_(False)
        self.norm = GhostBatchNorm(2, 4)
        self.norm.requires_grad_(False)
        self.unused = GhostBatchNorm(2, 4)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.norm(self.frozen(x)).flatten(1))


def test_frozen_parameters_stay_as_they_are_and_unused_layers_do_no_harm(
    digits32, make_fleet, monkeypatch
):
    made = []

    def make(*arguments):
        torch.manual_seed(len(made))
        made.append(Unusual())
        return made[-1]

    monkeypatch.setattr("smallbatch.training.engines.factory.build", make)
    monkeypatch.setattr("smallbatch.training.fleet.choose_engine", lambda *_: ("groups", 8))
    fused = fuse(pair(Unusual))
    assert [name for name, p in fused.named_parameters() if p.requires_grad] == [
        "unused.weight",
        "unused.bias",
        "head.weight",
        "head.bias",
    ]
    fleet = make_fleet(norm="bn", bn_batch_size=4)
    ((_, outcome), *_) = train_fleet(
        digits32, fleet, [(2.0**-6, 0), (2.0**-7, 1)], lambda text: None
    )
    assert [o["summary"]["status"] for o in outcome] == ["completed", "completed"]
    assert outcome[0]["summary"]["engine"] == "groups"


def test_blocks_are_even_and_keep_the_order():
    assert [len(block) for block in blocks(list(range(17)), 8)] == [5, 6, 6]
    assert [point for block in blocks(list(range(17)), 8) for point in block] == list(range(17))
    assert blocks([], 8) == []


def test_ghost_batch_norm_over_many_replicas_is_one_layer():
    layers = [GhostBatchNorm(3, 2) for _ in range(4)]
    fused = fuse(layers)
    assert isinstance(fused, GhostBatchNorm) and fused.channels == 12
