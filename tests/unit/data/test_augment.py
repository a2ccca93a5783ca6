"""Augmented images: what is drawn, what is done to an image, and that training sees just that."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from smallbatch.data.augment import Augmented, moved, moves, moves_in
from smallbatch.data.stream import stream
from smallbatch.models.build import build
from smallbatch.training.fleet import train_fleet

CROP = {"name": "crop-flip", "padding": 2, "flip": True}


def by_hand(image, move, padding):
    """One image ``[C, H, W]``: padded with zeros, cut out, mirrored."""
    down, right, mirrored = (int(number) for number in move)
    _, height, width = image.shape
    crop = F.pad(image, (padding,) * 4)[:, down : down + height, right : right + width]
    return crop.flip(-1) if mirrored else crop


@given(
    shape=st.tuples(st.sampled_from([1, 3]), st.integers(3, 9), st.integers(3, 9)),
    padding=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_an_image_is_padded_cut_out_and_mirrored(shape, padding, seed):
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(5, *shape, generator=random).contiguous(memory_format=torch.channels_last)
    index, drawn = (
        torch.tensor([3, 0, 3, 4]),
        torch.from_numpy(moves(seed, 0, 4, padding, True).copy()),
    )
    out = torch.full((6, *shape[1:], shape[0]), 7.0).permute(0, 3, 1, 2)
    moved(images, index, drawn, padding, out)
    for made, one, move in zip(out, index, drawn, strict=False):
        assert torch.equal(made, by_hand(images[one], move, padding))
    assert (out[4:] == 7).all()


def test_crops_are_uniform_and_half_of_the_images_are_mirrored():
    drawn = moves(0, 0, 90_000, 4, True).astype(int)
    counts = np.bincount(drawn[:, 0] * 9 + drawn[:, 1], minlength=81)
    assert (abs(counts - 90_000 / 81) < 5 * (90_000 / 81) ** 0.5).all()
    assert abs(drawn[:, 2].mean() - 0.5) < 0.01
    assert not moves(0, 0, 100, 0, False).any()


@given(start=st.integers(0, 60), length=st.integers(1, 60), seed=st.integers(0, 9))
def test_an_example_is_moved_by_seed_and_epoch_alone(start, length, seed):
    size, stop = 23, start + length
    found = moves_in(seed, size, start, stop, CROP)
    for position, example, move in zip(
        range(start, stop), stream(seed, size, start, stop), found, strict=True
    ):
        assert (move == moves(seed, position // size, size, 2, True)[example]).all()


def test_epochs_and_seeds_draw_anew():
    first = moves(0, 0, 100, 4, True)
    assert (first != moves(0, 1, 100, 4, True)).any() and (first != moves(1, 0, 100, 4, True)).any()


def test_memory_is_used_again_and_keeps_its_place(digits32):
    augmented = Augmented(digits32.train, 2, 8)
    order, none = np.arange(8).reshape(1, 2, 4), np.full((1, 2, 4, 3), [2, 2, 0], np.int8)
    split, again = augmented(order, none)
    assert torch.equal(split.images[:8], digits32.train.images[:8]) and (again == order).all()
    assert augmented(order + 8, none)[0] is split
    assert torch.equal(split.labels[:8], digits32.train.labels[8:16])


@pytest.mark.parametrize(
    "name", ["smallbatch.models.conv.ConvNet", "networks.LayerNormed", "networks.Dropout"]
)
def test_every_way_of_training_follows_the_plain_loop_on_images_moved_by_hand(
    digits32, make_fleet, name
):
    m, updates, rate, seed = 8, 40, 2.0**-6, 3  # over the epoch's end at 32
    fleet = make_fleet(
        model={"name": "net", "_target_": name}, augmentation=CROP, updates=updates, batch_size=m
    )
    fleet["schedule"] = {"name": "step", "drops": [], "factor": 0.1}
    points = [(rate, seed), (rate, 4)]
    train, size = digits32.train, len(digits32.train.labels)
    found = next(
        o for _, block in train_fleet(digits32, fleet, points, lambda text: None) for o in block
    )
    order, drawn = stream(seed, size, 0, updates * m), moves_in(seed, size, 0, updates * m, CROP)
    images = torch.stack(
        [by_hand(train.images[i], move, 2) for i, move in zip(order, drawn, strict=True)]
    )
    net = build(fleet["model"], (1, 8, 8), 10, "none", None, seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), rate * m)
    losses = []
    for x, y in zip(images.split(m), train.labels[order].split(m), strict=True):
        loss = F.cross_entropy(net.train()(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ours = [row["train_loss_running"] for row in found["history"][1:]]
    assert ours == pytest.approx([np.mean(losses[:32]), np.mean(losses[32:])], rel=1e-4)


def test_the_order_of_pieces_changes_no_bit(digits32, make_fleet, monkeypatch):
    points = [(2.0**-6, seed) for seed in range(3)]
    fleet = make_fleet(augmentation=CROP)
    found = []
    for images in (1, 1024):
        monkeypatch.setattr("smallbatch.data.augment.IMAGES", images)
        outcomes = [
            o for _, block in train_fleet(digits32, fleet, points, lambda text: None) for o in block
        ]
        found.append(
            [(o["correct"], o["summary"]["train_loss"], o["summary"]["val_loss"]) for o in outcomes]
        )
    assert found[0] == found[1]


def test_evaluation_sees_the_images_as_they_are(digits32, make_fleet):
    """At a rate of nothing the final loss is the initial one."""
    fleet = make_fleet(augmentation=CROP)
    (outcome, _) = [
        o
        for _, block in train_fleet(digits32, fleet, [(1e-30, 0), (1e-30, 1)], print)
        for o in block
    ]
    history = outcome["history"]
    assert history[-1]["train_loss"] == pytest.approx(history[0]["train_loss"], abs=1e-9)
    assert abs(history[1]["train_loss_running"] - history[0]["train_loss"]) > 1e-4
