"""The training loop, in plain sight: forward, loss, backward, step; batch after batch, epoch after epoch."""

from __future__ import annotations

import copy
import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import CallbackList
from ..checks import check_instance
from ..data.augment import Augment
from ..kernels import compiled_together
from ..losses import Loss, in_training
from ..nonfinite import look_at_weights, warn_nonfinite, watched
from ..optimizers import Optimizer
from ..terminal import show
from .data import check_data, hold_out, shape_of_one, take, warn_of_scale
from .figures import accuracy, by_name
from .progress import Progress
from .run import FitOptions, History, Run

if TYPE_CHECKING:
    from ..model import Sequential

LossFunction = Callable[[NDArray, NDArray], tuple[float, NDArray]]


def step(
    model: Sequential, loss: LossFunction, optimizer: Optimizer, x: NDArray, y: NDArray
) -> tuple[float, NDArray]:
    """Take one training step; return the loss and the outputs from before it."""
    with model.lock:
        outputs = model.forward(x, training=True)
        value, doutputs = loss(outputs, y)
        model.backward(doutputs)
        update(model, optimizer)
    return value, outputs


def update(model: Sequential, optimizer: Optimizer) -> None:
    """Let the optimizer take its step on all parameters that are not frozen."""
    values, grads = model.arena.values, model.arena.grads
    if model.trainable:
        optimizer.step(values, grads)
    else:  # an optimizer of one's own that takes no parts raises: it would move frozen layers
        optimizer.step(values, grads, model.trained_parts())


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
    model._require_built("train_step")
    y = loss.check_targets(y, model.output_shape)
    return step(model, watched(model, loss, x), optimizer, x, y)[0]


def evaluate(
    model: Sequential, loss: Loss, x: ArrayLike, y: ArrayLike, batch_size: int | None = None, check_finite: bool = False
) -> tuple[float, float | None]:
    """Return what ``model.evaluate`` would with this loss; None is the accuracy where it is not among the metrics."""
    twin = copy.deepcopy(model)
    twin.compile("sgd", loss, model.metrics)
    scores = twin.evaluate(x, y, batch_size, check_finite)
    return scores if isinstance(scores, tuple) else (scores, None)


def fit(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike = None,  # type: ignore[assignment]  # refused, in words about generators
    batch_size: int = 32,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Sequence[Any] | None = None,
    validation_split: float = 0.0,
    validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    shuffle: bool = True,
    initial_epoch: int = 0,
    augment: Callable[[NDArray, np.random.Generator], NDArray] | None = None,
    seed: int | None = None,
    check_finite: bool = False,
) -> History:
    """Train on arrays.

    Parameters
    ----------
    x : array of shape (N, *input_shape)
    y : array of shape (N,), (N, 1) or (N, K)
        Classes or one-hot rows. Always needed; a generator of batches in `x` is not taken, and the error says so.
    batch_size : int
        Images a step; the last batch may be smaller.
    epochs : int
        Number of the last epoch.
    verbose : {"auto", 0, 1, 2}
        0 silent, 2 one line an epoch, 1 a progress bar in a terminal or a notebook; where the output is neither, one
        line an epoch and another every ten seconds in it.
    callbacks : list of Callback, optional
    validation_split : float
        Hold out this fraction: the *last* rows, as they were given, before any shuffling.
    validation_data : (x, y), optional
        Data to validate on, instead of a split.
    shuffle : bool
        Visit the rows in a new order each epoch.
    initial_epoch : int
        Number of epochs already done.
    augment : callable, optional
        ``augment(images, rng)`` returns the images (batch, \\*input_shape) to train on in their place.
    seed : int, optional
        For the order and `augment`; default: go on from the model's seed.
    check_finite : bool
        Raise before training if `x` holds NaN or infinity.

    Returns
    -------
    History
        ``history.history["loss"][epoch]``, and ``accuracy``, ``val_loss``, ``val_accuracy`` where they apply. The
        training figures are means over the epoch, while the weights change. Ctrl-C ends the training after the step at
        hand, a second one at once; the epochs done are listed, ``history.interrupted`` is True, and the model is
        usable. To go on later, see ``BackupAndRestore``.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The model is not compiled, or data or options do not fit; nothing was trained then.

    Warns
    -----
    RuntimeWarning
        The loss, or a weight at the end, is not finite; it names the rows, the parameter or the layer.
    UserWarning
        `x` looks like pixels that are not scaled, or scaled twice; every layer is frozen; or the loss explodes in the
        first epoch.
    """
    options = FitOptions(
        batch_size=batch_size, epochs=epochs, verbose=verbose, callbacks=callbacks, validation_split=validation_split,
        validation_data=validation_data, shuffle=shuffle, initial_epoch=initial_epoch, augment=augment, seed=seed,
        check_finite=check_finite,
    )  # fmt: skip
    return _fit(model, x, y, options)


