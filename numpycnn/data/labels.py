"""Class labels as one-hot rows.

The label 3 among ten classes becomes the row [0 0 0 1 0 0 0 0 0 0]: the probabilities that a
perfect classifier would give. A loss can then compare row with row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import MAX_SIZE, check_classes, check_count, infer_num_classes


def to_categorical(y: ArrayLike, num_classes: int | None = None) -> NDArray[np.float32]:
    """Turn integer labels into one-hot rows.

    Parameters
    ----------
    y : array_like, shape (N,) or (N, 1)
        Labels 0, 1, ..., num_classes - 1. Floats are accepted if they are whole numbers.
    num_classes : int, optional
        The number of classes; without it, the largest label plus one.

    Returns
    -------
    one_hot : ndarray of float32, shape (N, num_classes)
        1 in the column of the label, 0 elsewhere. No labels give shape (0, num_classes).

    Raises
    ------
    TypeError
        `y` does not hold numbers, or `num_classes` is not an integer.
    ValueError
        A label is fractional, NaN, negative or out of range; `y` has another shape; `y` is
        empty and `num_classes` is not given.

    Examples
    --------
    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    if num_classes is not None:
        check_count(num_classes, "num_classes", maximum=MAX_SIZE)
    hint = "" if num_classes is None else "; correct the label or raise num_classes"
    expected = "class numbers (N,) or (N, 1); one-hot rows are what this makes"
    labels = check_classes(y, "y", num_classes, hint, expected)
    if num_classes is None:
        if not len(labels):
            raise ValueError("expected num_classes, since there are no labels to count it from")
        num_classes = infer_num_classes(int(labels.max()))
    one_hot = np.zeros((len(labels), num_classes), dtype=np.float32)
    one_hot[np.arange(len(labels)), labels] = 1
    return one_hot
