"""Gradient checking: is what ``backward`` returns the derivative of what ``forward`` computes?

Move one number up and down by h, see how far the result moves, divide by 2h: that is its derivative, and no rule of
calculus was needed to find it. ``backward`` has to agree, for every element of the input and of every parameter.

    from numpycnn import gradcheck

    gradcheck.assert_gradients(gradcheck.check_layer(MyLayer(), input_shape=(8, 8, 2)))

``python -m numpycnn.gradcheck`` checks every layer, loss and a few models of the package and prints a table.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import sys
from typing import Any, Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _gradcheck_cases as cases
from . import kernels
from ._gradcheck_numeric import Row, Settings, Slopes, check_array, check_sum
from .fusion import Block
from .layers import AvgPool2D, Conv2D, Dense, Flatten, GlobalAvgPool2D, Layer
from .losses import Loss, MeanSquaredError
from .model import Sequential

__all__ = [
    "GradientError", "Report", "Row", "assert_gradients", "check_layer", "check_loss", "check_model", "check_package",
]

STEP, TOLERANCE = 2.0**-17, 1e-7  # 7.6e-6; a power of two, so that x + h and x - h are exact
# In each of their arrays these are straight lines (the squared error: a parabola), on which the central difference is
# exact whatever the step. A large one drowns rounding. Subclasses may bend, and are checked with the small step.
EXACT_CLASSES = (Conv2D, Dense, Flatten, AvgPool2D, GlobalAvgPool2D, MeanSquaredError)
EXACT_STEP, EXACT_TOLERANCE = 1.0, 1e-10


class GradientError(AssertionError):
    """A gradient is wrong; the message says which, where, and if it can be told, why."""


@dataclasses.dataclass(frozen=True)
class Report:
    """The rows of one check, an array each; as text, a line each.

    Attributes
    ----------
    subject : str
        The layer, loss or model.
    rows : tuple of Row
        ``dx`` first, then each parameter's gradient.
    """

    subject: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether every array's gradient is right."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        """Return the row of one array, such as ``report["weight.grad"]``."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no array {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


@contextlib.contextmanager
def _measuring() -> Iterator[None]:
    """Run on one thread, and warn of no NaN and infinity: they are reported as failures.

    The results are the same on two, and starting a second thread takes longer than the work on such small arrays.
    """
    threads = None
    if kernels.ops.active == "compiled":
        threads = kernels.get_num_threads()
        kernels.set_num_threads(1)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        if threads is not None:
            kernels.set_num_threads(threads)


@_measuring()
def check_layer(
    layer: Layer,
    input_shape: Sequence[int] | None = None,
    x: ArrayLike | None = None,
    *,
    batch_size: int = 3,
    step: float | None = None,
    tolerance: float | None = None,
    max_elements: int | None = None,
    seed: int = 0,
) -> Report:
    """Check dx and every parameter's gradient of a layer, in training mode and in float64.

    Works on a copy; the layer itself stays as it is, built or not. What ``state_names`` lists (Dropout's generator,
    BatchNorm's moving statistics) is set back before each forward, so that all are the same function.

    Parameters
    ----------
    layer : Layer
        Of the package or your own. A built one is checked at its parameters' values (cast to float64, if it is in
        float32), a new one at starting values plus noise, so that no bias is 0 and no gamma 1.
    input_shape : tuple of int, optional
        Shape of one input (without the batch axis), for a layer that is not built, unless `x` is given.
    x : array of shape (N, *input_shape), optional
        Where to check. Default: numbers in [-2, 2], none near 0 and no two near each other, so that neither ReLU nor
        MaxPool2D is near a kink.
    batch_size : int
        Rows of the default `x`.
    step, tolerance : float, optional
        Default: 2**-17 (times an array's standard deviation, if above 1) and 1e-7; for layers that are linear in each
        array 1 and 1e-10, since there central differences have no truncation error.
    max_elements : int, optional
        Check at most this many random elements of each array; default: every one.
    seed : int
        Fixes all that is random: parameters, `x`, the output gradient, the elements chosen.

    Returns
    -------
    Report
        A row an array. Elements where the function has a kink are skipped and counted; a row fails if they are more
        than 2 % (one may always be). Where elements of dx are skipped, a row ``sum of dx`` judges them together.

    Raises
    ------
    ValueError, TypeError
        No shape, an unsuitable `x`, or a layer whose forward is not the same function twice.
    """
    rng = np.random.default_rng(seed)
    if x is not None:
        x = np.array(x, np.float64, order="C")
    layer = _prepare(layer, x.shape[1:] if input_shape is None and x is not None else input_shape, rng)
    if x is None:
        x = cases.clear_of_kinks((batch_size, *layer.input_shape), rng)
    state = layer.get_state()

    def function() -> NDArray:
        layer.set_state(state)
        return np.array(layer.forward(x.copy(), training=True))  # new: the layer may use its own array again

    y = function()
    dy = rng.standard_normal(y.shape)  # not ones: they cannot see what is swapped or shifted
    dx = _backward_twice(function, lambda: layer.backward(dy.copy()))
    claims = [p.grad.copy() for p in layer.parameters]
    settings = _settings(layer, step, tolerance, max_elements, rng)
    slopes, subject, hints = Slopes(function, dy, repr(layer)), repr(layer), {"layer": layer, "batch": len(x)}
    rows = [check_array(slopes, settings, subject, "dx", x, dx, **hints)]
    if rows[0].skipped:
        rows += check_sum(slopes, settings, subject, "dx", x, dx)
    for p, claimed in zip(layer.parameters, claims):
        rows.append(check_array(slopes, settings, subject, f"{p.name}.grad", p.value, claimed, **hints))
    return Report(subject, tuple(rows))


