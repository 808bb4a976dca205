"""The arrays that a model learns from: checked once, held out, taken batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_flag, check_instance, check_numeric, check_positive, check_rows
from ..data.augment import Augment
from ..hints import hint_at_scale, is_ours, shown
from ..layers import BatchNorm, LayerNorm, Rescale, Softmax
from ..losses import SoftmaxCrossEntropy, check_takes_weights, check_weights
from ..nonfinite import finite_rows
from ..terminal import warn
from .run import FitOptions

if TYPE_CHECKING:
    from ..model import Sequential

PREDICT_BATCH = 256  # images at a time where the user does not say: large enough to be fast, small enough for the cache

Pair = tuple[NDArray, NDArray]
Rows = tuple[NDArray, NDArray, NDArray | None]  # images, targets, and the weights of the rows, if they have any


def check_images(model: Sequential, x: ArrayLike, check_finite: bool = False) -> NDArray:
    """Return `x` as an array of numbers of shape (N, *input_shape), in its own dtype; raise otherwise."""
    x = check_rows(x, model.input_shape, "x")
    if check_flag(check_finite, "check_finite") and x.dtype.kind == "f" and not finite_rows(x, model.dtype).all():
        row = int(np.argmin(finite_rows(x, model.dtype)))
        largest = np.abs(x[row]).max()
        found = f"{largest:g}, too much for {model.dtype}," if np.isfinite(largest) else "NaN or infinity"
        raise ValueError(f"x: expected finite numbers, got {found} in row {row}")
    return x


def check_data(model: Sequential, x: ArrayLike, y: ArrayLike, check_finite: bool = False) -> Pair:
    """Return images and targets that suit the model and its loss; raise otherwise."""
    x = check_images(model, x, check_finite)
    y = model.loss.check_targets(y, model.output_shape)
    if not isinstance(y, np.ndarray):  # from a loss of the user's own
        raise TypeError(f"{model.loss!r}: expected check_targets to return the targets, an array, got {shown(y)}")
    if len(x) != len(y):
        raise ValueError(f"x and y: expected as many labels as images, got {len(x)} images and {len(y)} labels")
    return x, y


def row_weights(
    model: Sequential, y: NDArray, sample_weight: ArrayLike | None, class_weight: dict[int, float] | None = None
) -> NDArray | None:
    """Return the weights of the rows of checked targets, (N,), float64, or None where all count the same."""
    if sample_weight is None and class_weight is None:
        return None
    check_takes_weights(model.loss)
    if class_weight is None:
        return check_weights(sample_weight, len(y), "sample_weight")  # type: ignore[arg-type]
    if sample_weight is not None:
        raise ValueError("class_weight: expected none beside sample_weight; multiply sample_weight by those of classes")
    return _weights_of_classes(class_weight, y, model.output_shape)


def _weights_of_classes(class_weight: dict[int, float], y: NDArray, output_shape: tuple[int, ...]) -> NDArray:
    """Return for each row the weight of its class; a class that is not named has the weight 1."""
    check_instance(class_weight, dict, "class_weight", "a dict such as {0: 1.0, 1: 5.0}")
    if len(output_shape) != 1:
        raise ValueError(f"class_weight: expected outputs of shape (N, K), got {('N', *output_shape)}")
    table = np.ones(max(2, *output_shape))
    for number, weight in class_weight.items():
        number = check_count(number, "class_weight: a class", 0, len(table) - 1)
        table[number] = check_positive(weight, f"class_weight of class {number}", zero_allowed=True)
    if y.ndim == 2 and y.shape[1] > 1:
        good = (y >= 0).all(axis=1) & np.isclose(y.sum(axis=1), 1, atol=1e-4)
        classes = y.argmax(axis=1)
    else:
        y = y.reshape(len(y))
        classes = np.clip(np.rint(y), 0, len(table) - 1).astype(int)
        good = classes == y
    if not good.all():
        hint = "sample_weight gives each row its own"
        raise ValueError(f"class_weight: expected classes, or one-hot rows, as targets, got {y[~good][0]}; {hint}")
    return table[classes]


def shape_of_one(x: ArrayLike) -> tuple[int, ...]:
    """Return the shape of one row, to build a model for; raise if there is none."""
    x = check_numeric(x, "x")
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(f"x: expected at least one row of at least one number, got shape {x.shape}")
    return x.shape[1:]


def warn_before(model: Sequential, x: NDArray, options: FitOptions) -> None:
    """Warn of pixels that nothing scales, or that are scaled twice; of a second softmax; of a model all frozen."""
    first = next((i for i, layer in enumerate(model.layers) if layer.parameters), 0)
    theirs = any(not is_ours(type(layer)) for layer in model.layers[: first + 1])
    scales = isinstance(model.layers[first], BatchNorm) or not isinstance(options.augment, (Augment, type(None)))
    scales = scales or any(isinstance(layer, (Rescale, LayerNorm)) for layer in model.layers[: first + 1])
    hint = "" if theirs or scales else hint_at_scale(x)
    if hint:
        warn(hint)
    if isinstance(model.layers[-1], Softmax) and isinstance(model.loss, SoftmaxCrossEntropy):
        warn("fit: the softmax is in the loss, and here a layer, too, which learns worse; leave Softmax() out")
    if model.parameters and not model.trained_parts():
        warn("fit: nothing will be learned, since every layer is frozen; set trainable = True where it should learn")


def rows_kept(rows: int, validation_split: float) -> int:
    """Return how many of so many rows are left to train on, as Keras counts."""
    return int(rows * (1 - validation_split))


def hold_out(rows: Rows, options: FitOptions) -> tuple[Rows, Rows | None]:
    """Return the rows to train on, and the last ones, to validate on, if `validation_split` asks for them."""
    if options.validation_split == 0 or options.validation_data is not None:
        return rows, None
    count = len(rows[0])
    kept = rows_kept(count, options.validation_split)
    if kept in (0, count):
        raise ValueError(f"validation_split={options.validation_split} of {count} rows leaves one side empty")
    if options.class_weight is not None:  # of training alone, as in Keras
        return _part(rows, slice(kept)), (*_part(rows, slice(kept, None))[:2], None)
    return _part(rows, slice(kept)), _part(rows, slice(kept, None))


def _part(rows: Rows, part: slice) -> Rows:
    x, y, weights = rows
    return x[part], y[part], None if weights is None else weights[part]


def given_validation(model: Sequential, options: FitOptions) -> Rows:
    """Return the arrays of `validation_data`, checked."""
    given = check_instance(options.validation_data, (tuple, list), "validation_data", "a pair (x, y)")
    if len(given) not in (2, 3):
        raise ValueError(f"validation_data: expected a pair (x, y), or (x, y, weights), got {len(given)} things")
    x, y = check_data(model, given[0], given[1], options.check_finite)
    return x, y, row_weights(model, y, given[2] if len(given) == 3 else None)


def check_steps(steps: int | None) -> int | None:
    """Return the number of batches to take, None for all."""
    return None if steps is None else check_count(steps, "steps")


def batches(rows: int, batch_size: int | None) -> list[slice]:
    """Return the parts in which so many rows are predicted."""
    size = PREDICT_BATCH if batch_size is None else check_count(batch_size, "batch_size")
    return [slice(first, first + size) for first in range(0, rows, size)]
