"""Train the points of a fleet that a job lacks: store them block by block, log long ones while they
train."""

import functools
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smallbatch.core import identity, provenance
from smallbatch.core.errors import Stopped, UserError
from smallbatch.core.progress import JobProgress
from smallbatch.core.records import (
    Fleet,
    Job,
    JobFleet,
    LoggedPoint,
    NetworkBytes,
    Outcome,
    Point,
    Summary,
)
from smallbatch.core.user_folder import user_folder
from smallbatch.jobs.sigterm import sigterm_noted
from smallbatch.resources import memory_limit
from smallbatch.resources.memory_model import MARGIN, WIDEST, fitting, options, peak
from smallbatch.schedules.course import largest_step
from smallbatch.storage import schemas, store
from smallbatch.training import checkpoint
from smallbatch.training.engines.limits import piece_of

if TYPE_CHECKING:
    from torch import device as Device

    from smallbatch.training.history import ReplicaHistory

# Of a fleet, what a row of its tables holds as JSON.
SETTINGS = ("model", "augmentation", "optimizer", "schedule", "precision")
LIVE_SECONDS = 60  # between two loggings of points that are still training


@dataclass
class Done:
    """What a job has done so far. It is filled while fleets train, so that one that fails loses
    nothing."""

    trained: list[LoggedPoint] = field(default_factory=list)
    # MB, of each fleet that trained; None if unknown
    predicted: list[float | None] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # a sentence for each fleet that failed
    stopped: bool = False  # by SIGTERM


class FleetRun:
    """The training of the points `missing` (η̃ and seed -> digest) of one fleet of a job."""

    def __init__(
        self,
        job: Job,
        entry: JobFleet,
        missing: dict[Point, str],
        numbers: NetworkBytes | None,
        results: Path,
        progress: JobProgress,
        done: Done,
    ):
        self.job, self.entry, self.missing, self.numbers = job, entry, missing, numbers
        self.results, self.progress, self.done = results, progress, done
        self.fleet = entry["fleet"]
        self.slug = identity.fleet_slug(self.fleet)
        self.folder = results / "store" / self.slug / job["code"]  # of checkpoints
        # Of the study, which may call fleets otherwise than the study that trained them.
        self.names: Summary = {"budget": entry["budget"], "schedule": entry["schedule"]}
        self.logged = time.monotonic()

    def train(self) -> None:
        """Train the points and store them; raises UserError, and Stopped after SIGTERM."""
        _refuse_other_code(self.job, self.fleet)
        user_folder(self.job["folder"])
        # Importing torch takes 1.6 s: only a job that trains pays for it.
        from smallbatch.data.read import read
        from smallbatch.training.engines.device import hardware, place
        from smallbatch.training.fleet import set_up, train_fleet

        set_up()
        device = place(
            self.job["device"], self.job["resources"]["gpu"], self.fleet.get("precision"), self.say
        )
        common = common_columns(self.job, self.fleet, hardware(device))
        most = self.replicas_at_once(device)
        data = read(self.results / "data" / self.job["data"]).to(device)

        on_epoch_end = functools.partial(self.on_epoch_end, common)
        with sigterm_noted() as stopping:
            checkpoints = functools.partial(self.checkpoints, common, device.type, stopping)
            blocks = train_fleet(
                data, self.fleet, list(self.missing), self.say, on_epoch_end, checkpoints, most
            )
            for block, outcomes in blocks:
                self.store(common, block, outcomes)
            # SIGTERM may come when no more updates follow: what is trained is stored, and the job
            # ends all the same.
            if stopping():
                raise Stopped

    def say(self, text: str) -> None:
        """A line for the log."""
        self.progress.say(f"{self.slug}: {text}")

    def replicas_at_once(self, device: "Device") -> int | None:
        """How many replicas memory holds, None if that isn't known; notes the predicted peak."""
        if not self.numbers or device.type != "cpu":
            self.done.predicted.append(None)
            return None
        most, megabytes = room(self.job, self.fleet, list(self.missing), self.numbers)
        if most < WIDEST:
            self.say(f"memory holds {most} replicas at once")
        self.done.predicted.append(megabytes)
        return most

    def on_epoch_end(
        self, common: Summary, block: list[Point], replicas: list["ReplicaHistory"], share: float
    ) -> None:
        """Show the progress of a block, and log its points from time to time."""
        self.progress.update(len(block) * share, sum(replica.examples for replica in replicas))
        if time.monotonic() - self.logged > LIVE_SECONDS:
            running: Summary = {"status": "training", "engine": None}
            # Replicas beyond the block's points are padding.
            live = [
                (self.summary(common, point, running | self.names), replica.history)
                for point, replica in zip(block, replicas, strict=False)
            ]
            track(self.job, live, self.results, live=True)
            self.logged = time.monotonic()

    def checkpoints(
        self,
        common: Summary,
        device: str,
        stopping: Callable[[], bool],
        block: list[Point],
        engine: str,
    ) -> checkpoint.CheckpointPolicy:
        """The checkpoint of a block, whose identity is all that its bits depend on."""
        points = [self.missing[point] for point in block]
        own = {"points": points, "engine": engine, "device": device}
        whose = own | {key: common[key] for key in ("fleet", "code", "data", "versions")}
        path, seconds = checkpoint.path_of(self.folder, points), self.job["checkpoint_seconds"]
        policy = checkpoint.policy_of(path, whose, seconds, stopping, self.say)
        replicas = policy.saved[0]["replicas"] if policy.saved else []
        self.progress.begin_block(sum(replica["examples"] for replica in replicas))
        return policy

    def store(self, common: Summary, block: list[Point], outcomes: list[Outcome]) -> None:
        """Store the points of a block; then nobody needs its checkpoint."""
        rows: dict[str, list] = {name: [] for name in schemas.TABLES}
        flops = self.numbers["separate"].get("flops") if self.numbers else None
        for point, outcome in zip(block, outcomes, strict=True):
            digest = self.missing[point]
            summary = self.summary(common, point, outcome["summary"])
            summary["flops"] = flops and flops * summary["examples"]
            rows["summary"].append(summary)
            rows["history"] += [{"point": digest, **row} for row in outcome["history"]]
            rows["correct"].append({"point": digest, "correct": outcome["correct"]})
            self.done.trained.append((summary | self.names, outcome["history"]))
        tables = {name: store.from_rows(name, rows[name]) for name in schemas.TABLES}
        store.add(self.results / "store", self.fleet, self.job["code"], tables)
        self.progress.skip(len(block), sum(row["examples"] for row in rows["summary"]))
        checkpoint.path_of(self.folder, [self.missing[point] for point in block]).unlink(
            missing_ok=True
        )

    def summary(self, common: Summary, point: Point, outcome: Summary) -> Summary:
        """A point's row, from what all of its fleet share, what it is and what it came to."""
        base_lr, seed = point
        own: Summary = {
            "point": self.missing[point],
            "base_lr": base_lr,
            "lr": base_lr * self.fleet["batch_size"],
            "seed": seed,
        }
        return common | own | outcome


