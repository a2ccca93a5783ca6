"""Networks as users write them: ordinary modules that know nothing of replicas. Input [m, 1, 8, 8],
output [m, 10]."""

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.body = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.stem(x)))
        x = F.relu(x + self.bn2(self.body(x)))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class GroupNormed(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.GroupNorm(2, 8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 10),
        )


class LayerNormed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 20)
        self.norm = nn.LayerNorm(20)
        self.last = nn.Linear(20, 10)

    def forward(self, x):
        return self.last(F.gelu(self.norm(self.first(x.view(x.size(0), -1)))))


class Dropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(192, 10)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.conv(x)).view(-1, 192)))


class Cat(nn.Module):
    """The input beside its features, as in a DenseNet."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.last = nn.Conv2d(5, 10, 1)

    def forward(self, x):
        x = torch.cat([x, self.conv(x).relu()], dim=1)
        return self.last(self.norm(x)).mean(dim=(2, 3))


class Attention(nn.Module):
    """Rows of the image as tokens with learned positions; the attention written by hand."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 12)
        self.positions = nn.Parameter(torch.randn(8, 12) * 0.02)
        self.norm = nn.LayerNorm(12)
        self.qkv = nn.Linear(12, 36)
        self.project = nn.Linear(12, 12)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = self.embed(x.squeeze(1)) + self.positions
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, t, 3, 2, d // 2).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / (d // 2) ** 0.5).softmax(-1)
        x = x + self.project((weights @ v).transpose(1, 2).reshape(b, t, d))
        return self.head(x.mean(1))


class TorchAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 12)
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = self.embed(x.squeeze(1))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(x.mean(1))


class OwnParameters(nn.Module):
    """A learned scale, and batch norm over features."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(13))
        self.first = nn.Linear(64, 13)
        self.bn = nn.BatchNorm1d(13)
        self.last = nn.Linear(13, 10)

    def forward(self, x):
        return self.last(torch.relu(self.scale * self.bn(self.first(x.flatten(1)))))


class Shared(nn.Module):
    """One convolution used twice, under two names, and a bias that two layers share."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 3, padding=1)
        self.two = self.one
        self.norm = nn.LayerNorm(64)
        self.a, self.b = nn.Linear(64, 10), nn.Linear(64, 10)
        self.b.bias = self.a.bias

    def forward(self, x):
        x = self.norm(self.two(self.one(x).relu()).flatten(1))
        return self.a(x) * torch.sigmoid(self.b(x))


class GroupedShared(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 3, padding=1)
        self.same = self.one
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.same(self.one(x).relu()).flatten(1))


class Sizes(nn.Module):
    """A forward with explicit sizes."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.head = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        return self.head(x.view(x.shape[0], 16 * 4 * 4))


class Folded(nn.Module):
    """Explicit sizes with which channel groups would put replicas among the examples, the right
    shape in the end."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 10, 8)

    def forward(self, x):
        features = torch.relu(self.conv(x)).reshape(-1, 4 * 8 * 8)
        features = features - features.mean(0)
        return self.head(features.reshape(len(x), -1, 8, 8)).flatten(1)


class Frozen(nn.Module):
    """A frozen layer, frozen positions, and a layer that is never used."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 6).requires_grad_(False)
        self.positions = nn.Parameter(torch.randn(8, 6), requires_grad=False)
        self.unused = nn.Linear(3, 3)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        return self.head(torch.relu(self.embed(x.squeeze(1)) + self.positions).flatten(1))


class Buffers(LayerNormed):
    """Keeps a mean of its input in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(64))

    def forward(self, x):
        if self.training:
            self.mean.mul_(0.9).add_(x.flatten(1).mean(0), alpha=0.1)
        return super().forward(x - self.mean.view(1, 1, 8, 8))


class Counting(LayerNormed):
    steps = 0

    def forward(self, x):
        self.steps += 1
        return super().forward(x) / self.steps**0.5


class Branching(LayerNormed):
    def forward(self, x):
        return super().forward(x / 100 if x.abs().max() > 100 else x)


class NewBuffer(Buffers):
    """Puts another tensor in the place of its buffer."""

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.flatten(1).mean(0)
        return LayerNormed.forward(self, x - self.mean.view(1, 1, 8, 8))


class SoftEvaluation(GroupNormed):
    """Other than in training, evaluation mixes what channel groups hold side by side."""

    def forward(self, x):
        x = super().forward(x)
        return x if self.training else x.softmax(1)


class Warming(nn.Module):
    """Counts its updates in a buffer, and is another network after 20 of them."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 16), nn.Linear(16, 10)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        x = self.first(x.flatten(1))
        if self.training:
            self.seen += 1
        return self.last(torch.relu(x) if self.seen > 20 else x)


class Unseen(Warming):
    """The same, with a buffer that following the forward doesn't see."""

    def forward(self, x):
        x = self.first(x.flatten(1))
        seen = self._buffers["seen"]
        if self.training:
            seen.add_(1)
        return self.last(torch.relu(x) if seen > 20 else x)


class Shrinking(Warming):
    """Changes a weight in its forward."""

    def forward(self, x):
        with torch.no_grad():
            self.first._parameters["weight"].mul_(0.999)
        return self.last(torch.relu(self.first(x.flatten(1))))


class InPlace(Warming):
    def forward(self, x):
        x = self.first(x.flatten(1))
        x.relu_()
        return self.last(x)


class OtherInEvaluation(Warming):
    def forward(self, x):
        x = self.first(x.flatten(1))
        return self.last(torch.relu(x) if self.training else x)


class NormTwice(nn.Module):
    """One batch norm in two places, and one in a place that nothing uses."""

    def __init__(self):
        super().__init__()
        norm = nn.BatchNorm2d(8)
        self.one = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), norm, nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), norm, nn.ReLU())
        self.spare = norm
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.two(self.one(x)).mean((2, 3)))


class Listed(nn.Module):
    """Its layers once more in a plain list, which torch doesn't know of."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 10)
        self.steps = [self.conv, self.norm, nn.ReLU()]

    def forward(self, x):
        for layer in self.steps:
            x = layer(x)
        return self.head(x.mean((2, 3)))


class Averaging(nn.Module):
    """Batch norm with options of its own."""

    def __init__(self, **options):
        super().__init__()
        self.conv, self.norm, self.head = (
            nn.Conv2d(1, 8, 3),
            nn.BatchNorm2d(8, **options),
            nn.Linear(8, 10),
        )

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


class Infinite(Warming):
    """A loss that is no number from the start."""

    def forward(self, x):
        return self.last(self.first(x.flatten(1))) * 1e30 * 1e30


class OneLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.only = nn.Linear(64, 10)

    def forward(self, x):
        return self.only(x.flatten(1))


class WideGroupNormed(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Flatten(),
            nn.Linear(64, 512),
            nn.GroupNorm(4, 512),
            nn.ReLU(),
            nn.Linear(512, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )


class WideLayerNormed(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Flatten(),
            nn.Linear(64, 512),
            nn.LayerNorm(512),
            nn.ReLU(),
            nn.Linear(512, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )


class Pixels(nn.Sequential):
    """Group norm of larger images."""

    def __init__(self, in_channels, image_size, classes):
        super().__init__(
            nn.Conv2d(in_channels, 32, 3, padding=1),
            nn.GroupNorm(4, 32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * (image_size // 2) ** 2, classes),
        )
