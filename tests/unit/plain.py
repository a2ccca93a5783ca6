"""The same training written plainly and independently: one network, torch's own layers and
optimizer."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class ChunkedBatchNorm(nn.BatchNorm2d):
    """Ghost batch norm as a loop over chunks of torch's own batch norm."""

    def __init__(self, channels, chunk):
        super().__init__(channels)
        self.chunk = chunk

    def forward(self, x):
        return torch.cat(
            [super(ChunkedBatchNorm, self).forward(part) for part in x.split(self.chunk)]
        )


class PlainConvNet(nn.Module):
    """The conv net, with norm none (None), over the batch (0) or over a number of examples."""

    def __init__(self, chunk):
        super().__init__()
        make = {None: lambda c: nn.Identity(), 0: nn.BatchNorm2d}.get(
            chunk, lambda c: ChunkedBatchNorm(c, chunk)
        )
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            make(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            make(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )

    def forward(self, x):
        return self.layers(x)

    def start_from(self, net):
        """Take the weights of a smallbatch network, which has them in the same order."""
        with torch.no_grad():
            for mine, theirs in zip(self.parameters(), net.parameters(), strict=True):
                mine.copy_(theirs)
        return self


def train(
    net,
    images,
    labels,
    m,
    steps,
    lr,
    seed,
    momentum=0.0,
    weight_decay=0.0,
    drops=(),
    factor=0.1,
    total=None,
):
    """`steps` updates of `total` with batches read off whole-epoch permutations; returns the
    losses."""
    n, total = len(labels), total or steps
    order = np.concatenate(
        [
            np.random.Generator(np.random.PCG64([seed, e])).permutation(n)
            for e in range(steps * m // n + 1)
        ]
    )
    optimizer = torch.optim.SGD(
        net.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay
    )
    losses = []
    net.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * factor ** sum(step / total >= drop for drop in drops)
        batch = torch.from_numpy(order[step * m : (step + 1) * m])
        loss = F.cross_entropy(net(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
