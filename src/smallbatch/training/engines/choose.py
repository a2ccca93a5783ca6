"""How a network's replicas train together: what is possible, and which of it is fastest on this
machine.

The ways (`factory.py`), the best first as a rule: the compiled step, one replica after the other;
channel groups; vmap with convolutions as batched products; vmap; one module after the other. The
first is for processors, the third for GPUs: vmap makes batched products of linear layers, but of
convolutions channel groups. A way is possible if it agrees with the modules apart
(`equivalence.py`), which is looked at each time. Which is fastest is measured once per machine,
setting and version, for some tenths of a second, and remembered in the user's cache folder.
"""

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from smallbatch.core import provenance
from smallbatch.core.errors import UserError
from smallbatch.core.identity import digest
from smallbatch.core.records import Fleet, Option
from smallbatch.core.user_cache import remember, remembered
from smallbatch.data.read import Data
from smallbatch.models.hidden_norms import check_norms
from smallbatch.schedules.course import is_adaptive, largest_step
from smallbatch.training.engines.alone import moves_unused, unused
from smallbatch.training.engines.device import hardware
from smallbatch.training.engines.equivalence import rounds_alike, verified
from smallbatch.training.engines.factory import MODULES, make_trainer, network
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.limits import WAYS, WIDEST, padding_replicas, piece_of, widths
from smallbatch.training.engines.sharing import must_train_alone
from smallbatch.training.engines.trainer import ReplicaTrainer
from smallbatch.training.heap import give_back
from smallbatch.training.optimizers.kinds import OPTIMIZERS, optimizer_kind
from smallbatch.training.updates import batches

SAID = {
    "compiled": "by the compiled step",
    "groups": "as channel groups",
    "products": "as batched products",
    "vmap": "by vmap",
    "separate": "one by one",
    "separate channels_last": "one by one, channels last in memory",
}
SLOWER = {
    "compiled": "the compiled step is",
    "groups": "channel groups are",
    "products": "batched products are",
    "vmap": "vmap is",
    "separate": "one by one in torch's usual layout is",
}
# what the fastest way depends on
SETTING = (
    "model",
    "optimizer",
    "batch_size",
    "norm",
    "bn_batch_size",
    "precision",
)
SECONDS = 0.05  # of each timing, about
REPEATS = 3
CLOSE = 1.03  # a later engine must be at least 3% faster to be preferred


def choose_engine(
    data: Data, fleet: Fleet, say: Callable[[str], None], most: int | None = None
) -> Option:
    """The way in which replicas train (one of WAYS), and how many at once, at most `most`; says so
    and why."""
    device = data.device.type
    most = WIDEST[device] if most is None else most
    found, reasons = candidates(data, fleet, most)
    at_once = piece_of(largest_step(fleet), fleet.get("bn_batch_size"))
    options = [
        (engine, width) for engine in found for width in widths(engine, at_once, most, device)
    ]
    engine, width = fastest(options, data, fleet)
    slower = [f"{SLOWER[name]} slower here" for name in found[: found.index(engine)]]
    reasons = [*reasons, *slower] if engine != WAYS[0] else []
    say(f"replicas train {SAID[engine]}{': ' if reasons else ''}{'; '.join(reasons)}")
    return engine, width


