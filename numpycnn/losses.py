"""Losses: one number for how wrong a batch is, and its gradient, from one formula.

``loss, dlogits = SoftmaxCrossEntropy()(logits, labels)``. Both are means over the batch, so the learning rate does not
depend on the batch size. Softmax and cross-entropy are one kernel: as a dozen NumPy calls they took longer than a
convolution.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import check_choice, check_classes, check_flag, check_fraction, check_instance, check_numeric
from .configured import Configured
from .kernels import ops


class Loss(Configured):
    """Base of the losses: call it with a batch of outputs and targets, and get the mean loss and its gradient.

    A loss of your own defines ``check_targets`` and ``value_and_gradient``. One that defines ``__call__`` in place of
    the latter is called in training, too.
    """

    def __call__(self, outputs: NDArray, targets: ArrayLike) -> tuple[float, NDArray]:
        """Return the mean loss over the batch and its gradient with respect to `outputs`.

        Parameters
        ----------
        outputs : ndarray of shape (N, ...)
        targets : array
            Such as suits the loss: classes (N,) or rows of probabilities for a cross-entropy.

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
        return self.value_and_gradient(outputs, self.check_targets(targets, outputs.shape[1:]))

    def value_and_gradient(self, outputs: NDArray, targets: NDArray) -> tuple[float, NDArray]:
        """Return the same for targets that ``check_targets`` returned: in training they are checked only once."""
        raise NotImplementedError(f"{type(self).__name__} has to define value_and_gradient(outputs, targets)")

    def check_targets(self, targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
        """Return the targets in the form that is worked on, or raise; outputs are (N, *output_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has to define check_targets(targets, output_shape)")

    def predict(self, outputs: NDArray) -> NDArray:
        """Turn the network's outputs into what a user wants to see; here: themselves."""
        return outputs

    def _check_outputs(self, outputs: NDArray) -> NDArray:
        return _check_outputs(outputs)


def in_training(loss: Loss) -> Callable[[NDArray, NDArray], tuple[float, NDArray]]:
    """Return the loss as a function of outputs and targets that are checked already."""
    has_own_call = type(loss).__call__ is not Loss.__call__
    return loss if has_own_call else loss.value_and_gradient


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

    Raises
    ------
    ValueError, TypeError
        `label_smoothing` is not a number in [0, 1), or `predict_logits` neither True nor False.
    """

    def __init__(self, label_smoothing: float = 0.0, predict_logits: bool = False) -> None:
        self.label_smoothing = check_fraction(label_smoothing, "label_smoothing")
        self.predict_logits = check_flag(predict_logits, "predict_logits")

    def value_and_gradient(self, logits: NDArray, labels: NDArray) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        logits : ndarray of shape (N, K)
            Scores before the softmax.
        labels : ndarray of shape (N,) or (N, K)
            As ``check_targets`` returns them: classes 0 to K - 1, or rows of probabilities (one-hot).

        Returns
        -------
        loss : float
        dlogits : ndarray of shape (N, K)

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match.
        """
        logits = _check_logits(logits)
        _check_lengths(logits, labels)
        targets = self._targets(labels, logits)  # (N, K)
        losses, dlogits = np.empty(len(logits)), np.empty_like(logits)
        ops.softmax_cross_entropy(logits, targets, losses, dlogits)
        return float(losses.sum() / len(logits)), dlogits

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

    def get_config(self) -> dict:
        """Return the arguments of ``__init__`` by name; `predict_logits` only if True, as in older files."""
        config = super().get_config()
        if not self.predict_logits:
            del config["predict_logits"]
        return config

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return the class probabilities (N, K), the softmax of the logits."""
        logits = _check_logits(logits)
        p = np.empty_like(logits)
        ops.softmax(logits, p)
        return p

    def _check_outputs(self, outputs: NDArray) -> NDArray:
        return _check_logits(outputs)

    def _targets(self, labels: NDArray, logits: NDArray) -> NDArray:
        """Return the target distribution of each row, smoothed: (N, K)."""
        targets = labels
        if labels.ndim == 1:
            targets = np.zeros(logits.shape, logits.dtype)
            targets[np.arange(len(labels)), labels] = 1
        targets = targets.astype(logits.dtype, copy=False)
        if self.label_smoothing == 0:
            return targets
        return (1 - self.label_smoothing) * targets + self.label_smoothing / logits.shape[1]


class MeanSquaredError(Loss):
    r"""Mean of the squared differences over batch and outputs.

    .. math:: L = \frac{1}{NK} \sum (y - t)^2, \qquad \frac{\partial L}{\partial y} = \frac{2 (y - t)}{NK}
    """

    def value_and_gradient(self, outputs: NDArray, targets: NDArray) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        outputs : ndarray of shape (N, ...)
        targets : ndarray of the same shape

        Returns
        -------
        loss : float
        doutputs : ndarray of the shape of `outputs`

        Raises
        ------
        ValueError, TypeError
            Shapes that do not match, or no real numbers.
        """
        outputs = _check_outputs(outputs)
        _check_lengths(outputs, targets)
        if outputs.shape != targets.shape:  # or NumPy would broadcast one to the other
            raise ValueError(f"targets: expected shape {outputs.shape}, got {targets.shape}")
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged network shows as infinity or NaN
            difference = outputs - targets.astype(outputs.dtype, copy=False)
            loss = np.square(difference).sum(dtype=np.float64) / difference.size
        return float(loss), difference * outputs.dtype.type(2 / difference.size)

    def check_targets(self, targets: ArrayLike, output_shape: tuple[int, ...]) -> NDArray:
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


def _check_outputs(outputs: NDArray) -> NDArray:
    outputs = check_numeric(outputs, "outputs")
    if outputs.dtype not in (np.float32, np.float64):
        outputs = outputs.astype(np.float64)
    if outputs.size == 0 or outputs.ndim == 0:
        raise ValueError(f"outputs: expected at least one row, got shape {outputs.shape}")
    return outputs if outputs.flags.carray else np.require(outputs, None, ["C", "A", "W"])  # as the kernels want it


def _check_logits(logits: NDArray) -> NDArray:
    logits = _check_outputs(logits)
    if logits.ndim != 2:
        raise ValueError(f"logits: expected shape (N, K), got {logits.shape}")
    return logits


def _check_lengths(outputs: NDArray, targets: NDArray) -> None:
    if len(outputs) != len(targets):
        raise ValueError(f"expected one target for each of the {len(outputs)} rows, got {len(targets)}")


LOSSES: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SoftmaxCrossEntropy,
    "categorical_crossentropy": SoftmaxCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}


def get_loss(loss: str | Loss) -> Loss:
    """Return a new loss for a Keras name, or the loss itself.

    Raises
    ------
    ValueError, TypeError
        The name is unknown, or the argument is something else than a loss.
    """
    if isinstance(loss, str):
        return LOSSES[check_choice(loss, "loss", LOSSES, ", or a loss")]()
    return check_instance(loss, Loss, "loss", "a name or a numpycnn loss")
