"""A model as scikit-learn's estimators are: fit, predict, score, and parameters to search over."""

from __future__ import annotations

import inspect
from typing import Any, Callable

import numpy as np

from ..checks import check_predicted_classes
from .utils import to_categorical


class BaseWrapper:
    """Holds a function that builds a compiled model, and the arguments of it and of ``fit``."""

    _estimator_type = ""

    def __init__(self, build_fn: Callable[..., Any] | None = None, model: Any = None, **sk_params: Any) -> None:
        self.build_fn, self.sk_params = build_fn if build_fn is not None else model, sk_params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters."""
        return {"build_fn": self.build_fn, **self.sk_params}

    def set_params(self, **params: Any) -> Any:
        """Set parameters."""
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params |= params
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator

        tags = BaseEstimator().__sklearn_tags__()
        tags.estimator_type = self._estimator_type
        return tags

    def __sklearn_clone__(self) -> Any:
        return type(self)(self.build_fn, **self.sk_params)

    def fit(self, x: Any, y: Any, **given: Any) -> Any:
        """Build the model and train it."""
        build = self.build_fn or getattr(self, "__call__", None)
        if build is None:
            raise TypeError(f"{type(self).__name__}: expected build_fn, a function that returns a compiled model")
        wanted = inspect.signature(build).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in wanted.values())
        self.model = build(**{k: v for k, v in self.sk_params.items() if k in wanted or (takes_all and k not in FIT)})
        if self._estimator_type == "classifier":
            y = self._numbered(np.asarray(y))
            if getattr(self.model.loss, "name", "") == "categorical_crossentropy" and y.ndim == 1:
                y = to_categorical(y, len(self.classes_))
        self.history = self.model.fit(np.asarray(x), y, **self._words(FIT, given))
        return self

    def _words(self, known: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
        """Return what the model is told: what was said at the beginning, unless it is said otherwise now."""
        return {**{name: value for name, value in self.sk_params.items() if name in known}, **given}

    def _numbered(self, y: np.ndarray) -> np.ndarray:
        """Return the classes as numbers 0, 1, ...; remember their names."""
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_: np.ndarray = np.arange(y.shape[1])
            return y
        self.classes_, numbers = np.unique(y.reshape(-1), return_inverse=True)
        return numbers


FIT = ("batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data", "shuffle", "class_weight",
       "sample_weight", "initial_epoch", "steps_per_epoch", "nb_epoch")  # fmt: skip
PREDICT = "batch_size", "verbose"


class KerasClassifier(BaseWrapper):
    """A classifier for scikit-learn."""

    _estimator_type = "classifier"

    def predict(self, x: Any, **given: Any) -> np.ndarray:
        """Return the classes."""
        probabilities = self.predict_proba(x, **given)
        return self.classes_[check_predicted_classes(probabilities, "probabilities")]

    def predict_proba(self, x: Any, **given: Any) -> np.ndarray:
        """Return the classes' probabilities."""
        p = self.model.predict(np.asarray(x), **self._words(PREDICT, given))
        return p if p.shape[-1] > 1 else np.hstack([1 - p, p])

    def score(self, x: Any, y: Any, sample_weight: Any = None, **given: Any) -> float:
        """Return the accuracy."""
        y = np.asarray(y)
        y = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
        return float(np.average(self.predict(x, **given) == y, weights=sample_weight))


class KerasRegressor(BaseWrapper):
    """A regressor for scikit-learn."""

    _estimator_type = "regressor"

    def predict(self, x: Any, **given: Any) -> np.ndarray:
        """Return the outputs."""
        return np.squeeze(self.model.predict(np.asarray(x), **self._words(PREDICT, given)), -1)

    def score(self, x: Any, y: Any, **given: Any) -> float:
        """Return minus the loss."""
        scores = self.model.evaluate(np.asarray(x), np.asarray(y), **{"verbose": 0, **self._words(PREDICT, given)})
        return -float(scores[0] if isinstance(scores, list) else scores)
