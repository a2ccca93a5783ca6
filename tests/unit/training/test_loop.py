"""What a trained point reports."""

import numpy as np
import pytest
import torch

from smallbatch.data.read import Data, Split
from smallbatch.training.fleet import train_fleet


def train(data, fleet, *points):
    return [
        outcome
        for _, block in train_fleet(data, fleet, list(points), lambda text: None)
        for outcome in block
    ]


@pytest.fixture(scope="module")
def outcomes(digits32):
    fleet = {
        "model": {"_target_": "smallbatch.models.conv.ConvNet"},
        "optimizer": {"momentum": 0.0, "weight_decay": 0.0},
        "schedule": {"drops": [0.5, 0.75], "factor": 0.1},
        "evaluation": {"epochs": [2]},
        "batch_size": 8,
        "norm": "bn",
        "bn_batch_size": 4,
        "updates": 128,
    }
    return train(digits32, fleet, (2.0**-6, 0), (1e-9, 0), (1e30, 0))


def test_good_slow_and_exploding_rates_are_completed_untrained_and_diverged(outcomes):
    assert [outcome["summary"]["status"] for outcome in outcomes] == [
        "completed",
        "untrained",
        "diverged",
    ]


def test_test_accuracy_is_the_mean_of_the_stored_bits(outcomes):
    for outcome in outcomes:
        bits = np.unpackbits(np.frombuffer(outcome["correct"], np.uint8), count=100)
        assert outcome["summary"]["test_accuracy"] == pytest.approx(bits.mean(), abs=1e-12)


def test_history_has_the_start_and_every_epoch_and_scores_where_asked(outcomes):
    history = outcomes[0]["history"]
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    assert [row["updates"] for row in history] == [0, 32, 64, 96, 128]
    assert [row["examples"] for row in history] == [0, 256, 512, 768, 1024]
    assert [row["test_accuracy"] is not None for row in history] == [True, False, True, False, True]
    assert [row["lr"] for row in history[1:]] == pytest.approx([0.125, 0.125, 0.0125, 0.00125])


def test_a_diverged_point_predicts_the_most_frequent_class_and_stops_where_it_was_frozen(
    outcomes, digits32
):
    summary = outcomes[2]["summary"]
    guess = torch.bincount(digits32.train.labels).argmax()
    assert summary["test_accuracy"] == pytest.approx(
        (digits32.test.labels == guess).double().mean().item()
    )
    assert summary["val_accuracy"] == pytest.approx(
        (digits32.validation.labels == guess).double().mean().item()
    )
    assert (
        summary["test_accuracy_running"]
        == summary["test_accuracy_population"]
        == summary["test_accuracy"]
    )
    assert summary["updates"] == 32 and len(outcomes[2]["history"]) == 2
    assert np.isfinite(summary["train_loss"])


def test_statistics_of_batch_norm_are_reported_side_by_side_and_null_without(
    outcomes, digits32, make_fleet
):
    for name in ("val_accuracy_running", "test_accuracy_running", "test_accuracy_population"):
        assert 0 <= outcomes[0]["summary"][name] <= 1
        assert name not in train(digits32, make_fleet(), (2.0**-6, 0), (2.0**-6, 1))[0]["summary"]


def test_a_model_that_ends_worse_than_it_began_has_diverged(digits32, make_fleet):
    rate = 0.6  # finite, yet far above the stable range at this batch size
    summary = train(digits32, make_fleet(updates=32), (rate, 0), (2.0**-7, 0))[0]["summary"]
    assert np.isfinite(summary["train_loss"]) and summary["status"] in ("diverged", "untrained")


def test_full_pass_training_loss_is_that_of_the_weights_at_rest(digits32, make_fleet):
    """Without norm and at a vanishing rate the training loss stays the initial one."""
    history = train(digits32, make_fleet(), (1e-30, 0), (1e-30, 1))[0]["history"]
    assert history[0]["train_loss"] == pytest.approx(history[-1]["train_loss"], abs=1e-9)
    assert history[1]["train_loss_running"] == pytest.approx(history[0]["train_loss"], abs=1e-5)


def test_only_the_initial_weights_and_the_stream_depend_on_the_seed(digits32, make_fleet):
    one, two, other = (
        train(digits32, make_fleet(), (2.0**-6, seed), (2.0**-6, 9))[0] for seed in (0, 0, 1)
    )
    assert (
        one["correct"] == two["correct"]
        and one["history"][1]["val_loss"] == two["history"][1]["val_loss"]
    )
    assert one["history"][0]["val_loss"] != other["history"][0]["val_loss"]


def test_the_same_seed_gives_the_same_start_at_every_batch_size(digits32, make_fleet):
    starts = {
        train(digits32, make_fleet(batch_size=m, updates=8), (2.0**-6, 3), (2.0**-6, 4))[0][
            "history"
        ][0]["val_loss"]
        for m in (2, 8, 32)
    }
    assert len(starts) == 1


def test_labels_out_of_balance_set_the_entropy_that_untrained_is_measured_by(digits32, make_fleet):
    """With one class at 90% a constant guess has a low loss, and is untrained all the same."""
    labels = torch.zeros(256, dtype=torch.long)
    labels[:26] = torch.arange(26) % 9 + 1
    noise = Split(torch.zeros_like(digits32.train.images), labels)
    data = Data(
        noise, Split(noise.images[:64], labels[:64]), Split(noise.images[:100], labels[:100]), 10
    )
    assert (
        train(data, make_fleet(updates=256), (2.0**-5, 0), (2.0**-5, 1))[0]["summary"]["status"]
        == "untrained"
    )


def test_a_model_that_is_right_is_trained_though_wrong_labels_keep_its_loss_high(
    digits32, make_fleet
):
    """Three of four training labels are drawn at random; those of validation images are right."""
    generator = torch.Generator().manual_seed(0)
    train_split = digits32.train
    times = 20  # as many examples as tell right labels from wrong ones
    images = train_split.images.repeat(times, 1, 1, 1)
    labels = train_split.labels.repeat(times)
    drawn = torch.randint(0, 10, labels.shape, generator=generator)
    wrong = torch.rand(labels.shape, generator=generator) < 0.75
    noisy = Split(images, torch.where(wrong, drawn, labels))
    data = Data(noisy, digits32.validation, digits32.test, 10)
    (learnt, slow) = train(data, make_fleet(updates=2000), (2.0**-6, 0), (1e-6, 1))
    assert learnt["summary"]["train_loss"] > 0.9 * np.log(10)
    assert learnt["summary"]["val_accuracy"] > 0.85
    assert learnt["summary"]["status"] == "completed" and slow["summary"]["status"] == "untrained"
    assert learnt["summary"]["val_accuracy_guess"] < 0.2
