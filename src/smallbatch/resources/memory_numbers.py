"""The numbers for the prediction of memory, for the networks of a study: traced once, then cached.

Tracing takes several seconds in a process with torch, the first time that a new model or new
training code is planned.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from smallbatch.core import provenance
from smallbatch.core.identity import digest
from smallbatch.core.records import Networks, StudyConfig
from smallbatch.core.syntax import read_syntax
from smallbatch.core.user_cache import remember, remembered
from smallbatch.training.optimizers.kinds import optimizer_kind

SECONDS = 120


def footprints(
    config: StudyConfig,
    settings: set[tuple[str, int | None]],
    code: str,
    folder: str | None,
    trace: bool = True,
) -> Networks:
    """The numbers of `memory_model.py` for each (norm, BN batch size) of `settings`; None if they
    cannot be measured, or are not cached and `trace` is false.

    `code` is the digest of the training code and the model. Failures are neither cached nor
    reported: the job that trains the network reports its error.
    """
    dataset, tracer = (
        config["dataset"],
        read_syntax(Path(__file__).with_name("memory_trace.py")).digest,
    )
    about = {"model": config["model"], "shape": dataset["shape"], "classes": dataset["classes"]}
    # Conditions of `choose.py` for the compiled step.
    about["compiled"] = optimizer_kind(config["optimizer"]).compiled and not config["precision"]
    versions = provenance.versions("torch", "numpy")
    asked = {key: about | {"norm": key[0], "bn_batch_size": key[1]} for key in settings}
    names = {
        key: f"footprints/{digest([one, code, tracer, versions])}" for key, one in asked.items()
    }
    found = {key: remembered(name) for key, name in names.items()}
    missing = sorted((key for key in found if found[key] is None), key=str)
    if missing and trace:
        traced = _traced([asked[key] for key in missing], folder)
        for key, numbers in zip(missing, traced, strict=True):
            found[key] = numbers
            if numbers:
                remember(names[key], numbers)
    return found


def _traced(settings: list[dict], folder: str | None) -> list[dict | None]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "smallbatch.resources.memory_trace"],
            input=json.dumps({"folder": folder, "settings": settings}),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        found = []
    return found if len(found) == len(settings) else [None] * len(settings)
