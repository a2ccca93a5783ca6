"""One sentence per failed job with its reason, printed at the end of a failed run."""

import re
from dataclasses import dataclass
from pathlib import Path

MOST = 10  # sentences; a broken network can make a thousand jobs fail
# The last line of output after an error, from a program of this package or from Python.
ERROR = re.compile(r"(error: .+)|([\w.]*(Error|Exception|Interrupt|Killed|Exit)\b.*)")
LONGEST = 1000  # characters per line


@dataclass(frozen=True)
class Failure:
    """A job that failed; `output` and `log` are paths, `log` is None for a rule without one."""

    rule: str
    output: str
    log: str | None


def sentences(failures: list[Failure]) -> list[str]:
    """``error: rule train failed (results/jobs/NAME/summary.parquet): the last line of its log; the
    whole log: PATH``."""
    distinct = list(dict.fromkeys(failures))
    said = [
        f"error: rule {failure.rule} failed ({failure.output}): {reason(failure)}"
        for failure in distinct[:MOST]
    ]
    more = len(distinct) - len(said)
    return [*said, f"error: {more} more jobs failed; their logs are listed above"] if more else said


def reason(failure: Failure) -> str:
    if failure.log is None:
        return "it has no log; see above"
    try:
        text = Path(failure.log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"its log {failure.log} cannot be read"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return f"it ended without a message, killed perhaps or out of memory; its log is empty: {failure.log}"
    last = lines[-1][:LONGEST]
    if ERROR.match(last):
        return f"{last.removeprefix('error: ')}; the whole log: {failure.log}"
    return f"it ended without an error message, killed perhaps or out of memory, after: {last}; the whole log: {failure.log}"
