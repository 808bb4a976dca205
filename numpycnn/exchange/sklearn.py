"""A network as scikit-learn's estimators are: fit, predict, score, clone, and parameters to search over.

Nothing is learned here in another way than by ``Sequential.fit``: this file numbers the labels, gives flat rows their
shape, and says the rest in scikit-learn's words.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..callbacks.monitors import EarlyStopping
from ..checks import check_flag, check_fraction, check_list, check_positive, check_predicted_classes, check_shape
from ..layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU
from ..losses import SoftmaxCrossEntropy, check_weights
from ..model import Sequential
from ..optimizers import Optimizer, get_optimizer
from ..schedules import Schedule

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "numpycnn.sklearn needs scikit-learn 1.6 or later, which is not installed: "
        'python -m pip install -e ".[sklearn]" in the checkout, or python -m pip install "scikit-learn>=1.6"'
    ) from error

Rows = tuple[NDArray, NDArray, NDArray | None]  # inputs, numbers of the classes, and the weights, if there are any


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A classifier for scikit-learn: in a ``Pipeline``, ``GridSearchCV``, ``cross_val_score`` and the like.

    Parameters
    ----------
    layers : list of Layer, or callable, optional
        The network without its end: ``Flatten()`` and a ``Dense`` with a unit for each class are added. Each ``fit``
        trains copies. Or a function without arguments that returns such a list. Default: ``[Dense(64), ReLU()]``, and
        for images a convolution with 16 filters and a pooling before that.
    image_shape : tuple of int, optional
        (H, W, C) of the images that the rows hold, row by row and with the channels of a pixel side by side. With it
        X may be (N, H, W, C), too, or (N, H, W) where C is 1.
    epochs : int
        Passes over the rows; with `early_stopping` at most so many.
    batch_size : int
        Rows a step.
    optimizer : str or Optimizer
        A name or an optimizer, as for ``Sequential.compile``. Each ``fit`` starts with a new one.
    learning_rate : float or Schedule, optional
        Default: the optimizer's.
    early_stopping : bool
        Hold out rows, stop when the loss on them has not improved for `patience` epochs, and return to the weights of
        the best epoch.
    validation_fraction : float
        Share of the rows that `early_stopping` holds out, in (0, 1), of each class alike; not used without it.
    patience : int
        Epochs without improvement to wait for; not used without `early_stopping`.
    dtype : {"float32", "float64"}, optional
        What the network computes in. Default: as usual in scikit-learn what X holds, and float32 for integers. float32
        is about twice as fast, and precise enough for images: ``X.astype("float32")``.
    random_state : int, RandomState, optional
        Fixes the starting weights, the order of the rows, Dropout, and which rows are held out.
    verbose : {0, 1, 2, "auto"}
        As for ``Sequential.fit``.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels, sorted.
    model_ : Sequential
        The network: save it, plot it, export it. Its class k is ``classes_[k]``.
    history_ : dict of list of float
        What ``fit`` recorded by epoch: ``loss``, ``accuracy``, with `early_stopping` ``val_loss``, ``val_accuracy``.
    n_features_in_ : int
        Numbers in a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X was a table with names.

    Examples
    --------
    >>> import numpy as np
    >>> from numpycnn.sklearn import NetworkClassifier
    >>> rows = np.array([[0.0], [0.1], [0.9], [1.0]])
    >>> classifier = NetworkClassifier(epochs=100, learning_rate=0.01, random_state=0)
    >>> classifier.fit(rows, ["low", "low", "high", "high"]).predict([[0.05], [0.95]])
    array(['low', 'high'], dtype='<U4')
    """

    def __init__(
        self,
        layers: Sequence[Layer] | Callable[[], Sequence[Layer]] | None = None,
        image_shape: tuple[int, int, int] | None = None,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: str | Optimizer = "adam",
        learning_rate: float | Schedule | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 5,
        dtype: DTypeLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | str = 0,
    ) -> None:
        # Kept as they are and checked in fit: so wants it ``clone``.
        self.layers = layers
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NetworkClassifier:
        """Train a new network.

        Parameters
        ----------
        X : array of shape (N, features)
            Or images, see `image_shape`.
        y : array of shape (N,)
            Labels: numbers, texts or anything that can be sorted.
        sample_weight : array of shape (N,), optional
            How much each row counts beside the others, from 0 on: their mean is made 1, so that weights of any size
            train at the same pace. A row of weight 0 is left out, as if it were not there.

        Returns
        -------
        NetworkClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            Data, weights or parameters that do not fit.
        KeyboardInterrupt
            After Ctrl-C, so that a search ends; ``model_`` is what was learned until then.
        """
        X, y = self._check_data(X, y, reset=True)
        self.classes_, labels = np.unique(y, return_inverse=True)
        rows = _with_weights(X, labels, sample_weight)
        random = check_random_state(self.random_state)
        model = self._new_model(X.dtype, random)
        options: dict[str, Any] = {"epochs": self.epochs}
        if check_flag(self.early_stopping, "early_stopping"):
            rows, held_out = self._hold_out(rows, random)
            options["validation_data"] = held_out
            options["callbacks"] = [EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True)]
        return self._train(model, rows, options)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> NetworkClassifier:
        """Go on training for one epoch on these rows; the first time with a new network.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array of shape (K,), optional
            All labels that will ever come; needed the first time, since these rows may lack some.

        Returns
        -------
        NetworkClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError, KeyboardInterrupt
            As `fit`; no `classes` the first time, others than before, or a label that is none of them.
        """
        first = not hasattr(self, "model_")
        if first and classes is None:
            raise ValueError("partial_fit: expected classes, all labels that will ever come, at the first call")
        X, y = self._check_data(X, y, reset=first)
        known = np.unique(np.asarray(classes)) if first else self.classes_
        if classes is not None and not np.array_equal(np.unique(np.asarray(classes)), known):
            raise ValueError(f"partial_fit: classes are {known.tolist()} since the first call, got {classes}")
        if strange := sorted(set(y.tolist()) - set(known.tolist())):
            raise ValueError(f"partial_fit: y holds {strange[0]!r}, which is none of the classes {known.tolist()}")
        self.classes_ = known
        rows = _with_weights(X, np.searchsorted(known, y), sample_weight)
        model = self._new_model(X.dtype, check_random_state(self.random_state)) if first else self.model_
        return self._train(model, rows, {"epochs": 1})

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : array of shape (N, features)

        Returns
        -------
        ndarray of shape (N, K)
            In the network's dtype.
        """
        check_is_fitted(self)
        return self.model_.predict(self._shaped(validate_data(self, self._flat(X), reset=False)))

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array of shape (N, features)

        Returns
        -------
        ndarray of shape (N,)

        Raises
        ------
        ValueError
            Probabilities are NaN: the training has diverged.
        """
        probabilities = self.predict_proba(X)
        check_predicted_classes(probabilities, "probabilities")  # none is NaN; one column is one class
        return self.classes_[probabilities.argmax(axis=1)]

    def _check_data(self, X: ArrayLike, y: ArrayLike, reset: bool) -> tuple[NDArray, NDArray]:
        """Return rows (N, features) and labels (N,); take note of the number and the names of the features."""
        rows, labels = validate_data(self, self._flat(X), y, reset=reset)
        check_classification_targets(labels)
        return rows, labels

    def _flat(self, X: ArrayLike) -> ArrayLike:
        """Return images as rows (N, H * W * C); what is none as it is."""
        if self.image_shape is None or np.ndim(X) < 3:  # type: ignore[arg-type]
            return X
        images, shape = np.asarray(X), check_shape(self.image_shape, "image_shape", rank=3)
        if images.shape[1:] != shape and (*images.shape[1:], 1) != shape:
            raise ValueError(f"X: expected images of shape {shape}, or flat rows, got shape {images.shape}")
        return images.reshape(len(images), -1)

    def _shaped(self, X: NDArray) -> NDArray:
        """Return rows as the network takes them: (N, features), or (N, H, W, C)."""
        if self.image_shape is None:
            return X
        shape = check_shape(self.image_shape, "image_shape", rank=3)
        if X.shape[1] != np.prod(shape):
            raise ValueError(f"X: expected rows of {np.prod(shape)} numbers for images of shape {shape}, got {X.shape}")
        return X.reshape(len(X), *shape)

    def _new_model(self, given: np.dtype, random: np.random.RandomState) -> Sequential:
        """Return a compiled model with new layers and a new optimizer, for rows of the given dtype."""
        layers = self.layers() if callable(self.layers) else self.layers
        if layers is None:
            layers = [Dense(64), ReLU()]
            if self.image_shape is not None:
                layers = [Conv2D(16, 3, padding="same"), ReLU(), MaxPool2D(2, padding="same"), Flatten(), *layers]
        own = copy.deepcopy(check_list(layers, "layers", "a list such as [Dense(64), ReLU()], or a function"))
        own += [Flatten(), Dense(len(self.classes_))]
        dtype = self.dtype if self.dtype is not None else "float64" if given == np.float64 else "float32"
        model = Sequential(own, seed=int(random.randint(2**31 - 1)), dtype=dtype)
        optimizer = get_optimizer(copy.deepcopy(self.optimizer))
        if self.learning_rate is not None:
            optimizer.learning_rate = copy.deepcopy(self.learning_rate)
        model.compile(optimizer, SoftmaxCrossEntropy(), ["accuracy"])
        return model

    def _hold_out(self, rows: Rows, random: np.random.RandomState) -> tuple[Rows, tuple[NDArray, ...]]:
        """Return the rows to train on, and those to validate on, in their shape."""
        X, labels, weights = rows
        share = check_positive(check_fraction(self.validation_fraction, "validation_fraction"), "validation_fraction")
        kept, held = train_test_split(np.arange(len(X)), test_size=share, stratify=labels, random_state=random)
        validation = self._shaped(X[held]), labels[held]
        if weights is None:
            return (X[kept], labels[kept], None), validation
        return (X[kept], labels[kept], weights[kept]), (*validation, weights[held])

    def _train(self, model: Sequential, rows: Rows, options: dict[str, Any]) -> NetworkClassifier:
        X, labels, weights = rows
        history = model.fit(
            self._shaped(X), labels, self.batch_size, verbose=self.verbose, sample_weight=weights, **options
        )
        self.model_, self.history_ = model, history.history
        if history.interrupted:
            raise KeyboardInterrupt
        return self


def _with_weights(X: NDArray, labels: NDArray, sample_weight: ArrayLike | None) -> Rows:
    """Return the rows that count, with weights whose mean is 1."""
    if sample_weight is None:
        return X, labels, None
    weights = check_weights(sample_weight, len(X), "sample_weight")
    counts = weights > 0
    if not counts.any():
        raise ValueError("sample_weight: expected a weight above 0, got zeros alone")
    weights = weights[counts]
    return X[counts], labels[counts], weights / weights.mean()