def _fit(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> History:
    """Train and validate, with all that stands beside it: callbacks, Ctrl-C, the time to compile."""
    model._require_compiled("fit")
    if not model.built:
        model.build(shape_of_one(x))
    run = _start(model, x, y, options)
    model.stop_training, model.nonfinite = False, None
    run.callbacks.train_begin(run)
    try:
        warm_up(model, run.x, run.y, options.augment)
        with run.interruption:
            train_epochs(model, run)
        run.check_interruption()  # of the last validation and the last callbacks
    except KeyboardInterrupt:
        run.history.interrupted = True
    except BaseException as error:
        run.callbacks.exception(error)
        raise
    if run.history.interrupted:
        show("\nfit: interrupted; returning the history so far")
    run.callbacks.train_end()
    look_at_weights(model, stacklevel=4)
    return run.history


def _start(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> Run:
    """Return a run at its beginning; what does not suit the model is found here."""
    x, y = check_data(model, x, y, options.check_finite)
    warn_of_scale(model, x, options)
    if model.parameters and not model.trained_parts():
        text = "fit: nothing will be learned, since every layer is frozen; set trainable = True where it should learn"
        warnings.warn(text, UserWarning, stacklevel=4)  # the line that called Sequential.fit
    (x, y), validation = hold_out(model, x, y, options)
    rng = model.fit_rng if options.seed is None else np.random.default_rng(options.seed)
    figures = [*model.metrics, "loss"]
    figures += [f"val_{name}" for name in figures] if validation is not None else []
    callbacks = CallbackList(options.callbacks, model, figures)
    return Run(
        options=options, x=x, y=y, loss=model.loss, validation=validation, rng=rng, callbacks=callbacks,
        epoch=options.initial_epoch,
    )  # fmt: skip


def train_epochs(model: Sequential, run: Run) -> None:
    """Train and validate, epoch after epoch, from where the run is to its end."""
    options = run.options
    while run.epoch < options.epochs and not model.stop_training:
        run.check_interruption()
        if run.history.interrupted:
            return
        epoch = run.epoch
        run.callbacks.epoch_begin(epoch)
        with Progress(epoch, options.epochs, run.batches, options.verbose, run.batch) as progress:
            logs = train_epoch(model, run, progress)
            if run.history.interrupted:
                return
            if run.validation is not None:
                logs.update(by_name(model.metrics, model.evaluate(*run.validation, callbacks=run.callbacks), "val_"))
            progress.finish(logs, run.seconds)
        run.finish_epoch(logs)
        run.callbacks.epoch_end(epoch, logs)


def train_epoch(model: Sequential, run: Run, progress: Progress) -> dict[str, float]:
    """Visit every row once, or what is left of them; return the epoch's mean figures."""
    size, order = run.options.batch_size, run.draw_order()
    start = time.perf_counter() - run.seconds
    for batch in range(run.batch, run.batches):
        rows = order[batch * size : (batch + 1) * size]
        images, labels = take(run.x, rows, model.dtype), run.targets(model)[rows]
        if run.options.augment is not None:
            images = run.options.augment(images, run.rng)
        was_finite = model.nonfinite is None
        run.callbacks.batch_begin(batch)
        rate = model.optimizer.current_rate
        loss, outputs = step(model, watched(model, model.loss, images, rows), model.optimizer, images, labels)
        run.warn_of_explosion(loss, rate)
        run.record(len(rows), loss, accuracy(outputs, labels) if model.metrics else None)
        run.seconds = time.perf_counter() - start
        logs = by_name(model.metrics, run.figures())
        progress.update(run.batch, logs)
        run.check_interruption()
        run.callbacks.batch_end(batch, logs)
        if model.stop_training or run.history.interrupted:
            break
        if was_finite and model.nonfinite is not None:  # and nobody stopped for it
            warn_nonfinite(model, f"epoch {run.epoch + 1}, batch {run.batch}", stacklevel=6)
    run.seconds = time.perf_counter() - start
    return by_name(model.metrics, run.figures())


def warm_up(model: Sequential, x: NDArray, y: NDArray, augment: Callable | None = None) -> None:
    """Compile the kernels on a copy of the model, so that compiling neither learns nor counts as training time."""
    with compiled_together():
        rows = np.zeros(2, np.int64)
        images = take(x, rows, model.dtype)
        if isinstance(augment, Augment):  # a function of the user's may remember what it was called with
            augment(images, np.random.default_rng(0))
        if model._warm:
            return
        twin = copy.deepcopy(model)
        step(twin, in_training(twin.loss), twin.optimizer, images, y[rows])
        twin.forward(images)
    model._warm = True