def common_columns(job: Job, fleet: Fleet, processor: str) -> Summary:
    """Columns that are the same for all points of a fleet that a job trains."""
    settings = {key: value for key, value in fleet.items() if key in SETTINGS}
    return {
        "dataset": fleet["dataset"]["name"],
        "model": fleet["model"]["name"],
        "augmentation": fleet["augmentation"]["name"] if "augmentation" in fleet else "none",
        "optimizer": fleet["optimizer"]["name"],
        "batch_size": fleet["batch_size"],
        "norm": fleet["norm"],
        "bn_batch_size": fleet.get("bn_batch_size"),
        "updates_planned": fleet["updates"],
        "fleet": identity.fleet_slug(fleet),
        "code": job["code"],
        "data": job["data"],
        "settings": identity.canonical(settings).decode(),
        "commit": provenance.commit(),
        "versions": provenance.versions("torch", "numpy"),
        "processor": processor,
    }


def room(job: Job, fleet: Fleet, points: list[Point], numbers: NetworkBytes) -> tuple[int, float]:
    """How many replicas of a fleet may train at once in the memory that there is, and the peak in
    MB; raises UserError."""
    from smallbatch.training.engines.choose import settled

    tracked, compiling = bool(job["tracking"]), "compiled" in numbers and _compiling()
    predicted = functools.partial(
        peak, numbers, fleet, points, tracked=tracked, compiling=compiling
    )
    limit, says = memory_limit.limit(job["resources"]["limit_mb"])
    most = fitting(numbers, fleet, points, limit, tracked, compiling)
    if not most:
        need = math.ceil(predicted(1))
        enough = math.ceil(MARGIN * need)
        smaller, larger = (
            "choose a smaller network or batch size (grid.batch_size)",
            f"set training.mem_mb={enough}",
        )
        raise UserError(
            f"training.mem_mb: batch size {fleet['batch_size']} needs some {need:,} MB for a single replica, "
            f"but {says} allows {limit:,.0f} MB; {smaller if says == 'this machine' else larger}"
        )
    at_once = piece_of(largest_step(fleet), fleet.get("bn_batch_size"))
    ways, dataset = options(numbers, at_once, most), fleet["dataset"]
    chosen = settled(ways, fleet, dataset["shape"], dataset["classes"], provenance.processor())
    return most, predicted(most, chosen)


def _compiling() -> bool:
    try:
        from smallbatch.training.engines.compiled.ready import stamp

        return not stamp().exists()
    except Exception:  # Numba missing or unfit
        return False


def track(job: Job, points: list[LoggedPoint], results: Path, live: bool = False) -> None:
    """Log points to the study's experiment; failures are reported, and `snakemake track` logs the
    points later."""
    tracking = job["tracking"]
    if not tracking or not points:
        return
    from smallbatch.tracking.runs import TrackingError, log_points

    try:
        log_points(tracking, tracking["study"], points, results, live)
    except TrackingError as error:
        print(f"warning: not tracked: {error}", file=sys.stderr, flush=True)
    except Exception as error:  # whatever a server or its client does, the job's tables are written
        print(f"warning: not tracked: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _refuse_other_code(job: Job, fleet: Fleet) -> None:
    from smallbatch.core.source import code_digest
    from smallbatch.core.targets import targets_of

    now = code_digest(targets_of(fleet["model"], fleet["dataset"]), job["folder"])
    if now != job["code"]:
        raise UserError(
            f"the training code is {now}, but this job was planned with {job['code']}; "
            "run snakemake again, which plans it anew (accept_code=[...] keeps results of older code)"
        )
