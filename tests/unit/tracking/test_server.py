"""The address of a tracking server."""

from pathlib import Path

import pytest

from smallbatch.tracking.server import check_uri, unused_variable, why_unusable


@pytest.mark.parametrize(
    "uri",
    [None, "http://127.0.0.1:5000", "https://host/mlflow/", "databricks", "databricks://profile"],
)
def test_addresses_of_servers(uri):
    check_uri(uri)


@pytest.mark.parametrize(
    "uri, says",
    [
        ("127.0.0.1:5055", "write http://HOST:PORT"),
        ("localhost", "write http://HOST:PORT"),
        ("file:///runs", "write http://HOST:PORT"),
        ("sqlite:///runs.db", "write http://HOST:PORT"),
        ("http://", "write http://HOST:PORT"),
        ("http://token@host", "MLFLOW_TRACKING_USERNAME"),
        ("postgresql://me:pw@host/runs", "MLFLOW_TRACKING_USERNAME"),
        ("http://host/?token=secret", r"without \? and #"),
    ],
)
def test_what_is_no_address_or_holds_a_password(uri, says):
    with pytest.raises(ValueError, match=says) as error:
        check_uri(uri)
    assert "secret" not in str(error.value) and "pw" not in str(error.value)


def test_the_variable_of_mlflow_is_told_where_it_would_matter(monkeypatch):
    local = {"name": "mlflow", "uri": None}
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert unused_variable(local) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:pw@host")
    assert "not used" in unused_variable(local) and "pw" not in unused_variable(local)
    assert unused_variable(local | {"name": "none"}) is None
    assert unused_variable(local | {"uri": "http://host"}) is None


def test_a_server_that_runs_but_gives_a_path_elsewhere_is_not_to_be_started():
    away = OSError(2, "No such file or directory", "/proc/none")
    said = why_unusable("http://host", Path("results/mlflow.db"), away)
    assert "can't write" in said and "/proc/none" in said and "--serve-artifacts" in said
    down = why_unusable("http://host", Path("results/mlflow.db"), ConnectionError("refused"))
    assert down.startswith("the tracking server http://host could not be used (refused); start it")
