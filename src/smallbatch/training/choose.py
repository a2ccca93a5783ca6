"""How a network's replicas train together: what is possible, and which of it is fastest on this machine.

The ways (`crews.py`), the best first as a rule: the compiled step, one replica after the other; channel groups;
vmap; one module after the other. A way is possible if it agrees with the modules apart (`verify.py`), which is
looked at each time. Which is fastest is measured once per machine, setting and version, for some
tenths of a second, and remembered in the user's cache folder.
"""

import time

import numpy as np
import torch

from smallbatch import provenance
from smallbatch.data.read import Data
from smallbatch.points import digest
from smallbatch.training.alone import must_train_alone
from smallbatch.training.crews import MODULES, make_crew, network
from smallbatch.training.groups import CannotFuse
from smallbatch.training.heap import give_back
from smallbatch.training.loop import batches
from smallbatch.training.verify import rounds_alike, verified
from smallbatch.training.widths import WAYS, WIDEST, twins, widths
from smallbatch.user_cache import remember, remembered

SAID = {
    "compiled": "by the compiled step",
    "groups": "as channel groups",
    "vmap": "by vmap",
    "separate": "one by one",
}
SECONDS = 0.05  # of each timing, about
REPEATS = 3
CLOSE = 1.03  # a way that is faster by less doesn't take the place of one before it


def choose_engine(data: Data, shared: dict, say, most: int = WIDEST) -> tuple[str, int]:
    """The way in which replicas train (one of WAYS), and how many at once, `most` of them; says so and why."""
    found, reasons = candidates(data, shared, most)
    options = [(engine, width) for engine in found for width in widths(engine, shared["batch_size"], most)]
    engine, width = fastest(options, data, shared)
    slower = [f"{SAID[name]} is slower here" for name in found[: found.index(engine)]]
    reasons = [*reasons, *slower] if engine != WAYS[0] else []
    say(f"replicas train {SAID[engine]}{': ' if reasons else ''}{'; '.join(reasons)}")
    return engine, width


def candidates(data: Data, shared: dict, most: int = WIDEST) -> tuple[list[str], list[str]]:
    """The ways in which this network can train where memory holds `most` replicas, the best first, and why others cannot be.

    Where a way keeps a replica's bits whatever its neighbours, those that don't are left out.
    """
    m, b = shared["batch_size"], shared.get("bn_batch_size")
    nets = [network(data, shared, seed) for seed in (0, 1)]
    examples = m if m > 1 else b or 2
    reason = _compiled(nets[0], data.shape, examples)
    give_back()
    if not reason:
        return ["compiled", "separate"], []
    alone = must_train_alone(nets[0], data.shape, examples)
    give_back()
    if alone:
        return ["separate"], [alone]
    if most < 2:
        return ["separate"], [reason, "two at once would not fit in memory"]
    alike, others, reasons = [], [], [reason]
    for name in ("groups", "vmap"):
        try:
            verified(MODULES[name], nets, data.shape, examples, SAID[name])
        except CannotFuse as error:
            reasons += [] if alike else [str(error)]
            continue
        finally:
            give_back()
        if rounds_alike(MODULES[name], nets, data.shape, examples, twins(name, 2, examples * data.classes), most):
            alike.append(name)
        else:
            others.append(name)
            reasons += [] if alike else [f"the last bits of a replica would depend on its neighbours {SAID[name]}"]
    return [*(alike or others), "separate"], reasons


def _compiled(net: torch.nn.Module, shape: tuple, examples: int) -> str:
    """Why `net` can't train by the compiled step; empty if it can."""
    try:
        from smallbatch.training.compiled.verify import verify
    except Exception as error:  # Numba is missing, or doesn't fit this machine
        return f"the compiled step needs Numba ({error})"
    try:
        verify(net, shape, examples)
    except CannotFuse as reason:
        return str(reason)
    return ""


def fastest(options: list[tuple[str, int]], data: Data, shared: dict) -> tuple[str, int]:
    """The option (way, width) that trains most images per second here, measured once per machine and setting."""
    found = settled(options, shared, data.shape, data.classes)
    if found is None:
        speeds = measured(options, data, shared)
        give_back()
        found = next(option for option in options if speeds[option] * CLOSE >= max(speeds.values()))
        said = {f"{engine} {width}": round(speed) for (engine, width), speed in speeds.items()}
        setting, machine = _circumstances(shared)
        kept = {
            "engine": found[0],
            "width": found[1],
            "images_per_second": said,
            "machine": machine,
            "setting": setting,
        }
        remember(_name(options, shared, data.shape, data.classes), kept)
    return found


def settled(options: list[tuple[str, int]], shared: dict, shape: tuple, classes: int) -> tuple[str, int] | None:
    """The option that was measured to be the fastest here, or None."""
    if len(options) == 1:
        return options[0]
    kept = remembered(_name(options, shared, shape, classes))
    return kept and (kept["engine"], kept["width"])


def _circumstances(shared: dict) -> tuple[dict, list]:
    setting = {key: shared.get(key) for key in ("model", "optimizer", "batch_size", "norm", "bn_batch_size")}
    return setting, [provenance.processor(), provenance.versions("torch", "numpy")]


def _name(options: list, shared: dict, shape: tuple, classes: int) -> str:
    from smallbatch.source import PACKAGE, TRAINING

    version = digest([[path.relative_to(PACKAGE).as_posix(), path.read_text()] for path in TRAINING])
    setting, machine = _circumstances(shared)
    return f"engines/{digest([setting, list(shape), classes, machine, options, version])}"


def measured(options: list[tuple[str, int]], data: Data, shared: dict) -> dict[tuple[str, int], float]:
    """Images per second of each option: the best of REPEATS short timings, which alternate."""
    m, size = shared["batch_size"], len(data.train.labels)
    runs = {}
    for engine, width in options:
        seeds = list(range(1 if engine == "compiled" else width))
        crew = make_crew(engine, data, shared, seeds)

        def run(updates: int, crew=crew, seeds=seeds) -> float:
            order = batches(seeds, m, size, 0, updates)
            begun = time.perf_counter()
            # A rate of almost nothing: the weights stay sane, the work is the same.
            crew.update(data.train, order, np.full((updates, len(seeds)), 1e-9), np.zeros(len(seeds)))
            return len(seeds) * updates * m / (time.perf_counter() - begun)

        runs[engine, width] = run, len(seeds) * m
    numbers = {}
    for option, (run, images) in runs.items():
        run(1)  # what is done once
        numbers[option] = max(1, min(1000, round(SECONDS * run(1) / images)))
    return {option: max(runs[option][0](numbers[option]) for _ in range(REPEATS)) for option in options}
