"""An embedding with sparse gradients."""

from torch import nn

SOURCE = "torch documentation: torch.nn.Embedding"
OUTCOME = "refused"
SAYS = "model sparse_gradients.Net: sparse gradients are not supported; leave out sparse=True"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(16, 4, sparse=True), nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.embed((3 * x).long().clamp(-7, 8) + 7).flatten(1))
