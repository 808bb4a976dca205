"""The training loop, in plain sight: forward, loss, backward, step; batch after batch, epoch after epoch."""

from __future__ import annotations

import copy
import math
import time
import warnings
from typing import TYPE_CHECKING, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import CallbackList
from ..checks import check_count, check_flag, check_instance, check_numeric, check_rows
from ..data.augment import Augment
from ..hints import hint_at_rate, hint_at_scale
from ..kernels import ops
from ..layers.batchnorm import BatchNorm
from ..losses import Loss
from ..nonfinite import find_source
from ..optimizers import Optimizer
from ..terminal import show
from .progress import Progress

if TYPE_CHECKING:
    from ..model import Sequential
from .run import FitOptions, History, Run

PREDICT_BATCH = 256  # images at a time where the user does not say: large enough to be fast, small enough for the cache


def step(
    model: Sequential, loss: Loss, optimizer: Optimizer, x: NDArray, y: NDArray, rows: NDArray | None = None
) -> tuple[float, NDArray]:
    """Take one training step; return the loss and the outputs from before it.

    Where the loss is not finite, ``model.nonfinite`` says why; `rows` are the numbers of these rows in the data.
    """
    with model.lock:
        outputs = model.forward(x, training=True)
        value, doutputs = loss(outputs, y)
        if not math.isfinite(value) and model.nonfinite is None:
            model.nonfinite = find_source(model, loss, x, y, rows)
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

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The model is not built, or something is not what it should be; the model is unchanged then.
    """
    if not hasattr(model, "plan"):
        raise TypeError(f"train_step: expected a Sequential, got {model!r}")
    check_instance(loss, Loss, "train_step", "a loss")
    check_instance(optimizer, Optimizer, "train_step", "an optimizer")
    return step(model, loss, optimizer, x, check_numeric(y, "y"))[0]


def fit(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> History:
    """Train; see ``Sequential.fit``."""
    model._require_compiled("fit")
    if not model.built:
        x = check_numeric(x, "x")
        if x.ndim < 2 or len(x) == 0:
            raise ValueError(f"x: expected at least one row of at least one number, got shape {x.shape}")
        model.build(x.shape[1:])
    x, y = check_data(model, x, y, options.check_finite)
    _warn_of_scale(model, x, options)
    x, y, validation = _hold_out(model, x, y, options)
    rng = model.fit_rng if options.seed is None else np.random.default_rng(options.seed)
    callbacks = CallbackList(options.callbacks, model, _names(model, validation is not None))
    run = Run(options, len(x), rng, callbacks, epoch=options.initial_epoch)
    model.stop_training, model.nonfinite = False, None
    callbacks.train_begin(run)
    try:
        warm_up(model, x, y, options.augment)
        with run.interruption:
            train_epochs(model, x, y, validation, run)
        run.check_interruption()  # of the last validation and the last callbacks
    except KeyboardInterrupt:
        run.history.interrupted = True
    except BaseException as error:
        callbacks.exception(error)
        raise
    if run.history.interrupted:
        show("\nfit: interrupted; returning the history so far")
    callbacks.train_end()
    return run.history


def train_epochs(
    model: Sequential, x: NDArray, y: NDArray, validation: tuple[NDArray, NDArray] | None, run: Run
) -> None:
    """Train and validate, epoch after epoch, from where the run is to its end."""
    options = run.options
    while run.epoch < options.epochs and not model.stop_training:
        run.check_interruption()
        if run.history.interrupted:
            return
        epoch = run.epoch
        run.callbacks.epoch_begin(epoch)
        with Progress(epoch, options.epochs, run.batches, options.verbose, run.batch) as progress:
            logs = train_epoch(model, x, y, run, progress)
            if run.history.interrupted:
                return
            if validation is not None:
                figures = evaluate(model, model.loss, *validation, callbacks=run.callbacks)
                logs.update({f"val_{name}": value for name, value in _logs(model, *figures).items()})
            progress.finish(logs, run.seconds)
        run.finish_epoch(logs)
        run.callbacks.epoch_end(epoch, logs)


def train_epoch(model: Sequential, x: NDArray, y: NDArray, run: Run, progress: Progress) -> dict[str, float]:
    """Visit every row once, or what is left of them; return the epoch's mean figures."""
    options, order = run.options, run.draw_order()
    start = time.perf_counter() - run.seconds
    for batch in range(run.batch, run.batches):
        rows = order[batch * options.batch_size : (batch + 1) * options.batch_size]
        images, labels = take(x, rows, model.dtype), y[rows]
        if options.augment is not None:
            images = options.augment(images, run.rng)
        was_finite = model.nonfinite is None
        run.callbacks.batch_begin(batch)
        rate = model.optimizer.current_rate
        loss, outputs = step(model, model.loss, model.optimizer, images, labels, rows)
        run.warn_of_explosion(loss, rate)
        run.loss_sum += loss * len(rows)
        if model.metrics:
            run.hits_sum += accuracy(outputs, labels) * len(rows)
        run.batch, run.seen, run.seconds = batch + 1, run.seen + len(rows), time.perf_counter() - start
        logs = _logs(model, run.loss_sum / run.seen, run.hits_sum / run.seen)
        progress.update(run.batch, logs)
        run.check_interruption()
        run.callbacks.batch_end(batch, logs)
        if model.stop_training or run.history.interrupted:
            break
        if was_finite and model.nonfinite is not None:  # and nobody stopped for it
            warn_nonfinite(model, f"epoch {run.epoch + 1}, batch {run.batch}", stacklevel=6)
    run.seconds = time.perf_counter() - start
    return _logs(model, run.loss_sum / run.seen, run.hits_sum / run.seen)


