"""Batch norm over tokens and examples, the tokens being the first axis."""

from torch import nn

SOURCE = "pytorch/pytorch#76613"
OUTCOME = "refused"
SAYS = "model bn_over_tokens_first.Net: layer norm gets 56 rows for 7 examples, which are not those of one example after another"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm, self.head = nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(48, 10)

    def forward(self, x):
        tokens = self.embed(x[:, 0].transpose(0, 1).reshape(-1, 8))
        tokens = self.norm(tokens).relu().reshape(8, len(x), 6)
        return self.head(tokens.transpose(0, 1).flatten(1))
