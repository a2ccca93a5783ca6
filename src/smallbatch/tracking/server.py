"""The address of a tracking server: what a study may write, what the environment says, and why one
can't be used."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smallbatch.core.errors import first_line, of_another_user

DATABRICKS = "databricks"


def check_uri(uri: str | None) -> None:
    """Raise ValueError for an address that is none, or that holds a password.

    A study's keys stand in plans, tables and the report, which others read.
    """
    if uri is None or uri == DATABRICKS or uri.startswith(f"{DATABRICKS}://"):
        return
    if "@" in uri:
        raise ValueError(
            "tracking.uri: it holds a user name or a password, which would be written to plans, logs and "
            "the report; leave them out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"tracking.uri: {uri!r} is not the address of a tracking server; write http://HOST:PORT, "
            "or null for results/mlflow.db"
        )
    if parts.query or parts.fragment:
        raise ValueError("tracking.uri: write the address of the server alone, without ? and #")


def unused_variable(tracking: dict[str, Any]) -> str | None:
    """What to say if MLflow's own variable names a server that the study doesn't."""
    variable = os.environ.get("MLFLOW_TRACKING_URI")
    if not variable or tracking["name"] == "none" or tracking["uri"]:
        return None
    return (
        "MLFLOW_TRACKING_URI is set and not used: runs are logged in results/mlflow.db; "
        'to log them on a server: hydra="tracking.uri=http://HOST:PORT"'
    )


def why_unusable(uri: str | None, database: Path, error: Exception) -> str:
    """One sentence, with the fix, on an error of MLflow or SQLite."""
    reason = first_line(error)[:300]
    if uri and isinstance(error, OSError) and error.filename:  # a path that the server gave
        return (
            f"the tracking server {uri} keeps artifacts in a folder that this machine can't write ({reason}); "
            "start it with --serve-artifacts, then run snakemake track"
        )
    if uri:
        return (
            f"the tracking server {uri} could not be used ({reason}); "
            "start it or set tracking.uri, then run snakemake track"
        )
    return of_another_user(database) or (
        f"{database} could not be used ({reason}); delete it and run snakemake track, "
        "which writes it again from the tables"
    )
