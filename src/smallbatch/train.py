"""Train: one planned job, or a study by hand.

    python -m smallbatch.train results/plan/JOB.json                        one job, as the workflow runs it
    python -m smallbatch.train study=digits grid.seeds=3 'grid.batch_size=[2,4]'   a study, job after job
    python -m smallbatch.train --help                                       Hydra's help; --cfg job shows the study

Both fill results/store/ and results/jobs/. A job needs torch, numpy and pyarrow, its plan file and
data.
"""

import gc
import sys
from pathlib import Path

from smallbatch.core.errors import main_errors
from smallbatch.jobs.run import run_job


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 1 and arguments[0].endswith(".json"):
        with main_errors():
            run_job(Path(arguments[0]))
            gc.freeze()  # at its end Python would search all of torch for cycles: 0.6 s
    else:
        from smallbatch.workflow.run_study import main as run_study

        run_study(arguments)


if __name__ == "__main__":
    main()
