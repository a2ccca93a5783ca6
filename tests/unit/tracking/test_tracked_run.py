"""What MLflow is told of a point under a schedule."""

import math

from smallbatch.tracking.run import run_metrics, run_name


def history(sizes):
    return [
        {
            "epoch": epoch,
            "time": epoch,
            "batch_size": m,
            "lr": 0.1,
            "smith_g": 8.0 / m,
            "b_simple": math.inf,
            "val_loss": None,
        }
        for epoch, m in enumerate(sizes)
    ]


def test_a_run_is_named_by_its_schedule_unless_that_is_the_usual_one():
    summary = {"batch_size": 8, "norm": "none", "base_lr": 2.0**-6, "seed": 3}
    assert run_name(summary | {"schedule": "step"}) == "m0008 none 2**-06 s03"
    assert run_name(summary | {"schedule": "increase"}) == "m0008 none increase 2**-06 s03"


def test_the_batch_size_is_a_metric_where_it_changes_and_what_cannot_be_told_is_nan():
    fixed, grows = (
        {(key, epoch): value for key, value, _, epoch in run_metrics(history(s))}
        for s in ([8, 8], [8, 32])
    )
    assert ("batch_size", 1) not in fixed and grows["batch_size", 1] == 32
    assert (
        fixed["smith_g", 1] == 1.0
        and math.isnan(fixed["b_simple", 0])
        and ("val_loss", 0) not in fixed
    )
