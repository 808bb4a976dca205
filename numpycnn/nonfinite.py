"""Where NaN and infinity come from. Called when there is one; looking takes longer than a training step."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Callable

import numpy as np
from numpy.typing import NDArray

from .hints import hint_at_rate
from .losses import Loss, in_training
from .memory import all_finite
from .terminal import warn

if TYPE_CHECKING:
    from .model import Sequential


def watched(
    model: Sequential, loss: Loss, x: NDArray, rows: NDArray | None = None, weights: NDArray | None = None
) -> Callable[[NDArray, NDArray], tuple[float, NDArray]]:
    """Return the loss as a training step calls it, penalties included, with a question: is its value finite?

    If not, ``model.nonfinite`` says why, found while the weights are those from before the step. The arguments are
    those of `find_source`, and `weights` (N,) of the rows.
    """
    function = in_training(loss, weights)

    def ask(outputs: NDArray, y: NDArray) -> tuple[float, NDArray]:
        value, doutputs = function(outputs, y)
        if model.regularised:
            value += model.penalty()
        if not math.isfinite(value) and model.nonfinite is None:
            model.nonfinite = find_source(model, loss, x, y, rows)
        return value, doutputs

    return ask


def warn_nonfinite(model: Sequential, where: str) -> None:
    """Say where the first NaN or infinity came from."""
    hint = "callbacks=[TerminateOnNaN()] stops there"
    source = str(model.nonfinite)
    of_the_data = source.startswith(("NaN or infinity in x", "NaN or infinity in y"))
    rate = "" if of_the_data else hint_at_rate(model.optimizer.current_rate)
    text = f"the loss is not finite in {where}, and training on is useless ({hint}): {source}{rate}"
    warn(text, RuntimeWarning)


def look_at_weights(model: Sequential) -> None:
    """Warn if the last step left weights that are not finite: its loss, from before it, does not show that."""
    if model.nonfinite is None and not all_finite(model.arena.values):
        source = find_parameter(model, "grad") or find_parameter(model, "value")
        model.nonfinite = f"NaN or infinity in {source}, in the last step"
        text = f"the weights are not finite, and the model is useless: {model.nonfinite}"
        warn(text, RuntimeWarning)


def find_source(model: Sequential, loss: Loss, x: NDArray, y: NDArray, rows: NDArray | None = None) -> str:
    """Name the first place where a training step meets a number that is not finite, before the step is taken.

    The layers run one by one, on a copy: a block would hide which of its layers it was, and Winograd's sums make NaN
    of infinity.

    Parameters
    ----------
    model : Sequential
    loss : Loss
    x : ndarray of shape (N, *input_shape)
        The batch.
    y : ndarray
    rows : ndarray of shape (N,), optional
        Numbers of these rows in the data.

    Returns
    -------
    str
        Such as ``"NaN or infinity in x, rows 17, 203"``.
    """
    rows = np.arange(len(x)) if rows is None else rows
    for name, array in (("x", x), ("y", y)):
        bad = rows[~finite_rows(array, model.dtype)]
        if bad.size:
            hint = " (fit(check_finite=True) looks before it trains)" if name == "x" else ""
            return f"NaN or infinity in {name}, {_numbers(bad)}{hint}"
    if not np.isfinite(model.arena.values).all():
        return f"NaN or infinity in {find_parameter(model, 'value')}, before this step"
    with np.errstate(all="ignore"):
        for i, layer in enumerate(copy.deepcopy(model).layers):
            x = layer.forward(x, training=True)
            if not np.isfinite(x).all():
                return f"layers[{i}], {layer!r}, makes NaN or infinity of finite numbers"
    return f"{loss!r} makes NaN or infinity of finite outputs, the largest {np.abs(x).max():.3g}"


def finite_rows(array: NDArray, dtype: np.dtype) -> NDArray:
    """Return for each row (N,) whether its numbers are finite in this dtype: 1e39 is infinity in float32."""
    with np.errstate(over="ignore"):
        return np.isfinite(array.astype(dtype, copy=False)).reshape(len(array), -1).all(axis=1)


def find_parameter(model: Sequential, attribute: str) -> str | None:
    """Name the parameter with a ``value`` or ``grad`` that is not finite: the last one, which backward meets first."""
    for i, layer in reversed(list(enumerate(model.layers))):
        for parameter in reversed(layer.parameters):
            array = getattr(parameter, attribute)
            count = np.count_nonzero(~np.isfinite(array))
            if count:
                what = "the gradient of " if attribute == "grad" else ""
                return f"{what}layers[{i}], {layer!r}, {parameter.name}: {count} of {array.size} numbers"
    return None


def _numbers(rows: NDArray) -> str:
    shown = ", ".join(map(str, sorted(rows.tolist())[:5]))
    more = f" and {rows.size - 5} more" if rows.size > 5 else ""
    return f"row{'s' if rows.size > 1 else ''} {shown}{more}"
