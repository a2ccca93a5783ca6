"""A subclass of BatchNorm2d whose forward adds a ReLU."""

from torch import nn

SOURCE = "huggingface/pytorch-image-models#1254"
OUTCOME = "refused"
SAYS = "model bn_with_relu.Net: body.1 is a BatchNormAct, a subclass of torch's batch norm with a forward of its own"
NORM = "bn"


class BatchNormAct(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), BatchNormAct(4))
        self.head = nn.Linear(4 * 36, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
