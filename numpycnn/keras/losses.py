"""Losses by Keras's names, as objects and as functions; the core computes them."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import losses as core
from ..io.keras_file.losses import REDUCTIONS as IN_FILES
from ..io.keras_file.losses import TO_KERAS
from .missing import LOSSES as MISSING
from .missing import of_losses as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import named, note
from .tensors import Tensor, tensor
from .words import Worded, by_name, found, snake_case, variant

REDUCTIONS = {"none": "mean", **IN_FILES}  # Keras's names of what becomes of the rows' losses, and the core's
LAST = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}
SMALL = 1e-7  # Keras keeps probabilities this far from 0 and 1


class Loss(Worded):
    """A loss in Keras's words; `core_class` is the core's, which takes those that come before LAST."""

    words: dict[str, Any] = LAST
    idle = ("dtype",)
    not_called = "call", "__call__", "to_core"
    instead = "a loss of your own needs its gradient: subclass numpycnn.Loss, in a numpycnn.Sequential"
    core_class: Any = None

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        reduction = self.config["reduction"]
        word = str(getattr(reduction, "value", reduction)).lower()
        if word not in REDUCTIONS:
            kind = type(self).__name__
            raise ValueError(f"{kind}: reduction={reduction!r}: expected the mean over the batch, or 'sum'")
        self.reduction, self.unreduced = REDUCTIONS[word], word == "none"
        self.name = self.config["name"] or snake_case(type(self).__name__)

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        """Return the core's loss for a model that ends in this layer of the core, and whether it replaces the layer."""
        own = {word: value for word, value in self.config.items() if word not in LAST}
        return self.core_class(**own, reduction=self.reduction), False

    def per_row(self, y_true: Any, y_pred: Any) -> np.ndarray:
        """Return the loss of each row of predictions, of images of each pixel; of one row alone, (N,), their mean."""
        if np.ndim(y_pred) == 1:
            return self.per_row(np.asarray(y_true)[None], np.asarray(y_pred)[None])[0]
        outputs, targets = self.outputs(np.asarray(y_pred, np.float64)), np.asarray(y_true)
        if len(outputs) != len(targets):
            counts = f"{len(outputs)} predictions, got {len(targets)}"
            raise ValueError(f"{self.name}: expected a target for each of {counts}")
        loss: Any = self.to_core(None)[0]
        if hasattr(loss, "curve"):  # of differences, whatever their number of axes
            heights, _ = loss.curve(outputs - loss.check_targets(targets, outputs.shape[1:]))
            return heights.mean(axis=-1).astype(np.float32)
        if outputs.ndim > 2:  # a pixel is a row
            rows = targets.reshape(-1, *targets.shape[outputs.ndim - 1 :])
            return self.per_row(rows, np.reshape(y_pred, (-1, outputs.shape[-1]))).reshape(outputs.shape[:-1])
        return np.array([loss(outputs[i : i + 1], targets[i : i + 1])[0] for i in range(len(outputs))], np.float32)

    def outputs(self, y_pred: np.ndarray) -> np.ndarray:
        """Return what the core's loss takes, of predictions."""
        return y_pred

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        losses = self.per_row(y_true, y_pred).astype(np.float64)
        weights = np.ones_like(losses) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if losses.ndim and weights.size == len(losses):  # a weight a row
            weights = weights.reshape(-1, *[1] * (losses.ndim - 1))
        weighted = losses * weights
        if self.unreduced:
            return tensor(weighted, np.float32)
        count = {"sum": 1, "mean": weighted.size, "weighted_mean": weights.sum()}[self.reduction]
        return tensor(weighted.sum() / count, np.float32)


