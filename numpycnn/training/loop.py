"""The training loop, in plain sight: forward, loss, backward, step; batch after batch, epoch after epoch."""

from __future__ import annotations

import copy
import inspect
import math
import time
from typing import TYPE_CHECKING, Any, Callable, Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import CallbackList
from ..checks import check_instance
from ..data.augment import Augment
from ..kernels import compiled_together
from ..layers.share import Communicator, Share
from ..losses import Loss, LossFunction, in_training
from ..nonfinite import find_source, look_at_weights, warn_nonfinite, watched
from ..optimizers import Optimizer
from ..regularizers import add_penalty_gradients
from ..terminal import show, warn
from .batches import ArrayBatches, Batch, check_enough, given_batches, hands_out_batches, is_sequence, take
from .data import check_data, given_validation, hold_out, row_weights, shape_of_one, warn_before
from .evaluation import measure
from .figures import Figures, figure_names
from .parallel import each_knows, first_ahead, join, sharing
from .progress import Progress
from .run import FitOptions, History, Run

if TYPE_CHECKING:
    from ..model import Sequential


def step(model: Sequential, loss: LossFunction, optimizer: Optimizer, x: NDArray, y: NDArray) -> tuple[float, NDArray]:
    """Take one training step; return the loss and the outputs from before it."""
    with model.lock:
        outputs = model.forward(x, training=True)
        value, doutputs = loss(outputs, y)
        model.backward(doutputs)
        update(model, optimizer)
    return value, outputs


def shared_step(model: Sequential, share: Share, batch: Batch) -> tuple[float, NDArray]:
    """Take the step of `step` on several processes: loss and outputs are those of all rows."""
    images, labels, weights, rows = batch
    with model.lock, each_knows(model.layers, share):
        outputs = share.gather(model.forward(images, training=True))
        value, doutputs = in_training(model.loss, weights)(outputs, labels)
        value += model.penalty()
        if not math.isfinite(value) and model.nonfinite is None:
            model.nonfinite = find_source(model, model.loss, share.gather(images), labels, rows)
        model._backward_layers(share.own(doutputs))
        share.sum_in_place(model.arena.grads)
        add_penalty_gradients(model.regularised)
        update(model, model.optimizer)
    return value, outputs


def update(model: Sequential, optimizer: Optimizer) -> None:
    """Let the optimizer take its step on all parameters that are not frozen."""
    values, grads = model.arena.values, model.arena.grads
    if model.confidence is not None:
        model.confidence = None  # it was found for other weights
    if type(optimizer).step is Optimizer.step:
        optimizer.step(values, grads, model._known_parts())
    elif model.trainable:  # one of the user's own may take no parts
        optimizer.step(values, grads)
    else:  # one that takes none would move frozen layers
        check_takes_parts(optimizer)
        optimizer.step(values, grads, model.trained_parts())


def check_takes_parts(optimizer: Optimizer) -> None:
    """Raise if its step, of the user's own, cannot be told which parts to change."""
    try:
        inspect.signature(optimizer.step).bind(None, None, None)
    except TypeError:
        text = f"{optimizer!r}: layers are frozen: expected step(values, grads, parts), to change these parts alone"
        raise TypeError(f"{text}, got a step without parts") from None


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
    return float(step(model, watched(model, loss, x), optimizer, x, y)[0])


def evaluate(
    model: Sequential, loss: Loss, x: ArrayLike, y: ArrayLike, batch_size: int | None = None, check_finite: bool = False
) -> tuple[float, float | None]:
    """Return what ``model.evaluate`` would with this loss; None is the accuracy where it is not among the metrics."""
    twin = copy.deepcopy(model)
    twin.compile("sgd", loss, model.metrics)
    scores = twin.evaluate(x, y, batch_size, check_finite)
    return (scores[0], scores[1]) if isinstance(scores, tuple) else (scores, None)


