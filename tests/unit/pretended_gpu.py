"""A GPU for tests that need none: what is asked onto it stays on the processor, and says that it is
on a GPU."""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

NAME = "a GPU that is a processor"
GPU, PROCESSOR = torch.device("cuda"), torch.device("cpu")


class PretendedGpu(TorchFunctionMode):
    """Within it every tensor says that it is on a GPU, wherever it was made; torch finds one, but
    none that works.

    So a program takes the ways of a GPU up to the CUDA graph, which cannot be captured.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function == torch.Tensor.device.__get__:
            return GPU
        return function(*here(args), **here(kwargs or {}))


def here(arguments):
    """Arguments of a function with the processor in place of the GPU."""
    return tree_map_only(
        torch.device, lambda device: PROCESSOR if device.type == "cuda" else device, arguments
    )


@pytest.fixture
def pretended_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: NAME)
    with PretendedGpu():
        yield
