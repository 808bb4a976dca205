"""The arrays that a model learns from: checked once, held out, taken batch by batch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_flag, check_instance, check_numeric, check_rows
from ..data.augment import Augment
from ..hints import hint_at_scale
from ..kernels import ops
from ..layers.batchnorm import BatchNorm
from .run import FitOptions

if TYPE_CHECKING:
    from ..model import Sequential

PREDICT_BATCH = 256  # images at a time where the user does not say: large enough to be fast, small enough for the cache

Pair = tuple[NDArray, NDArray]


def check_images(model: Sequential, x: ArrayLike, check_finite: bool = False) -> NDArray:
    """Return `x` as an array of numbers of shape (N, *input_shape), in its own dtype; raise otherwise."""
    x = check_rows(x, model.input_shape, "x")
    if check_flag(check_finite, "check_finite") and x.dtype.kind == "f" and not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x).reshape(len(x), -1).all(axis=1)))
        raise ValueError(f"x: expected finite numbers, got NaN or infinity in row {row}")
    return x


def check_data(model: Sequential, x: ArrayLike, y: ArrayLike, check_finite: bool = False) -> Pair:
    """Return images and targets that suit the model and its loss; raise otherwise."""
    x = check_images(model, x, check_finite)
    y = model.loss.check_targets(y, model.output_shape)
    if len(x) != len(y):
        raise ValueError(f"x and y: expected as many labels as images, got {len(x)} images and {len(y)} labels")
    return x, y


def shape_of_one(x: ArrayLike) -> tuple[int, ...]:
    """Return the shape of one row, to build a model for; raise if there is none."""
    x = check_numeric(x, "x")
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(f"x: expected at least one row of at least one number, got shape {x.shape}")
    return x.shape[1:]


def warn_of_scale(model: Sequential, x: NDArray, options: FitOptions) -> None:
    """Warn of pixels that are not scaled, or twice; not where something scales them later."""
    first = next((i for i, layer in enumerate(model.layers) if layer.parameters), 0)
    theirs = any(not type(layer).__module__.startswith("numpycnn.") for layer in model.layers[: first + 1])
    scales = isinstance(model.layers[first], BatchNorm) or not isinstance(options.augment, (Augment, type(None)))
    hint = "" if theirs or scales else hint_at_scale(x)
    if hint:
        warnings.warn(hint, UserWarning, stacklevel=5)  # the line that called Sequential.fit


def hold_out(model: Sequential, x: NDArray, y: NDArray, options: FitOptions) -> tuple[Pair, Pair | None]:
    """Return the rows to train on, and those to validate on, if there are any."""
    if options.validation_data is not None:
        check_instance(options.validation_data, (tuple, list), "validation_data", "a pair (x, y)")
        if len(options.validation_data) != 2:
            raise ValueError(f"validation_data: expected a pair (x, y), got {len(options.validation_data)} things")
        x_val, y_val = options.validation_data
        return (x, y), check_data(model, x_val, y_val, options.check_finite)
    if options.validation_split == 0:
        return (x, y), None
    kept = int(len(x) * (1 - options.validation_split))  # as Keras counts
    if kept in (0, len(x)):
        raise ValueError(f"validation_split={options.validation_split} of {len(x)} rows leaves one side empty")
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])


def take(x: NDArray, rows: NDArray, dtype: np.dtype) -> NDArray:
    """Return ``x[rows]`` in this dtype; where nothing is converted, all threads copy."""
    if x.dtype != dtype or not x.flags.carray:
        return x[rows].astype(dtype, copy=False)
    images = np.empty((len(rows), *x.shape[1:]), dtype)
    ops.take_rows(x.reshape(len(x), -1), rows, images.reshape(len(rows), -1))
    return images


def batches(rows: int, batch_size: int | None) -> list[slice]:
    """Return the parts in which so many rows are predicted."""
    size = PREDICT_BATCH if batch_size is None else check_count(batch_size, "batch_size")
    return [slice(first, first + size) for first in range(0, rows, size)]
