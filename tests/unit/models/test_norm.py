import copy

import pytest
import torch
from torch import nn

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.scoring import exact_statistics, fixed_statistics, population_statistics


def test_over_the_whole_batch_it_is_torchs_batch_norm():
    x = torch.randn(8, 3, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mine, theirs = GhostBatchNorm(3, 8).double(), nn.BatchNorm2d(3).double()
    assert torch.allclose(mine(x), theirs(x), atol=1e-12)


@pytest.mark.parametrize("shape", [(12, 3, 4, 4), (12, 3)])
def test_chunks_are_normalised_apart_and_running_statistics_follow_in_order(shape):
    x = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    layer = GhostBatchNorm(3, 4).double()
    outputs = [layer(x), layer(2 * x + 1)][0]
    reference = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(3).double()
    reference.running_var.zero_()
    expected = torch.cat([reference(chunk) for chunk in x.split(4)])
    for chunk in (2 * x + 1).split(4):
        reference(chunk)
    assert torch.allclose(outputs, expected, atol=1e-12)
    corrected = 1 - 0.9**6  # six chunks from a start at zero
    mean, var = layer.running()
    assert torch.allclose(mean, reference.running_mean / corrected, atol=1e-12)
    assert torch.allclose(var, reference.running_var / corrected, atol=1e-12)


def test_before_any_chunk_the_running_statistics_are_mean_0_and_variance_1():
    mean, var = GhostBatchNorm(2, 4).running()
    assert mean.tolist() == [0, 0] and var.tolist() == [1, 1]


def two_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        GhostBatchNorm(3, 4),
        nn.ReLU(),
        nn.Conv2d(3, 2, 3),
        GhostBatchNorm(2, 4),
    ).double()


def test_exact_statistics_are_means_over_the_chunks_of_one_pass():
    net, images = two_layers(), torch.randn(16, 1, 8, 8, dtype=torch.float64)
    found = exact_statistics(net, images, replicas=1)
    hidden = net[0](images)
    chunks = [chunk.transpose(0, 1).flatten(1) for chunk in hidden.split(4)]
    assert torch.allclose(found[0][0], torch.stack([c.mean(1) for c in chunks]).mean(0))
    # unbiased, as torch's running ones
    assert torch.allclose(found[0][1], torch.stack([c.var(1) for c in chunks]).mean(0))
    assert net[1].chunks == 0  # evaluation leaves the running statistics alone


def test_population_statistics_are_those_of_all_examples_layer_after_layer():
    net, images = two_layers(), torch.randn(16, 1, 8, 8, dtype=torch.float64)
    with fixed_statistics(net, population_statistics(net, images, replicas=1)):
        net.eval()
        found = net(images)
    whole = two_layers()
    whole[1].bn_batch_size = whole[4].bn_batch_size = 16
    assert torch.allclose(found, whole.train()(images), atol=1e-9)


def test_a_chunk_is_all_rows_of_its_examples():
    x = torch.randn(8, 3, 5)  # examples, tokens, channels
    layer = GhostBatchNorm(5, 4)
    layer.examples = 8
    expected = [torch.nn.BatchNorm1d(5)(chunk.reshape(-1, 5)) for chunk in x.split(4)]
    assert torch.allclose(layer(x.reshape(-1, 5)), torch.cat(expected), atol=1e-6)


def test_running_statistics_go_on_from_those_that_a_layer_came_with():
    torch_layer, x = torch.nn.BatchNorm2d(4), torch.randn(3, 8, 4, 2, 2)
    torch_layer.running_mean.fill_(3.0)
    torch_layer.running_var.fill_(9.0)
    layer = GhostBatchNorm(4, 4)
    layer.start_from(torch_layer.running_mean, torch_layer.running_var)
    assert torch.equal(layer.eval()(x[0]), torch_layer.eval()(x[0]))
    for batch in x:
        layer.train()(batch)
        for chunk in batch.split(4):
            torch_layer.train()(chunk)
    assert torch.allclose(layer.eval()(x[0]), torch_layer.eval()(x[0]), atol=1e-6)


def test_isinstance_knows_the_class_that_a_layer_stands_for_also_in_a_copy():
    layer = GhostBatchNorm(4, 4)
    assert not isinstance(layer, torch.nn.BatchNorm2d)
    layer.stands_for = torch.nn.BatchNorm2d
    for one in (layer, copy.deepcopy(layer)):
        assert isinstance(one, torch.nn.BatchNorm2d) and isinstance(one, GhostBatchNorm)
        assert type(one) is GhostBatchNorm and not isinstance(one, torch.nn.BatchNorm1d)
