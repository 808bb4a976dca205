"""Cross-entropies: minus the logarithm of the probability that the network gave to what was true.

The function that makes probabilities of the network's outputs, softmax or the logistic function, is part of the loss:
together they are stable and have a simple gradient. Each is one kernel: as a dozen NumPy calls softmax and
cross-entropy took longer than a convolution.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_classes, check_flag, check_fraction, check_numeric
from ..kernels import ops
from .base import Loss, check_lengths, check_numbers, check_outputs, check_same_shape


class SoftmaxCrossEntropy(Loss):
    r"""Softmax and cross-entropy in one, which is stable and has a simple gradient.

    .. math:: p = \mathrm{softmax}(z), \qquad L = -\frac1N \sum_n \sum_k t_{nk} \log p_{nk}, \qquad
              \frac{\partial L}{\partial z} = \frac{p - t}{N}

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): the target becomes ``(1 - s) * one_hot + s / K`` (Szegedy et al. 2016, section 7).
    predict_logits : bool
        Whether ``predict`` returns the logits as they are, in place of probabilities: so does a Keras model without a
        softmax whose loss has ``from_logits=True``. The loss is the same.
    reduction : {"mean", "sum", "weighted_mean"}
        See ``Loss``.

    Raises
    ------
    ValueError, TypeError
        `label_smoothing` is not a number in [0, 1), `predict_logits` neither True nor False, or no such reduction.
    """

    _later = {**Loss._later, "predict_logits": False}
    one_hot = False  # whether a file for Keras says that labels come as one-hot rows; here they may come as both

    def __init__(self, label_smoothing: float = 0.0, predict_logits: bool = False, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.label_smoothing = check_fraction(label_smoothing, "label_smoothing")
        self.predict_logits = check_flag(predict_logits, "predict_logits")

    def value_and_gradient(
        self, logits: NDArray, labels: NDArray, weights: NDArray | None = None
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        logits : ndarray of shape (N, K)
            Scores before the softmax.
        labels : ndarray of shape (N,) or (N, K)
            As ``check_targets`` returns them: classes 0 to K - 1, or rows of probabilities (one-hot).
        weights : ndarray of shape (N,), optional

        Returns
        -------
        loss : float
        dlogits : ndarray of shape (N, K)

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match.
        """
        logits = check_logits(logits)
        check_lengths(logits, labels)
        targets = self._targets(labels, logits)  # (N, K)
        losses, dlogits = np.empty(len(logits)), np.empty_like(logits)
        ops.softmax_cross_entropy(logits, targets, losses, dlogits)
        return self.reduce(losses, dlogits, weights)

    def check_targets(self, labels: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
        """Return integer classes (N,), int64, or probabilities (N, K), float64; raise if they are neither.

        Labels that are fractional or out of range are refused, and rows that do not sum to 1.
        """
        if len(output_shape) != 1:
            shape = ", ".join(map(str, ("N", *output_shape)))
            raise ValueError(f"{self!r}: expected outputs of shape (N, K), got ({shape})")
        (classes,) = output_shape
        labels = check_numeric(labels, "labels")
        if labels.ndim != 2 or labels.shape[1] != classes:
            hint = "; does the last layer have a unit for every class?"
            return check_classes(labels, "labels", classes, hint, f"shape (N,), (N, 1) or (N, {classes})")
        if not (np.all(labels >= 0) and np.allclose(labels.sum(axis=1), 1, atol=1e-4)):
            raise ValueError("labels: expected rows of probabilities that sum to 1 (one-hot), got other values")
        return labels.astype(np.float64)

    def predict(self, logits: NDArray) -> NDArray:
        """Return the class probabilities (N, K), or with ``predict_logits`` the logits."""
        return logits if self.predict_logits else self.probabilities(logits)

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return the class probabilities (N, K), the softmax of the logits."""
        logits = check_logits(logits)
        p = np.empty_like(logits)
        ops.softmax(logits, p)
        return p

    def _check_outputs(self, outputs: NDArray) -> NDArray:
        return check_logits(outputs)

    def _targets(self, labels: NDArray, logits: NDArray) -> NDArray:
        """Return the target distribution of each row, smoothed: (N, K)."""
        classes, dtype = logits.shape[1], logits.dtype
        if labels.ndim == 2:
            return _smoothed(labels.astype(dtype, copy=False), self.label_smoothing)
        if classes <= MOST_KEPT:
            return _rows_of_classes(classes, dtype, self.label_smoothing).take(labels, axis=0)
        targets = np.zeros(logits.shape, dtype)
        targets[np.arange(len(labels)), labels] = 1
        return _smoothed(targets, self.label_smoothing)


MOST_KEPT = 1000  # classes whose targets are kept: making those of a batch can take longer than its loss


@functools.lru_cache(maxsize=4)
def _rows_of_classes(classes: int, dtype: np.dtype, smoothing: float) -> NDArray:
    """Return the smoothed target distribution of each class, (K, K)."""
    return _smoothed(np.eye(classes, dtype=dtype), smoothing)


def _smoothed(targets: NDArray, smoothing: float) -> NDArray:
    return targets if smoothing == 0 else (1 - smoothing) * targets + smoothing / targets.shape[1]


def check_logits(logits: NDArray) -> NDArray:
    """Return logits (N, K), as the kernels want them."""
    logits = check_outputs(logits)
    if logits.ndim != 2:
        raise ValueError(f"logits: expected shape (N, K), got {logits.shape}")
    return logits


class BinaryCrossEntropy(Loss):
    r"""Logistic function and cross-entropy in one, for yes-or-no questions: each output is one.

    .. math:: p = \frac{1}{1 + e^{-z}}, \qquad L = -\frac{1}{NK} \sum t \log p + (1 - t) \log (1 - p), \qquad
              \frac{\partial L}{\partial z} = \frac{p - t}{NK}

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): the target becomes ``(1 - s) * t + s / 2``.
    predict_logits : bool
        Whether ``predict`` returns the logits as they are, in place of probabilities.
    reduction : {"mean", "sum", "weighted_mean"}
        See ``Loss``; the loss of a row is the mean over its outputs.

    Raises
    ------
    ValueError, TypeError
        `label_smoothing` is not a number in [0, 1), `predict_logits` neither True nor False, or no such reduction.
    """

    _later = {**Loss._later, "predict_logits": False}

    def __init__(self, label_smoothing: float = 0.0, predict_logits: bool = False, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.label_smoothing = check_fraction(label_smoothing, "label_smoothing")
        self.predict_logits = check_flag(predict_logits, "predict_logits")

    def value_and_gradient(
        self, logits: NDArray, targets: NDArray, weights: NDArray | None = None
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        logits : ndarray of shape (N, ...)
            Scores before the logistic function.
        targets : ndarray of the same shape
            From 0 (no) to 1 (yes).
        weights : ndarray of shape (N,), optional

        Returns
        -------
        loss : float
        dlogits : ndarray of the shape of `logits`

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match, or no real numbers.
        """
        logits = check_outputs(logits)
        check_same_shape(logits, targets)
        targets = targets.astype(logits.dtype, copy=False)
        if self.label_smoothing:
            targets = (1 - self.label_smoothing) * targets + logits.dtype.type(self.label_smoothing / 2)
        rows = len(logits)
        losses, dlogits = np.empty(rows), np.empty_like(logits)
        targets = np.ascontiguousarray(targets).reshape(rows, -1)  # (N, K)
        ops.binary_cross_entropy(logits.reshape(rows, -1), targets, losses, dlogits.reshape(rows, -1))
        return self.reduce(losses, dlogits, weights)

    def check_targets(self, targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
        """Return targets (N, *output_shape) from 0 to 1; (N,) is taken as (N, 1)."""
        targets = check_numbers(targets, output_shape)
        good = (targets >= 0) & (targets <= 1)
        if not good.all():
            raise ValueError(f"targets: expected numbers from 0 (no) to 1 (yes), got {targets[~good][0]}")
        return targets.astype(np.float64)

    def predict(self, logits: NDArray) -> NDArray:
        """Return the probabilities of yes, or with ``predict_logits`` the logits."""
        return logits if self.predict_logits else self.probabilities(logits)

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return the probability of yes for each logit."""
        logits = check_outputs(logits)
        small = np.exp(-abs(logits))  # never overflows
        return np.where(logits < 0, small, 1) / (1 + small)