def fit(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike = None,  # type: ignore[assignment]  # None beside batches (x, y) alone
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
    class_weight: dict[int, float] | None = None,
    sample_weight: ArrayLike | None = None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_freq: int | Collection[int] = 1,
    communicator: Communicator | None = None,
) -> History:
    """Train on arrays, or on batches that something hands out.

    Parameters
    ----------
    x : array of shape (N, *input_shape)
        Or, without `y`, batches (x, y) or (x, y, weights): a generator, a list or anything else to iterate over, or an
        object with ``__len__`` and ``__getitem__``, as Keras's ``Sequence``.
    y : array of shape (N,), (N, 1) or (N, K)
        Classes or one-hot rows.
    batch_size : int
        Images a step, of arrays; the last batch may be smaller.
    epochs : int
        Number of the last epoch.
    verbose : {"auto", 0, 1, 2}
        0 silent, 2 one line an epoch, 1 a progress bar in a terminal or a notebook; where the output is neither, one
        line an epoch and another every ten seconds in it.
    callbacks : list of Callback, optional
    validation_split : float
        Hold out this fraction: the *last* rows, as they were given, before any shuffling.
    validation_data : (x, y) or (x, y, weights), optional
        Data to validate on, instead of a split; or batches, as in `x`.
    shuffle : bool
        Visit the rows, or the batches that have numbers, in a new order each epoch.
    initial_epoch : int
        Number of epochs already done.
    augment : callable, optional
        ``augment(images, rng)`` returns the images (batch, \\*input_shape) to train on in their place.
    seed : int, optional
        For the order and `augment`; default: go on from the model's seed.
    check_finite : bool
        Raise before training if `x` holds NaN or infinity.
    class_weight : dict of int to float, optional
        How much the rows of each class count, 1 for one that is not named; in training alone.
    sample_weight : array of shape (N,), optional
        How much each row counts, from 0 on; those that `validation_split` holds out, too. A batch's loss is the sum of
        weight times loss over the number of rows, as in Keras, so that weights of 2 double the gradient. The metrics
        do not count weights, ``compile(weighted_metrics=...)`` does.
    steps_per_epoch : int, optional
        Batches an epoch; of a generator that never ends it has to be given. Of arrays, the first of the new order.
    validation_steps : int, optional
        Batches to validate on, where `validation_data` hands them out.
    validation_freq : int or list of int
        Validate after each so many epochs, or after these, counted from 1.
    communicator : mpi4py.MPI.Comm, optional
        Train on all of its processes together, each on its share of every batch; all call ``fit`` with the same
        arguments, and all end with the same model. See ``numpycnn.exchange.distributed``.

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
        `x` looks like pixels that are not scaled, or scaled twice; every layer is frozen; the loss explodes in the
        first epoch; a generator ends before the training does, which then ends, too; or `validation_data` has run out.
    """
    options = FitOptions(
        batch_size=batch_size, epochs=epochs, verbose=verbose, callbacks=callbacks, validation_split=validation_split,
        validation_data=validation_data, shuffle=shuffle, initial_epoch=initial_epoch, augment=augment, seed=seed,
        check_finite=check_finite, class_weight=class_weight, sample_weight=sample_weight,
        steps_per_epoch=steps_per_epoch, validation_steps=validation_steps, validation_freq=validation_freq,
        communicator=communicator,
    )  # fmt: skip
    return _fit(model, x, y, options)


