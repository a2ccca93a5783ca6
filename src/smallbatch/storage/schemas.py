"""The columns of the tables of trained points; `SCHEMAS` lists all tables.

To add a column: write it below, its type in `core/records.py`, and its value where rows are made
(`jobs/train_missing.py` and `training/results.py` for the summary, `training/history.py` for the
history). A column of the summary is also one of the study's table (`jobs/collect.py`). Per-epoch
measures define their own columns (`measures/registry.py`).
"""

import pyarrow as pa

from smallbatch.measures.registry import EPOCH_MEASURES

# The comment on a column's line, or on the lines after it, is its description in docs/tables.md
# (docs/generate.py).
SUMMARY = pa.schema(
    [
        (
            "point",
            pa.string(),
        ),  # identity of the point: digest of everything that its result depends on, except
        # the code
        ("dataset", pa.string()),  # name of the data set
        ("model", pa.string()),  # name of the network
        ("augmentation", pa.string()),  # name of the augmentation of training images, or none
        ("optimizer", pa.string()),  # name of the optimizer
        (
            "batch_size",
            pa.int64(),
        ),  # m: examples per update (if the schedule changes it: of the first update, or per
        # block)
        ("base_lr", pa.float64()),  # η̃ = η/m: base learning rate, the step per example
        ("lr", pa.float64()),  # η = η̃·m: learning rate of the mean gradient at the start
        ("norm", pa.string()),  # none, bn or gn
        (
            "bn_batch_size",
            pa.int64(),
        ),  # examples that batch norm normalizes together; null without batch norm
        (
            "updates_planned",
            pa.int64(),
        ),  # updates in the budget (of an adaptive rule: blocks of examples)
        ("seed", pa.int64()),  # seed of initial weights, order of examples and augmentation
        (
            "status",
            pa.string(),
        ),  # completed, diverged (not finite, or final training loss above the initial one) or
        # untrained (final training loss above 0.9 of the entropy of the classes, and validation
        # accuracy below 0.8 of the way from val_accuracy_guess to 1)
        ("epochs", pa.int64()),  # epochs trained; fewer than planned if the point diverged
        ("updates", pa.int64()),  # updates made
        ("examples", pa.int64()),  # training examples seen
        (
            "train_loss",
            pa.float64(),
        ),  # mean cross-entropy over the training set at the end (nats), exact statistics;
        # last finite value if diverged
        (
            "val_loss",
            pa.float64(),
        ),  # mean cross-entropy over the validation images at the end (nats), exact
        # statistics; null if diverged
        (
            "val_accuracy",
            pa.float64(),
        ),  # share of validation images classified correctly at the end, exact
        # statistics
        (
            "test_accuracy",
            pa.float64(),
        ),  # share of test images classified correctly at the end, exact
        # statistics; a diverged point predicts the most frequent class
        (
            "test_accuracy_median",
            pa.float64(),
        ),  # median of the test accuracies of the last 6% of the epochs
        (
            "val_accuracy_running",
            pa.float64(),
        ),  # val_accuracy with the running statistics of batch norm; null
        # without batch norm
        (
            "test_accuracy_running",
            pa.float64(),
        ),  # test_accuracy with the running statistics of batch norm; null
        # without batch norm
        (
            "test_accuracy_population",
            pa.float64(),
        ),  # test_accuracy with population statistics of batch norm; null
        # without batch norm
        (
            "val_accuracy_guess",
            pa.float64(),
        ),  # val_accuracy of always answering the most frequent class of the training images; null
        # in results of earlier versions
        (
            "test_accuracy_guess",
            pa.float64(),
        ),  # test_accuracy of always answering the most frequent class of the training images; null
        # in results of earlier versions
        ("seconds", pa.float64()),  # the point's share of the wall time of its block (measured)
        ("fleet", pa.string()),  # name of the fleet, with a digest of its points' shared settings
        (
            "engine",
            pa.string(),
        ),  # engine that trained the replicas: compiled, groups, products, vmap, separate or
        # separate channels_last
        ("code", pa.string()),  # digest of the code that trained the point
        ("data", pa.string()),  # folder of the prepared data, named by a digest
        ("settings", pa.string()),  # JSON of model, augmentation, optimizer, schedule and precision
        (
            "flops",
            pa.float64(),
        ),  # floating-point operations of forward and backward passes, without the moments of
        # adaptive rules; null if unknown
        (
            "commit",
            pa.string(),
        ),  # Git commit of the source tree, followed by (dirty) if tracked files had changes
        ("versions", pa.string()),  # versions of Python, torch and numpy
        ("processor", pa.string()),  # the processor or GPU that trained the point
    ]
)
EPOCH = pa.schema(
    [
        ("point", pa.string()),  # digest of the point
        (
            "epoch",
            pa.int64(),
        ),  # 0 before training; an epoch ends with the first update that reaches its last example
        ("updates", pa.int64()),  # updates made so far
        ("examples", pa.int64()),  # training examples seen so far
        (
            "batch_size",
            pa.int64(),
        ),  # of the last update; where an adaptive rule chooses it, the mean over the
        # epoch's updates
        ("lr", pa.float64()),  # η of the last update
        (
            "train_loss_running",
            pa.float64(),
        ),  # mean training loss over the epoch's updates, computed while training
        (
            "val_loss",
            pa.float64(),
        ),  # mean cross-entropy over the validation images, running statistics of batch norm
        ("val_accuracy", pa.float64()),  # validation accuracy, running statistics of batch norm
        (
            "train_loss",
            pa.float64(),
        ),  # mean cross-entropy over the training set, exact statistics; at scored epochs
        # only
        ("test_accuracy", pa.float64()),  # test accuracy, exact statistics; at scored epochs only
        ("time", pa.int64()),  # time of day at the end of the epoch, ms since 1970 (measured)
        ("seconds", pa.float64()),  # the point's share of the wall time so far (measured)
        (
            "smith_g",
            pa.float64(),
        ),  # noise scale ηN/(m(1 − momentum)) of Smith et al. 2018; null unless the optimizer
        # is SGD
        (
            "capped",
            pa.int64(),
        ),  # updates so far of an adaptive rule for which no batch size would lower the loss, so
        # that it took the largest
    ]
)
MEASURED = [column for measure in EPOCH_MEASURES for column in measure.columns]
HISTORY = pa.schema([*EPOCH, *MEASURED])
CORRECT = pa.schema(
    [
        ("point", pa.string()),  # digest of the point
        (
            "correct",
            pa.binary(),
        ),  # one bit per test image, packed: 1 if it is classified correctly at the end
    ]
)
SCHEMAS = {"summary": SUMMARY, "history": HISTORY, "correct": CORRECT}
TABLES = tuple(SCHEMAS)
# Columns that a row can omit (null in the table): running and population statistics without batch
# norm, the noise scale of Smith et al., the count of an adaptive rule, and measures that the study
# does not enable.
OPTIONAL = {
    "summary": {"val_accuracy_running", "test_accuracy_running", "test_accuracy_population"},
    "history": {"smith_g", "capped", *(column.name for column in MEASURED)},
    "correct": set(),
}
