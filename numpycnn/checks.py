"""Every check of arguments: numbers, text and lists, arrays, labels.

The same mistake gets the same error everywhere. A value of the wrong type is a TypeError, a wrong value of the right
type a ValueError; the message says what was expected, what came, and what to do. NumPy's numbers count as Python's.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .hints import did_you_mean, hint_at_kind, hint_at_numbers, hint_at_shape, shown

Shape = tuple[int, ...]
MAX_SIZE = 2**31 - 1  # of a length, in pixels or numbers: kernels count in 32-bit integers
MAX_CLASSES = 2**16  # a confusion matrix of so many classes takes 32 GB
# Without num_classes the largest label sets the width of one-hot rows and the size of a confusion matrix. One stray
# label (-1 stored as an unsigned integer, say) must not ask for gigabytes.
LARGEST_INFERRED_CLASSES = 10_000
REPORT_KEYS = ("accuracy", "macro avg", "weighted avg")  # beside the names of classes in a classification report

# Numbers


def check_count(value: Any, name: str, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `value` as an int of at least `minimum`, and at most `maximum` if that is given."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer of at least {minimum}, got {shown(value)}")
    count = int(value)
    if count < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {count}")
    if maximum is not None and count > maximum:
        raise ValueError(f"{name}: expected an integer of at most {maximum}, got {count}")
    return count


def check_pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]:
    """Return (vertical, horizontal) from one integer or a pair."""
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name}: expected an integer or a pair (vertical, horizontal), got {shown(value)}")
    vertical, horizontal = (check_count(each, name, minimum, MAX_SIZE) for each in pair)
    return vertical, horizontal


def check_padding(value: Any, name: str = "padding") -> str | tuple[int, int]:
    """Return "valid", "same" or a pair of zero-rows and zero-columns."""
    if isinstance(value, str):
        return check_choice(value, name, ("valid", "same"), ", an integer or a pair")
    return check_pair(value, name, minimum=0)


def check_number(value: Any, name: str, expected: str = "a number") -> Any:
    """Return `value` if it is a real number; Python's, since the largest float is infinity beside a float16."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected {expected}, got {shown(value)}")
    return value.item() if isinstance(value, np.generic) else value


def check_finite(value: Any, name: str) -> float:
    """Return `value` as a finite float."""
    value = check_number(value, name, "a finite number")
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return float(value)


def check_fraction(value: Any, name: str, *, one_allowed: bool = False) -> float:
    """Return `value` as a float in [0, 1), or [0, 1]."""
    value = check_number(value, name)
    if not (0 <= value < 1 or (one_allowed and value == 1)):
        raise ValueError(f"{name}: expected a number in [0, 1{']' if one_allowed else ')'}, got {value}")
    return float(value)


def check_positive(value: Any, name: str, *, zero_allowed: bool = False) -> float:
    """Return `value` as a finite float above zero, or from zero on."""
    value = check_number(value, name)
    if not (0 < value <= sys.float_info.max or (zero_allowed and value == 0)):
        bound = "of at least" if zero_allowed else "above"
        raise ValueError(f"{name}: expected a finite number {bound} 0, got {value}")
    return float(value)


# Text, lists and objects


def check_flag(value: Any, name: str) -> bool:
    """Return `value` as a bool. ``"no"`` and ``[False]`` raise TypeError, though Python takes them for true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def check_text(value: Any, name: str) -> str:
    """Return `value` if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, got {shown(value)}")
    return value


def check_choice(value: Any, name: str, choices: Iterable[Any], otherwise: str = "") -> Any:
    """Return `value` if it is one of the choices, which are words (or small integers); `otherwise` ends the list."""
    choices = list(choices)
    expected = ", ".join(f'"{c}"' if isinstance(c, str) else str(c) for c in choices) + otherwise
    kinds = (str, int, np.integer) if any(isinstance(c, int) for c in choices) else str
    if not isinstance(value, kinds):
        raise TypeError(f"{name}: expected one of {expected}, got {shown(value)}")
    if value not in choices:
        raise ValueError(f"{name}: expected one of {expected}, got {shown(value)}{did_you_mean(value, choices)}")
    return value


