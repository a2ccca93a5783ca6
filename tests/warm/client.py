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
    output and errors.

    After some seconds it is killed, and TimeoutError raised.
    """
    request = {
        "command": command,
        "folder": folder,
        "environment": environment,
        "prefix": os.path.dirname(server),
    }
    content = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(server)
        socket.send_fds(connection, [len(content).to_bytes(8, "big")], outputs)
        connection.sendall(content)
        return int.from_bytes(connection.recv(1) or b"\xff", "big")
