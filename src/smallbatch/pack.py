"""Fleets -> jobs: what shares a process, what a job may ask for, and what it is called."""

import math

from smallbatch.points import count


def seconds_estimate(entry: dict, images_per_second: float) -> float:
    """Rough cost of a fleet on one core, for packing alone, with some overhead per update."""
    shared = entry["fleet"]
    m = shared["batch_size"]
    images = shared["updates"] * m * count(entry["points"])
    return images / images_per_second * (1 + 1 / m)


def upper_bounds(job: dict, training: dict) -> dict:
    """What a job may ask a scheduler for: ``{"seconds", "mem_mb", "runtime" (minutes), "gpu"}``.

    ``seconds`` is the estimate, by which the longest job goes first; the rest are stated bounds, not predictions.

    Memory: 1,500 MB for Python and torch, and 60 copies of the data in single precision beside it (activations
    of the widest block, evaluation). Time: ten minutes, and ten times the estimate. A study's `training` says
    otherwise with ``mem_mb`` and ``runtime``.
    """
    dataset = job["fleets"][0]["fleet"]["dataset"]
    megabytes = 4e-6 * sum(dataset["sizes"].values()) * math.prod(dataset["shape"])
    seconds = sum(seconds_estimate(entry, training["images_per_second"]) for entry in job["fleets"])
    return {
        "seconds": math.ceil(seconds),
        "mem_mb": training["mem_mb"] or math.ceil(1500 + 60 * megabytes),
        "runtime": training["runtime"] or math.ceil(10 + 10 * seconds / 60),
        "gpu": training["gpus"],
    }


def pack(fleets: list[dict], training: dict) -> list[list[dict]]:
    """Fleets into jobs of about ``job_seconds``: long ones are split by seeds, short ones share a job.

    First fit, the longest first, so that jobs are about as long as each other.
    """
    limit, parts = training["job_seconds"], []
    for entry in fleets:
        cost = seconds_estimate(entry, training["images_per_second"])
        pieces = _split(entry, min(max(1, math.ceil(cost / limit)), _most_seeds(entry)))
        parts += [(cost / len(pieces), piece) for piece in pieces]
    jobs: list[tuple[float, list[dict]]] = []
    for cost, part in sorted(parts, key=lambda pair: -pair[0]):
        for i, (filled, job) in enumerate(jobs):
            if filled + cost <= limit:
                jobs[i] = (filled + cost, [*job, part])
                break
        else:
            jobs.append((cost, [part]))
    return [job for _, job in jobs]


def _most_seeds(entry: dict) -> int:
    return max(len(block["seeds"]) for block in entry["points"])


def _split(entry: dict, parts: int) -> list[dict]:
    """`parts` fleets with about as many seeds each."""
    pieces = [[{**block, "seeds": block["seeds"][i::parts]} for block in entry["points"]] for i in range(parts)]
    return [entry | {"points": [block for block in piece if block["seeds"]]} for piece in pieces]


def job_slug(config: dict, pieces: list[dict]) -> str:
    sizes = sorted({piece["fleet"]["batch_size"] for piece in pieces})
    norms = sorted({piece["fleet"]["norm"] for piece in pieces})
    span = f"m{sizes[0]}" if len(sizes) == 1 else f"m{sizes[0]}to{sizes[-1]}"
    return f"{config['dataset']['name']}-{config['model']['name']}-{span}-{'-'.join(norms)}"
