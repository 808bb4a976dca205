"""Pictures of digits that are larger than MNIST's, and how far two prepared ones differ."""

import numpy as np

from numpycnn.data.own_digit import ink


def enlarged(image, factor=8):
    """Scale smoothly, from 0 to 1."""
    side = factor * len(image)
    return ink.resample(image.astype(np.float32) / 255, side, side)


def difference(image, expected):
    """Return the mean difference, at the best of nine places: the centre of mass may round to the next pixel."""
    shifts = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return min(abs(np.roll(image, shift, (0, 1)) - expected).mean() for shift in shifts)
