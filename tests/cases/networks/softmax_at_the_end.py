"""A network that ends in a softmax, which the loss applies too."""

from torch import nn

SOURCE = "torch documentation: torch.nn.CrossEntropyLoss"
OUTCOME = "refused"
SAYS = "model softmax_at_the_end.Net: its output is probabilities, which are not negative and sum to 1; return logits"


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, classes), nn.Softmax(1))

    def forward(self, x):
        return self.body(x)