def check_list(value: Any, name: str, expected: str) -> list:
    """Return the elements of a list or another iterable; text raises TypeError."""
    try:
        if not isinstance(value, (str, bytes)):
            return list(value)
    except TypeError:
        pass
    raise TypeError(f"{name}: expected {expected}, got {shown(value)}")


def check_instance(value: Any, kind: type | tuple[type, ...], name: object, expected: str) -> Any:
    """Return `value` if it is an object of this class."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {expected}, got {shown(value)}{hint_at_kind(value, kind)}")
    return value


def check_function(value: Any, name: str, signature: str) -> Any:
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function {signature}, got {shown(value)}")
    return value


def check_generator(rng: Any) -> np.random.Generator:
    """Return `rng` if it is a generator of random numbers; a seed raises TypeError."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, as np.random.default_rng(0) is, got {shown(rng)}")
    return rng


def check_class_names(class_names: Any) -> list[str]:
    """Return the names as a list of different strings, none of them a key of the report."""
    names = [check_text(n, "class_names") for n in check_list(class_names, "class_names", "a sequence of strings")]
    if not names:
        raise ValueError("class_names: expected a name for each class, got none")
    for i, name in enumerate(names):
        if name in REPORT_KEYS or name in names[:i]:
            raise ValueError(
                f"class_names: expected distinct names other than {', '.join(REPORT_KEYS)}, got {name!r}; a report "
                "could not tell two of that name apart"
            )
    return names


# Arrays


def check_dtype(dtype: DTypeLike) -> np.dtype:
    """Return the dtype if it is float32 or float64.

    Raises
    ------
    TypeError
        It is another.
    """
    try:
        result = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if dtype is None or result not in (np.dtype("float32"), np.dtype("float64")):  # np.dtype(None) is float64
        raise TypeError(f'dtype: expected "float32" or "float64", got {dtype!r}')
    return result


def check_memory(shape: Shape, dtype: np.dtype, what: str, owner: Any) -> None:
    """Raise where an array is larger than any memory, before NumPy or a kernel counts its bytes in 64 bits."""
    if math.prod(shape) * dtype.itemsize > sys.maxsize:
        raise ValueError(f"{owner!r}: expected {what} that fit into a memory, got shape {shape}")


def check_shape(shape: Any, owner: Any, rank: int | None = None) -> Shape:
    """Return `shape` as a tuple of positive integers, of this rank if one is given."""
    ordered = isinstance(shape, Iterable) and not isinstance(shape, (str, bytes, dict, set))
    result = tuple(shape) if ordered else ()
    if not ordered or any(isinstance(n, bool) or not isinstance(n, numbers.Integral) for n in result):
        raise TypeError(f"{owner!r}: expected an input shape such as (28, 28, 1), got {shape!r}")
    result = tuple(int(n) for n in result)
    if any(not 1 <= n <= MAX_SIZE for n in result):
        raise ValueError(f"{owner!r}: expected an input shape of positive integers up to {MAX_SIZE}, got {shape!r}")
    check_memory(result, np.dtype("float32"), "inputs", owner)
    if rank is not None and len(result) != rank:
        wanted = {1: "(features,)", 3: "(height, width, channels)"}[rank]
        hint = "; put Flatten() before it" if rank == 1 else "; grey images need a channel axis: x[..., None]"
        raise ValueError(f"{owner!r}: expected an input shape {wanted}, got {result}{hint}")
    return result


