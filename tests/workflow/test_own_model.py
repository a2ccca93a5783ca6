"""A network from the user's own folder."""

import shutil

import pytest
from checkout import REPOSITORY

pytestmark = pytest.mark.slow


def test_editing_a_users_network_or_what_it_imports_retrains_what_used_it(checkout):
    folder = checkout.root / "mine"
    shutil.copytree(REPOSITORY / "tests" / "conf", folder)
    own = {"study": "own", "conf": "mine"}
    assert checkout.snakemake("table", **own).trained == 6
    (folder / "myparts.py").write_text("HIDDEN = 12\n")
    assert checkout.snakemake("table", **own).trained == 6
    assert checkout.snakemake("table", study="tiny", conf="mine").trained == 0  # does not use it


def test_what_a_users_network_cannot_do_is_one_sentence_naming_key_and_fix(checkout):
    own = {"study": "own", "check": False}
    without = checkout.snakemake("table", hydra="grid.norm=[none]", **own)
    assert "grid.norm: none, but mynets.MyNet has batch-norm layers (norm); write grid.norm=[bn]" in without.output
    unknown = checkout.snakemake("-n", "table", hydra="+model.widht=3", **own)
    assert unknown.error.startswith("error: model.widht: mynets.MyNet takes no such argument")
    missing = checkout.snakemake("-n", "table", hydra="model._target_=mynet.MyNet", **own)
    assert missing.error.startswith("error: _target_: mynet.MyNet was not found")
