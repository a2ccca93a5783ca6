"""What a run says of its speed and of the time left."""

import pytest

from smallbatch.core import progress
from smallbatch.core.progress import JobProgress, read_progress, status_line


@pytest.fixture
def expected(monkeypatch):
    monkeypatch.setattr(progress, "expected", {"a": (10, 1000), "b": (10, 1000)})


def state(**changes) -> dict:
    start = {
        "points": 10,
        "done": 5.0,
        "images": 500,
        "resumed": 0,
        "started": 0.0,
        "training": 60.0,
        "updated": 70.0,
    }
    return start | changes


def test_the_time_left_follows_from_the_images_since_the_first_block_began(expected):
    """Not since the job did: before its first block a job may wait a minute for the compiler."""
    said = status_line({"a": state()}, (1, 4), "train", now=70.0)
    assert said == "5 of 20 points · 50 images/s · about 30 s left · job 2 of 4 · train"


def test_images_of_an_earlier_attempt_tell_nothing_of_the_speed(expected):
    said = status_line({"a": state(resumed=400)}, (1, 4), "train", now=70.0)
    assert "10 images/s · about 2 min 30 s left" in said


def test_before_a_block_trains_nothing_is_said_of_speed(expected):
    said = status_line({"a": state(done=0.0, images=0, training=None)}, (1, 4), "train", now=70.0)
    assert said == "0 of 20 points · job 2 of 4 · train"


def test_a_job_writes_when_its_first_block_began(expected, tmp_path):
    with JobProgress(tmp_path / "a.progress", 10) as job:
        job.update(0.0, 0)
        assert read_progress(tmp_path, 0.0)["a"]["training"] is None
        job.begin_block()
        first = job.training
        job.begin_block(resumed=40)
    kept = read_progress(tmp_path, 0.0)["a"]
    assert kept["training"] == first >= kept["started"] and kept["resumed"] == 40
