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
import select
import shutil
import signal
import socket
import sys
import threading
import traceback
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


def serve(address: str, owner: int) -> None:
    """Fork a process for each connection, until the process of the descriptor
    `owner` ends; then remove the folder of the socket."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        while owner not in select.select([listener, owner], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                attend(connection)
                os._exit(0)
            connection.close()
    shutil.rmtree(Path(address).parent, ignore_errors=True)


def attend(connection: socket.socket) -> None:
    """Run the command of one connection, send its process and its exit status; kill it if whoever
    waits for it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, outputs, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        request = json.loads(file.read(int.from_bytes(length, "big")))
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        connection.close()
        run(outputs, **request)
    with contextlib.suppress(PermissionError):  # it has done so itself, and runs another program
        os.setpgid(child, child)
    for descriptor in outputs:
        os.close(descriptor)
    ended = os.pidfd_open(child)
    connection.sendall(child.to_bytes(8, "big"))
    if ended not in select.select([ended, connection], [], [])[0]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what it has started
    _, status = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall((status if status >= 0 else 128 - status).to_bytes(1, "big"))


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
