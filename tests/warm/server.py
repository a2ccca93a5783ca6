"""Commands in processes that have imported torch, pandas, Snakemake and the like already:
``server.py SOCKET PROCESS``.

Most of what the tests' hundreds of short commands do is to import these. Here that is done once,
and each command that `client.py` asks for runs in a fork of this process: with its arguments,
working directory, environment, outputs and exit status, as if it had been started. Only installed
packages are imported before; this project comes from the checkout that a command runs in. The
server ends with the process whose number it is given.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "argparse_dataclass",
    "smart_open",
    "yte",
    "hydra",
    "omegaconf",
    "pyarrow.compute",
    "pyarrow.parquet",
    "rich.progress",
    "psutil",
    "filelock",
    "pooch",
    "torch",
    "torch._dynamo",
    "torch._meta_registrations",
    "torch.nn",
    "torch.func",
    "torch.fx",
    "numba",
    "sklearn.datasets",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "statsmodels.stats.multitest",
    "jinja2",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "seaborn",
    "mlflow.tracking",
    "mlflow.store.tracking.sqlalchemy_store",
)


@dataclass
class Command:
    """A command that runs: its process, and the connection of whoever waits for it."""

    pid: int
    ended: int  # descriptor that becomes readable when the process ends
    connection: socket.socket
    over: bool = False


def serve(address: str, owner: int) -> None:
    """Fork a process for each connection, until the process of the descriptor `owner` ends; then
    remove the folder of the socket."""
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(owner, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fd == owner:
                    shutil.rmtree(Path(address).parent, ignore_errors=True)
                    return
                if key.fileobj is listener:
                    command = start(listener.accept()[0], selector)
                    selector.register(command.ended, selectors.EVENT_READ, command)
                    selector.register(command.connection, selectors.EVENT_READ, command)
                elif key.fd == key.data.ended:
                    end(key.data, selector)
                elif not key.data.over:  # whoever waits for it is gone
                    selector.unregister(key.fileobj)
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(key.data.pid, signal.SIGKILL)  # and what it has started


def start(connection: socket.socket, selector: selectors.BaseSelector) -> Command:
    """Run the command that a connection asks for, and tell it the process, the leader of a
    group."""
    length, outputs, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        request = json.loads(file.read(int.from_bytes(length, "big")))
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        connection.close()
        for key in list(selector.get_map().values()):
            os.close(key.fd)
        run(outputs, **request)
    with contextlib.suppress(PermissionError):  # it has done so itself, and runs another program
        os.setpgid(pid, pid)
    for descriptor in outputs:
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(pid.to_bytes(8, "big"))
    return Command(pid, os.pidfd_open(pid), connection)


def end(command: Command, selector: selectors.BaseSelector) -> None:
    """Send the exit status of a command that has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(command.pid, 0)[1])
    with contextlib.suppress(OSError):
        command.connection.sendall((status if status >= 0 else 128 - status).to_bytes(1, "big"))
    selector.unregister(command.ended)
    with contextlib.suppress(KeyError):  # unless whoever waited for it was gone before
        selector.unregister(command.connection)
    command.connection.close()
    os.close(command.ended)
    command.over = True


def run(
    outputs: list[int], command: list[str], folder: str, environment: dict[str, str], prefix: str
) -> None:
    """What Python does with this command from its start to its end. Snakemake has its jobs run by
    the `python` under `prefix`."""
    for descriptor, output in enumerate(outputs):
        os.dup2(output, descriptor)
        os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    installed = [
        path for path in sys.path if "site-packages" in path or path.startswith(sys.base_prefix)
    ]
    sys.path[:] = [*environment.get("PYTHONPATH", "").split(os.pathsep), *installed]
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = command
    status = 1
    try:
        if command[0] == "snakemake":
            sys.prefix, sys.executable = prefix, f"{prefix}/bin/python"
            importlib.import_module("snakemake.cli").main()
        else:
            sys.path.insert(0, folder)
            sys.argv = command[2:]
            runpy.run_module(command[2], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = 0 if end.code is None else end.code
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))
    _owner = os.pidfd_open(int(sys.argv[2]))
    # As the project does before it imports MLflow and Numba.
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "NUMBA_OPT": "2"}
    for _name in PACKAGES:
        importlib.import_module(_name)
    gc.freeze()  # or every fork would copy what it looks through
    serve(sys.argv[1], _owner)
