"""Whether the network that trains is the user's: it is compared with the module as its constructor
makes it.

The reference is a plain loop: torch's own layers, loss, ``backward`` and optimizer. Against it
stands one replica of a network that `models/build.py` made, batch norm being over the whole batch,
as the engine `separate` trains it. The other engines are compared with that one (`equivalence.py`,
`compiled/verify.py`). The networks of this package are compared in its tests.
"""

import contextlib
import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.core.errors import UserError, first_line
from smallbatch.core.records import Fleet, OptimizerSettings
from smallbatch.data.read import Data, Split
from smallbatch.models.build import as_written, build
from smallbatch.models.generators import seed_all, seeded, unchanged
from smallbatch.models.hidden_norms import check_norms
from smallbatch.schedules.course import largest_step
from smallbatch.training.engines import differences
from smallbatch.training.engines.differences import Recorded
from smallbatch.training.engines.limits import AT_ONCE
from smallbatch.training.engines.modules import Modules, lone, row_major
from smallbatch.training.engines.starts import check_starts
from smallbatch.training.optimizers.steps import BETA1, EPS, beta2

OWN_PACKAGE = "smallbatch."
EXAMPLES = 7  # of a batch: a number that no other axis is likely to have
SOME = 32  # at most, where that number can't be
LARGE = 2**14  # numbers in an image from which on there are fewer:
FEW, SOME_LARGE = 3, 8
LR = {"sgd": 2.0**-4, "adamw": 2.0**-9}
UPDATES = 2
EXACT = {torch.float64: 1e-9, torch.float32: 1e-3}  # by how much equal numbers may differ


def check_faithful(data: Data, fleet: Fleet) -> None:
    """Raise UserError unless the network of `fleet` trains as the module that its constructor
    makes, and starts from its seed."""
    if fleet["model"]["_target_"].startswith(OWN_PACKAGE):
        return
    with unchanged():
        check_starts(fleet["model"], data.shape, data.classes, fleet["norm"])
        compare(data, fleet)


def compare(data: Data, fleet: Fleet) -> None:
    """Raise UserError unless forward, updates, buffers and evaluation are those of the module, and
    a checkpoint holds all that it keeps."""
    name, optimizer = f"model {fleet['model']['_target_']}", fleet["optimizer"]
    splits = _batches(data, _examples(data, fleet))
    net = _built(data, fleet, len(splits[0].labels))
    try:
        check_norms(net, data.shape, len(splits[0].labels))
        differences.check_rows(net, splits[0].images, name)
        if fleet.get("bn_batch_size", fleet["batch_size"]) != fleet["batch_size"]:
            differences.check_backward(net, splits[0].images, name)
        if largest_step(fleet) > AT_ONCE:
            differences.check_apart(net, splits[0].images, name)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{name}: its forward fails on a batch of shape {list(splits[0].images.shape)}, on which it is compared with torch "
            f"({type(error).__name__}: {first_line(error)}); take the number of examples from the input, len(x)"
        ) from error
    user, module, dtype = _plain_loop(data, fleet, splits, name)
    with _default(dtype):
        try:
            ours, trainer, kept = _trained(net.to(dtype), splits, optimizer)
        except Exception as error:
            raise UserError(
                f"{name}: it fails as smallbatch trains it, and not by torch alone ({type(error).__name__}: {first_line(error)}); "
                f"{_hint(fleet)}"
            ) from error
        user |= differences.state_of(module, trainer.net)
        user["evaluation"] = evaluated(module, splits[0])
        what = differences.unlike(ours, user, EXACT[dtype])
        if what:
            sentence = _explained(what, ours, user, data, fleet, splits, dtype)
            if sentence:
                raise UserError(f"{name}: {sentence}")
    if kept:
        raise UserError(
            f"{name}: it keeps {kept}, which no checkpoint holds, so an interrupted run would go on otherwise; "
            "keep it in a buffer (register_buffer) or a number"
        )


def _built(data: Data, fleet: Fleet, examples: int) -> nn.Module:
    """The network that trains, with batch norm over all `examples` of a batch."""
    b = examples if fleet["norm"] == "bn" else None
    with _default(torch.float32):
        return build(fleet["model"], data.shape, data.classes, fleet["norm"], b, 0)


def _as_written(data: Data, fleet: Fleet) -> nn.Module:
    with seeded(0), _default(torch.float32):  # in which weights are drawn
        return as_written(fleet["model"], data.shape, data.classes, fleet["norm"])


def _plain_loop(
    data: Data, fleet: Fleet, splits: list[Split], name: str
) -> tuple[Recorded, nn.Module, torch.dtype]:
    """What the user's module computes in UPDATES updates, the module after them, and in which
    precision: double, unless its forward insists on single."""
    for dtype in EXACT:
        try:
            with _default(dtype):
                net = _as_written(data, fleet).to(dtype)
                return looped(net, splits, fleet["optimizer"]), net, dtype
        except Exception as error:  # whatever a user's forward raises
            failed = error
    raise UserError(
        f"{name}: with torch's own layers, as its constructor makes it, it fails ({type(failed).__name__}: "
        f"{first_line(failed)})"
    ) from failed


