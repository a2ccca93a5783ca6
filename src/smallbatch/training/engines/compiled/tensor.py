"""The memory format of an activation ``[examples, H, W, C]`` of one replica in a flat array.

A tensor is a row of nine integers: the offset of its values (pixel 0 of example 0), the strides of
examples and rows, the same three for its gradient, then C, H, W. Values and gradients have a border
of zeros, as wide as required by the convolutions that read them. C is padded with zeros to a
multiple of LANES, except for images.
"""

import numpy as np

AT, STEP, ROW, GRADIENT_AT, GRADIENT_STEP, GRADIENT_ROW, CHANNELS, HEIGHT, WIDTH = range(9)
ABSENT, WRITE, ACCUMULATE = 0, 1, 2  # modes for the gradient of a layer's input
# Not Python integers, for which Numba would compile a version per set of values.
ZERO, ONE = (
    np.int64(0),
    np.int64(1),
)
