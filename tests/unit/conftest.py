import functools
import gc

import pytest
import torch

from smallbatch.data.read import Data, Split


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    yield
    torch.set_flush_denormal(False)  # which training turns on (`fleet.set_up`)


@pytest.fixture(autouse=True, scope="module")
def what_was_there_stays():
    gc.freeze()  # as after collecting, in `../conftest.py`


@functools.cache
def convolutions_round_alike() -> bool:
    """Whether the bits of a replica's gradient are the same whatever the number of groups of a
    convolution.

    They are with AVX-512, and not with AVX2 alone (torch 2.13): there the engine says so, and takes
    another way.
    """
    torch.set_num_threads(1)
    made = []
    for replicas in (2, 3, 7, 16):
        generator = torch.Generator().manual_seed(0)
        images, weight = (
            torch.randn(8, 16, 8, 8, generator=generator),
            torch.randn(16, 8, 1, 3, 3, generator=generator),
        )
        x = images[:, :replicas].contiguous(memory_format=torch.channels_last)
        w = weight[:replicas].flatten(0, 1).requires_grad_()
        y = torch.nn.functional.conv2d(x, w, padding=1, groups=replicas)
        y.sin().sum().backward()
        made.append(w.grad[:16])
    return all(torch.equal(made[0], one) for one in made)


def pytest_runtest_setup(item):
    if item.get_closest_marker("round_alike"):
        engine = getattr(item, "callspec", None) and item.callspec.params.get("engine")
        if engine != "compiled" and not convolutions_round_alike():
            pytest.skip(
                "the bits of PyTorch's convolutions depend on the number of groups on this processor"
            )


def load_digits(sizes: dict[str, int]) -> Data:
    """The real digits, standardised, in double precision."""
    from smallbatch.data import digits as module

    splits = module.load(sizes)
    train = torch.from_numpy(splits["train"][0]).double()
    made = [
        Split(
            (torch.from_numpy(images).double() - train.mean()) / train.std(),
            torch.from_numpy(labels).long(),
        )
        for images, labels in splits.values()
    ]
    return Data(*made, classes=10)


def in_single_precision(data: Data) -> Data:
    return Data(
        *[Split(s.images.float(), s.labels) for s in (data.train, data.validation, data.test)],
        classes=10,
    )


@pytest.fixture(scope="session")
def digits() -> Data:
    """256 train, 64 validation, 100 test images, in double precision."""
    return load_digits({"train": 256, "validation": 64, "test": 100})


@pytest.fixture(scope="session")
def digits32(digits) -> Data:
    return in_single_precision(digits)


@pytest.fixture(scope="session")
def standard_digits() -> Data:
    """The digits in the sizes of the default study, in single precision."""
    return in_single_precision(load_digits({"train": 1024, "validation": 256, "test": 517}))


@pytest.fixture
def make_fleet():
    """What the points of a fleet share, as a plan has it; keyword arguments change it."""

    def make(**changes) -> dict:
        return {
            "dataset": {"name": "digits", "_target_": "smallbatch.data.digits.load"},
            "model": {"name": "conv", "_target_": "smallbatch.models.conv.ConvNet"},
            "optimizer": {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0},
            "schedule": {"name": "step", "drops": [0.5, 0.75], "factor": 0.1},
            "evaluation": {"epochs": []},
            "batch_size": 8,
            "norm": "none",
            "updates": 64,
        } | changes

    return make
