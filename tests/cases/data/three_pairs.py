"""Three pairs in place of named splits, as tutorials return them."""

import numpy as np

SOURCE = "Keras documentation: keras.datasets.mnist.load_data"
OUTCOME = "refused"
SAYS = "it gave a tuple of 3; return {'train': (images, labels), 'validation': …, 'test': …}"


def data(sizes):
    return tuple((np.zeros((n, 1, 2, 2)), np.zeros(n)) for n in sizes.values())
