"""The progress of a job: a bar on a terminal, lines elsewhere, and a small file that the workflow's bar reads."""

import json
import os
import sys
import time
from pathlib import Path


class JobProgress:
    """Counts points and images of one job. `path` is rewritten at most twice a second with

    ``{"points", "done", "images", "started", "updated"}``: points of the job, done so far (training ones in
    parts), training images so far, and times in seconds since 1970.
    """

    def __init__(self, path: Path, points: int):
        self.path, self.points = path, points
        self.done, self.images = 0.0, 0
        self.started, self.written = time.time(), 0.0
        self.bar = None

    def __enter__(self) -> "JobProgress":
        if sys.stderr.isatty():
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            texts = "{task.completed:,.0f} of {task.total:,} points", "{task.fields[rate]}"
            columns = (BarColumn(), *(TextColumn(text) for text in texts), TimeRemainingColumn())
            self.bar = Progress(*columns, transient=True)
            self.task = self.bar.add_task("", total=self.points, rate="")
            self.bar.start()
        return self

    def __exit__(self, *_) -> None:
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

    def update(self, points: float, images: int) -> None:
        """Show `points` (in parts) and `images` of the block that is training beside what is done."""
        if time.time() - self.written > 0.5:
            self._write(self.done + points, self.images + images)

    def _write(self, done: float, images: int) -> None:
        self.written = time.time()
        state = {
            "points": self.points,
            "done": done,
            "images": images,
            "started": self.started,
            "updated": self.written,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".writing")
        aside.write_text(json.dumps(state))
        os.replace(aside, self.path)
        if self.bar:
            rate = images / max(self.written - self.started, 1e-9)
            self.bar.update(self.task, completed=done, rate=f"{rate:,.0f} images/s")


def read_progress(folder: Path, since: float) -> list[dict]:
    """The states of the jobs in `folder` that started after `since`."""
    states = []
    for path in folder.glob("*.progress"):
        try:
            state = json.loads(path.read_text())
        except (OSError, ValueError):
            continue  # being replaced
        if state["started"] >= since:
            states.append(state)
    return states
