"""A network from the user's own folder."""

import re
import shutil

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


def test_the_readmes_own_study_runs_as_it_stands_there(fresh):
    readme = (REPOSITORY / "README.md").read_text()
    own = readme.partition("## Your own study")[2]
    study, network = (re.search(rf"```{language}\n(.*?)```", own, re.S)[1] for language in ("yaml", "python"))
    (fresh.root / "mine" / "study").mkdir(parents=True)
    (fresh.root / "mine" / "study" / "mystudy.yaml").write_text(study)
    (fresh.root / "mine" / "mynets.py").write_text(network)
    command = re.search(r"snakemake --cores all (--config study=mystudy conf=mine)", own)[1]
    assert "175 points in 5 fleets" in fresh.run([snakemake(), "-n", *command.split()]).output
    small = "grid.seeds=1 grid.budget=epochs:1 grid.batch_size=[8] tracking=none"
    assert fresh.snakemake("table", study="mystudy", conf="mine", hydra=small).trained == 7


def test_what_a_users_network_cannot_do_is_one_sentence_naming_key_and_fix(checkout):
    own = {"study": "own", "check": False}
    without = checkout.snakemake("table", hydra="grid.norm=[none]", **own)
    assert "grid.norm: none, but mynets.MyNet has batch-norm layers (norm); write grid.norm=[bn]" in without.output
    unknown = checkout.snakemake("-n", "table", hydra="+model.widht=3", **own)
    assert unknown.error.startswith("error: model.widht: mynets.MyNet takes no such argument")
    missing = checkout.snakemake("-n", "table", hydra="model._target_=mynet.MyNet", **own)
    assert missing.error.startswith("error: _target_: mynet.MyNet was not found")
