"""The contract of a loss: one number for how wrong a batch is, and its gradient, from one formula."""

from __future__ import annotations

import inspect
from typing import Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, check_numeric
from ..configured import Configured
from ..hints import is_ours

FLOATS = np.dtype("float32"), np.dtype("float64")
REDUCTIONS = ("mean", "sum", "weighted_mean")


class Loss(Configured):
    r"""Base of the losses: call it with a batch of outputs and targets, and get the mean loss and its gradient.

    A loss of your own defines ``check_targets`` and ``value_and_gradient``. One that defines ``__call__`` in place of
    the latter is called in training, too. Either takes `weights` only if it is to be trained with weights.

    Parameters
    ----------
    reduction : {"mean", "sum", "weighted_mean"}
        From the losses :math:`L_n` of the N rows to one number. With weights :math:`w_n`, otherwise 1, these are
        :math:`\frac1N \sum_n w_n L_n`, as in Keras; :math:`\sum_n w_n L_n`; or :math:`\sum_n w_n L_n / \sum_n w_n`.
        Of several batches ``fit`` and ``evaluate`` list the mean, each weighted by its rows, as Keras does.
    """

    # Arguments that came later: files and descriptions name them only where they differ from what was before.
    _later: dict[str, Any] = {"reduction": "mean"}
    reduction = "mean"

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_choice(reduction, "reduction", REDUCTIONS)

    def __call__(
        self, outputs: NDArray, targets: ArrayLike, weights: ArrayLike | None = None
    ) -> tuple[float, NDArray]:
        """Return the mean loss over the batch and its gradient with respect to `outputs`.

        Parameters
        ----------
        outputs : ndarray of shape (N, ...)
        targets : array
            Such as suits the loss: classes (N,) or rows of probabilities for a cross-entropy.
        weights : array of shape (N,), optional
            How much each row counts, from 0 on.

        Returns
        -------
        loss : float
        doutputs : ndarray of the shape of `outputs`

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match, or targets that the loss cannot take; see ``check_targets``.
        """
        outputs = self._check_outputs(outputs)
        targets = self.check_targets(targets, outputs.shape[1:])
        if weights is None:
            return self.value_and_gradient(outputs, targets)
        return self.value_and_gradient(outputs, targets, check_weights(weights, len(outputs), "weights"))

    def value_and_gradient(
        self, outputs: NDArray, targets: NDArray, weights: NDArray | None = None
    ) -> tuple[float, NDArray]:
        """Return the same for targets that ``check_targets`` returned: in training they are checked only once."""
        raise NotImplementedError(f"{type(self).__name__} has to define value_and_gradient(outputs, targets)")

    def check_targets(self, targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
        """Return the targets in the form that is worked on, or raise; outputs are (N, *output_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has to define check_targets(targets, output_shape)")

    def predict(self, outputs: NDArray) -> NDArray:
        """Turn the network's outputs into what a user wants to see; here: themselves."""
        return outputs

    def reduce(self, losses: NDArray, dmean: NDArray, weights: NDArray | None) -> tuple[float, NDArray]:
        """Return the loss of a batch and its gradient.

        Parameters
        ----------
        losses : ndarray of shape (N,)
            The loss of each row.
        dmean : ndarray of shape (N, ...)
            The gradient of their mean; may be written into.
        weights : ndarray of shape (N,), or None
        """
        rows = len(losses)
        if weights is None and self.reduction != "sum":
            return sum(losses.ravel().tolist()) / rows, dmean  # of so few numbers, NumPy's sum takes longer
        weights = np.ones(rows) if weights is None else weights
        count = {"mean": rows, "sum": 1.0, "weighted_mean": weights.sum() or 1.0}[self.reduction]  # no weight at all: 0
        factors = (weights * (rows / count)).astype(dmean.dtype)
        dmean *= factors.reshape(-1, *[1] * (dmean.ndim - 1))
        return float(sum((losses * weights).ravel().tolist()) / count), dmean  # as above: weights of 1 change no bit

    def _check_outputs(self, outputs: NDArray) -> NDArray:
        return check_outputs(outputs)


LossFunction = Callable[[NDArray, NDArray], tuple[float, NDArray]]


def in_training(loss: Loss, weights: NDArray | None = None) -> LossFunction:
    """Return the loss as a function of outputs and targets that are checked already; with weights of their rows."""
    has_own_call = type(loss).__call__ is not Loss.__call__
    function = loss if has_own_call else loss.value_and_gradient
    call = function if weights is None else lambda outputs, targets: function(outputs, targets, weights)
    if is_ours(type(loss)):
        return call
    return lambda outputs, targets: check_result(call(outputs, targets), loss, outputs.shape)


def check_result(result: Any, loss: Loss, shape: tuple[int, ...]) -> tuple[float, NDArray]:
    """Return what a loss of the user's own returned if it is a number and a gradient of this shape; raise otherwise."""
    pair = result if isinstance(result, (tuple, list)) else (result,)
    if len(pair) != 2 or pair[0] is None or np.ndim(pair[0]) or np.shape(pair[1]) != shape:
        got = f"shapes {', '.join(map(str, map(np.shape, pair)))}" if len(pair) > 1 else repr(result)
        expected = f"expected two results, the loss (one number) and a gradient of shape {shape}"
        raise TypeError(f"{loss!r}: {expected}, got {got}")
    return pair[0], pair[1]


def check_takes_weights(loss: Loss) -> None:
    """Raise where a loss of the user's own takes no weights."""
    has_own_call = type(loss).__call__ is not Loss.__call__
    method = "__call__" if has_own_call else "value_and_gradient"
    try:
        inspect.signature(getattr(loss, method)).bind(None, None, None)
    except TypeError:
        text = f"{loss!r} takes no weights: expected a method {method}(outputs, targets, weights=None)"
        raise TypeError(text) from None


def check_weights(weights: ArrayLike, rows: int, name: str) -> NDArray[np.float64]:
    """Return the weights of so many rows, (N,), as float64: finite numbers of at least 0."""
    values = check_numeric(weights, name)
    if values.shape == (rows, 1):
        values = values[:, 0]
    if values.shape != (rows,):
        raise ValueError(f"{name}: expected a weight for each of the {rows} rows, shape ({rows},), got {values.shape}")
    good = (values >= 0) & (values < np.inf)  # NaN fails, too
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"{name}: expected finite weights of at least 0, got {values[row]} at row {row}")
    return values.astype(np.float64)


