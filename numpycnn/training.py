"""The training loop, in plain sight: forward, loss, backward, step; batch after batch, epoch after epoch."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .callbacks import Callback, CallbackList
from .layers._arguments import check_count, check_fraction
from .layers.base import check_numeric, check_rows
from .losses import Loss
from .optimizers import Optimizer
from .progress import Progress

if TYPE_CHECKING:
    from .model import Sequential

PREDICT_BATCH = 256  # images at a time where the user does not say: large enough to be fast, small enough for the cache


@dataclass
class History:
    """What ``fit`` recorded.

    Attributes
    ----------
    history : dict of list of float
        By epoch: ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``, as far as they apply.
    epoch : list of int
        Numbers of the epochs, from 0.
    seconds : list of float
        Seconds of training an epoch, without validation, callbacks and compilation.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def append(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Add the figures of one epoch."""
        self.epoch.append(epoch)
        self.seconds.append(seconds)
        for name in sorted(logs):
            self.history.setdefault(name, []).append(logs[name])


@dataclass
class FitOptions:
    """The options of ``Sequential.fit``, under the same names."""

    batch_size: int = 32
    epochs: int = 1
    verbose: str | int = "auto"
    callbacks: Sequence[Callback] | None = None
    validation_split: float = 0.0
    validation_data: tuple[ArrayLike, ArrayLike] | None = None
    shuffle: bool = True
    initial_epoch: int = 0
    augment: Callable[[NDArray, np.random.Generator], NDArray] | None = None
    seed: int | None = None
    check_finite: bool = False

    def __post_init__(self) -> None:
        self.batch_size = check_count(self.batch_size, "batch_size")
        self.epochs = check_count(self.epochs, "epochs")
        self.initial_epoch = check_count(self.initial_epoch, "initial_epoch", minimum=0)
        self.seed = None if self.seed is None else check_count(self.seed, "seed", minimum=0)
        self.validation_split = check_fraction(self.validation_split, "validation_split")
        if self.verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose: expected "auto", 0, 1 or 2, got {self.verbose!r}')
        if self.augment is not None and not callable(self.augment):
            raise TypeError(f"augment: expected a function (images, rng) -> images, got {self.augment!r}")


def step(model: Sequential, loss: Loss, optimizer: Optimizer, x: NDArray, y: NDArray) -> tuple[float, NDArray]:
    """Take one training step; return the loss and the outputs from before it."""
    outputs = model.forward(x, training=True)
    value, doutputs = loss(outputs, y)
    model.backward(doutputs)
    optimizer.step(model.arena.values, model.arena.grads)
    return value, outputs


def train_step(model: Sequential, loss: Loss, optimizer: Optimizer, x: NDArray, y: ArrayLike) -> float:
    """Take one training step on one batch.

    Parameters
    ----------
    model : Sequential
        Built.
    loss : Loss
    optimizer : Optimizer
    x : ndarray of shape (N, *input_shape)
    y : array
        As the loss takes it.

    Returns
    -------
    float
        The loss before the step.
    """
    return step(model, loss, optimizer, x, np.asarray(y))[0]


def fit(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> History:
    """Train; see ``Sequential.fit``."""
    model._require_compiled("fit")
    if not model.built:
        x = check_numeric(x, "x")
        if x.ndim < 2 or len(x) == 0:
            raise ValueError(f"x: expected at least one row of at least one number, got shape {x.shape}")
        model.build(x.shape[1:])
    x, y = check_data(model, x, y, options.check_finite)
    x, y, validation = _hold_out(model, x, y, options)
    rng = model.fit_rng if options.seed is None else np.random.default_rng(options.seed)
    callbacks = CallbackList(options.callbacks, model, _names(model, validation is not None))
    history = History()
    warm_up(model, x, y)
    model.stop_training = False
    callbacks.train_begin()
    try:
        for epoch in range(options.initial_epoch, options.epochs):
            callbacks.epoch_begin(epoch)
            with Progress(epoch, options.epochs, -(-len(x) // options.batch_size), options.verbose) as progress:
                logs, seconds = train_epoch(model, x, y, options, rng, progress, callbacks)
                if validation is not None:
                    figures = evaluate(model, model.loss, *validation)
                    logs.update({f"val_{name}": value for name, value in _logs(model, *figures).items()})
                progress.finish(logs, seconds)
            history.append(epoch, logs, seconds)
            callbacks.epoch_end(epoch, logs)
            if model.stop_training:
                break
    except KeyboardInterrupt:
        print("\nfit: interrupted; returning the history so far")
    callbacks.train_end()
    return history


def train_epoch(
    model: Sequential,
    x: NDArray,
    y: NDArray,
    options: FitOptions,
    rng: np.random.Generator,
    progress: Progress,
    callbacks: CallbackList,
) -> tuple[dict[str, float], float]:
    """Visit every row once; return the epoch's mean figures and the seconds that training took."""
    order = rng.permutation(len(x)) if options.shuffle else np.arange(len(x))
    total_loss = total_hits = 0.0
    start = time.perf_counter()
    for batch, first in enumerate(range(0, len(x), options.batch_size)):
        rows = order[first : first + options.batch_size]
        images, labels = x[rows].astype(model.dtype, copy=False), y[rows]
        if options.augment is not None:
            images = options.augment(images, rng)
        loss, outputs = step(model, model.loss, model.optimizer, images, labels)
        total_loss += loss * len(rows)
        if model.metrics:
            total_hits += accuracy(outputs, labels) * len(rows)
        seen = first + len(rows)
        logs = _logs(model, total_loss / seen, total_hits / seen)
        progress.update(batch + 1, logs)
        callbacks.batch_end(batch, logs)
        if model.stop_training:
            break
    return logs, time.perf_counter() - start


def evaluate(
    model: Sequential,
    loss: Loss,
    x: ArrayLike,
    y: ArrayLike,
    batch_size: int | None = None,
    check_finite: bool = False,
) -> tuple[float, float | None]:
    """Return the mean loss and, if it is among the metrics, the accuracy, without learning anything."""
    x, y = check_data(model, x, y, check_finite)
    batch_size = PREDICT_BATCH if batch_size is None else check_count(batch_size, "batch_size")
    total_loss = total_hits = 0.0
    for first in range(0, len(x), batch_size):
        labels = y[first : first + batch_size]
        outputs = model.forward(x[first : first + batch_size])
        total_loss += loss(outputs, labels)[0] * len(labels)
        total_hits += accuracy(outputs, labels) * len(labels) if model.metrics else 0
    return total_loss / len(x), total_hits / len(x) if model.metrics else None


def predict(
    model: Sequential, x: ArrayLike, batch_size: int | None = None, check_finite: bool = False
) -> NDArray:
    """Return the outputs for all rows, as the loss presents them; see ``Sequential.predict``."""
    x = check_images(model, x, check_finite)
    batch_size = PREDICT_BATCH if batch_size is None else check_count(batch_size, "batch_size")
    parts = [model.forward(x[first : first + batch_size]) for first in range(0, len(x), batch_size)]
    outputs = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return outputs if model.loss is None else model.loss.predict(outputs)


def accuracy(outputs: NDArray, labels: NDArray) -> float:
    """Return the fraction of rows whose largest output (N, K) is at the label (N,), or at the largest of (N, K)."""
    classes = labels.argmax(axis=1) if labels.ndim == 2 else labels
    return float(np.mean(outputs.argmax(axis=1) == classes))


def warm_up(model: Sequential, x: NDArray, y: NDArray) -> None:
    """Compile the kernels on a copy of the model, so that compiling neither learns nor counts as training time."""
    if model._warm:
        return
    twin = copy.deepcopy(model)
    rows = np.zeros(2, np.int64)
    step(twin, twin.loss, twin.optimizer, x[rows].astype(model.dtype), y[rows])
    twin.forward(x[rows].astype(model.dtype))
    model._warm = True


def check_images(model: Sequential, x: ArrayLike, check_finite: bool = False) -> NDArray:
    """Return `x` as an array of numbers of shape (N, *input_shape), in its own dtype; raise otherwise."""
    x = check_rows(x, model.input_shape, "x")
    if check_finite and x.dtype.kind == "f" and not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x).reshape(len(x), -1).all(axis=1)))
        raise ValueError(f"x: expected finite numbers, got NaN or infinity in row {row}")
    return x


