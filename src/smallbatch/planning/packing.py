"""Pack fleets into jobs, estimate their resources, and name them."""

import math
from typing import Any

from smallbatch.core.identity import count, points_of
from smallbatch.core.records import (
    JobContent,
    JobFleet,
    NetworkBytes,
    PointBlock,
    Resources,
    StudyConfig,
)
from smallbatch.resources.memory_model import MARGIN, peak
from smallbatch.schedules.course import is_adaptive, phases_of

ROUND = 3  # cost of a block of examples with per-example moments, relative to one without


def seconds_estimate(entry: JobFleet, images_per_second: float) -> float:
    """Rough cost of a fleet on one core, with an overhead per update; used for packing and
    resources."""
    fleet = entry["fleet"]
    m = fleet["batch_size"]
    images = (
        phases_of(fleet)[-1].end * count(entry["points"]) * (ROUND if is_adaptive(fleet) else 1)
    )
    return images / images_per_second * (1 + 1 / m)


def resources(
    job: JobContent, training: dict[str, Any], numbers: list[NetworkBytes | None]
) -> Resources:
    """The resources that a job requests: ``{"seconds", "mem_mb", "runtime" (minutes), "gpu",
    "limit_mb", "networks"}``.

    ``seconds`` is an estimate, used to run the longest job first. ``runtime`` is ten minutes plus
    ten times the estimate. A study's ``training.mem_mb`` and ``training.runtime`` override both.

    Memory is predicted from `numbers`, those of each fleet's network (`resources/memory_model.py`),
    for any engine that the job could choose and with a margin, as if the compiled step were not in
    the cache yet. If a network's numbers are unknown, ``mem_mb`` is 1,500 MB plus 60 copies of the
    data in single precision. ``limit_mb`` is the study's ``training.mem_mb``, ``networks`` are
    `numbers`.
    """
    seconds = sum(seconds_estimate(entry, training["images_per_second"]) for entry in job["fleets"])
    tracked = bool(job["tracking"])
    predicted = [
        peak(one, entry["fleet"], points_of(entry["points"]), tracked=tracked, compiling=True)
        for entry, one in zip(job["fleets"], numbers, strict=True)
        if one
    ]
    if len(predicted) == len(numbers):
        megabytes = math.ceil(MARGIN * max(predicted))
    else:
        dataset = job["fleets"][0]["fleet"]["dataset"]
        megabytes = math.ceil(
            1500 + 60 * 4e-6 * sum(dataset["sizes"].values()) * math.prod(dataset["shape"])
        )
    return {
        "seconds": math.ceil(seconds),
        "mem_mb": training["mem_mb"] or megabytes,
        "runtime": training["runtime"] or math.ceil(10 + 10 * seconds / 60),
        "gpu": training["gpus"],
        "limit_mb": training["mem_mb"],
        "networks": numbers,
    }


def pack(fleets: list[JobFleet], training: dict[str, Any]) -> list[list[JobFleet]]:
    """Pack fleets into jobs of about ``job_seconds``: long fleets are split by seeds, short ones
    share a job.

    First-fit decreasing, so that jobs have similar lengths.
    """
    limit, parts = training["job_seconds"], []
    for entry in fleets:
        cost = seconds_estimate(entry, training["images_per_second"])
        pieces = _split(entry, min(max(1, math.ceil(cost / limit)), _most_seeds(entry)))
        parts += [(cost / len(pieces), piece) for piece in pieces]
    jobs: list[tuple[float, list[JobFleet]]] = []
    for cost, part in sorted(parts, key=lambda pair: -pair[0]):
        for i, (filled, job) in enumerate(jobs):
            if filled + cost <= limit:
                jobs[i] = (filled + cost, [*job, part])
                break
        else:
            jobs.append((cost, [part]))
    return [job for _, job in jobs]


def _most_seeds(entry: JobFleet) -> int:
    return max(len(block["seeds"]) for block in entry["points"])


def _split(entry: JobFleet, parts: int) -> list[JobFleet]:
    """Split a fleet into `parts` with similar numbers of seeds."""
    pieces: list[list[PointBlock]] = [
        [
            {"base_lr": block["base_lr"], "seeds": block["seeds"][i::parts]}
            for block in entry["points"]
        ]
        for i in range(parts)
    ]
    return [{**entry, "points": [block for block in piece if block["seeds"]]} for piece in pieces]


def job_slug(config: StudyConfig, pieces: list[JobFleet]) -> str:
    """A readable name for a job of these fleets."""
    sizes = sorted({piece["fleet"]["batch_size"] for piece in pieces})
    norms = sorted({piece["fleet"]["norm"] for piece in pieces})
    span = f"m{sizes[0]}" if len(sizes) == 1 else f"m{sizes[0]}to{sizes[-1]}"
    return f"{config['dataset']['name']}-{config['model']['name']}-{span}-{'-'.join(norms)}"