def check_outputs(outputs: NDArray) -> NDArray:
    """Return outputs (N, ...) in float32 or float64, as the kernels want them."""
    outputs = check_numeric(outputs, "outputs")
    if outputs.dtype not in FLOATS:
        outputs = outputs.astype(np.float64)
    if outputs.size == 0 or outputs.ndim == 0:
        raise ValueError(f"outputs: expected at least one row, got shape {outputs.shape}")
    return outputs if outputs.flags.carray else np.require(outputs, None, ["C", "A", "W"])


def check_same_shape(outputs: NDArray, targets: NDArray) -> None:
    """Raise unless there is a target for each number: else NumPy would broadcast one to the other."""
    check_lengths(outputs, targets)
    if outputs.shape != targets.shape:
        raise ValueError(f"targets: expected shape {outputs.shape}, got {targets.shape}")


def check_lengths(outputs: NDArray, targets: NDArray) -> None:
    """Raise unless there is a target for each row."""
    if len(outputs) != len(targets):
        raise ValueError(f"expected one target for each of the {len(outputs)} rows, got {len(targets)}")


def check_numbers(targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
    """Return targets (N, *output_shape); (N,) is taken as (N, 1)."""
    targets = check_numeric(targets, "targets")
    if targets.ndim == 1 and output_shape == (1,):
        targets = targets[:, None]
    if targets.shape[1:] != tuple(output_shape) or targets.ndim == 0:
        expected = f"shape ({', '.join(map(str, ('N', *output_shape)))})"
        hint = ""
        if len(output_shape) == 1 and targets.shape[1:] in ((), (1,)) and targets.ndim:
            hint = f"; make rows of class numbers with to_categorical(y, {output_shape[0]})"
        raise ValueError(f"targets: expected {expected}, got {targets.shape}{hint}")
    return targets
