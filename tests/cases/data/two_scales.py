"""Train images as pixels, the others scaled by ToTensor: all would be standardised by the pixels."""

import numpy as np

SOURCE = "torch documentation: torchvision.transforms.ToTensor"
OUTCOME = "refused"
SAYS = "the images have several types (train uint8, validation float32, test float32); return all as one type and scale"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2)
        made[split] = images if split == "train" else images / 255, np.arange(n) % 2
    return made
