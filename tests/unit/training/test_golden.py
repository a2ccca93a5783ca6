"""Loss curves are those that are committed, to the last bit."""

import csv
import sys

import pytest
from checkout import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests" / "golden"))
import curves

LOSSES = ("train_loss_running", "val_loss")


@pytest.fixture(scope="module")
def both():
    with open(curves.FILE, newline="") as file:
        return list(csv.DictReader(file)), curves.curves()


def test_the_compiled_step_gives_the_committed_curves_bit_for_bit(both):
    """On any x86 processor with fused multiply-add: nothing in it depends on the width of
    vectors."""
    golden, now = ([row for row in rows if row["engine"] == "compiled"] for rows in both)
    assert golden == now


def test_torch_gives_the_committed_curves_bit_for_bit_on_the_same_machine_and_version(both):
    golden, now = ([row for row in rows if row["engine"] != "compiled"] for rows in both)
    here = [row for row in golden if row["machine"] == curves.machine()]
    if here:
        assert golden == now
    for one, two in zip(golden, now, strict=True):
        assert {k: v for k, v in one.items() if k not in (*LOSSES, "machine")} == {
            k: v for k, v in two.items() if k not in (*LOSSES, "machine")
        }
        for loss in LOSSES:
            assert float.fromhex(one[loss]) == pytest.approx(float.fromhex(two[loss]), rel=1e-4)