def _fit(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> History:
    """Train and validate, with all that stands beside it: callbacks, Ctrl-C, the time to compile."""
    model._require_compiled("fit")
    with sharing(options.communicator) as share:
        run = _start(model, x, y, options) if share is None else share.together(lambda: _start(model, x, y, options))
        if share is not None:
            join(share, model, run)
        sample = run.source.sample(model)
        if run.speaks:
            warn_before(model, np.asarray(run.source.x), options)
        model.stop_training, model.nonfinite = False, None
        run.callbacks.train_begin(run)
        try:
            first_ahead(run, lambda: warm_up(model, sample[0], sample[1], options.augment))
            with run.interruption:
                train_epochs(model, run)
            run.check_interruption()  # of the last validation and the last callbacks
        except KeyboardInterrupt:
            if share is not None:
                raise  # the others do not know of it
            run.history.interrupted = True
        except BaseException as error:
            run.callbacks.exception(error)
            raise
        if run.history.interrupted and run.speaks:
            show("\nfit: interrupted; returning the history so far")
        run.callbacks.train_end()
    if run.speaks:
        look_at_weights(model)
    return run.history


def _start(model: Sequential, x: ArrayLike, y: ArrayLike, options: FitOptions) -> Run:
    """Return a run at its beginning; what does not suit the model is found here."""
    given = given_batches(x, options) if hands_out_batches(x, y) else None
    if not model.built:
        model.build(shape_of_one(x if given is None else given.x))
    source: Any = given
    held_out: tuple[Any, Any, Any] | None = None
    if given is None:
        x, y = check_data(model, x, y, options.check_finite)
        rows, held_out = hold_out((x, y, row_weights(model, y, options.sample_weight, options.class_weight)), options)
        source = ArrayBatches(model, *rows, options)
    else:
        options.check_beside_batches()
    if options.validation_data is not None:
        batches = hands_out_batches(options.validation_data, None)
        held_out = (options.validation_data, None, None) if batches else given_validation(model, options)
    if options.validation_steps is not None:
        if not (held_out and held_out[1] is None):
            raise ValueError("validation_steps: expected none without validation_data that hands out batches")
        if is_sequence(options.validation_data):
            check_enough(options.validation_data, options.validation_steps, "validation_steps")
    if held_out is None and options.validation_freq != FitOptions.validation_freq:
        raise ValueError("validation_freq: expected none without validation_data or validation_split")
    return Run(
        options=options, source=source, validation=held_out,
        rng=model.fit_rng if options.seed is None else np.random.default_rng(options.seed),
        callbacks=CallbackList(options.callbacks, model, figure_names(model, held_out is not None)),
        figures=Figures(model), epoch=options.initial_epoch,
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
        with Progress(epoch, options.epochs, run.source.steps, options.verbose, run.batch) as progress:
            train_epoch(model, run, progress)
            if run.history.interrupted:
                return
            if data_ran_out(model, run):
                model.stop_training = True
            if run.batch == 0:
                return
            logs = run.figures.logs()
            if run.validation is not None and options.validates(epoch):
                figures = measure(
                    model, run.validation, callbacks=run.callbacks, steps=options.validation_steps, share=run.share
                )
                if figures.seen:
                    logs.update(figures.logs("val_"))
                else:
                    warn_of_no_validation(run)
            progress.finish(logs, run.seconds)
        run.finish_epoch(model, logs)
        run.callbacks.epoch_end(epoch, logs)


def train_epoch(model: Sequential, run: Run, progress: Progress) -> None:
    """Visit every row once, or what is left of them."""
    start = time.perf_counter() - run.seconds
    for batch, given in enumerate(run.source.epoch(model, run), run.batch):
        images, labels, weights, rows = given
        was_finite = model.nonfinite is None
        run.callbacks.batch_begin(batch)
        if run.share is None:
            loss = watched(model, model.loss, images, rows, weights)
            value, outputs = step(model, loss, model.optimizer, images, labels)
        else:
            value, outputs = shared_step(model, run.share, given)
        run.warn_of_explosion(value, model.optimizer)
        run.record(model, value, outputs, labels, weights)
        run.seconds = time.perf_counter() - start
        progress.update(run.batch, run.figures.logs)
        run.check_interruption()
        run.callbacks.batch_end(batch, run.figures.logs)
        if model.stop_training or run.history.interrupted:
            break
        if was_finite and model.nonfinite is not None and run.speaks:  # and nobody stopped for it
            warn_nonfinite(model, f"epoch {run.epoch + 1}, batch {run.batch}")
    run.seconds = time.perf_counter() - start


def data_ran_out(model: Sequential, run: Run) -> bool:
    """Warn if an epoch got fewer batches than it should, or none; a stopped one counts as whole."""
    expected = run.options.steps_per_epoch or 1
    ran_out = run.rows is None and run.batch < expected and not model.stop_training
    if ran_out:
        warn(f"epoch {run.epoch + 1}: the data ran out after {run.batch} batches; training ends")
    return ran_out


def warn_of_no_validation(run: Run) -> None:
    """Say that validation_data had no batch left: a generator is read once."""
    text = f"epoch {run.epoch + 1}: validation_data has run out, and nothing was validated; give a list, or a generator"
    warn(f"{text} that goes on, with validation_steps")


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