@_measuring()
def check_loss(
    loss: Loss,
    outputs: ArrayLike,
    targets: ArrayLike,
    *,
    step: float | None = None,
    tolerance: float | None = None,
    max_elements: int | None = None,
    seed: int = 0,
) -> Report:
    """Check that a loss returns the gradient of the number it returns.

    Parameters
    ----------
    loss : Loss
        Called as ``loss(outputs, targets) -> (number, gradient)``.
    outputs : array of shape (N, ...)
        The network's outputs, taken as float64.
    targets : array
        As the loss wants them.
    step, tolerance, max_elements, seed
        As in ``check_layer``.

    Returns
    -------
    Report
        One row, ``doutputs``.

    Raises
    ------
    ValueError, TypeError
        Whatever the loss raises.
    """
    outputs = np.array(outputs, np.float64, order="C")
    settings = _settings(loss, step, tolerance, max_elements, np.random.default_rng(seed))
    gradient = loss(outputs.copy(), targets)[1]
    slopes = Slopes(lambda: np.array(loss(outputs.copy(), targets)[0], np.float64), np.ones(()), repr(loss))
    row = check_array(slopes, settings, repr(loss), "doutputs", outputs, gradient, batch=len(outputs))
    return Report(repr(loss), (row,))


@_measuring()
def check_model(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | None = None,
    *,
    step: float = STEP,
    tolerance: float = TOLERANCE,
    max_elements: int | None = None,
    seed: int = 0,
) -> Report:
    """Check dx and every parameter's gradient of the loss of a whole model, as training computes them.

    Works on a copy in float64. Three or four rows are enough: each further one adds kinks.

    Parameters
    ----------
    model : Sequential
        Built; checked where its parameters are, fused if it is.
    x : array of shape (N, *input_shape)
    y : array
        Targets.
    loss : Loss, optional
        Default: the one given to ``compile``.
    step, tolerance, max_elements, seed
        As in ``check_layer``. For a large model use `max_elements`.

    Returns
    -------
    Report
        Rows ``dx`` and ``layers[i].<parameter>.grad``.

    Raises
    ------
    RuntimeError
        The model is not built.
    ValueError, TypeError
        No loss, or unsuitable data.
    """
    loss = model.loss if loss is None else loss
    if loss is None:
        raise ValueError("check_model: expected a loss, such as SoftmaxCrossEntropy(); give one, or compile the model")
    chosen_loss = loss
    x = np.array(x, np.float64, order="C")
    model = _model_in_float64(model)
    states = [layer.get_state() for layer in model.layers]

    def forward() -> NDArray:
        for layer, state in zip(model.layers, states):
            layer.set_state(state)
        return model.forward(x.copy(), training=True)

    dlogits = chosen_loss(forward(), y)[1]
    _backward_twice(forward, lambda: model.backward(dlogits.copy()))  # the very call that trains
    claims = [[p.grad.copy() for p in layer.parameters] for layer in model.layers]
    dx = _backward_twice(forward, lambda: model.backward(dlogits.copy(), need_dx=True))
    settings = Settings(step, tolerance, max_elements, np.random.default_rng(seed))
    name = f"Sequential of {len(model.layers)} layers"
    slopes = Slopes(lambda: np.array(chosen_loss(forward(), y)[0], np.float64), np.ones(()), name)
    rows = [check_array(slopes, settings, name, "dx", x, dx, batch=len(x))]
    for i, layer in enumerate(model.layers):
        for p, claimed in zip(layer.parameters, claims[i]):
            row_name = f"layers[{i}].{p.name}.grad"
            rows.append(check_array(slopes, settings, f"{name}, {layer!r}", row_name, p.value, claimed, batch=len(x)))
    return Report(name, tuple(rows))