def candidates(data: Data, fleet: Fleet, most: int = WIDEST["cpu"]) -> tuple[list[str], list[str]]:
    """The ways in which this network can train where memory holds `most` replicas, the best first,
    and why others cannot be.

    Where a way keeps a replica's bits whatever its neighbours, those that don't are left out. On a
    GPU, and in another precision than that of the weights, bits depend on neighbours whatever the
    way.
    """
    m, b = fleet["batch_size"], fleet.get("bn_batch_size")
    nets = [network(data, fleet, seed) for seed in (0, 1)]
    examples = piece_of(m, b) if m > 1 else b or 2
    check_norms(nets[0], data.shape, examples)
    left = _left_alone(nets[0], data, fleet, examples)
    reason = left or _compiled(nets[0], data, fleet, examples)
    give_back()
    # Gradients of single examples are taken from modules in torch's usual layout.
    separate = ["separate"] if is_adaptive(fleet) else separate_ways(nets[0], data.shape, examples)
    if not reason:
        return ["compiled", *separate], []
    alone = left or must_train_alone(nets[0], data.shape, examples)
    give_back()
    if alone:
        return separate, [alone]
    if most < 2:
        return separate, [reason, "two at once would not fit in memory"]
    alike: list[str] = []
    others: list[str] = []
    reasons = [reason]
    nets, on_gpu = [net.to(data.device) for net in nets], data.device.type == "cuda"
    exact = not (on_gpu or fleet.get("precision"))
    unfolds = on_gpu and any(isinstance(layer, nn.Conv2d) for layer in nets[0].modules())
    for name in ("groups", "products", "vmap") if unfolds else ("groups", "vmap"):
        try:
            verified(MODULES[name], nets, data.shape, examples, SAID[name])
        except CannotFuse as error:
            reasons += [] if alike else [str(error)]
            continue
        finally:
            give_back()
        spare, widest = (
            padding_replicas(name, 2, examples * data.classes),
            widths(name, m, most, data.device.type)[0],
        )
        if not exact or rounds_alike(MODULES[name], nets, data.shape, examples, spare, widest):
            alike.append(name)
        else:
            others.append(name)
            reasons += (
                []
                if alike
                else [f"the last bits of a replica would depend on its neighbours {SAID[name]}"]
            )
    return [*(alike or others), *separate], reasons


def separate_ways(net: nn.Module, shape: tuple[int, ...], examples: int) -> list[str]:
    """``separate``, and the same with channels last in memory where there are convolutions and the
    forward takes it."""
    if not any(isinstance(layer, nn.Conv2d) for layer in net.modules()):
        return ["separate"]
    net = MODULES["separate channels_last"]([copy.deepcopy(net)])
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            net(torch.zeros(examples, *shape, device=next(net.parameters()).device))
    except Exception:  # a `view` that this layout has no strides for
        return ["separate"]
    return ["separate", "separate channels_last"]


def _left_alone(net: nn.Module, data: Data, fleet: Fleet, examples: int) -> str:
    """Why replicas must train apart if a parameter gets no gradient, which only there is left alone;
    empty if all get one. Raises UserError where it would decay all the same."""
    if "optimizer" not in fleet or not moves_unused(fleet["optimizer"]):
        return ""
    try:
        path = unused(net, data.shape, examples)
    except Exception:  # a forward that does not take random numbers (`must_train_alone`)
        return ""
    if path and is_adaptive(fleet):
        raise UserError(
            f"model {fleet['model']['_target_']}: {path} gets no gradient, and a rule that chooses the batch size would decay it "
            "all the same; freeze it in the constructor (requires_grad_(False))"
        )
    return path and f"{path} gets no gradient, and is left alone there only"


def _compiled(net: nn.Module, data: Data, fleet: Fleet, examples: int) -> str:
    """Why `net` can't train by the compiled step; empty if it can."""
    if data.device.type != "cpu":
        return "the compiled step is for processors"
    if fleet.get("precision"):
        return f"the compiled step does not support {fleet['precision']}"
    if not optimizer_kind(fleet.get("optimizer", {})).compiled:
        known = [name for name, kind in OPTIMIZERS.items() if kind.compiled]
        return f"the compiled step knows {' and '.join(known).upper()} alone"
    try:
        from smallbatch.training.engines.compiled.ready import ensure_compiled

        ensure_compiled()
        from smallbatch.training.engines.compiled.verify import verify, verify_moments
    except Exception as error:  # Numba is missing, or doesn't fit this machine
        return f"the compiled step needs Numba ({error})"
    try:
        verify(net, data.shape, examples)
        if is_adaptive(fleet):
            verify_moments(net, data.shape, examples)
    except CannotFuse as reason:
        return str(reason)
    except (
        Exception
    ) as error:  # nothing that goes wrong here may cost the run: there are other ways
        return f"the compiled step failed ({type(error).__name__}: {error})"
    return ""


