"""The networks of the papers: parameters counted by hand, outputs by functions of torch alone, and
how weights start."""

import itertools

import pytest
import torch
import yaml
from checkout import REPOSITORY
from torch import nn
from torch.nn import functional as F

from smallbatch.config.compose import compose
from smallbatch.models.build import build
from smallbatch.models.norm import groups_of
from smallbatch.models.resnet import Bottleneck, ResNet50
from smallbatch.training.engines.compiled.verify import verify

CONF = REPOSITORY / "conf" / "model"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
IMAGE = dict.fromkeys(NAMES, (3, 32, 32)) | dict.fromkeys(
    ("ba-sgd-cnn", "keskar-f1", "mlp", "conv"), (1, 28, 28)
)
# with 32×32 batch norm over 2 examples has 2 numbers in the end, and rounds to 1e-6
IMAGE["resnet50"] = (
    3,
    64,
    64,
)
M = 4
THIN = "test_models.ThinResNet50"


def network(name, norm="none", classes=10, shape=None, **changes):
    model = yaml.safe_load((CONF / f"{name}.yaml").read_text()) | changes
    b = {"bn": M, "ghost": M // 2}.get(norm)
    net = build(model, shape or IMAGE[name], classes, "bn" if b else norm, b, 0)
    return net.double()


# --- parameters: kernels², inner and outer channels, biases ------------------------------------------------------------


def basic(n, c=16):
    stage = [(16, 16), (16, 32), (32, 64)]
    return 3 * 9 * c + sum(9 * a * b + (2 * n - 1) * 9 * b * b for a, b in stage) + 64 * 10 + 10


def wide(k, n):
    widths = [16, 16 * k, 32 * k, 64 * k]
    blocks = [9 * a * b + (2 * n - 1) * 9 * b * b + a * b for a, b in itertools.pairwise(widths)]
    return 27 * 16 + sum(blocks) + 64 * k * 10 + 10


def bottlenecks():
    total, inner = 3 * 49 * 64, 64
    for width, number in ((64, 3), (128, 4), (256, 6), (512, 3)):
        total += inner * 4 * width  # the shortcut
        for _ in range(number):
            total += inner * width + 9 * width * width + width * 4 * width
            inner = 4 * width
    return total + 2048 * 1000 + 1000


WITHOUT_NORM = {
    "alexnet": 25 * 3 * 16
    + 16
    + 9 * 16 * 48
    + 48
    + 9 * 48 * 96
    + 96
    + 9 * 96 * 64
    + 64
    + 9 * 64 * 64
    + 64
    + 576 * 256
    + 256
    + 256 * 256
    + 256
    + 256 * 10
    + 10,
    "resnet8": basic(1),
    "resnet20": basic(3),
    "resnet32": basic(5),
    "wrn16-4": wide(4, 2),
    "resnet50": bottlenecks(),
    "ba-sgd-cnn": 9 * 32 + 9 * 32 * 64 + 9 * 64 * 128 + 128 * 9 * 625 + 625 * 10,
    "keskar-f1": 784 * 512 + 512 + 4 * (512 * 512 + 512) + 512 * 10 + 10,
    "keskar-c1": 25 * 3 * 64
    + 64
    + 25 * 64 * 64
    + 64
    + 256 * 384
    + 384
    + 384 * 192
    + 192
    + 192 * 10
    + 10,
    "mlp": 784 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10,
    "conv": 9 * 8 + 8 + 9 * 8 * 16 + 16 + 16 * 49 * 10 + 10,
}
NORMED = {  # channels that are normalised, each with a scale and a shift
    "alexnet": 16 + 48 + 96 + 64 + 64 + 256 + 256,
    "resnet8": 16 + 2 * (16 + 32 + 64),
    "resnet20": 16 + 6 * (16 + 32 + 64),
    "resnet32": 16 + 10 * (16 + 32 + 64),
    "wrn16-4": 16 + 64 + 64 + 64 + 64 + 128 + 128 + 128 + 128 + 256 + 256 + 256 + 256,
    "resnet50": 64 + sum(n * 6 * w + 4 * w for w, n in ((64, 3), (128, 4), (256, 6), (512, 3))),
    "ba-sgd-cnn": 32 + 64 + 128 + 625,
    "keskar-f1": 5 * 512,
    "keskar-c1": 64 + 64 + 384 + 192,
    "mlp": 256,
    "conv": 24,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_network_has_the_parameters_of_its_paper(name):
    classes = 1000 if name == "resnet50" else 10
    counts = {
        norm: sum(p.numel() for p in network(name, norm, classes).parameters())
        for norm in ("none", "bn", "gn")
    }
    assert counts["none"] == WITHOUT_NORM[name]
    assert counts["bn"] == counts["gn"] == WITHOUT_NORM[name] + 2 * NORMED[name]
    comment = (CONF / f"{name}.yaml").read_text().partition(" parameters")[0].rpartition(" ")[2]
    if comment.replace(",", "").isdigit():
        assert int(comment.replace(",", "")) in counts.values()


# --- outputs -----------------------------------------------------------------------------------------------------------


class Weights:
    """The tensors of a network in the order in which its forward needs them, and what its norm
    averages over."""

    def __init__(self, net, kind):
        self.rest, self.kind = [p.detach() for p in net.parameters()], kind

    def conv(self, x, stride=1, padding=1, bias=True):
        weight = self.rest.pop(0)
        return F.conv2d(x, weight, self.rest.pop(0) if bias else None, stride, padding)

    def norm(self, x):
        if self.kind == "none":
            return x
        groups = next(
            n
            for n in range(x.shape[1], 0, -1)
            if x.shape[1] % n == 0 and (x.shape[1] / n >= 16 or n == 1)
        )
        size, parts = {"bn": (M, x.shape[1]), "ghost": (M // 2, x.shape[1]), "gn": (1, groups)}[
            self.kind
        ]
        # chunks of examples, groups of channels with their pixels
        cells = x.reshape(M // size, size, parts, -1)
        mean, var = (
            cells.mean((1, 3), keepdim=True),
            cells.var((1, 3), unbiased=False, keepdim=True),
        )
        scale, shift = (self.rest.pop(0).view(1, -1, *[1] * (x.ndim - 2)) for _ in range(2))
        return ((cells - mean) / (var + 1e-5).sqrt()).view(x.shape) * scale + shift

    def linear(self, x, bias=True):
        weight = self.rest.pop(0)
        y = x @ weight.t()
        return y + self.rest.pop(0) if bias else y


def alexnet(w, x):
    for number, padding in enumerate((2, 1, 1, 1, 1)):
        x = w.norm(w.conv(x, padding=padding)).relu()
        if number in (0, 1, 4):
            x = F.max_pool2d(x, 3, 2)
    x = w.norm(w.linear(x.flatten(1))).relu()
    return w.linear(w.norm(w.linear(x)).relu())


def resnet(n):
    def forward(w, x):
        x = w.norm(w.conv(x, bias=False)).relu()
        for stage in range(3):
            for block in range(n):
                stride = 2 if stage and not block else 1
                y = w.norm(w.conv(x, stride, bias=False)).relu()
                y = w.norm(w.conv(y, bias=False))
                if stride == 2:
                    small, x = x[:, :, ::2, ::2], torch.zeros_like(y)
                    at = small.shape[1] // 2
                    x[:, at : at + small.shape[1]] = small
                x = (x + y).relu()
        return w.linear(x.mean((2, 3)))

    return forward


def resnet50(w, x):
    x = F.max_pool2d(w.norm(w.conv(x, 2, 3, bias=False)).relu(), 3, 2, 1)
    for number, first in ((3, 1), (4, 2), (6, 2), (3, 2)):
        for block in range(number):
            stride = first if block == 0 else 1
            y = w.norm(w.conv(x, padding=0, bias=False)).relu()
            y = w.norm(w.conv(y, stride, bias=False)).relu()
            y = w.norm(w.conv(y, padding=0, bias=False))
            x = (y + (w.norm(w.conv(x, stride, 0, bias=False)) if block == 0 else x)).relu()
    return w.linear(x.mean((2, 3)))


def wide_resnet(w, x):
    x = w.conv(x, bias=False)
    for stage in range(3):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = w.norm(x).relu()
            first = w.conv(y, stride, bias=False)
            second = w.conv(w.norm(first).relu(), bias=False)
            x = second + (w.conv(y, stride, 0, bias=False) if block == 0 else x)
    x = w.norm(x).relu()
    return w.linear(x.mean((2, 3)))


def ba_sgd(w, x):
    for padding in (2, 0, 0):
        x = F.max_pool2d(w.norm(w.conv(x, padding=padding, bias=False)).relu(), 2, ceil_mode=True)
    assert x.shape[1:] == (128, 3, 3)
    return w.linear(w.norm(w.linear(x.flatten(1), bias=False)).relu(), bias=False)


def keskar_c1(w, x):
    for _ in range(2):
        x = F.max_pool2d(w.norm(w.conv(x, 2, 2)).relu(), 3, 2, 1)
    x = x.flatten(1)
    for _ in range(2):
        x = w.norm(w.linear(x)).relu()
    return w.linear(x)


def perceptron(layers):
    def forward(w, x):
        x = x.flatten(1)
        for _ in range(layers):
            x = w.norm(w.linear(x)).relu()
        return w.linear(x)

    return forward


def conv(w, x):
    for _ in range(2):
        x = F.max_pool2d(w.norm(w.conv(x)).relu(), 2)
    return w.linear(x.flatten(1))


FORWARD = {
    "alexnet": alexnet,
    "resnet8": resnet(1),
    "resnet20": resnet(3),
    "resnet32": resnet(5),
    "resnet50": resnet50,
    "wrn16-4": wide_resnet,
    "ba-sgd-cnn": ba_sgd,
    "keskar-f1": perceptron(5),
    "keskar-c1": keskar_c1,
    "mlp": perceptron(2),
    "conv": conv,
}


@pytest.mark.parametrize("kind", ["none", "bn", "ghost", "gn"])
@pytest.mark.parametrize("name", NAMES)
def test_every_network_computes_what_its_paper_says(name, kind):
    torch.manual_seed(1)
    net = network(name, kind, **({"dropout": None} if name == "keskar-c1" else {}))
    for parameter in net.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    weights, x = Weights(net, kind), torch.randn(M, *IMAGE[name], dtype=torch.float64)
    ours, theirs = net.train()(x), FORWARD[name](weights, x)
    assert not weights.rest and ours.shape == (M, 10)
    assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9)


class ThinResNet50(ResNet50):
    """All layers of ResNet-50 with an eighth of the channels, and so a sixtieth of the weights."""

    def __init__(self, in_channels, classes, norm, fixup=None):
        nn.Module.__init__(self)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, 8, 7, stride=2, padding=3, bias=False),
            norm(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        stages = [(8, 3, 1), (16, 4, 2), (32, 6, 2), (64, 3, 2)]
        widths = [
            (width, 1 if block else stride)
            for width, number, stride in stages
            for block in range(number)
        ]
        inner = [8, *(4 * width for width, _ in widths)]
        self.blocks = nn.Sequential(
            *(Bottleneck(i, w, s, norm) for i, (w, s) in zip(inner, widths, strict=False))
        )
        self.head = nn.Linear(inner[-1], classes)


def test_the_thin_network_has_the_layers_of_the_whole_one():
    thin, whole = (network("resnet50", "bn", **changes) for changes in ({"_target_": THIN}, {}))
    layers = [
        [(name, type(layer)) for name, layer in net.named_modules()][1:] for net in (thin, whole)
    ]
    assert layers[0] == layers[1] and sum(p.numel() for p in thin.parameters()) < 500_000
    strides = [
        [layer.stride for layer in net.modules() if isinstance(layer, nn.Conv2d)]
        for net in (thin, whole)
    ]
    assert strides[0] == strides[1]


CASES = [(name, norm) for name in NAMES for norm in ("none", "bn", "ghost")]
TAKES_SECONDS = {("resnet50", "none"): pytest.mark.slow}


@pytest.mark.parametrize(
    ("name", "norm"),
    [pytest.param(*case, marks=TAKES_SECONDS.get(case, ()), id="-".join(case)) for case in CASES],
)
def test_the_compiled_step_takes_every_network_but_for_dropout(name, norm):
    """ResNet-50 in full size with one norm alone, which takes ten seconds."""
    changes = {
        "keskar-c1": {"dropout": None},
        "resnet50": {"_target_": THIN} if norm != "none" else {},
    }
    net = network(name, norm, **changes.get(name, {}))
    verify(net.float(), (3, 32, 32) if name == "resnet50" else IMAGE[name], M)


# --- how weights start -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"conv"}))
def test_weights_start_as_in_he_et_al(name):
    for layer in network(name, "bn").modules():
        if isinstance(layer, nn.Conv2d) or (
            isinstance(layer, nn.Linear) and not name.startswith("resnet")
        ):
            out, inner, *kernel = layer.weight.shape
            fan = (out if name.startswith(("resnet", "wrn")) and kernel else inner) * torch.Size(
                kernel
            ).numel()
            if isinstance(layer, nn.Linear) and name.startswith("wrn"):
                fan = out
            expected, n = (2 / fan) ** 0.5, layer.weight.numel()
            assert layer.weight.std().item() == pytest.approx(expected, rel=6 / n**0.5)
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("name", ["resnet8", "resnet32", "wrn16-4", "resnet50"])
def test_without_norm_residual_networks_start_by_the_rules_of_fixup(name):
    net, normed = network(name), network(name, "bn")
    assert not net(
        torch.randn(2, *IMAGE[name], dtype=torch.float64)
    ).any()  # the last layer is zero
    number = len(net.blocks)
    for block, other in zip(net.blocks, normed.blocks, strict=True):
        *inner, last = [key for key in ("conv1", "conv2", "conv3") if hasattr(block, key)]
        assert not getattr(block, last).weight.any()
        for key in inner:
            factor = number ** (-1 / (2 * len(inner)))
            assert torch.allclose(
                getattr(block, key).weight, factor * getattr(other, key).weight, rtol=1e-6
            )


def test_a_deep_network_without_norm_trains_with_fixup_at_a_rate_at_which_it_diverges_without():
    torch.manual_seed(0)
    x, y = torch.randn(16, 3, 8, 8), torch.arange(16) % 10
    final = {}
    for fixup in (True, False):
        net = network("resnet32", fixup=fixup).float()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(150):
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        final[fixup] = loss.item()
    assert final[True] < 0.1 and not final[False] < 2.3


def test_group_norm_has_groups_of_16_channels_or_more():
    assert [groups_of(c) for c in (8, 16, 32, 48, 64, 625, 40)] == [1, 1, 2, 3, 4, 25, 2]
    assert all(c % groups_of(c) == 0 for c in range(1, 300))


@pytest.mark.parametrize("name", NAMES)
def test_every_network_can_be_named_in_a_study(name):
    assert compose("digits", [f"model={name}"])["model"]["name"] == name


def test_images_that_are_too_small_are_refused():
    from smallbatch.core.errors import UserError

    for name in ("alexnet", "ba-sgd-cnn"):
        with pytest.raises(UserError, match="too small for three pools"):
            network(name, shape=(3, 5, 5))
