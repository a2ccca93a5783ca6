"""The progress of a job: a bar on a terminal, lines elsewhere, and a small file that the workflow's
bar reads."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smallbatch.core.atomic import write_atomically

if TYPE_CHECKING:
    from rich.progress import Progress


class JobProgress:
    """Counts points and images of one job. `path` is rewritten at most twice a second with

    ``{"points", "done", "images", "resumed", "started", "training", "updated"}``: points of the
    job, done so far (training ones in parts), training images so far, those of them that an earlier
    attempt trained, and times in seconds since 1970: of the job's start, of the first block's (None
    before it) and of this state.
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
        """A line for the log, above the bar."""
        if self.bar:
            self.bar.console.print(text, highlight=False)
        else:
            print(text, flush=True)

    def skip(self, points: int, images: int = 0) -> None:
        """Count points as done: stored ones, and a block that has been trained."""
        self.done += points
        self.images += images
        self.update(0.0, 0)

    def begin_block(self, resumed: int = 0) -> None:
        """A block begins to train, or goes on after training on `resumed` images before it was
        interrupted.

        Those, and what comes before the first block (compiling, say), tell nothing of the speed.
        """
        self.training = self.training or time.time()
        self.resumed += resumed

    def update(self, points: float, images: int) -> None:
        """Show `points` (in parts) and `images` of the block that is training beside what is
        done."""
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
        with write_atomically(
            self.path, sync=False
        ) as temporary:  # often, and of no use after a power cut
            temporary.write_text(json.dumps(state), encoding="utf-8")
        if self.bar:
            rate = max(0, images - self.resumed) / max(
                self.written - (self.training or self.started), 1e-9
            )
            self.bar.update(self.task, completed=done, rate=f"{rate:,.0f} images/s")


# Points and training images of the planned jobs that have not run: {job: (points, images)}. Filled
# where the workflow plans (`workflow/snakefile.py`), read by the bar in the same process.
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

    The time left is that of the training: images to go at the rate so far.
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
            # Jobs that are done count whole: points that were stored needed no images.
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
