"""The gradient noise scale: estimator, interval, and the gradients that it is measured from."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from smallbatch.data.read import Split
from smallbatch.measures.noise_scale import fieller, noise_scale, two_batch
from smallbatch.training.engines.factory import make_trainer, network


def measured(rng, mean, deviations, number, b):
    """Small batches' gradients of a population with that mean and diagonal covariance, as their
    products."""
    g = mean + rng.standard_normal((number, len(mean))) * deviations / np.sqrt(b)
    return g @ g.T


def test_the_estimates_are_unbiased_at_a_known_covariance():
    rng, number, b = np.random.default_rng(0), 8, 4
    mean, deviations = rng.standard_normal(30) / 5, rng.uniform(0.5, 2, 30)
    true = (mean**2).sum(), (deviations**2).sum()
    found = []
    for _ in range(20_000):
        products = measured(rng, mean, deviations, number, b)
        found.append(two_batch(np.trace(products) / number, products.sum() / number**2, number, b))
    error = np.std(found, 0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, 0) - true) < 4 * error)


@pytest.mark.parametrize("size", [0.3, 1.0])
def test_intervals_hold_the_true_ratio_about_as_often_as_they_say(size):
    rng, number, b = np.random.default_rng(1), 8, 8
    mean, deviations = size * rng.standard_normal(40) / 3, rng.uniform(0.5, 2, 40)
    true, inside = (deviations**2).sum() / (mean**2).sum(), 0
    for _ in range(2000):
        one = noise_scale(measured(rng, mean, deviations, number, b), b)
        assert one["b_simple_low"] <= one["b_simple"] <= one["b_simple_high"]
        inside += one["b_simple_low"] <= true <= one["b_simple_high"]
    assert 0.90 <= inside / 2000 <= 0.99


def test_where_the_gradient_is_not_told_from_zero_the_interval_has_no_upper_end():
    one = noise_scale(measured(np.random.default_rng(2), np.zeros(50), np.ones(50), 8, 4), 4)
    assert (
        one["b_simple_high"] == np.inf
        and np.isfinite(one["b_simple_low"])
        and one["b_simple_low"] > 0
    )


def test_fiellers_interval_of_independent_normals_covers_their_ratio():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(4000):
        top, bottom = rng.normal(6, 0.5), rng.normal(2, 0.3)
        low, high = fieller(top, bottom, 0.25, 0.09, 0.0)
        covered += low <= 3 <= high
    level = 2 * stats.norm.cdf(2.36) - 1
    assert covered / 4000 == pytest.approx(level, abs=0.012)


@pytest.mark.parametrize("engine", ["compiled", "groups", "separate"])
@pytest.mark.parametrize("norm", [("none", None), ("bn", 4)])
def test_products_of_gradients_are_those_of_plain_autograd_and_change_nothing(
    digits32, make_fleet, engine, norm
):
    fleet = make_fleet(norm=norm[0], bn_batch_size=norm[1])
    seeds = [3] if engine == "separate" else [3, 5]
    trainer = make_trainer(engine, digits32, fleet, seeds)
    order = np.arange(len(seeds) * 6 * 8).reshape(len(seeds), 6, 8) % 200
    before = {name: array.copy() for name, array in trainer.state().items()}
    found = trainer.gradient_products(digits32.train, order)
    assert all(np.array_equal(array, before[name]) for name, array in trainer.state().items())
    for r, seed in enumerate(seeds):
        net, made = network(digits32, fleet, seed).double().train(), []
        for index in order[r]:
            loss = F.cross_entropy(
                net(digits32.train.images[index].double()), digits32.train.labels[index]
            )
            made.append(
                torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
            )
        g = torch.stack(made).numpy()
        assert found[r] == pytest.approx(g @ g.T, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("engine", ["compiled", "separate"])
def test_a_gradient_that_overflows_is_measured_and_changes_no_weight(digits32, make_fleet, engine):
    fleet = make_fleet()
    trainer = make_trainer(engine, digits32, fleet, [3])
    images = digits32.train.images.clone()
    images[5] = np.inf
    before = {name: array.copy() for name, array in trainer.state().items()}
    found = trainer.gradient_products(
        Split(images, digits32.train.labels), np.arange(32).reshape(1, 4, 8)
    )
    assert not np.isfinite(found).all()
    assert all(np.array_equal(array, before[name]) for name, array in trainer.state().items())
