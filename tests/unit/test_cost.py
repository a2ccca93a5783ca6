"""What a study will cost: the arithmetic, from measured speeds."""

import pytest

from smallbatch.cost import FLEET, JOB, REPORT, estimate, point_seconds
from smallbatch.points import point_digests, points_of

SPEED = {
    "batch_size": "8", "norm": "bn", "bn_batch_size": "4", "seconds_update_fleet": "0.01",
    "seconds_image_scored": "0.001", "seconds_image_population": "0.002",
}  # fmt: skip


def job(seeds, updates=96, **changes):
    shared = {
        "dataset": {"sizes": {"train": 256, "validation": 64, "test": 100}, "name": "digits"},
        "model": {"name": "net"},
        "evaluation": {"epochs": [2]},
        "batch_size": 8, "norm": "bn", "bn_batch_size": 4, "updates": updates,
    } | changes  # fmt: skip
    entry = {"fleet": shared, "points": [{"base_lr": [0.1, 0.2], "seeds": seeds}]}
    about = {"code": "c", "accept_code": [], "tracking": None, "resources": {"mem_mb": 500 + len(seeds)}}
    return about | {"fleets": [entry]}


def test_a_point_costs_its_updates_and_what_is_evaluated():
    # Epochs 1 to 3: scored at the start, at 2 and at the end; validation at the start and each epoch.
    images = 3 * (2 * 256 + 64 + 100) + 4 * 64
    expected = 96 * 0.01 + images * 0.001 + 256 * 0.002
    assert point_seconds(job([0])["fleets"][0]["fleet"], SPEED) == pytest.approx(expected)
    without = job([0], norm="none")["fleets"][0]["fleet"]
    images = 3 * (256 + 64 + 100) + 4 * 64
    assert point_seconds(without, SPEED | {"seconds_image_population": ""}) == pytest.approx(0.96 + images * 0.001)


def test_what_is_stored_costs_nothing_and_the_longest_job_bounds_the_time():
    jobs = [job([0, 1, 2]), job([3])]
    one = point_seconds(jobs[0]["fleets"][0]["fleet"], SPEED)
    found = estimate(jobs, [SPEED], set(), 4)
    assert (found["points"], found["to_train"], found["jobs"], found["fleets"]) == (8, 8, 2, 1)
    assert found["core_seconds"] == pytest.approx(2 * (JOB + FLEET) + 8 * one)
    assert found["seconds"] == pytest.approx(JOB + FLEET + 6 * one + REPORT / 4)
    assert found["images"] == 8 * 96 * 8 and found["mem_mb"] == 503
    shared, points = jobs[0]["fleets"][0]["fleet"], points_of(jobs[0]["fleets"][0]["points"])
    stored = set(point_digests(shared, points))
    less = estimate(jobs, [SPEED], stored, 4)
    assert (less["points"], less["to_train"], less["jobs"]) == (8, 2, 1)
    assert less["core_seconds"] == pytest.approx(JOB + FLEET + 2 * one)
    assert less["disk_bytes"] == pytest.approx(found["disk_bytes"] / 4)


def test_a_setting_that_was_not_measured_leaves_time_unknown():
    found = estimate([job([0]), job([0], batch_size=16)], [SPEED], set(), 2)
    assert found["core_seconds"] is None and found["seconds"] is None and found["to_train"] == 4
