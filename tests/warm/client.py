"""Run a command in a fork of the server (`server.py`): what ``python -m ...`` is for the jobs of a
warm Snakemake.

Imports little: every job starts it.
"""

import json
import os
import socket


def run(
    server: str, command: list[str], folder: str, environment: dict, outputs: tuple, seconds=None
) -> int:
    """The exit status of ``python -m ...`` or ``snakemake ...`` with these descriptors as input,
    output and errors. Snakemake's jobs are forks of the server as well.

    After some seconds it is killed, and TimeoutError raised.
    """
    prefix = os.path.dirname(server)
    with ask(server, command, folder, environment, outputs, prefix)[0] as connection:
        connection.settimeout(seconds)
        return status(connection)


def ask(
    server: str, command: list[str], folder: str, environment: dict, outputs: tuple, prefix: str
) -> tuple[socket.socket, int]:
    """Have a command started; returns what its exit `status` comes from, and its process.

    The process leads a group. Jobs of Snakemake are run by the Python of `prefix`.
    """
    request = {
        "command": command,
        "folder": folder,
        "environment": environment,
        "prefix": prefix,
    }
    content = json.dumps(request).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server)
    socket.send_fds(connection, [len(content).to_bytes(8, "big")], outputs)
    connection.sendall(content)
    return connection, int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")


def status(connection: socket.socket) -> int:
    """The exit status of a command, once it has ended."""
    return int.from_bytes(connection.recv(1) or b"\xff", "big")
