"""Losses of numbers that are to be hit: squares, absolute values, and Huber's mixture of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_positive
from .base import Loss, check_numbers, check_outputs, check_same_shape


class _OfDifferences(Loss):
    """Mean over batch and outputs of a curve of the differences; a class defines the curve."""

    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        """Return the height and the slope of the curve at each difference, output minus target."""
        raise NotImplementedError

    def value_and_gradient(
        self, outputs: NDArray, targets: NDArray, weights: NDArray | None = None
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        outputs : ndarray of shape (N, ...)
        targets : ndarray of the same shape
        weights : ndarray of shape (N,), optional

        Returns
        -------
        loss : float
        doutputs : ndarray of the shape of `outputs`

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match, or no real numbers.
        """
        outputs = check_outputs(outputs)
        check_same_shape(outputs, targets)
        rows = len(outputs)
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged network shows as infinity or NaN
            heights, slopes = self.curve(outputs - targets.astype(outputs.dtype, copy=False))
            losses = heights.reshape(rows, -1).sum(axis=1, dtype=np.float64) / (outputs.size // rows)  # (N,)
            return self.reduce(losses, slopes * outputs.dtype.type(1 / outputs.size), weights)

    def check_targets(self, targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
        """Return targets (N, *output_shape); (N,) is taken as (N, 1)."""
        return check_numbers(targets, output_shape)


class MeanSquaredError(_OfDifferences):
    r"""Mean of the squared differences over batch and outputs.

    .. math:: L = \frac{1}{NK} \sum (y - t)^2, \qquad \frac{\partial L}{\partial y} = \frac{2 (y - t)}{NK}

    Parameters
    ----------
    reduction : {"mean", "sum", "weighted_mean"}
        See ``Loss``; the loss of a row is the mean over its outputs.
    """

    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        """Return d**2 and 2 d."""
        return np.square(difference), 2 * difference


class MeanAbsoluteError(_OfDifferences):
    r"""Mean of the absolute differences over batch and outputs; the derivative at 0 is taken as 0.

    .. math:: L = \frac{1}{NK} \sum |y - t|, \qquad
              \frac{\partial L}{\partial y} = \frac{\mathrm{sign}(y - t)}{NK}

    Parameters
    ----------
    reduction : {"mean", "sum", "weighted_mean"}
        See ``Loss``; the loss of a row is the mean over its outputs.
    """

    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        """Return abs(d) and its sign."""
        return np.abs(difference), np.sign(difference)


class Huber(_OfDifferences):
    r"""Half the square of small differences, and a straight line on from there: outliers pull no harder than others.

    .. math:: d = y - t, \qquad L = \frac{1}{NK} \sum \begin{cases} d^2 / 2 & |d| \le \delta \\
              \delta |d| - \delta^2 / 2 & \text{else} \end{cases}, \qquad
              \frac{\partial L}{\partial y} = \frac{\max(-\delta, \min(d, \delta))}{NK}

    Parameters
    ----------
    delta : float
        Above 0.
    reduction : {"mean", "sum", "weighted_mean"}
        See ``Loss``; the loss of a row is the mean over its outputs.

    References
    ----------
    Huber, "Robust estimation of a location parameter" (1964).
    """

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.delta = check_positive(delta, "delta")

    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        """Return the parabola or the line, and the difference cut at delta."""
        delta = difference.dtype.type(self.delta)
        slopes = np.clip(difference, -delta, delta)
        return slopes * (difference - slopes / 2), slopes  # d * d / 2 within, delta * (abs(d) - delta / 2) beyond
