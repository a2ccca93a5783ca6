"""A copy of the repository to run the workflow in, as a user would, without touching the real
one."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import warm

REPOSITORY = Path(__file__).parents[1]
PARTS = ("src", "workflow", "conf", "environment.yml", "requirements.lock")


@dataclass
class Checkout:
    """A copy of the repository's code with its own results."""

    root: Path

    def command(self, *arguments: str, study: str = "tiny", **config: str) -> list[str]:
        settings = [f"study={study}", f"conf={REPOSITORY / 'tests' / 'conf'}"]
        given = {key: f"{key}={value}" for key, value in config.items()}
        settings = [setting for setting in settings if setting.partition("=")[0] not in given]
        return [snakemake(), "--cores", "2", *arguments, "--config", *settings, *given.values()]

    def snakemake(self, *arguments: str, check: bool = True, **config: str) -> "Run":
        return self.forked(self.command(*arguments, **config), check)

    def forked(self, command: list[str], check: bool = True) -> "Run":
        """Run Snakemake, which like its jobs need not import what they need (`warm`); `run` starts
        what a user does."""
        run = Run(*warm.run(["snakemake", *command[1:]], self.root, self.environment))
        return run.checked(command) if check else run

    def module(self, *arguments: str, check: bool = True) -> "Run":
        """Run ``python -m ARGUMENTS``."""
        command = ["python", "-m", *arguments]
        run = Run(*warm.run(command, self.root, self.environment))
        return run.checked(command) if check else run

    def python(self, *arguments: str, check: bool = True) -> "Run":
        """Run Python from its start."""
        return self.run([sys.executable, *arguments], check)

    def run(self, command: list[str], check: bool = True) -> "Run":
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=warm.SECONDS,
        )
        run = Run(done.returncode, done.stdout + done.stderr)
        return run.checked(command) if check else run

    @property
    def environment(self) -> dict:
        return os.environ | {"PYTHONPATH": str(self.root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}

    def copy(self, target: Path) -> "Checkout":
        shutil.copytree(self.root, target, symlinks=True)
        return Checkout(target)

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    @property
    def results(self) -> Path:
        return self.root / "results"


@dataclass
class Run:
    status: int
    output: str

    def checked(self, command: list[str]) -> "Run":
        """Itself; raises AssertionError if the command failed."""
        if self.status:
            raise AssertionError(f"{' '.join(command)}\n{self.output}")
        return self

    @property
    def trained(self) -> int:
        """The number of points trained in a run of the workflow."""
        found = re.search(r"([\d,]+) points? trained in", self.output)
        return int(found[1].replace(",", "")) if found else 0

    @property
    def jobs(self) -> dict[str, int]:
        """The workflow's own count of jobs per rule; empty when nothing had to be done."""
        table = self.output.partition("Job stats:")[2].partition("total")[0]
        return {name: int(count) for name, count in re.findall(r"^([a-z_]+) +(\d+)$", table, re.M)}

    @property
    def error(self) -> str:
        """The sentence after ``error:``."""
        lines = [line for line in self.output.splitlines() if line.startswith("error: ")]
        return lines[0] if lines else ""


def wait_for(url: str) -> None:
    """Until a server answers; raises TimeoutError after a minute."""
    for _ in range(120):
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)


def snakemake() -> str:
    return str(Path(sys.executable).with_name("snakemake"))


def new_checkout(root: Path) -> Checkout:
    """A copy of the code, with the bytecode that lies beside it: Python takes it where size and age
    of a file are the same."""
    root.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(
                source, root / part, ignore=shutil.ignore_patterns("*.egg-info", "*.pyc.*")
            )
        else:
            shutil.copy2(source, root / part)
    return Checkout(root)
