"""A throw-away Slurm on loopback, without systemd: munged, slurmctld and two slurmd, all in one
folder."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
}
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct")
NODES, CPUS = 2, 2

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthInfo=socket={munge},cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
ReturnToService=2
KillWait=2
UnkillableStepTimeout=600
MinJobAge=3600
DefMemPerCPU=100
AccountingStorageType=accounting_storage/none
AccountingStoragePass={munge}
PartitionName=main Nodes=ALL Default=YES DefaultTime=10
"""


def missing() -> str | None:
    """The apt line that installs what a Slurm needs, or None if it is all there."""
    packages = sorted(
        {
            package
            for program, package in PROGRAMS.items()
            if not shutil.which(program, path=_path())
        }
    )
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}" if packages else None


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


class Slurm:
    """Starts in `with`, and leaves no process behind."""

    def __init__(self, folder: Path, port: int = 17300):
        self.folder, self.port = folder, port
        self.bin = folder / "bin"

    @property
    def environment(self) -> dict:
        """The clients of this Slurm come first in PATH."""
        return os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.bin}:{_path()}",
        }

    def __enter__(self) -> "Slurm":
        for name in ("munge", "state", "spool", "log", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for folder in (
            self.folder,
            *self.folder.parents,
        ):  # munge refuses a socket in a folder that others can't enter
            if folder != Path("/") and folder.stat().st_mode & 0o755 != 0o755:
                folder.chmod(0o755)
        self._configure()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _configure(self) -> None:
        host, munge = socket.gethostname().partition(".")[0], self.folder / "munge" / "socket"
        text = CONFIGURATION.format(host=host, port=self.port, munge=munge, folder=self.folder)
        for i in range(1, NODES + 1):
            text += (
                f"NodeName=n{i} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.port + i} CPUs={CPUS} "
                f"RealMemory={CPUS * 4000} State=UNKNOWN\n"
            )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        # Snakemake's job step drops SLURM_CONF from its environment: these clients bring it along.
        for client in CLIENTS:
            path = self.bin / client
            path.write_text(
                f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec /usr/bin/{client} "$@"\n'
            )
            path.chmod(0o755)

    def _start(self) -> None:
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        munge = self.folder / "munge"
        self._run(
            "munged",
            f"--socket={munge}/socket",
            f"--key-file={key}",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/log/munged.log",
            f"--seed-file={munge}/seed",
            "--num-threads=2",
        )
        self._run("slurmctld")
        for i in range(1, NODES + 1):
            self._run("slurmd", "-N", f"n{i}")
        deadline = time.time() + 60
        while len(self.ask("sinfo", "-hN", "-t", "idle", "-o", "%N").split()) < NODES:
            if time.time() > deadline:
                raise TimeoutError((self.folder / "log" / "slurmctld.log").read_text()[-3000:])
            time.sleep(0.2)

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=60)

    def ask(self, *command: str) -> str:
        """What a client prints."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30
        ).stdout

    def __exit__(self, *_) -> None:
        if (self.folder / "slurmctld.pid").exists():
            self.ask("scancel", "-u", "root")
        for names in ([f"slurmd-n{i}" for i in range(1, NODES + 1)], ["slurmctld"], ["munged"]):
            self._end([self.folder / f"{name}.pid" for name in names])

    def _end(self, files: list[Path]) -> None:
        """End the processes whose numbers are in these files."""
        processes = []
        for file in files:
            with contextlib.suppress(OSError, ValueError):
                process = int(file.read_text())
                os.kill(process, signal.SIGTERM)
                processes.append(process)
        for process in processes:
            for _ in range(75):
                if not _alive(process):
                    break
                time.sleep(0.2)
            else:
                os.kill(process, signal.SIGKILL)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