def check_data(
    model: Sequential, x: ArrayLike, y: ArrayLike, check_finite: bool = False
) -> tuple[NDArray, NDArray]:
    """Return images and targets that suit the model and its loss; raise otherwise."""
    x = check_images(model, x, check_finite)
    y = model.loss.check_targets(y, model.output_shape)
    if len(x) != len(y):
        raise ValueError(f"x and y: expected as many labels as images, got {len(x)} images and {len(y)} labels")
    return x, y


def _hold_out(
    model: Sequential, x: NDArray, y: NDArray, options: FitOptions
) -> tuple[NDArray, NDArray, tuple[NDArray, NDArray] | None]:
    """Return the rows to train on, and those to validate on."""
    if options.validation_data is not None:
        try:
            x_val, y_val = options.validation_data
        except (TypeError, ValueError):
            raise ValueError("validation_data: expected a pair (x, y)") from None
        return x, y, check_data(model, x_val, y_val, options.check_finite)
    if options.validation_split == 0:
        return x, y, None
    kept = int(len(x) * (1 - options.validation_split))  # as Keras counts
    if kept in (0, len(x)):
        raise ValueError(f"validation_split={options.validation_split} of {len(x)} rows leaves one side empty")
    return x[:kept], y[:kept], (x[kept:], y[kept:])


def _names(model: Sequential, validates: bool) -> list[str]:
    """Names of the figures that an epoch will have."""
    names = [*model.metrics, "loss"]
    return names + [f"val_{name}" for name in names] if validates else names


def _logs(model: Sequential, loss: float, hits: float | None) -> dict[str, float]:
    return {"accuracy": hits, "loss": loss} if model.metrics and hits is not None else {"loss": loss}
