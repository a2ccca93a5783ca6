"""How many test images a shipped data set has at most."""

from typing import Any

WHOLE = {"smallbatch.data.digits.load": 1797}  # all images, which the three sets share
OFFICIAL = {  # images of a test set of its own
    "smallbatch.data.mnist.load": 10_000,
    "smallbatch.data.mnist5k.load": 2_000,
    "smallbatch.data.cifar.load_10": 10_000,
    "smallbatch.data.cifar.load_100": 10_000,
}


def most_test_images(dataset: dict[str, Any]) -> int | None:
    """The images outside training and validation sets that can be test images; None if unknown."""
    loader, sizes = dataset.get("_target_"), dataset["sizes"]
    if loader in WHOLE:
        return WHOLE[loader] - sizes["train"] - sizes["validation"]
    return OFFICIAL.get(str(loader))
