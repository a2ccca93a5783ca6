"""How an activation ``[examples, H, W, C]`` of one replica lies in its flat array.

A tensor is a row of nine integers: where its values begin (at pixel 0 of example 0), the steps to
the next example and row, the same three for its gradient, then C, H, W. Around values and gradients
lies a border of zeros, as wide as the convolutions that read them need. C is a multiple of LANES,
padded with zeros, but for the images.
"""

import numpy as np

AT, STEP, ROW, GRADIENT_AT, GRADIENT_STEP, GRADIENT_ROW, CHANNELS, HEIGHT, WIDTH = range(9)
ABSENT, WRITE, ACCUMULATE = 0, 1, 2  # what a layer does with the gradient of its input
# a bare number would make Numba compile a function for each set of numbers
ZERO, ONE = (
    np.int64(0),
    np.int64(1),
)
