"""The set of those that cannot be distinguished from the best, on simulated studies whose best ones
are known."""

import numpy as np
import pandas as pd
import pytest
from made import real

from smallbatch.analysis.near_best import near_best

SEEDS, IMAGES, STUDIES = 10, 120, 150


def studied(means: list[float], rng: np.random.Generator) -> list[pd.DataFrame]:
    """Accuracies with effects of the seed, of the image, of both with the setting, and of single
    predictions; the seeds of a setting vary more the worse it is placed."""
    k = len(means)
    spread = np.linspace(0.3, 0.9, k)[:, None, None]
    values = np.array(means)[:, None, None] + rng.normal(0, 0.3, (1, SEEDS, 1))
    values = values + spread * rng.standard_normal((k, SEEDS, 1))
    values = values + rng.normal(0, 5, (1, 1, IMAGES)) + rng.normal(0, 4, (k, 1, IMAGES))
    return [pd.DataFrame(one) for one in values + rng.normal(0, 6, (k, SEEDS, IMAGES))]


@pytest.mark.parametrize("means", [[0.0] * 5, [0, 0, 0, -1, -2], [0, -0.5, -1, -1.5, -2], [-1, 0]])
def test_all_that_are_truly_best_are_in_the_set_as_often_as_it_says(means):
    rng, best = np.random.default_rng(0), set(np.flatnonzero(np.array(means) == 0).tolist())
    inside = [best <= set(near_best(studied(means, rng))) for _ in range(STUDIES)]
    # 95%, less two standard errors of so few studies
    assert np.mean(inside) >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / STUDIES)


def test_one_that_is_worse_by_a_lot_is_left_out():
    rng = np.random.default_rng(1)
    found = [near_best(studied([0, -6, 0, -0.2], rng)) for _ in range(20)]
    assert all(1 not in one for one in found)
    assert np.mean([3 in one for one in found]) > 0.9  # and one that is hardly worse is not


def test_of_equal_real_networks_all_are_in_the_set():
    right, rng = real("m8_none"), np.random.default_rng(2)

    def drawn() -> list[pd.DataFrame]:
        columns = rng.integers(0, 517, 200)
        return [pd.DataFrame(100.0 * right[rng.integers(0, 60, 10)][:, columns]) for _ in range(4)]

    assert np.mean([len(near_best(drawn())) == 4 for _ in range(STUDIES)]) >= 0.9


def test_those_that_predict_alike_or_have_one_seed_are_not_distinguished():
    same = pd.DataFrame(np.full((5, 40), 100.0))
    assert near_best([same, same]) == [0, 1] and near_best([same.head(1), 0 * same.head(1)]) == [
        0,
        1,
    ]
    assert near_best([same]) == [0]
