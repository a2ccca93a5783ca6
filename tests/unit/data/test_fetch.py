"""The files of a data set: mirrors, downloads, checksums, and what is said of each mistake."""

import functools
import gzip
import hashlib
import http.server
import io
import logging
import re
import threading
from pathlib import Path

import pooch
import pytest
from official import SIZES, official_idx

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError
from smallbatch.core.identity import fleet_slug
from smallbatch.data import mnist
from smallbatch.data.fetch import fetch
from smallbatch.planning.files import plan_study


def dataset_of(files: dict[str, str], url="http://127.0.0.1:9", **more) -> dict:
    sums = {
        name: "md5:" + hashlib.md5(Path(path).read_bytes()).hexdigest()
        for name, path in files.items()
    }
    return {"name": "small", "download": {"url": url, "files": sums}} | more


@pytest.fixture
def server(tmp_path):
    """A web server on a folder with the official files; it refuses, or `cut`s short, the first
    `failures` requests."""
    folder = tmp_path / "www"
    files = official_idx(folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        failures, asked, cut = 0, [], False

        def do_GET(self):
            type(self).asked.append(self.path)
            if type(self).failures:
                type(self).failures -= 1
                if not self.cut:
                    return self.send_error(503)
                content = (folder / self.path.lstrip("/")).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                return None
            return super().do_GET()

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    Handler.url, Handler.files = f"http://127.0.0.1:{httpd.server_port}", files
    yield Handler
    httpd.shutdown()
    httpd.server_close()


def test_files_are_downloaded_once_with_progress(server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dataset = dataset_of(server.files, server.url)
    found = fetch(dataset)
    assert found == fetch(dataset) and len(server.asked) == 4
    assert mnist.load(SIZES, found)["test"][0].shape == (20, 1, 28, 28)
    assert all(
        path.startswith(str(tmp_path / "results" / "downloads" / "small"))
        for path in found.values()
    )
    assert capsys.readouterr().out.count("train-images-idx3-ubyte.gz: 100% of") == 1
    Path(found["t10k-labels-idx1-ubyte.gz"]).write_bytes(b"half of it")  # it is fetched again
    assert fetch(dataset) == found and len(server.asked) == 5


def test_a_server_that_is_busy_is_asked_again(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.failures = 2
    assert len(fetch(dataset_of(server.files, server.url))) == 4


def test_a_download_that_breaks_off_starts_again_and_so_does_its_progress(
    server, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.failures, server.cut = 1, True
    tries = io.StringIO()  # pooch's own handler keeps the stderr of whichever test imported it
    handler = logging.StreamHandler(tries)
    pooch.get_logger().addHandler(handler)
    found = fetch(dataset_of(server.files, server.url))
    assert len(server.asked) == 5 and mnist.load(SIZES, found)["test"][0].shape == (20, 1, 28, 28)
    printed = capsys.readouterr()
    assert printed.out.count("100% of") == 4 and not re.search(r"1[1-9]0%", printed.out)
    assert "Will attempt the download again" in tries.getvalue()
    pooch.get_logger().removeHandler(handler)
    server.failures = 99
    for path in found.values():
        Path(path).unlink()
    with pytest.raises(
        UserError,
        match=r"train-images.* cannot be downloaded \(IncompleteRead.*set dataset.mirror=",
    ):
        fetch(dataset_of(server.files, server.url))
    assert not any(Path(path).exists() for path in found.values())  # nothing that is half a file


def test_what_goes_wrong_with_a_download_is_one_sentence(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(
        UserError,
        match=r"127.0.0.1:9/train-images.* cannot be downloaded \(.*refused.*\); .* set dataset.mirror=",
    ):
        fetch(dataset_of(server.files))
    (tmp_path / "www" / "train-images-idx3-ubyte.gz").write_bytes(b"other content")
    wrong = dataset_of(server.files, server.url)
    wrong["download"]["files"]["train-images-idx3-ubyte.gz"] = "md5:" + "0" * 32
    with pytest.raises(
        UserError,
        match=r"train-images-idx3-ubyte.gz sends has another md5 sum than the official one",
    ):
        fetch(wrong)
    missing = dataset_of(server.files, server.url + "/nowhere")
    with pytest.raises(
        UserError, match=r"nowhere/train-images-idx3-ubyte.gz cannot be downloaded \(404"
    ):
        fetch(missing)


def test_a_mirror_is_tried_first_and_may_hold_what_the_files_unpack_to(
    server, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    official_idx(tmp_path / "mirror" / "small")
    packed = tmp_path / "mirror" / "small" / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    (tmp_path / "mirror" / "small" / "t10k-labels-idx1-ubyte.gz").unlink()
    found = fetch(dataset_of(server.files, server.url, mirror=str(tmp_path / "mirror")))
    assert server.asked == ["/t10k-labels-idx1-ubyte.gz"]  # the only one that isn't there
    assert mnist.load(SIZES, found)["train"][0].shape == (60, 1, 28, 28)
    bad = tmp_path / "mirror" / "small" / "train-labels-idx1-ubyte.gz"
    bad.write_bytes(b"other content")
    with pytest.raises(
        UserError, match=r"train-labels-idx1-ubyte.gz: its md5 sum is \w+, not the official"
    ):
        fetch(dataset_of(server.files, server.url, mirror=str(tmp_path / "mirror")))
    with pytest.raises(UserError, match=r"dataset.mirror=nowhere: there is no such folder"):
        fetch(dataset_of(server.files, server.url, mirror="nowhere"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dataset.mirror=5", "dataset.mirror: 5 is not a folder; write its path, or null"),
        (
            "dataset.sha256=abc",
            "dataset.sha256: 'abc' names no splits; write {train: SUM, test: SUM}, or null",
        ),
        ("~dataset.download.url", "dataset.download: write its url and files"),
        ("dataset.download.files=null", "dataset.download: write its url and files"),
        (
            "++dataset.download.files.more=0",
            "dataset.download.files.more: 0 is not a valid checksum; write md5:SUM or sha256",
        ),
    ],
)
def test_settings_of_files_that_cannot_be_are_refused(change, said):
    with pytest.raises(UserError, match=re.escape(said)):
        compose("digits", ["dataset=mnist", change])


def test_where_files_come_from_is_no_part_of_what_is_trained():
    plans = [
        plan_study(compose("digits", ["dataset=fashion-mnist", *changes]))
        for changes in ([], ["dataset.mirror=/tmp"], ["dataset.sizes.train=1000"])
    ]
    assert plans[0].study["data"] == plans[1].study["data"] != plans[2].study["data"]
    assert plans[1].study["overrides"] == ["dataset=fashion-mnist"]  # what the report's title shows
    assert plans[0].study["jobs"] == plans[1].study["jobs"] != plans[2].study["jobs"]
    assert next(iter(plans[1].data.values()))["dataset"]["mirror"] == "/tmp"


def test_a_declared_sum_is_verified_also_when_the_data_was_prepared_without_it_and_nothing_is_trained_again():
    plain, declared = (
        plan_study(compose("digits", ["dataset=fashion-mnist", *changes]))
        for changes in ([], ["dataset.sha256={test: '00'}"])
    )
    assert plain.data.keys() != declared.data.keys()  # so it is decoded anew, and refused

    def fleets(plan):
        return sorted(
            fleet_slug(piece["fleet"]) for job in plan.jobs.values() for piece in job["fleets"]
        )

    assert fleets(plain) == fleets(declared)


def test_a_loader_of_files_without_files_is_refused():
    with pytest.raises(
        UserError, match=r"dataset.download: missing; smallbatch.data.mnist.load reads files"
    ):
        plan_study(compose("digits", ["dataset=fashion-mnist", "~dataset.download"]))