def take(x: NDArray, rows: NDArray, dtype: np.dtype) -> NDArray:
    """Return ``x[rows]`` in this dtype; where nothing is converted, all threads copy."""
    if x.dtype != dtype or not x.flags.carray:
        return x[rows].astype(dtype, copy=False)
    images = np.empty((len(rows), *x.shape[1:]), dtype)
    ops.take_rows(x.reshape(len(x), -1), rows, images.reshape(len(rows), -1))
    return images


def evaluate(
    model: Sequential,
    loss: Loss,
    x: ArrayLike,
    y: ArrayLike,
    batch_size: int | None = None,
    check_finite: bool = False,
    callbacks: CallbackList = CallbackList(),
) -> tuple[float, float | None]:
    """Return the mean loss and, if it is among the metrics, the accuracy, without learning anything."""
    x, y = check_data(model, x, y, check_finite)
    batch_size = PREDICT_BATCH if batch_size is None else check_count(batch_size, "batch_size")
    total_loss = total_hits = 0.0
    callbacks.test_begin()
    for batch, first in enumerate(range(0, len(x), batch_size)):
        callbacks.test_batch_begin(batch)
        labels = y[first : first + batch_size]
        outputs = model.forward(x[first : first + batch_size])
        total_loss += loss(outputs, labels)[0] * len(labels)
        total_hits += accuracy(outputs, labels) * len(labels) if model.metrics else 0
        seen = first + len(labels)
        logs = _logs(model, total_loss / seen, total_hits / seen)
        callbacks.test_batch_end(batch, logs)
    callbacks.test_end(logs)
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


def activations(model: Sequential, x: ArrayLike) -> list[NDArray]:
    """Return the output of each of ``model.layers``; see ``Sequential.activations``."""
    y = check_images(model, x)
    outputs = []
    for layer in model.layers:
        y = copy.deepcopy(layer).forward(y)
        outputs.append(y.copy())  # Flatten's is a view of what it was given
    return outputs


def accuracy(outputs: NDArray, labels: NDArray) -> float:
    """Return the fraction of rows whose largest output (N, K) is at the label (N,), or at the largest of (N, K)."""
    classes = labels.argmax(axis=1) if labels.ndim == 2 else labels
    return float(np.count_nonzero(outputs.argmax(axis=1) == classes) / len(outputs))


def warn_nonfinite(model: Sequential, where: str, stacklevel: int) -> None:
    """Say where the first NaN or infinity came from; `stacklevel` is the way back to the caller's own line."""
    hint = "callbacks=[TerminateOnNaN()] stops there"
    source = str(model.nonfinite)
    rate = "" if source.startswith(("NaN or infinity in x", "NaN or infinity in y")) else (
        hint_at_rate(model.optimizer.current_rate)
    )
    text = f"the loss is not finite in {where}, and training on is useless ({hint}): {source}{rate}"
    warnings.warn(text, RuntimeWarning, stacklevel)


def warm_up(model: Sequential, x: NDArray, y: NDArray, augment: Callable | None = None) -> None:
    """Compile the kernels on a copy of the model, so that compiling neither learns nor counts as training time."""
    rows = np.zeros(2, np.int64)
    images = take(x, rows, model.dtype)
    if isinstance(augment, Augment):  # a function of the user's may remember what it was called with
        augment(images, np.random.default_rng(0))
    if model._warm:
        return
    twin = copy.deepcopy(model)
    step(twin, twin.loss, twin.optimizer, images, y[rows])
    twin.forward(images)
    model._warm = True


def check_images(model: Sequential, x: ArrayLike, check_finite: bool = False) -> NDArray:
    """Return `x` as an array of numbers of shape (N, *input_shape), in its own dtype; raise otherwise."""
    x = check_rows(x, model.input_shape, "x")
    if check_flag(check_finite, "check_finite") and x.dtype.kind == "f" and not np.isfinite(x).all():
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


def _warn_of_scale(model: Sequential, x: NDArray, options: FitOptions) -> None:
    """Warn of pixels that are not scaled, or twice; not where something scales them later."""
    first = next((i for i, layer in enumerate(model.layers) if layer.parameters), 0)
    theirs = any(not type(layer).__module__.startswith("numpycnn.") for layer in model.layers[: first + 1])
    scales = isinstance(model.layers[first], BatchNorm) or not isinstance(options.augment, (Augment, type(None)))
    hint = "" if theirs or scales else hint_at_scale(x)
    if hint:
        warnings.warn(hint, UserWarning, stacklevel=4)  # the line that called Sequential.fit


def _hold_out(
    model: Sequential, x: NDArray, y: NDArray, options: FitOptions
) -> tuple[NDArray, NDArray, tuple[NDArray, NDArray] | None]:
    """Return the rows to train on, and those to validate on."""
    if options.validation_data is not None:
        check_instance(options.validation_data, (tuple, list), "validation_data", "a pair (x, y)")
        if len(options.validation_data) != 2:
            raise ValueError(f"validation_data: expected a pair (x, y), got {len(options.validation_data)} things")
        x_val, y_val = options.validation_data
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
