"""Ids of tokens, which would be standardised like pixels."""

import numpy as np

SOURCE = "torch documentation: torch.nn.Embedding"
OUTCOME = "refused"
SAYS = "the train images are int64; return pixels as uint8 or float32 (they are standardised by channel, so token ids are not supported)"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made
