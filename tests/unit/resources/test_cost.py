"""What a study will cost: the arithmetic, from measured speeds."""

import pytest

from smallbatch.core.identity import point_digests, points_of
from smallbatch.resources.cost import FLEET, JOB, REPORT, estimate, point_seconds
from smallbatch.resources.speeds import update_seconds
from smallbatch.schedules.course import phases_of

SPEED = {
    "seconds_update_fleet": "0.01",
    "seconds_image_scored": "0.001",
    "seconds_image_population": "0.002",
}
SPEEDS = {(8, "bn", 4, "update"): SPEED}


def job(seeds, updates=96, **changes):
    fleet = {
        "dataset": {"sizes": {"train": 256, "validation": 64, "test": 100}, "name": "digits"},
        "model": {"name": "net"},
        "evaluation": {"epochs": [2]},
        "schedule": {"name": "step", "drops": [0.5], "factor": 0.1},
        "batch_size": 8,
        "norm": "bn",
        "bn_batch_size": 4,
        "updates": updates,
    } | changes
    entry = {"fleet": fleet, "points": [{"base_lr": [0.1, 0.2], "seeds": seeds}]}
    about = {
        "code": "c",
        "accept_code": [],
        "tracking": None,
        "resources": {"mem_mb": 500 + len(seeds)},
    }
    return about | {"fleets": [entry]}


def test_a_point_costs_its_updates_and_what_is_evaluated():
    # Epochs 1 to 3: scored at the start, at 2 and at the end; validation at the start and each
    # epoch.
    images = 3 * (2 * 256 + 64 + 100) + 4 * 64
    expected = 96 * 0.01 + images * 0.001 + 256 * 0.002
    assert point_seconds(job([0])["fleets"][0]["fleet"], SPEEDS) == pytest.approx(expected)
    without = job([0], norm="none")["fleets"][0]["fleet"]
    images = 3 * (256 + 64 + 100) + 4 * 64
    speeds = {(8, "none", 4, "update"): SPEED | {"seconds_image_population": ""}}
    assert point_seconds(without, speeds) == pytest.approx(0.96 + images * 0.001)


def test_a_growing_batch_and_rounds_of_blocks_cost_their_own_steps():
    """And the noise scale is measured with a share of the images."""
    grows = {"name": "increase-batch", "drops": [0.5], "factor": 4}
    one = job(
        [0], 60, schedule=grows, examples=3 * 256, evaluation={"epochs": [], "noise_scale": 0.2}
    )
    fleet = one["fleets"][0]["fleet"]
    assert [phase.batch_size for phase in phases_of(fleet)] == [8, 32]
    speeds = SPEEDS | {(32, "bn", 4, "update"): SPEED | {"seconds_update_fleet": "0.03"}}
    images = 2 * (2 * 256 + 64 + 100) + 4 * 64
    expected = (48 * 0.01 + 12 * 0.03) * (1 + 32 / 256) + images * 0.001 + 256 * 0.002
    assert point_seconds(fleet, speeds) == pytest.approx(expected)
    assert update_seconds(fleet, speeds, "fleet", 384 + 64) == pytest.approx(48 * 0.01 + 2 * 0.03)
    adaptive = job([0], schedule={"name": "ba-sgd"}, norm="none")["fleets"][0]["fleet"]
    assert update_seconds(adaptive, {(8, "none", 4, "round"): SPEED}, "fleet") == pytest.approx(
        0.96
    )
    assert point_seconds(adaptive, SPEEDS) is None


def test_what_is_stored_costs_nothing_and_the_longest_job_bounds_the_time():
    jobs = [job([0, 1, 2]), job([3])]
    one = point_seconds(jobs[0]["fleets"][0]["fleet"], SPEEDS)
    found = estimate(jobs, SPEEDS, set(), 4)
    assert (found["points"], found["to_train"], found["jobs"], found["fleets"]) == (8, 8, 2, 1)
    assert found["core_seconds"] == pytest.approx(2 * (JOB + FLEET) + 8 * one)
    assert found["seconds"] == pytest.approx(JOB + FLEET + 6 * one + REPORT / 4)
    assert found["images"] == 8 * 96 * 8 and found["mem_mb"] == 503
    fleet, points = jobs[0]["fleets"][0]["fleet"], points_of(jobs[0]["fleets"][0]["points"])
    stored = set(point_digests(fleet, points))
    less = estimate(jobs, SPEEDS, stored, 4)
    assert (less["points"], less["to_train"], less["jobs"]) == (8, 2, 1)
    assert less["core_seconds"] == pytest.approx(JOB + FLEET + 2 * one)
    assert less["disk_bytes"] == pytest.approx(found["disk_bytes"] / 4)


def test_a_setting_that_was_not_measured_leaves_time_unknown():
    found = estimate([job([0]), job([0], batch_size=16)], SPEEDS, set(), 2)
    assert found["core_seconds"] is None and found["seconds"] is None and found["to_train"] == 4
