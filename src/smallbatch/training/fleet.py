"""Train the points of a fleet: build the networks, choose how they train together, go block by block."""

import functools
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

from smallbatch.data.read import Data
from smallbatch.errors import UserError
from smallbatch.text import count_text
from smallbatch.training.checkpoint import UNKEPT
from smallbatch.training.choose import choose_engine
from smallbatch.training.factory import make_trainer, network, twins
from smallbatch.training.heap import give_back
from smallbatch.training.loop import train_block
from smallbatch.training.modules import row_major
from smallbatch.training.widths import piece_of


def set_up() -> None:
    """One thread and no denormals: the same bits on every run, and jobs that share a machine don't fight.

    On a GPU, kernels of cuDNN that repeat their bits, and single precision that isn't TF32.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.fp32_precision = torch.backends.cudnn.conv.fp32_precision = "ieee"


def train_fleet(
    data: Data, fleet: dict, points: list[tuple[float, int]], say, watch=None, keep=lambda block, engine: UNKEPT,
    most: int | None = None,
) -> Iterator:  # fmt: skip
    """Yield ``(points, results)`` block by block; `points` are (η̃, seed). Results: `training/loop.py`.

    They train where `data` lies. `say(text)` gets lines for the log; `watch(block, records, share)` is called at every
    epoch's end; `keep(block, engine)` says how a block outlives an interruption; memory holds `most` replicas at once
    (as many as are fast, if None). Raises Stopped.
    """
    _try_out(network(data, fleet, 0).to(data.device), data, fleet, say)
    give_back()
    engine, width = choose_engine(data, fleet, say, most)
    for block in blocks(points, width):
        crowd = block + block[-1:] * twins(engine, len(block), fleet["batch_size"] * data.classes)
        torch.manual_seed(crowd[0][1])  # of dropout and the like, in networks that train one by one
        rates, seeds = [rate for rate, _ in crowd], [seed for _, seed in crowd]
        report = watch and functools.partial(watch, block)
        trainer = make_trainer(engine, data, fleet, seeds, say)
        results = train_block(trainer, data, fleet, rates, seeds, report, keep(block, engine))
        seconds = sum(result["summary"]["seconds"] for result in results)  # those before an interruption too
        results = results[: len(block)]
        for result in results:
            own = result["summary"]["seconds"] * len(crowd) / len(block)  # twins' time is the block's
            result["summary"] |= {"engine": engine, "seconds": own}
        images = sum(result["summary"]["examples"] for result in results)
        say(f"{count_text(len(block), 'point')} in {seconds:.1f} s, {images / seconds:,.0f} images/s")
        yield block, results


def _try_out(net: torch.nn.Module, data: Data, fleet: dict, say) -> None:
    """One batch through a network before it trains; raises UserError, naming network, file and line, if that fails."""
    m, name = piece_of(fleet["batch_size"], fleet.get("bn_batch_size")), fleet["model"]["_target_"]
    x = row_major(data.train.images[:m])
    try:
        y = net.train()(x)
    except Exception as error:  # whatever a user's forward raises
        say("".join(traceback.format_exception(error)))
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
        where = f" in {own[-1].filename}, line {own[-1].lineno}" if own else ""
        raise UserError(
            f"model {name}: its forward fails{where} on a batch of shape {list(x.shape)} ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(y, torch.Tensor) or y.shape != (m, data.classes):
        shape = list(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise UserError(
            f"model {name}: its output is {shape}, but the data set has {data.classes} classes; return [{m}, {data.classes}]"
        )


def _is_library(filename: str) -> bool:
    return filename.startswith((str(Path(__file__).parents[1] / "training"), str(Path(torch.__file__).parent)))


def blocks(points: list, width: int) -> list[list]:
    """`points` cut into the fewest blocks of at most `width`, their lengths as equal as can be.

    What is left after the first ones is cut as before, so that a block finds its checkpoint when others are stored.
    """
    found = []
    while points:
        size = len(points) // -(-len(points) // width)
        found, points = [*found, points[:size]], points[size:]
    return found
