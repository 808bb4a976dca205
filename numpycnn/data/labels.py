"""Class labels as one-hot rows.

The label 3 among ten classes becomes the row [0 0 0 1 0 0 0 0 0 0]: the probabilities that a
perfect classifier would give. A loss can then compare row with row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import MAX_SIZE, check_count, check_numeric

# Without num_classes the largest label sets the width. One stray label (-1 stored as an unsigned integer, say) must not
# ask for gigabytes.
LARGEST_INFERRED_CLASSES = 10_000


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
        `y` does not hold numbers, or `num_classes` is no integer.
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
    labels = _checked_labels(y)
    num_classes = _checked_num_classes(labels, num_classes)
    one_hot = np.zeros((len(labels), num_classes), dtype=np.float32)
    one_hot[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return one_hot


def _checked_labels(y: ArrayLike) -> NDArray[np.generic]:
    labels = check_numeric(y, "y")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # (N, 1) -> (N,)
    if labels.ndim != 1:
        raise ValueError(
            f"expected labels of shape (N,) or (N, 1), got {labels.shape}; "
            "rows that are one-hot already need no conversion"
        )
    if labels.dtype.kind == "f":
        bad = ~np.isfinite(labels) | (labels != np.trunc(labels))
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(f"expected whole-number labels, got {labels[row]} in row {row}")
    if labels.size and labels.min() < 0:
        row = int(labels.argmin())
        raise ValueError(f"expected labels of 0 or more, got {labels[row]} in row {row}")
    return labels


def _checked_num_classes(labels: NDArray[np.generic], num_classes: int | None) -> int:
    if num_classes is None:
        if not labels.size:
            raise ValueError("expected num_classes, since there are no labels to count it from")
        largest = int(labels.max())
        if largest >= LARGEST_INFERRED_CLASSES:
            raise ValueError(
                f"expected labels below {LARGEST_INFERRED_CLASSES:,}, got {largest:,} in row {int(labels.argmax())}; "
                "if there really are so many classes, pass num_classes"
            )
        return largest + 1
    num_classes = check_count(num_classes, "num_classes", maximum=MAX_SIZE)
    if labels.size and int(labels.max()) >= num_classes:
        row = int(labels.argmax())
        raise ValueError(
            f"expected labels 0 to {num_classes - 1} for num_classes={num_classes}, "
            f"got {labels[row]} in row {row}; correct the label or raise num_classes"
        )
    return num_classes
