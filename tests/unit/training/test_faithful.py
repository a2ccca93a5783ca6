"""The comparison of the network that trains with the module as its constructor makes it."""

import pytest
import torch
import yaml
from checkout import REPOSITORY
from torch import nn

from smallbatch.core.errors import UserError
from smallbatch.data.read import Data, Split
from smallbatch.training.engines import differences
from smallbatch.training.engines.faithful import check_faithful, compare

OPTIMIZERS = {
    "sgd": {"momentum": 0.0, "weight_decay": 0.0},
    "nesterov": {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    "adamw": {"name": "adamw", "momentum": 0.0, "weight_decay": 0.1, "half_life": 100},
}


@pytest.mark.parametrize(
    ("name", "norm", "optimizer"),
    [
        ("conv", "bn", "sgd"),
        ("conv", "gn", "nesterov"),
        ("conv", "none", "adamw"),
        ("mlp", "bn", "adamw"),
        ("resnet8", "bn", "nesterov"),
        ("keskar-c1", "bn", "sgd"),
    ],
)
def test_networks_of_the_package_train_as_by_torch_alone(name, norm, optimizer, make_fleet):
    model = yaml.safe_load((REPOSITORY / "conf" / "model" / f"{name}.yaml").read_text())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(16, 1, 28, 28, generator=generator)
    split = Split(images, torch.arange(16) % 10)
    fleet = make_fleet(model=model, norm=norm, optimizer=OPTIMIZERS[optimizer])
    compare(Data(split, split, split, classes=10), fleet)


class OwnStatistics(nn.Module):
    """Subtracts the mean of a batch, without batch norm."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.flatten(1) - x.flatten(1).mean(0))


def test_a_forward_that_mixes_examples_is_not_computed_in_pieces(digits32, make_fleet):
    fleet = make_fleet(model={"name": "own", "_target_": "test_faithful.OwnStatistics"})
    check_faithful(digits32, fleet | {"batch_size": 1024})
    with pytest.raises(UserError, match="its forward mixes the examples of a batch"):
        check_faithful(digits32, fleet | {"batch_size": 2048})


def test_a_difference_is_one_that_single_precision_would_show():
    user = {"loss": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    near, far = {"loss": user["loss"] + 1e-6}, {"loss": user["loss"] + 1e-3}
    single = {"loss": user["loss"] + 1e-6}
    assert differences.unlike(near, user, 1e-9) == "loss"
    assert differences.unlike(near, user, 1e-9, single) == ""
    assert differences.unlike(far, user, 1e-9, single) == "loss"
    assert differences.unlike({}, user, 1e-9, single) == "loss"
    nothing = {"loss": torch.full((2,), float("nan"))}
    assert differences.unlike(nothing, nothing, 1e-9) == ""
    assert differences.unlike(nothing, user, 1e-9) == "loss"
