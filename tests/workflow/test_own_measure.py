"""A further per-epoch measure takes its own file, its registration and a figure, and nothing
else."""

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, new_checkout

pytestmark = pytest.mark.slow

MEASURE = '''
import numpy as np
import pyarrow as pa


class GradientSize:
    """The length of the gradient of the first examples of the training set; its setting is their number."""

    key = figure = "gradient_size"
    columns = pa.schema([("gradient_size", pa.float64()), ("gradient_examples", pa.int64())])
    tracked = ("gradient_size",)
    gradients = 1

    def check(self, setting):
        if setting < 1:
            raise ValueError(f"evaluation.gradient_size: {setting} is not a valid number of examples; write 1 or more")

    def check_point(self, setting, unit, train_size):
        if setting % unit:
            raise ValueError(f"evaluation.gradient_size: {setting} is no multiple of the BN batch size {unit}")

    def batch(self, fleet, train_size):
        return fleet["evaluation"]["gradient_size"]

    def examples(self, fleet, train_size):
        return fleet["evaluation"]["gradient_size"]

    def measure(self, trainer, data, fleet, replicas, epoch):
        number = fleet["evaluation"]["gradient_size"]
        order = np.tile(np.arange(number), (len(replicas), 1, 1))
        products = trainer.gradient_products(data.train, order)
        return [{"gradient_size": float(one[0, 0]) ** 0.5, "gradient_examples": number} for one in products]
'''
SMALL = (
    "study=digits",
    "grid.batch_size=[16]",
    "grid.norm=[none]",
    "grid.base_lr=[2**-7,2**-6]",
    "grid.seeds=2",
    "grid.budget=epochs:3",
    "tracking=none",
    "optimizer=adamw",  # which needs no compiled step
)


@pytest.fixture
def own(tmp_path) -> Checkout:
    checkout = new_checkout(tmp_path / "own")
    (checkout.root / "src" / "smallbatch" / "measures" / "gradient_size.py").write_text(MEASURE)
    registry = "src/smallbatch/measures/registry.py"
    checkout.edit(
        registry,
        "\n\n@dataclass",
        "from smallbatch.measures.gradient_size import GradientSize\n\n\n@dataclass",
    )
    checkout.edit(
        registry, '"""Keys of `evaluation` in a study."""\n', "gradient_size: int | None = None\n"
    )
    checkout.edit(registry, "(NoiseScale(),)", "(NoiseScale(), GradientSize())")
    return checkout


def test_a_measure_of_ones_own_reaches_the_tables_and_the_list_of_figures(own):
    refused = own.module("smallbatch.train", *SMALL, "evaluation.gradient_size=0", check=False)
    assert (
        "evaluation.gradient_size: 0 is not a valid number of examples; write 1 or more"
        in refused.error
    )
    histories, plans = [], set()
    for further in ("evaluation.gradient_size=32", "evaluation.gradient_size=null"):
        own.module("smallbatch.train", *SMALL, further)
        (plan,) = set(own.results.glob("plan/*.study.json")) - plans
        plans.add(plan)
        own.module("smallbatch.jobs.collect", str(plan))
        histories.append(pq.read_table(own.results / "digits" / "history.parquet").to_pandas())
    measured, without = histories
    trained = measured["epoch"] > 0
    assert trained.sum() >= 4 * 3 and (measured.loc[trained, "gradient_size"] > 0).all()
    assert set(measured.loc[trained, "gradient_examples"]) == {32}
    assert (
        measured.loc[~trained, "gradient_size"].isna().all()
        and without["gradient_size"].isna().all()
    )
    assert measured["gradient_size"].nunique() == trained.sum()
    # It changes nothing of what is trained.
    assert measured["val_loss"].tolist() == without["val_loss"].tolist()
    study = {"budgets": [], "claims": [], "config": {"evaluation": {"gradient_size": 32}}}
    names = own.python(
        "-c", f"from smallbatch.figures.names import figures_of; print(figures_of({study}))"
    ).output
    assert "'gradient_size'" in names
