"""Losses by Keras's names, as objects and as functions; the core computes them."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import losses as core
from .missing import LOSSES as MISSING
from .missing import of_losses as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import no_effect, note, refuse
from .tensors import Tensor, tensor

# Keras's names of what becomes of the rows' losses, and the core's.
REDUCTIONS = {"none": "mean", "sum_over_batch_size": "mean", "mean": "mean", "auto": "mean", "sum": "sum",
              "mean_with_sample_weight": "weighted_mean"}  # fmt: skip
SMALL = 1e-7  # Keras keeps probabilities this far from 0 and 1


class Loss:
    """A loss in Keras's words; `words` are its arguments with their defaults."""

    words: dict[str, Any] = {}

    def __init__(self, *args: Any, **given: Any) -> None:
        kind = type(self).__name__
        reduction, name = given.pop("reduction", None), given.pop("name", None)
        no_effect(kind, dtype=given.pop("dtype", None))
        self.config = {**self.words, **dict(zip(self.words, args)), **given}
        unknown = set(self.config) - set(self.words)
        if unknown or len(args) > len(self.words):
            raise TypeError(f"{kind}: unexpected argument {sorted(unknown) or args}")
        word = str(getattr(reduction, "value", reduction)).lower()
        if word not in REDUCTIONS:
            raise ValueError(f"{kind}: reduction={reduction!r}: expected the mean over the batch, or 'sum'")
        self.reduction = REDUCTIONS[word]
        self.name = name or keras_name(kind)
        self.check()

    def check(self) -> None:
        """Refuse arguments that would change the result and that there is nothing for."""

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        """Return the core's loss for a model that ends in this layer of the core, and whether it replaces the layer."""
        raise NotImplementedError

    def per_row(self, y_true: Any, y_pred: Any) -> np.ndarray:
        """Return the loss of each row of predictions."""
        outputs, targets = self.outputs(np.asarray(y_pred, np.float64)), np.asarray(y_true)
        loss = self.to_core(None)[0]
        return np.array([loss(outputs[i : i + 1], targets[i : i + 1])[0] for i in range(len(outputs))], np.float32)

    def outputs(self, y_pred: np.ndarray) -> np.ndarray:
        """Return what the core's loss takes, of predictions."""
        return y_pred

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        losses = self.per_row(y_true, y_pred)
        weights = 1.0 if sample_weight is None else np.asarray(sample_weight, np.float32)
        return tensor((losses * weights).mean(dtype=np.float64), np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"name": self.name, **self.config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return such a loss."""
        return cls(**config)


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


class _Crossentropy(Loss):
    """What they share: the activation before them is a part of the core's loss, if it is the right one."""

    core_class: Any = core.SoftmaxCrossEntropy
    activation: str = "Softmax"

    def check(self) -> None:
        refuse(type(self).__name__, axis=self.config["axis"] + 1, ignore_class=self.config.get("ignore_class"))

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        smoothing, logits = self.config.get("label_smoothing", 0.0), self.config["from_logits"]
        if type(last).__name__ == self.activation:
            if logits:
                note(f"{self.name}: from_logits=True after {last!r}: the loss takes what comes before it, as "
                     "TensorFlow's does")  # fmt: skip
            return self.core_class(smoothing, reduction=self.reduction), True
        if type(last).__name__ in ("Sigmoid", "Softmax") and not logits:
            others = of_probabilities(self.core_class, self.logits, self.slope)
            return others(smoothing, reduction=self.reduction), False
        if last is not None and not logits:
            raise ValueError(
                f"{self.name} takes probabilities, and the model ends in {last!r}: end it in "
                f'activation="{self.activation.lower()}", or give the loss from_logits=True'
            )
        return self.core_class(smoothing, predict_logits=last is not None, reduction=self.reduction), False

    def outputs(self, y_pred: np.ndarray) -> np.ndarray:
        return y_pred if self.config["from_logits"] else self.logits(np.clip(y_pred, SMALL, 1 - SMALL))

    @staticmethod
    def logits(p: np.ndarray) -> np.ndarray:
        """Return what the activation makes these probabilities of."""
        return np.log(p)

    @staticmethod
    def slope(p: np.ndarray) -> np.ndarray:
        """Return the derivative of `logits`."""
        return 1 / p


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of one-hot rows; the core's SoftmaxCrossEntropy."""

    words = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of class numbers; the core's SoftmaxCrossEntropy."""

    words = {"from_logits": False, "ignore_class": None, "axis": -1}

    def per_row(self, y_true: Any, y_pred: Any) -> np.ndarray:
        return super().per_row(np.asarray(y_true).reshape(-1), y_pred)


class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of yes and no; the core's BinaryCrossEntropy."""

    words = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}
    core_class, activation = core.BinaryCrossEntropy, "Sigmoid"

    @staticmethod
    def logits(p: np.ndarray) -> np.ndarray:
        return np.log(p / (1 - p))

    @staticmethod
    def slope(p: np.ndarray) -> np.ndarray:
        return 1 / (p * (1 - p))