def looped(net: nn.Module, splits: list[Split], optimizer: OptimizerSettings) -> Recorded:
    """The plain loop."""
    seed_all(1)
    found: Recorded = {"evaluation before training": evaluated(net, splits[0])}
    stepper = _torch_optimizer(net, optimizer, len(splits[0].labels))
    for number, split in enumerate(splits, 1):
        net.train()
        loss = F.cross_entropy(net(_images(split)), split.labels)
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        found[f"loss of update {number}"] = loss.detach()
    return found


def _trained(
    net: nn.Module, splits: list[Split], optimizer: OptimizerSettings
) -> tuple[Recorded, Modules, str]:
    """The same by the trainer of `net`, that trainer, and what of it is lost when it is stopped
    before the last update and goes on from a checkpoint."""
    m = len(splits[0].labels)
    trainer, other = (Modules([copy.deepcopy(net)], lone, optimizer, m=m) for _ in range(2))
    seed_all(1)
    found: Recorded = {"evaluation before training": evaluated(trainer.net, splits[0])}
    for number, split in enumerate(splits, 1):
        stopped = trainer.state()
        found[f"loss of update {number}"] = _update(trainer, split, optimizer)
    found |= differences.state_of(trainer.net, trainer.net)
    after = trainer.state()
    other.load(stopped)
    _update(other, splits[-1], optimizer)
    found["evaluation"] = evaluated(trainer.net, splits[0])
    kept = differences.lost(
        after, other.state(), trainer.net, lambda: _update(trainer, splits[0], optimizer)
    )
    return found, trainer, kept


def _update(trainer: Modules, split: Split, optimizer: OptimizerSettings) -> torch.Tensor:
    total, order = np.zeros(1), np.arange(len(split.labels))[None, None]
    rates = np.array([[LR[optimizer.get("name", "sgd")]]])
    trainer.update(Split(_images(split), split.labels), order, rates, total)
    return torch.tensor(total[0])


def evaluated(net: nn.Module, split: Split) -> torch.Tensor:
    """The output in evaluation mode, in which a network may draw too: always the same numbers."""
    net.eval()
    with seeded(2), torch.no_grad():
        return net(_images(split))


def _images(split: Split) -> torch.Tensor:
    """A copy, which a forward may write into, in the precision of the comparison."""
    return split.images.to(torch.get_default_dtype(), copy=True)


def _torch_optimizer(net: nn.Module, config: OptimizerSettings, m: int) -> torch.optim.Optimizer:
    lr, decay = LR[config.get("name", "sgd")], config["weight_decay"]
    if config.get("name", "sgd") == "adamw":
        betas = config.get("beta1") or BETA1, beta2(config, m)
        return torch.optim.AdamW(net.parameters(), lr, betas, config.get("eps") or EPS, decay)
    nesterov = bool(config.get("nesterov"))
    return torch.optim.SGD(net.parameters(), lr, config["momentum"], 0, decay, nesterov)


def _explained(
    what: str,
    ours: Recorded,
    user: Recorded,
    data: Data,
    fleet: Fleet,
    splits: list[Split],
    dtype: torch.dtype,
) -> str:
    """The sentence about a difference; empty if it is rounding, or chance."""
    again = looped(_as_written(data, fleet).to(dtype), splits, fleet["optimizer"])
    changed = differences.unlike(again, {key: user[key] for key in again}, EXACT[dtype])
    if changed:
        return (
            f"two runs from one seed differ ({changed}), so it draws from a generator that the seed does not start; "
            "draw from torch's, Python's random or NumPy's np.random"
        )
    with _default(torch.float32):
        single = looped(_as_written(data, fleet), splits, fleet["optimizer"])
    what = differences.unlike(ours, user, EXACT[dtype], single)
    if not what:
        return ""
    net = _built(data, fleet, len(splits[0].labels)).to(dtype)
    module = _as_written(data, fleet).to(dtype)
    layer = differences.first_other_layer(net, module, _images(splits[0]))
    return (
        f"its {what} is not that of the module as its constructor makes it{layer}; {_hint(fleet)}"
    )


def _hint(fleet: Fleet) -> str:
    """What a network must not do, since its layers are copied and batch norm is replaced."""
    if fleet["norm"] == "bn":
        return (
            "another layer takes the place of torch's batch norm, so use no more of it than its call, weight and bias, "
            "and modules are copied, so hooks must not refer to them"
        )
    return "modules are copied, so hooks must not refer to them, and parameters must have none"


def _examples(data: Data, fleet: Fleet) -> int:
    """The number of examples in a batch of the comparison; for a forward that fails on it, that of
    an update, if it is not too large."""
    large = data.train.images[0].numel() > LARGE
    usual, most = (FEW, SOME_LARGE) if large else (EXAMPLES, SOME)
    net, (split, _) = _built(data, fleet, usual), _batches(data, usual)
    try:
        with torch.no_grad():
            net(split.images.clone())
    except Exception:  # whatever a user's forward raises
        return max(2, min(fleet["batch_size"], most))
    return usual


def _batches(data: Data, examples: int) -> list[Split]:
    """A batch for each update, on the processor."""
    n = len(data.train.labels)
    chosen = [(np.arange(examples) + u * examples) % n for u in range(UPDATES)]
    return [
        Split(row_major(data.train.images[i].cpu()), data.train.labels[i].cpu()) for i in chosen
    ]


@contextlib.contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    """Let tensors that a forward makes have this type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
