"""A network from the user's own folder."""

import re
import shutil

import pyarrow.parquet as pq
import pytest
from checkout import REPOSITORY, snakemake

pytestmark = pytest.mark.slow


def test_editing_a_users_network_or_what_it_imports_retrains_what_used_it(checkout):
    folder = checkout.root / "mine"
    shutil.copytree(REPOSITORY / "tests" / "conf", folder)
    own = {"study": "own", "conf": "mine"}
    assert checkout.snakemake("table", **own).trained == 6
    (folder / "myparts.py").write_text("HIDDEN = 12\n")
    assert checkout.snakemake("table", **own).trained == 6
    assert checkout.snakemake("table", study="tiny", conf="mine").trained == 0  # does not use it


def test_the_documentations_own_data_and_network_run_as_they_are_written(fresh):
    own = (
        (REPOSITORY / "docs" / "own-data.md")
        .read_text()
        .partition("## Your own data and network")[2]
    )
    study, code = (
        re.search(rf"```{language}\n(.*?)```", own, re.S)[1] for language in ("yaml", "python")
    )
    (fresh.root / "mine" / "study").mkdir(parents=True)
    (fresh.root / "mine" / "study" / "mystudy.yaml").write_text(study)
    (fresh.root / "mine" / "mine.py").write_text(code)
    command = re.search(r"snakemake --cores all (--config study=mystudy conf=mine)", own)[1]
    # (m = 8 with bn and with bn:8 is one setting)
    assert "105 points in 3 fleets" in fresh.run([snakemake(), "-n", *command.split()]).output
    small = "grid.seeds=2 grid.budget=epochs:4 grid.batch_size=[8] grid.base_lr=[2**-6,2**-4] tracking=none"
    mystudy = {"study": "mystudy", "conf": "mine", "hydra": small}
    assert fresh.snakemake("table", **mystudy).trained == 4
    table = pq.read_table(fresh.results / "mystudy" / "table.parquet").to_pandas()
    assert set(table["dataset"]) == {"bars"} and table["test_accuracy"].max() > 0.8
    assert fresh.snakemake("table", **mystudy).trained == 0
    fresh.edit("mine/mine.py", "+= 50", "+= 60")  # other data
    assert fresh.snakemake("table", **mystudy).trained == 4


def test_layers_of_torchs_own_library_train_together(fresh):
    """A transformer encoder with its attention, layer norm and GELU, without dropout."""
    mine = fresh.root / "mine"
    (mine / "model").mkdir(parents=True)
    (mine / "model" / "vit.yaml").write_text("name: vit\n_target_: vit.Vit\n")
    (mine / "vit.py").write_text(
        "from torch import nn\n\n\n"
        "class Vit(nn.Module):\n"
        "    def __init__(self, classes):\n"
        "        super().__init__()\n"
        "        self.embed = nn.Linear(8, 16)\n"
        "        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation='gelu', batch_first=True)\n"
        "        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)\n"
        "        self.head = nn.Linear(16, classes)\n\n"
        "    def forward(self, x):\n"
        "        return self.head(self.body(self.embed(x.squeeze(1))).mean(1))\n"
    )
    settings = "model=vit grid.norm=[none] grid.batch_size=[8] grid.base_lr=[2**-6] grid.seeds=3 ~grid.arms.ghost ~grid.arms.same_updates tracking=none"
    assert fresh.snakemake("table", study="digits", conf="mine", hydra=settings).trained == 3
    table = pq.read_table(fresh.results / "digits" / "table.parquet").to_pandas()
    assert set(table["engine"]) <= {"vmap", "separate"} and table["test_accuracy"].min() > 0.5
    (log,) = fresh.results.glob("logs/train/*.log")
    assert re.search(r"replicas train (by vmap|one by one): .*", log.read_text())


def test_what_a_users_network_cannot_do_is_one_sentence_naming_key_and_fix(checkout):
    own = {"study": "own", "check": False}
    without = checkout.snakemake("table", hydra="grid.norm=[none]", **own)
    assert (
        "grid.norm: none, but mynets.MyNet has batch-norm layers (norm); write grid.norm=[bn]"
        in without.output
    )
    unknown = checkout.snakemake("-n", "table", hydra="+model.widht=3", **own)
    assert unknown.error.startswith("error: model.widht: mynets.MyNet takes no such argument")
    missing = checkout.snakemake("-n", "table", hydra="model._target_=mynet.MyNet", **own)
    assert missing.error.startswith("error: _target_: mynet.MyNet was not found")
