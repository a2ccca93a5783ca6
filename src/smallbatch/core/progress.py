"""The progress of a job: a bar on a terminal, plain lines elsewhere, and a small file that the
workflow's progress bar reads."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smallbatch.core.atomic import write_atomically

if TYPE_CHECKING:
    from rich.progress import Progress


class JobProgress:
    """Counts the points and images of one job and writes them to `path`, at most twice a second.

    The file has the keys ``points`` (of the job), ``done`` (points so far; one in training counts
    in part), ``images`` (training images so far), ``resumed`` (images that an earlier attempt
    trained on), and three times in seconds since 1970: ``started`` (start of the job), ``training``
    (start of the first block; None before it) and ``updated`` (time of writing).
    """

    def __init__(self, path: Path, points: int):
        self.path, self.points = path, points
        self.done, self.images, self.resumed = 0.0, 0, 0
        self.started, self.written = time.time(), 0.0
        self.training: float | None = None
        self.bar: Progress | None = None

    def __enter__(self) -> "JobProgress":
        if sys.stderr.isatty():
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            texts = "{task.completed:,.0f} of {task.total:,} points", "{task.fields[rate]}"
            columns = (BarColumn(), *(TextColumn(text) for text in texts), TimeRemainingColumn())
            self.bar = Progress(*columns, transient=True)
            self.task = self.bar.add_task("", total=self.points, rate="")
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._write(self.done, self.images)
        if self.bar:
            self.bar.stop()

    def say(self, text: str) -> None:
        """Print a line of the log, above the bar."""
        if self.bar:
            self.bar.console.print(text, highlight=False)
        else:
            print(text, flush=True)

    def skip(self, points: int, images: int = 0) -> None:
        """Count points as done: points in the store, or a block that has finished training."""
        self.done += points
        self.images += images
        self.update(0.0, 0)

    def begin_block(self, resumed: int = 0) -> None:
        """Start a block, or resume one that had trained on `resumed` images when interrupted.

        These images, and the time before the first block (such as compilation), are excluded from
        the rate.
        """
        self.training = self.training or time.time()
        self.resumed += resumed

    def update(self, points: float, images: int) -> None:
        """Show the current block's `points` (possibly a fraction) and `images` in addition to those
        already done."""
        if time.time() - self.written > 0.5:
            self._write(self.done + points, self.images + images)

    def _write(self, done: float, images: int) -> None:
        self.written = time.time()
        state = {
            "points": self.points,
            "done": done,
            "images": images,
            "resumed": self.resumed,
            "started": self.started,
            "training": self.training,
            "updated": self.written,
        }
        # Not synced: written often, and not needed after a power failure.
        with write_atomically(self.path, sync=False) as temporary:
            temporary.write_text(json.dumps(state), encoding="utf-8")
        if self.bar:
            rate = max(0, images - self.resumed) / max(
                self.written - (self.training or self.started), 1e-9
            )
            self.bar.update(self.task, completed=done, rate=f"{rate:,.0f} images/s")


# Points and training images of the planned jobs that have not run: {job: (points, images)}.
# `workflow/snakefile.py` fills it when the workflow plans; the bar in the same process reads it.
expected: dict[str, tuple[int, int]] = {}


def read_progress(folder: Path, since: float) -> dict[str, dict]:
    """The states of the expected jobs in `folder` that started after `since`, by job."""
    states = {}
    for job in expected:
        try:
            state = json.loads((folder / f"{job}.progress").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # not started, or being replaced
        if state["started"] >= since:
            states[job] = state
    return states


def status_line(states: dict[str, dict], jobs: tuple[int, int], doing: str, now: float) -> str:
    """``640 of 1,840 points · 95,000 images/s · about 2 min 10 s left · job 7 of 24 · train ×2``.

    The time left covers training only: the remaining images at the rate so far.
    """
    parts = []
    points, images = (sum(job[i] for job in expected.values()) for i in (0, 1))
    done = sum(state["done"] for state in states.values())
    seen = sum(state["images"] - state["resumed"] for state in states.values())
    if points and states and done < points:
        parts.append(f"{done:,.0f} of {points:,} points")
        seconds = now - min(
            (state["training"] for state in states.values() if state["training"]), default=now
        )
        if seen > 0 and seconds > 3:
            rate = seen / seconds
            # A finished job counts in full: its stored points needed no images.
            left = images - sum(
                max(s["images"], expected[j][1] * s["done"] / max(s["points"], 1))
                for j, s in states.items()
            )
            parts += [f"{rate:,.0f} images/s", f"about {duration(max(left, 0) / rate)} left"]
    parts.append(f"job {min(jobs[0] + 1, jobs[1])} of {jobs[1]}" if jobs[1] else "starting")
    return " · ".join([*parts, doing] if doing else parts)


def duration(seconds: float) -> str:
    """``45 s``, ``2 min 10 s``, ``3 h 20 min``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