def fastest(options: list[Option], data: Data, fleet: Fleet) -> Option:
    """The option (way, width) that trains most images per second here, measured once per machine
    and setting."""
    circumstances = (options, fleet, data.shape, data.classes, hardware(data.device))
    found = settled(*circumstances)
    if found is None:
        speeds = measured(options, data, fleet)
        give_back()
        found = next(option for option in speeds if speeds[option] * CLOSE >= max(speeds.values()))
        said = {f"{engine} {width}": round(speed) for (engine, width), speed in speeds.items()}
        about = {
            "images_per_second": said,
            "machine": circumstances[-1],
            "setting": _setting(fleet),
        }
        kept = {"engine": found[0], "width": found[1]} | about
        remember(_name(*circumstances), kept, lambda kept: _option(kept) in options)
        # jobs that timed it at once go the way of the first
        found = settled(*circumstances) or found
    return found


def settled(
    options: list[Option], fleet: Fleet, shape: Sequence[int], classes: int, machine: str
) -> Option | None:
    """The option that was measured to be the fastest on this `machine` (a processor or GPU), or
    None."""
    if len(options) == 1:
        return options[0]
    found = _option(remembered(_name(options, fleet, shape, classes, machine)) or {})
    return found if found in options else None


def _option(kept: dict[str, Any]) -> tuple[Any, Any]:
    return kept.get("engine"), kept.get("width")


def _setting(fleet: Fleet) -> dict[str, Any]:
    largest = largest_step(fleet)
    grows = {"largest": largest} if largest > fleet["batch_size"] else {}
    return (
        {key: fleet.get(key) for key in SETTING}
        | grows
        | ({"rounds": True} if is_adaptive(fleet) else {})
    )


def _name(
    options: list[Option], fleet: Fleet, shape: Sequence[int], classes: int, machine: str
) -> str:
    from smallbatch.core.source import code_digest

    code, versions = code_digest([], None), provenance.versions("torch", "numpy")
    return f"engines/{digest([_setting(fleet), list(shape), classes, machine, versions, options, code])}"


def measured(options: list[Option], data: Data, fleet: Fleet) -> dict[Option, float]:
    """Images per second of each option: the best of REPEATS short timings, which alternate.

    An update ends with its losses on the host, so a GPU has ended too when the clock is read. What
    takes more memory than a GPU has is left out.
    """
    m, size = fleet["batch_size"], len(data.train.labels)
    runs = {}
    for engine, width in options:
        seeds = list(range(1 if engine == "compiled" else width))
        trainer = make_trainer(engine, data, fleet, seeds)

        def run(
            updates: int, m: int = m, trainer: ReplicaTrainer = trainer, seeds: list[int] = seeds
        ) -> float:
            order = batches(seeds, m, size, 0, updates)
            begun = time.perf_counter()
            # A rate of almost nothing: the weights stay sane, the work is the same.
            trainer.update(
                data.train, order, np.full((updates, len(seeds)), 1e-9), np.zeros(len(seeds))
            )
            return len(seeds) * updates * m / (time.perf_counter() - begun)

        runs[engine, width] = run, len(seeds) * m
    numbers = {}
    for option in options:
        run, images = runs[option]
        try:
            if data.device.type == "cuda":
                run(1, largest_step(fleet))  # does it fit?
            run(1)  # what is done once
            numbers[option] = max(1, min(1000, round(SECONDS * run(1) / images)))
        except torch.OutOfMemoryError:
            del runs[option], run
    return {
        option: max(runs[option][0](number) for _ in range(REPEATS))
        for option, number in numbers.items()
    }
