"""The sentences with which a failed run ends."""

import pytest

from smallbatch.workflow.failures import MOST, Failure, sentences


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("reads\nerror: grid.seeds: too few\n\n", "grid.seeds: too few; the whole log: "),
        (
            "Traceback (most recent call last):\n  x\nKeyError: 'nan'\n",
            "KeyError: 'nan'; the whole log: ",
        ),
        (
            "  x\nmynets.Broken Error\nmlflow.MlflowException: no\n",
            "mlflow.MlflowException: no; the whole log: ",
        ),
        (
            "12 points\n",
            "it ended without an error message, killed perhaps or out of memory, after: 12 points; the whole",
        ),
        ("", "it ended without a message, killed perhaps or out of memory; its log is empty: "),
    ],
)
def test_a_failed_job_is_named_with_the_last_thing_it_said_and_its_log(tmp_path, log, said):
    path = tmp_path / "a.log"
    path.write_text(log)
    (sentence,) = sentences([Failure("train", "results/jobs/a/summary.parquet", str(path))])
    assert sentence.startswith(f"error: rule train failed (results/jobs/a/summary.parquet): {said}")
    assert sentence.endswith(str(path))


def test_a_log_that_is_not_there_or_never_was_is_said(tmp_path):
    one, two = sentences([Failure("a", "x", None), Failure("b", "y", str(tmp_path / "none.log"))])
    assert one == "error: rule a failed (x): it has no log; see above"
    assert two == f"error: rule b failed (y): its log {tmp_path / 'none.log'} cannot be read"


def test_a_job_that_failed_twice_is_named_once_and_a_thousand_are_counted(tmp_path):
    failures = [Failure("train", f"results/jobs/{i}", None) for i in range(MOST + 5)]
    assert len(sentences([failures[0]] * 3)) == 1
    said = sentences(failures)
    assert (
        len(said) == MOST + 1
        and said[-1] == "error: 5 more jobs failed; their logs are listed above"
    )
