"""A pass over data that learns nothing: ``evaluate`` and ``predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import Callback, CallbackList
from ..losses import in_training
from .batches import hands_out_batches, in_order, split_batch
from .data import Rows, batches, check_data, check_images, check_steps, row_weights
from .figures import Figures, Scores, metric_names
from .run import check_no_batch_size

if TYPE_CHECKING:
    from ..layers.share import Share
    from ..model import Sequential


def evaluate_model(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike = None,  # type: ignore[assignment]  # None beside batches (x, y) alone
    batch_size: int | None = None,
    check_finite: bool = False,
    callbacks: Sequence[Callback] | CallbackList | None = None,
    sample_weight: ArrayLike | None = None,
    steps: int | None = None,
) -> Scores:
    """Return ``(loss, accuracy)``, or all metrics after the loss; the loss alone where there is no metric.

    `x` has the shape (N, *input_shape) and `y` (N,) or (N, K); or `x` hands out batches (x, y) or (x, y, weights), of
    which the first `steps` count, or all. `sample_weight` (N,) weights the rows as in ``fit``. Of `callbacks` the
    ``on_test_...`` are called; the other arguments are those of ``predict``.
    """
    model._require_compiled("evaluate")
    model._require_built("evaluate")
    figures = measure(model, (x, y, sample_weight), batch_size, check_finite, callbacks, steps)
    if figures.seen == 0:
        raise ValueError("x: expected at least one batch (x, y), got none")
    return figures.scores()


def measure(
    model: Sequential,
    data: tuple[Any, Any, Any],
    batch_size: int | None = None,
    check_finite: bool = False,
    callbacks: Sequence[Callback] | CallbackList | None = None,
    steps: int | None = None,
    share: Share | None = None,
) -> Figures:
    """Return the figures on x, y and the weights of the rows; of several processes, each computes on its share."""
    parts = _parts(model, data, batch_size, check_finite, steps)
    figures = Figures(model)
    names = [*metric_names(model), "loss"]
    hooks = callbacks if isinstance(callbacks, CallbackList) else CallbackList(callbacks, model, names)
    hooks.test_begin()
    with model.lock:
        penalty = model.penalty()
        for batch, (images, targets, weights) in enumerate(parts):
            hooks.test_batch_begin(batch)
            if share is None:
                outputs = model.forward(images)
            else:
                outputs = share.gather(model.forward(images[share.cut(len(images))]))
            loss, _ = in_training(model.loss, weights)(outputs, targets)
            figures.add(loss + penalty, outputs, targets, weights)
            hooks.test_batch_end(batch, figures.logs)
    if figures.seen:
        hooks.test_end(figures.logs())
    return figures


def _parts(
    model: Sequential, data: tuple[Any, Any, Any], batch_size: int | None, check_finite: bool, steps: int | None
) -> Iterator[Rows]:
    """Return the batches of arrays, which are checked at once, or of what hands them out."""
    x, y, sample_weight = data
    if hands_out_batches(x, y):
        if sample_weight is not None:
            raise ValueError("sample_weight: expected none beside batches; let them be (x, y, weights)")
        check_no_batch_size(batch_size)
        return (_checked(model, *split_batch(item), check_finite) for item in in_order(x, check_steps(steps)))
    x, y, weights = _checked(model, x, y, sample_weight, check_finite)
    if steps is not None:
        raise ValueError("steps: expected none beside arrays; it says how many batches of a generator to take")
    return ((x[rows], y[rows], None if weights is None else weights[rows]) for rows in batches(len(x), batch_size))


def _checked(model: Sequential, x: Any, y: Any, sample_weight: Any, check_finite: bool) -> Rows:
    x, y = check_data(model, x, y, check_finite)
    return x, y, row_weights(model, y, sample_weight)


def predict_model(
    model: Sequential, x: ArrayLike, batch_size: int | None = None, check_finite: bool = False, steps: int | None = None
) -> NDArray:
    """Return the probabilities that the loss makes of the outputs, or the outputs: (N, *output_shape).

    Probabilities of classes for ``SoftmaxCrossEntropy()``, of a yes for ``BinaryCrossEntropy()``; the outputs
    themselves with their ``predict_logits=True``, with another loss, and without one.

    Parameters
    ----------
    x : array of shape (N, *input_shape)
        Or something that hands out batches: arrays, or tuples whose first thing is one.
    batch_size : int, optional
        Images at a time, of arrays. The same images in batches of the same size give the same bits; among more or
        fewer (the last batch may be smaller) sums may be taken in another order, which rounds differently (by about
        1e-6 in float32).
    check_finite : bool
        Raise if `x` holds NaN or infinity.
    steps : int, optional
        How many of the batches to take; default: all.
    """
    model._require_built("predict")
    if hands_out_batches(x, None):
        check_no_batch_size(batch_size)
        given = in_order(x, check_steps(steps))
        parts = (check_images(model, item[0] if isinstance(item, tuple) else item, check_finite) for item in given)
    else:
        images = check_images(model, x, check_finite)
        if steps is not None:
            raise ValueError("steps: expected none beside an array; it says how many batches of a generator to take")
        parts = (images[rows] for rows in batches(len(images), batch_size))
    with model.lock:  # one state of the weights for all rows
        made = [model.forward(part) for part in parts]
    if not made:
        raise ValueError("x: expected at least one batch, got none")
    outputs = np.concatenate(made)
    return outputs if model.loss is None else model.loss.predict(outputs)


def features_model(model: Sequential, x: ArrayLike, batch_size: int | None = None) -> NDArray:
    """Return what the network saw in each input, a row of D numbers, as in ``predict``: (N, D).

    That is what the last layer is given, scaled to length 1, and behind it the mean of each of the last maps, if there
    are any. ``metrics.fit_class_distance`` tells by them what is like none of the classes. The maps' means say how much
    there is of each pattern; the layers behind them leave that out where it tells no class from another.

    Parameters
    ----------
    x : array of shape (N, *input_shape)
    batch_size : int, optional
        As for ``predict``.

    References
    ----------
    M. Mueller and M. Hein, "Mahalanobis++", ICML 2025, for the length 1.
    """
    model._require_built("features")
    images = check_images(model, x)
    alone = model.plan[-1] is model.layers[-1]  # not in a block with the layer before it
    steps = model.plan[:-1] if alone else model.layers[:-1]
    last = next((step for step in reversed(steps) if len(step.output_shape) == 3), None)  # whose output is maps
    made = []
    with model.lock:
        for rows in batches(len(images), batch_size):
            y = images[rows]
            means = np.empty((len(y), 0), y.dtype)
            for step in steps:
                y = step.forward(y)
                if step is last:
                    means = y.mean(axis=(1, 2))  # (N, C)
            given = y.reshape(len(y), -1)  # (N, D - C)
            length = np.maximum(np.linalg.norm(given, axis=1, keepdims=True), 1e-12)
            made.append(np.concatenate([given / length, means], axis=1))
    return np.concatenate(made)
