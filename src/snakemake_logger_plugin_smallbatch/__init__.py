"""What a run of the workflow shows: a live bar on a terminal, plain lines elsewhere (``--logger
smallbatch``).

Snakemake finds this package by its name. Errors, warnings, the table of jobs and whole dry runs are
shown as Snakemake words them; its complete log is in ``.snakemake/log/`` as always.
"""

import atexit
import sys
import threading
import time
from collections import Counter
from logging import WARNING
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from smallbatch.core.progress import expected, read_progress, status_line
from smallbatch.workflow.failures import Failure, sentences
from smallbatch.workflow.settings import stray_word

LOGS = Path("results/logs/train")
SHOWN = {LogEvent.RUN_INFO, LogEvent.ERROR, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR}
KEPT = (
    "Nothing to be done",
    "Complete log",
    "Congratulations",
    "Creating report",
    "Report created",
    "Unlocking",
)
LAST = "WorkflowError:\nAt least one job did not complete successfully"  # what Snakemake says at the end of a failed run
# What it says of a failed job beside the job itself and its log; the sentences at the end say more.
NOISE = ("RuleException:\nCalledProcessError", "Exiting because a job execution failed", LAST)
SECONDS = 0.5  # between two looks at the jobs' progress
LINE_SECONDS = 10  # between two lines where there is no terminal

# Snakemake imports this before it reads its command line, and ends with a traceback there.
if Path(sys.argv[0]).name == "snakemake" and (_stray := stray_word(sys.argv[1:])):
    print(
        f"error: --config {_stray}: every word behind --config is a setting; write a target before it: "
        f"snakemake {_stray} --config ...",
        file=sys.stderr,
        flush=True,
    )
    sys.exit(1)


class LogHandler(LogHandlerBase):
    def __post_init__(self) -> None:
        self.began = time.time()
        self.running: dict[int, str] = {}  # job id -> rule
        self.failed: list[Failure] = []
        self.jobs = (0, 0)  # done, all
        self.stop = threading.Event()
        self.watcher: threading.Thread | None = None
        # A dry run is for reading, so it goes to standard output, whole.
        self.console = Console(
            file=sys.stdout if self.common_settings.dryrun else sys.stderr,
            highlight=False,
            soft_wrap=True,
        )
        atexit.register(self.finish)

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def emit(self, record: Any) -> None:
        try:
            self._emit(record)
        except Exception:  # logging must never end a run (logging's own rule)
            self.handleError(record)

    def _emit(self, record: Any) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self.running[record.jobid] = record.rule_name
        elif event in (LogEvent.JOB_FINISHED, LogEvent.JOB_ERROR):
            self.running.pop(getattr(record, "job_id", getattr(record, "jobid", -1)), None)
        if event == LogEvent.JOB_ERROR:
            self.failed.append(
                Failure(
                    record.rule_name, next(iter(record.output), ""), next(iter(record.log), None)
                )
            )
        elif event == LogEvent.PROGRESS:
            self.jobs = record.done, record.total
        elif event == LogEvent.RUN_INFO and not self.common_settings.dryrun:
            self._watch()
        if self._shown(event, record):
            text = self.format(record)
            if text and text != "None":
                self.console.print(text, markup=False)
        if event == LogEvent.PROGRESS and record.done == record.total:
            self.finish()
        if self.failed and str(record.msg).startswith(LAST):
            self.finish()
            for sentence in sentences(self.failed):
                self.console.print(sentence, markup=False)

    def _shown(self, event: LogEvent | None, record: Any) -> bool:
        settings = self.common_settings
        if settings.dryrun or settings.verbose or settings.printshellcmds:
            return True
        if str(record.msg).startswith(NOISE):
            return False
        if event is None:
            return record.levelno >= WARNING or str(record.msg).startswith(KEPT)
        return event in SHOWN

    def _watch(self) -> None:
        if self.watcher is None:
            target = self._bar if self.console.is_terminal else self._lines
            self.watcher = threading.Thread(target=target, daemon=True)
            self.watcher.start()

    def finish(self) -> None:
        """Take the bar away; called at the last job, and at exit after an error."""
        self.stop.set()
        if self.watcher is not None and self.watcher is not threading.current_thread():
            self.watcher.join(timeout=2)

    def close(self) -> None:
        self.finish()
        super().close()

    def _status(self) -> tuple[str, float, float]:
        doing = ", ".join(
            f"{rule} ×{n}" if n > 1 else rule for rule, n in Counter(self.running.values()).items()
        )
        states = read_progress(LOGS, self.began)
        done, total = (
            sum(state["images"] for state in states.values()),
            sum(images for _, images in expected.values()),
        )
        return status_line(states, self.jobs, doing, time.time()), done, total

    def _bar(self) -> None:
        columns = (BarColumn(bar_width=30), TextColumn("{task.description}"))
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task("", total=1)
            while not self.stop.wait(SECONDS):
                text, done, total = self._status()
                # Training is the long part; without it the jobs themselves are counted.
                part = (done, total) if total and done < total else self.jobs
                bar.update(task, description=text, completed=part[0], total=max(part[1], 1))

    def _lines(self) -> None:
        last, said = "", 0.0
        while not self.stop.wait(SECONDS):
            text = self._status()[0]
            if text != last and time.time() - said > LINE_SECONDS:
                self.console.print(f"[{time.strftime('%H:%M:%S')}] {text}", markup=False)
                last, said = text, time.time()
