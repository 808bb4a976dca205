"""What the metrics are computed from, checked before anything is computed.

Labels are class numbers or one-hot rows, predictions are class numbers or a score for each class. Each function
returns them in one form, or says what is wrong.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_list, check_numeric

# No class number comes near it. A NumPy integer, since a plain 2**31 overflows beside float16.
CLASS_LIMIT = np.int64(2**31)

# A confusion matrix of so many classes takes 32 GB: whoever asks for more has mistaken something else for their number.
LARGEST_CLASSES = 2**16

# The report's dict has these keys beside the names of the classes.
SUMMARY_KEYS = ("accuracy", "macro avg", "weighted avg")


def check_whole(value: Any, name: str, minimum: int = 1, maximum: int | None = None, hint: str = "") -> int:
    """`value` as an int, after a check that it is a whole number in this range; raise ValueError otherwise."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < minimum or (maximum is not None and value > maximum):
        span = f"from {minimum}" + ("" if maximum is None else f" to {maximum}")
        raise ValueError(f"{name}: expected a whole number {span}{hint}, got {value!r}")
    return int(value)


def true_classes(y_true: ArrayLike, name: str = "y_true") -> NDArray[np.int64]:
    """Labels as class numbers, whether they came as numbers or as one-hot rows.

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        Whole numbers from 0 (a float 3.0 is accepted), or rows with a single 1 among zeros.
    name : str
        What to call the array in an error.

    Returns
    -------
    ndarray, shape (N,), int64

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If there are none, if one is negative, fractional or not finite, if a row is not one-hot,
        or if the shape is another.
    """
    labels = _numbers(y_true, name)
    if labels.ndim == 1:
        return _whole_numbers(labels, name)
    if labels.ndim != 2 or labels.shape[1] < 2:
        raise ValueError(
            f"{name}: expected class numbers of shape (N,) or one-hot rows of shape (N, K), got "
            f"shape {labels.shape}; if these are class numbers, flatten them with .ravel()"
        )
    one_hot = ((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)  # (N,)
    if not one_hot.all():
        row = int(np.argmin(one_hot))
        raise ValueError(
            f"{name}: expected one-hot rows (a single 1 among zeros), got {labels[row]} in row "
            f"{row}; if these are predicted scores, y_true and y_pred are swapped"
        )
    return np.asarray(labels.argmax(axis=1), dtype=np.int64)


def predicted_classes(y_pred: ArrayLike, name: str = "y_pred") -> NDArray[np.int64]:
    """Predictions as class numbers; of scores, the class with the highest (the first, if tied).

    Parameters
    ----------
    y_pred : array_like, shape (N,) or (N, K)
        Whole numbers from 0, or a score (probability, logit) for each of the K > 1 classes.
    name : str
        What to call the array in an error.

    Returns
    -------
    ndarray, shape (N,), int64

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If there are none, if a class is negative, fractional or not finite, if a score is NaN,
        or if the shape is another.
    """
    scores = _numbers(y_pred, name)
    if scores.ndim == 1:
        return _whole_numbers(scores, name, "; for scores, pass one column a class, shape (N, K)")
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"{name}: expected classes of shape (N,) or scores of shape (N, K) with K > 1, got "
            f"shape {scores.shape}"
        )
    nan_rows = np.isnan(scores).any(axis=1)  # (N,)
    if nan_rows.any():
        raise ValueError(
            f"{name}: expected numbers, got NaN in {nan_rows.sum()} of {len(scores)} rows, first "
            f"in row {int(np.argmax(nan_rows))}; the model has probably diverged in training"
        )
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def check_class_names(class_names: Sequence[str]) -> list[str]:
    """The names as a list, after a check that they are distinct strings.

    Raises
    ------
    TypeError
        If it is not a sequence of strings.
    ValueError
        If there are none, or if a name appears twice or is one of `SUMMARY_KEYS`.
    """
    names = check_list(class_names, "class_names", "a sequence of strings")
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"class_names: expected a sequence of strings, got {class_names!r}")
    if not names:
        raise ValueError("class_names: expected a name for each class, got none")
    taken = set(SUMMARY_KEYS)
    for name in names:
        if name in taken:
            raise ValueError(
                f"class_names: expected distinct names other than {', '.join(SUMMARY_KEYS)}, got "
                f"{name!r}; a report could not tell two of that name apart"
            )
        taken.add(name)
    return names


def read_pair(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int | None]:
    """Both as class numbers (N,), and K where an argument tells it (None where none does)."""
    true, predicted = true_classes(y_true), predicted_classes(y_pred)
    if len(true) != len(predicted):
        raise ValueError(
            f"expected as many predictions as labels, got {len(true)} labels in y_true and "
            f"{len(predicted)} predictions in y_pred"
        )
    sizes: dict[str, int] = {}
    for name, values in (("columns of y_true", y_true), ("columns of y_pred", y_pred)):
        if np.ndim(values) == 2:
            sizes[name] = np.shape(values)[1]
    if num_classes is not None:
        sizes["num_classes (or class names)"] = check_whole(num_classes, "num_classes", 1, LARGEST_CLASSES)
    if len(set(sizes.values())) > 1:
        raise ValueError(f"expected the same number of classes everywhere, got {sizes}")
    size = next(iter(sizes.values()), None)
    for name, classes in (("y_true", true), ("y_pred", predicted)):
        if size is not None and classes.max() >= size:
            raise ValueError(
                f"{name}: expected classes from 0 to {size - 1}, got {classes.max()} in position "
                f"{int(classes.argmax())}; is the number of classes right?"
            )
    return true, predicted, size


def check_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The probabilities as floats (N, K), after a check that they are some."""
    probs = check_numeric(probabilities, "probabilities")
    if probs.ndim != 2 or probs.size == 0:
        raise ValueError(
            "probabilities: expected real numbers of shape (N, K), one row an image and one "
            f"column a class, got {probs.dtype} of shape {probs.shape}"
        )
    probs = probs.astype(np.float64)
    # Written so that NaN fails, too. The tolerance lets float16 pass.
    if not (probs.min() >= 0 and np.allclose(probs.sum(axis=1), 1, atol=1e-2)):
        raise ValueError(
            "probabilities: expected numbers from 0 to 1 with a sum of 1 in each row, got "
            f"{probs.min():.3g} to {probs.max():.3g} with sums from {probs.sum(axis=1).min():.3g} "
            f"to {probs.sum(axis=1).max():.3g}; logits become probabilities by a softmax"
        )
    return probs


def _numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """The values as an array of real numbers, at least one."""
    array = check_numeric(values, name)
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one value, got shape {array.shape}")
    return array


def _whole_numbers(values: NDArray[Any], name: str, advice: str = "") -> NDArray[np.int64]:
    """The values (N,) as int64, after a check that each is a class number."""
    # Checked before the conversion, which would make something else of NaN, 2.5 and 1e300.
    good = (values >= 0) & (values < CLASS_LIMIT) & (np.floor(values) == values)
    if not good.all():
        worst = int(np.argmin(good))
        raise ValueError(
            f"{name}: expected classes, whole numbers from 0 to {CLASS_LIMIT - 1}, got "
            f"{values[worst]} in position {worst}{advice}"
        )
    return values.astype(np.int64)
