"""The device and precision of a job. All other code uses the device of the data."""

import contextlib
from collections.abc import Callable, Iterator

import torch

from smallbatch.core import provenance
from smallbatch.core.errors import UserError


def place(
    device: str | None, gpus: int, precision: str | None, say: Callable[[str], None]
) -> torch.device:
    """The device of a job: `device` (cpu, cuda) or, if that is None, a GPU if `gpus` are requested
    and one is available.

    Raises UserError if a GPU is required but not available.
    """
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise UserError(
            f"training.device: cuda, but torch {torch.__version__} sees no GPU on this machine; "
            "run the job where there is one, or write training.device=null"
        )
    if device is None and gpus and not there:
        say(
            f"torch {torch.__version__} sees no GPU on this machine (training.gpus: {gpus}); trains on the processor"
        )
    chosen = torch.device(
        "cuda" if there and (device == "cuda" or (device is None and gpus)) else "cpu"
    )
    if precision == "tf32" and chosen.type != "cuda":
        raise UserError(
            "precision: tf32 is available on GPUs only; write training.gpus=1 where there is one, or precision=null"
        )
    return chosen


def hardware(device: torch.device) -> str:
    """The name of the processor or GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else provenance.processor()


def forward_in(precision: str | None, device: torch.device) -> Callable:
    """A function that returns the context of a forward: with `precision` bf16, autocast to
    bfloat16.

    Converted weights must not be cached (``cache_enabled``) if the context is entered again in a
    CUDA graph.
    """
    if precision != "bf16":
        return contextlib.nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


@contextlib.contextmanager
def products_in(precision: str | None) -> Iterator[None]:
    """Context in which matrix products and convolutions on a GPU use TF32 if `precision` is tf32,
    else full single precision."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]  # missing in torch's stubs
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value
