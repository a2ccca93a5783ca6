"""What a run says of its cost at the end."""

import json
import time

from smallbatch.workflow import snakefile


def test_the_cost_is_that_of_the_studys_own_jobs_and_nothing_else_is_never_negative(
    tmp_path, monkeypatch, capsys
):
    """Another run may train in the same folder, and other work may share the cores."""
    monkeypatch.setattr(snakefile, "RESULTS", tmp_path)
    started = time.time() - 10
    for job, points, loop in (("mine", 5, 4.0), ("theirs", 900, 500.0)):
        (tmp_path / "jobs" / job).mkdir(parents=True)
        cost = {"started": started + 1, "trained": points, "loop_seconds": loop}
        (tmp_path / "jobs" / job / "cost.json").write_text(json.dumps(cost))
    snakefile.print_cost((), started, 2, {"mine"})
    said = capsys.readouterr().err
    assert said.startswith(
        "5 points trained in 10 s: 4 s in training loops, on 2 cores 2 s; everything else 8 s"
    )
    snakefile.print_cost((), started, 2, {"mine", "theirs"})
    assert "everything else" not in capsys.readouterr().err
