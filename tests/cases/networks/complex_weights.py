"""Complex weights, which optimizers treat in more than one way."""

import torch
from torch import nn

SOURCE = "pytorch/pytorch#59998"
OUTCOME = "refused"
SAYS = "model complex_weights.Net: its parameter spectrum is of type torch.complex64, and only torch.float32 is trained"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.spectrum = nn.Parameter(torch.randn(8, 5, dtype=torch.complex64))

    def forward(self, x):
        x = torch.fft.irfft2(torch.fft.rfft2(x[:, 0]) * self.spectrum, s=(8, 8))
        return self.head(x.flatten(1))
