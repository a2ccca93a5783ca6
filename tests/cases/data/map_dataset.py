"""A torch Dataset for each split, whose transforms would be drawn once and then be fixed."""

import torch

SOURCE = "torch documentation: torch.utils.data, map-style datasets"
OUTCOME = "refused"
SAYS = "its train split is a Pictures; return a pair (images, labels)"


class Pictures(torch.utils.data.Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.rand(1, 2, 2), i % 2


def data(sizes):
    return {split: Pictures(n) for split, n in sizes.items()}