class MeanSquaredError(Loss):
    """Mean squared error; the core's."""

    core_class: Any = core.MeanSquaredError

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        return self.core_class(**self.config, reduction=self.reduction), False


class MeanAbsoluteError(MeanSquaredError):
    """Mean absolute error; the core's."""

    core_class = core.MeanAbsoluteError


class Huber(MeanSquaredError):
    """Squared near 0, absolute beyond delta; the core's Huber."""

    words, core_class = {"delta": 1.0}, core.Huber


def keras_name(kind: str) -> str:
    """Return ``categorical_crossentropy`` for CategoricalCrossentropy, ``auc`` for AUC."""
    return kind.lower() if kind.isupper() else "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_")


def _function(loss_class: type[Loss], name: str) -> Callable[..., Tensor]:
    def function(y_true: Any, y_pred: Any, **given: Any) -> Tensor:
        return tensor(loss_class(**given).per_row(y_true, y_pred))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The loss of each row; see {loss_class.__name__}."
    function.loss_class = loss_class  # type: ignore[attr-defined]
    return function


categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy")
mean_squared_error = mse = MSE = _function(MeanSquaredError, "mean_squared_error")
mean_absolute_error = mae = MAE = _function(MeanAbsoluteError, "mean_absolute_error")
huber = huber_loss = _function(Huber, "huber")

CLASSES = {cls.__name__: cls for cls in (CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryCrossentropy,
                                         MeanSquaredError, MeanAbsoluteError, Huber)}  # fmt: skip
NAMES = {**{keras_name(kind): cls for kind, cls in CLASSES.items()}, "mse": MeanSquaredError, "mae": MeanAbsoluteError,
         "bce": BinaryCrossentropy, "cce": CategoricalCrossentropy, "huber_loss": Huber}  # fmt: skip


def get(identifier: Any) -> Loss:
    """Return the loss of this name, function, class or description, or the loss itself."""
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, dict):
        return get(identifier["class_name"]).from_config(identifier["config"])
    if hasattr(identifier, "loss_class"):
        return identifier.loss_class()
    if isinstance(identifier, str):
        found = CLASSES.get(identifier) or NAMES.get(identifier.lower())
        if found is None:
            instead = MISSING.get(identifier) or MISSING.get(identifier.lower()) or ", ".join(NAMES)
            raise ValueError(f"unknown loss {identifier!r}: numpycnn has {instead}")
        return found()
    raise ValueError(
        f"loss={identifier!r}: a loss of your own needs its gradient: subclass numpycnn.Loss, in a numpycnn.Sequential"
    )


deserialize = get


class _OfCore(Loss):
    """A loss that the core has read from a file."""

    words = {"core_loss": None}

    def to_core(self, last: Any) -> tuple[core.Loss, bool]:
        return self.config["core_loss"], False


def of_core(loss: Any) -> Loss:
    """Return the facade's loss for one of the core's."""
    for kind in (CategoricalCrossentropy, BinaryCrossentropy):
        if isinstance(loss, kind.core_class):
            reduction = "sum" if loss.reduction == "sum" else None
            return kind(from_logits=loss.predict_logits, label_smoothing=loss.label_smoothing, reduction=reduction)
    return _OfCore(loss)