def check_numeric(x: Any, what: str, owner: Any = None) -> NDArray:
    """Return `x` as an array of real numbers.

    Raises
    ------
    TypeError
        It holds objects, text or complex numbers, or is masked: what lies below the mask would count.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{_label(owner, what)}: expected an array without a mask, got a masked one; use x.filled(...)")
    if x is None:
        raise TypeError(f"{_label(owner, what)}: expected an array of real numbers, got None")
    try:
        array = np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists; PyTorch, whose tensors may refuse
        hint = f"; use {what}.detach().numpy()" if getattr(x, "requires_grad", False) else ""
        found = f"{type(x).__name__} ({error}){hint}"
        raise TypeError(f"{_label(owner, what)}: expected an array of real numbers, got {found}") from None
    if array.dtype.kind not in "biuf":
        found = f"dtype {array.dtype}{hint_at_numbers(x, array, what)}"
        raise TypeError(f"{_label(owner, what)}: expected an array of real numbers, got {found}")
    return array


def check_rows(x: Any, shape: Shape, what: str, owner: Any = None) -> NDArray:
    """Return `x` of shape (N, *shape), N at least 1, as an array of real numbers.

    Raises
    ------
    ValueError, TypeError
        Another shape, no row, or no real numbers.
    """
    x = check_numeric(x, what, owner)
    if x.ndim != len(shape) + 1 or x.shape[1:] != shape:
        expected, hint = ", ".join(map(str, ("N", *shape))), hint_at_shape(x.shape, shape)
        raise ValueError(f"{_label(owner, what)}: expected shape ({expected}), got {x.shape}{hint}")
    if len(x) == 0:
        raise ValueError(f"{_label(owner, what)}: expected at least one row, got shape {x.shape}")
    return x


def check_batch(
    x: Any, shape: Shape, dtype: np.dtype, what: str, batch: int | None = None, owner: Any = None
) -> NDArray:
    """Return `x` of shape (N, *shape) as a C-contiguous, writeable array of this dtype.

    Raises
    ------
    ValueError, TypeError
        Another shape, an empty batch, another batch size than `batch`, or no real numbers.
    """
    if type(x) is np.ndarray and x.dtype == dtype and x.flags.carray and x.shape[1:] == shape:
        if len(x) == batch or (batch is None and len(x)):
            return x  # as layers give it to each other: no time for more
    x = check_rows(x, shape, what, owner)
    if batch is not None and len(x) != batch:
        raise ValueError(f"{_label(owner, what)}: expected the {batch} rows of the latest forward, got {len(x)}")
    if x.dtype == dtype and x.flags.carray:  # aligned, writeable, C-contiguous: as the kernels want it
        return x
    return np.require(x, dtype, ["C", "A", "W"])


def _label(owner: Any, what: str) -> str:
    """Name the array in an error; only then, since a layer's repr takes longer than a small layer's forward."""
    return what if owner is None else f"{owner!r}: {what}"


# Labels: class numbers, one-hot rows, scores and probabilities


def check_classes(
    labels: ArrayLike, name: str, classes: int | None = None, hint: str = "", expected: str = "shape (N,) or (N, 1)"
) -> NDArray[np.int64]:
    """Return class numbers (N,), int64, each from 0 to `classes` - 1; they index memory later.

    Parameters
    ----------
    labels : array_like, shape (N,) or (N, 1)
        Whole numbers; a float 3.0 is taken.
    name : str
        What to call the array in an error.
    classes : int, optional
        How many classes there are; default: as many as fit into a 32-bit integer.
    hint : str
        What to do about a number that is too large; without `classes`, about any other number.
    expected : str
        What else than class numbers the caller takes, for the error about another shape.
    """
    values = check_numeric(labels, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name}: expected {expected}, got {values.shape}")
    limit = np.int64(MAX_SIZE + 1 if classes is None else classes)  # a plain 2**31 overflows beside float16
    # Before the conversion, which would make something else of NaN, 2.5 and 1e300.
    good = (values >= 0) & (values < limit)
    if values.dtype.kind == "f":
        good &= np.floor(values) == values
    if not good.all():
        row = int(np.argmin(good))
        advice = hint if classes is None or values[row] >= limit else ""
        raise ValueError(
            f"{name}: expected classes, whole numbers from 0 to {limit - 1}, got {values[row]} at row {row}{advice}"
        )
    return values.astype(np.int64)


def check_true_classes(y_true: ArrayLike, name: str = "y_true") -> NDArray[np.int64]:
    """Return class numbers (N,) of labels: class numbers (N,) or (N, 1), or one-hot rows (N, K)."""
    labels = _not_empty(y_true, name)
    if labels.ndim != 2 or labels.shape[1] == 1:
        return check_classes(labels, name, expected="class numbers (N,) or (N, 1), or one-hot rows (N, K)")
    one_hot = ((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)  # (N,)
    if not one_hot.all():
        row = int(np.argmin(one_hot))
        raise ValueError(
            f"{name}: expected one-hot rows (a single 1 among zeros), got {labels[row]} at row {row}; if these are "
            "predicted scores, y_true and y_pred are swapped"
        )
    return labels.argmax(axis=1).astype(np.int64)


def check_predicted_classes(y_pred: ArrayLike, name: str = "y_pred") -> NDArray[np.int64]:
    """Return class numbers (N,) of predictions: those, or the highest of a row of scores (the first, if tied)."""
    scores = _not_empty(y_pred, name)
    if scores.ndim != 2 or scores.shape[1] == 1:
        hint = "; scores need a column a class, shape (N, K)"
        return check_classes(scores, name, hint=hint, expected="classes (N,) or (N, 1), or scores (N, K)")
    nan_rows = np.isnan(scores).any(axis=1)  # (N,)
    if nan_rows.any():
        raise ValueError(
            f"{name}: expected numbers, got NaN in {nan_rows.sum()} of {len(scores)} rows, first at row "
            f"{int(np.argmax(nan_rows))}; the model has probably diverged in training"
        )
    return scores.argmax(axis=1).astype(np.int64)


def check_label_pair(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int | None]:
    """Return both as class numbers (N,), and K where columns or `num_classes` tell it (None where none does)."""
    true, predicted = check_true_classes(y_true), check_predicted_classes(y_pred)
    if len(true) != len(predicted):
        raise ValueError(
            f"expected as many predictions as labels, got {len(true)} labels in y_true and {len(predicted)} "
            "predictions in y_pred"
        )
    sizes: dict[str, int] = {}
    for name, values in (("columns of y_true", y_true), ("columns of y_pred", y_pred)):
        if np.ndim(values) == 2 and np.shape(values)[1] > 1:
            sizes[name] = np.shape(values)[1]
    if num_classes is not None:
        sizes["num_classes (or class names)"] = check_count(num_classes, "num_classes", 1, MAX_CLASSES)
    if len(set(sizes.values())) > 1:
        raise ValueError(f"expected the same number of classes everywhere, got {sizes}")
    size = next(iter(sizes.values()), None)
    for name, classes in (("y_true", true), ("y_pred", predicted)):
        check_classes(classes, name, size, "; is the number of classes right?")
    return true, predicted, size


def infer_num_classes(largest: int) -> int:
    """Return the number of classes whose largest is this one; raise if so many are more likely a mistake."""
    if largest >= LARGEST_INFERRED_CLASSES:
        raise ValueError(
            f"expected classes below {LARGEST_INFERRED_CLASSES:,}, got {largest:,}; if there really are so many, "
            "pass num_classes"
        )
    return largest + 1


def check_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities as floats (N, K): from 0 to 1, a sum of 1 in each row."""
    probs = check_numeric(probabilities, "probabilities")
    if probs.ndim != 2 or probs.size == 0:
        raise ValueError(f"probabilities: expected shape (N, K), a row an image, a column a class, got {probs.shape}")
    probs = probs.astype(np.float64)
    # Written so that NaN fails, too. The tolerance lets float16 pass.
    if not (probs.min() >= 0 and np.allclose(probs.sum(axis=1), 1, atol=1e-2)):
        sums = probs.sum(axis=1)
        raise ValueError(
            f"probabilities: expected numbers from 0 to 1 with a sum of 1 in each row, got {probs.min():.3g} to "
            f"{probs.max():.3g} with sums from {sums.min():.3g} to {sums.max():.3g}; logits become probabilities by a "
            "softmax"
        )
    return probs


def _not_empty(values: ArrayLike, name: str) -> NDArray[Any]:
    array = check_numeric(values, name)
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one value, got shape {array.shape}")
    return array