def assert_gradients(report: Report) -> None:
    """Do nothing if every gradient is right; for tests.

    Raises
    ------
    GradientError
        With a line for each wrong array: the layer, the array, the element, both values and, if it can be told, why.
    """
    failed = [str(row) for row in report.rows if not row.passed]
    if failed or not report.rows:
        raise GradientError("\n".join(failed) or f"{report.subject}: nothing was checked")


def check_package() -> Iterator[tuple[str, Report]]:
    """Yield (title, report) for every layer in several configurations, every fused block, loss and model."""
    for layer, shape in cases.layer_cases():
        yield f"{layer!r} on {shape}", check_layer(layer, shape)
    for block in cases.block_cases():
        yield repr(block), check_layer(block)
    for title, loss, outputs, targets in cases.loss_cases():
        yield title, check_loss(loss, outputs, targets)
    for title, model, x, y, loss in cases.model_cases():
        yield title, check_model(model, x, y, loss)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table for the whole package; return 0 if all passed, else 1."""
    from ._gradcheck_table import run

    return run(check_package, arguments)


def _settings(
    subject: Any, step: float | None, tolerance: float | None, max_elements: int | None, rng: np.random.Generator
) -> Settings:
    exact = type(subject) in EXACT_CLASSES
    default_step, default_tolerance = (EXACT_STEP, EXACT_TOLERANCE) if exact else (STEP, TOLERANCE)
    return Settings(
        default_step if step is None else step, default_tolerance if tolerance is None else tolerance, max_elements, rng
    )


def _backward_twice(forward: Callable[[], NDArray], backward: Callable[[], Any]) -> Any:
    """Return the second backward's result: so a gradient that adds to the earlier one instead of replacing it shows."""
    for _ in range(2):
        forward()
        result = backward()
    return None if result is None else np.array(result)


def _prepare(layer: Layer, input_shape: Sequence[int] | None, rng: np.random.Generator) -> Layer:
    """Return a copy of the layer, built in float64."""
    if not isinstance(layer, Layer):
        raise TypeError(f"check_layer: expected a layer, got {layer!r}; a whole model goes to check_model")
    twin = copy.deepcopy(layer)
    if layer.built:
        return twin if twin.dtype == np.float64 else _rebuild(twin, layer)
    if input_shape is None:
        raise ValueError(f"check_layer: {layer!r} is not built; give input_shape (without the batch axis), or x")
    twin.build(tuple(input_shape), rng, "float64")
    cases.shake(twin.parameters, rng)
    return twin


def _rebuild(twin: Layer, layer: Layer) -> Layer:
    """Build `twin` anew in float64, with the parameters and the state of `layer`."""
    if isinstance(layer, Block):
        raise ValueError(f'{layer!r}: expected float64, got {layer.dtype}; build its model with dtype="float64"')
    twin.build(layer.input_shape, np.random.default_rng(0), "float64")
    for mine, theirs in zip(twin.parameters, layer.parameters):
        mine.value = theirs.value
    twin.set_state(layer.get_state())
    return twin


def _model_in_float64(model: Sequential) -> Sequential:
    """Return a copy of the model in float64, with its parameters and its layers' state."""
    if not model.built:
        raise RuntimeError("check_model: the model is not built; give input_shape, or call build(input_shape)")
    twin = copy.deepcopy(model)
    if twin.dtype == np.float64:
        return twin
    layers = [type(layer)(**layer.get_config()) for layer in model.layers]
    twin = Sequential(layers, model.input_shape, seed=0, dtype="float64", fused=model.fused)
    for mine, theirs in zip(twin.layers, model.layers):
        for to, source in zip(mine.parameters, theirs.parameters):
            to.value = source.value
        mine.set_state(theirs.get_state())
    return twin


if __name__ == "__main__":
    sys.exit(main())
