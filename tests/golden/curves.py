"""Loss curves at full precision: ``python tests/golden/curves.py`` writes them anew, after a change
that means to change numbers."""

import csv
import platform
import sys
from pathlib import Path

import torch

from smallbatch.core import provenance
from smallbatch.data.read import Data, Split
from smallbatch.training.engines.factory import make_trainer
from smallbatch.training.fleet import set_up
from smallbatch.training.loop import train_block

FILE = Path(__file__).parent / "curves.csv"
COLUMNS = (
    "engine",
    "model",
    "norm",
    "batch_size",
    "momentum",
    "seed",
    "epoch",
    "train_loss_running",
    "val_loss",
    "machine",
)
MODELS = {
    "conv": ("smallbatch.models.conv.ConvNet", (1, 8, 8)),
    "resnet8": ("smallbatch.models.resnet.ResNet", (3, 16, 16)),
}
CASES = [  # engine, model, norm and BN batch size, m, momentum
    ("compiled", "conv", ("none", None), 2, 0.0),
    ("compiled", "conv", ("bn", 8), 8, 0.9),
    ("compiled", "conv", ("bn", 4), 32, 0.0),
    ("compiled", "resnet8", ("bn", 8), 8, 0.9),
    ("groups", "conv", ("none", None), 8, 0.9),
    ("groups", "conv", ("bn", 4), 8, 0.0),
    ("vmap", "conv", ("bn", 8), 8, 0.0),
    ("separate", "conv", ("bn", 8), 8, 0.0),
]
SEEDS, EPOCHS, IMAGES = (0, 1), 3, 96


def machine() -> str:
    """What the bits of PyTorch depend on."""
    name = provenance.processor().partition(" (")[0]
    return f"{name} with {torch.backends.cpu.get_cpu_capability()}, {provenance.versions('torch')}, {platform.machine()}"


def data(shape: tuple[int, int, int]) -> Data:
    """Made-up images and labels with something to learn; the same on every machine."""
    generator = torch.Generator().manual_seed(0)
    splits = []
    for size in (IMAGES, 32, 32):
        labels = torch.randint(0, 10, (size,), generator=generator)
        images = torch.randn(size, *shape, generator=generator) + 0.3 * labels[:, None, None, None]
        splits.append(Split((images * 64).round() / 64, labels))
    return Data(*splits, classes=10)


def curves() -> list[dict]:
    """One row of COLUMNS for each case, seed and epoch; losses as hexadecimal floats, which lose no
    bit."""
    set_up()
    rows = []
    for engine, model, (norm, b), m, momentum in CASES:
        target, shape = MODELS[model]
        fleet = {
            "model": {"name": model, "_target_": target},
            "optimizer": {"momentum": momentum, "weight_decay": 0.001},
            "schedule": {"drops": [0.5], "factor": 0.1},
            "evaluation": {"epochs": []},
            **{"batch_size": m, "norm": norm, "bn_batch_size": b, "updates": EPOCHS * IMAGES // m},
        }
        images = data(shape)
        for seeds in [SEEDS] if engine != "separate" else [[seed] for seed in SEEDS]:
            trainer = make_trainer(engine, images, fleet, list(seeds))
            for outcome in train_block(trainer, images, fleet, [2.0**-9] * len(seeds), list(seeds)):
                rows += [
                    {
                        **{
                            "engine": engine,
                            "model": model,
                            "norm": f"{norm}:{b}" if b else norm,
                            "batch_size": str(m),
                        },
                        **{
                            "momentum": str(momentum),
                            "seed": str(outcome["summary"]["seed"]),
                            "epoch": str(row["epoch"]),
                        },
                        "train_loss_running": row["train_loss_running"].hex(),
                        "val_loss": row["val_loss"].hex(),
                        "machine": "" if engine == "compiled" else machine(),
                    }
                    for row in outcome["history"][1:]
                ]
    return rows


def main() -> None:
    with open(FILE, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(curves())


if __name__ == "__main__":
    sys.exit(main())
