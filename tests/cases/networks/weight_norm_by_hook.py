"""Weight norm as torch.nn.utils.weight_norm makes it, by a hook."""

import warnings

from torch import nn

SOURCE = "pytorch/pytorch#28594"
OUTCOME = "refused"
SAYS = "model weight_norm_by_hook.Net: layer 1 (Linear) keeps a tensor that is computed from its parameters (weight), so it cannot be copied"


class Net(nn.Sequential):
    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated
            super().__init__(nn.Flatten(), nn.utils.weight_norm(nn.Linear(64, 10)))