def of_probabilities(core_class: Any, logits: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    """Return the core's loss for probabilities that come from another activation than its own.

    They are made the logits that would give them: of log(p) the softmax divides by the sum, as Keras does.
    """

    class OfProbabilities(core_class):
        """The loss of probabilities as they are."""

        def value_and_gradient(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
            p = np.clip(outputs, SMALL, 1 - SMALL)
            loss, gradient = super().value_and_gradient(logits(p), targets, weights)
            return loss, np.where(p == outputs, gradient * slope(p), 0)  # by the chain rule

        def predict(self, outputs: Any) -> Any:
            return outputs

    return OfProbabilities


class Crossentropy(Loss):
    """What they share: the activation before them is a part of the core's loss, if it is the right one."""

    activation = "Softmax"
    refused = {"axis": "the classes are the last axis", "ignore_class": "give such rows the weight 0"}

    # What the activation makes these probabilities of, and its derivative.
    logits: Callable[[Any], Any] = staticmethod(np.log)
    slope: Callable[[Any], Any] = staticmethod(np.reciprocal)
    shares = False  # whether numbers whose sum is not 1 are divided by it before they are cut to SMALL

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        smoothing, logits = self.config.get("label_smoothing", 0.0), self.config["from_logits"]
        if type(last).__name__ == self.activation:
            if logits:
                note(f"{self.name}: from_logits=True after {last!r}: the loss takes what comes before it, as "
                     "TensorFlow's does")  # fmt: skip
            return self.core_class(smoothing, reduction=self.reduction), True
        twice = type(last).__name__ in ("Sigmoid", "Softmax")
        if twice:
            taken = "what it gives, as logits" if logits else "the probabilities"
            note(f"{self.name} after {last!r}: the loss of {taken}, as of Keras's backends JAX and PyTorch; "
                 "TensorFlow's takes what comes before the activation, as activation=None and from_logits=True would "
                 "here")  # fmt: skip
        if last is not None and not logits:
            if not twice:
                way = f'end it in activation="{self.activation.lower()}", or give the loss from_logits=True'
                way = "take it away, or put it before the last Dense" if "Dropout" in type(last).__name__ else way
                text = f"{self.name} takes probabilities, and the model ends in {last!r}: {way}"
                if self.activation != "Sigmoid":
                    raise ValueError(text)
                note(f"{text}; as it is, what is not between 0 and 1 counts as 0 or 1 and teaches nothing, as in Keras")
            others = of_probabilities(self.core_class, self.logits, self.slope)
            return others(smoothing, reduction=self.reduction), False
        return self.core_class(smoothing, predict_logits=last is not None, reduction=self.reduction), False

    def outputs(self, y_pred: np.ndarray) -> np.ndarray:
        if self.config["from_logits"]:
            return y_pred
        p = y_pred / y_pred.sum(axis=-1, keepdims=True) if self.shares else y_pred
        return self.logits(np.clip(p, SMALL, 1 - SMALL))


class SparseCategoricalCrossentropy(Crossentropy):
    """Cross-entropy of class numbers; the core's SoftmaxCrossEntropy."""

    words = {"from_logits": False, "ignore_class": None, "reduction": LAST["reduction"], "axis": -1, "name": None,
             "dtype": None}  # fmt: skip
    core_class = core.SoftmaxCrossEntropy

    def per_row(self, y_true: Any, y_pred: Any) -> np.ndarray:
        numbers = np.asarray(y_true).reshape(-1)
        return super().per_row(numbers.reshape(np.shape(y_pred)[:-1]) if np.ndim(y_pred) > 2 else numbers, y_pred)


_OF_ROWS = {"from_logits": False, "label_smoothing": 0.0, "axis": -1, **LAST}
CategoricalCrossentropy = variant(
    Crossentropy, "CategoricalCrossentropy", "Cross-entropy of one-hot rows; the core's SoftmaxCrossEntropy.",
    words=_OF_ROWS, core_class=core.SoftmaxCrossEntropy, shares=True,
)  # fmt: skip
BinaryCrossentropy = variant(
    Crossentropy, "BinaryCrossentropy", "Cross-entropy of yes and no; the core's BinaryCrossEntropy.", words=_OF_ROWS,
    core_class=core.BinaryCrossEntropy, activation="Sigmoid", logits=staticmethod(lambda p: np.log(p / (1 - p))),
    slope=staticmethod(lambda p: 1 / (p * (1 - p))),
)  # fmt: skip
MeanSquaredError = variant(Loss, "MeanSquaredError", "Mean squared error; the core's.",
                           core_class=core.MeanSquaredError)  # fmt: skip
MeanAbsoluteError = variant(Loss, "MeanAbsoluteError", "Mean absolute error; the core's.",
                            core_class=core.MeanAbsoluteError)  # fmt: skip
Huber = variant(Loss, "Huber", "Squared near 0, absolute beyond delta; the core's Huber.",
                words={"delta": 1.0, **LAST}, core_class=core.Huber)  # fmt: skip


def _function(loss_class: Any) -> Callable[..., Tensor]:
    def function(y_true: Any, y_pred: Any, **given: Any) -> Tensor:
        return tensor(loss_class(**given).per_row(y_true, y_pred))

    function.loss_class = loss_class  # type: ignore[attr-defined]
    return named(function, snake_case(loss_class.__name__), f"The loss of each row; see {loss_class.__name__}.")


categorical_crossentropy = _function(CategoricalCrossentropy)
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy)
binary_crossentropy, huber = _function(BinaryCrossentropy), _function(Huber)
mean_squared_error, mean_absolute_error = _function(MeanSquaredError), _function(MeanAbsoluteError)
mse, MSE, mae, MAE, huber_loss = mean_squared_error, mean_squared_error, mean_absolute_error, mean_absolute_error, huber
NAMES = by_name(CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError,
                MeanAbsoluteError, Huber, mse=MeanSquaredError, mae=MeanAbsoluteError, bce=BinaryCrossentropy,
                cce=CategoricalCrossentropy, huber_loss=Huber)  # fmt: skip


def get(identifier: Any) -> Loss:
    """Return the loss of this name, function, class or description, or the loss itself."""
    loss = found(getattr(identifier, "loss_class", identifier), "loss", Loss, NAMES, MISSING)
    if not isinstance(loss, Loss):
        raise ValueError(f"loss={identifier!r}: a loss of your own needs its gradient: give one of keras.losses "
                         "itself, such as SparseCategoricalCrossentropy(from_logits=True), or subclass numpycnn.Loss, "
                         "in a numpycnn.Sequential")  # fmt: skip
    return loss


deserialize = get


class _OfCore(Loss):
    """A loss that the core has read from a file."""

    words = {"core_loss": None, **LAST}

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        return self.config["core_loss"], False


def of_core(loss: Any) -> Loss:
    """Return the facade's loss for one of the core's."""
    common: dict[str, Any] = {"from_logits": getattr(loss, "predict_logits", False),
                              "reduction": TO_KERAS[loss.reduction]}  # fmt: skip
    if isinstance(loss, core.SoftmaxCrossEntropy) and not (loss.one_hot or loss.label_smoothing):
        return SparseCategoricalCrossentropy(**common)
    for kind in (CategoricalCrossentropy, BinaryCrossentropy):
        if isinstance(loss, kind.core_class):
            return kind(label_smoothing=loss.label_smoothing, **common)
    return _OfCore(loss)
