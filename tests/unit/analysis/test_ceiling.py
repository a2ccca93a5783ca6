"""The test images that a shipped data set can have at most."""

import pytest
from sklearn.datasets import load_digits

from smallbatch.analysis.claims.ceiling import WHOLE, most_test_images
from smallbatch.config.compose import compose
from smallbatch.data import mnist5k


def ceiling(*overrides: str, study: str = "digits") -> int | None:
    return most_test_images(compose(study, list(overrides))["dataset"])


def test_digits_are_shared_by_the_three_sets():
    assert WHOLE["smallbatch.data.digits.load"] == len(load_digits().target) == 1797
    assert ceiling() == 517
    assert ceiling("dataset.sizes={train: 512, validation: 256, test: 517}") == 1029


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100", "mnist5k"])
def test_others_have_a_test_set_of_their_own(name):
    sizes = compose("digits", [f"dataset={name}"])["dataset"]["sizes"]
    most = ceiling(f"dataset={name}")
    assert most is not None and sizes["test"] <= most
    assert most == (mnist5k.TEST if name == "mnist5k" else 10_000)


def test_of_other_data_the_number_is_unknown():
    assert (
        most_test_images({"_target_": "mine.load", "sizes": {"train": 1, "validation": 1}}) is None
    )
