"""The checks: a layer, a loss, a model, the whole package."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, check_count, check_numeric
from ..layers import Layer
from ..losses import Loss, check_result
from ..model import Sequential
from . import cases
from .methods import METHODS, measuring, settings_for, slopes_of
from .report import Report
from .slopes import Row, Slopes, check_array, check_sum
from .suspects import NEVER_MEANT, loss_mistakes
from .twins import layer_in_float64, model_in_float64, to_complex


@measuring()
def check_layer(
    layer: Layer,
    input_shape: Sequence[int] | None = None,
    x: ArrayLike | None = None,
    *,
    batch_size: int = 3,
    step: float | None = None,
    tolerance: float | None = None,
    max_elements: int | None = None,
    method: str = "difference",
    directions: int | None = None,
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
        array 1 and 1e-12, since there central differences have no truncation error; 1e-13 by complex steps.
        What differs by little more is measured again, by steps from 512 times as long to 64 times as short, and how far
        off that may be is allowed for.
    max_elements : int, optional
        Check at most this many random elements of each array; default: every one.
    method : {"difference", "complex"}
        Central differences; or complex steps through the NumPy twins of the kernels, which are right to the last
        digits, cross no kink, and ask that the forward computes in complex numbers as it does in real ones: sums,
        products, ``np.exp``, ``np.maximum``, but no ``np.abs``.
    directions : int, optional
        Move each array along so many random directions v instead of element by element, and compare
        ``<dy, J v>`` with ``<J^T dy, v>``, dx = J^T dy being what backward returned. That takes one or two forwards
        for each direction, for an array of any size: with complex steps, the adjoint identity at full size.
    seed : int
        Fixes all that is random: parameters, `x`, the output gradient, the elements chosen.

    Returns
    -------
    Report
        A row an array; of a frozen layer dx alone. Elements whose step crosses a kink are skipped and counted;
        a row fails if they are more than 2 % (one may always be). Where elements of dx are skipped, a row ``sum of dx``
        judges them together. There is a kink where a recorded choice (ReLU's mask, the winner of a maximum) differs
        between the two sides; in a layer of your own, which records none, where halving the step changes the slope.

    Raises
    ------
    ValueError, TypeError
        No shape, an unsuitable `x`, an unknown `method` or one that the layer cannot do, or a layer whose forward is
        not the same function twice.
    """
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    check_count(batch_size, "batch_size")
    given = None if x is None else _float64(x, "x")
    layer = layer_in_float64(layer, given.shape[1:] if input_shape is None and given is not None else input_shape, rng)
    point = cases.clear_of_kinks((batch_size, *layer.input_shape), rng) if given is None else given
    state = layer.get_state()

    def function() -> NDArray:
        layer.set_state(state)
        return np.array(layer.forward(point.copy(), training=True))  # new: the layer may use its own array again

    y = _evaluate(function, repr(layer))
    dy = rng.standard_normal(y.shape)  # not ones: they cannot see what is swapped or shifted
    dx = _backward_twice(function, lambda: layer.backward(dy.copy()))
    claims = [p.grad.copy() for p in layer.parameters]
    settings = settings_for(layer, step, tolerance, max_elements, rng, method, directions)
    subject = repr(layer)
    hints = {"layer": copy.deepcopy(layer), "batch": len(point), "x": point.copy(), "y": y, "dy": dy, "state": state}
    if method == "complex":
        point = to_complex((layer, *getattr(layer, "layers", ())), point)
    with slopes_of(method, function, dy, [layer]) as slopes:
        rows = [check_array(slopes, settings, subject, "dx", point, dx, **hints)]
        if rows[0].skipped and directions is None:
            rows += check_sum(slopes, settings, subject, "dx", point, dx)
        for p, claimed in zip(layer.parameters if layer.trainable else (), claims):
            rows.append(check_array(slopes, settings, subject, f"{p.name}.grad", p.value, claimed, **hints))
    return Report(subject, tuple(rows))


@measuring()
def check_loss(
    loss: Loss,
    outputs: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike | None = None,
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
    weights : array of shape (N,), optional
        Of the rows; the loss is then called with them, too.
    step, tolerance, max_elements, seed
        As in ``check_layer``.

    Returns
    -------
    Report
        A row ``doutputs``; and one for each thing that is wrong though the gradient may be right: a softmax that
        overflows for large outputs, a softmax cross-entropy of other labels or over another axis.

    Raises
    ------
    ValueError, TypeError
        Whatever the loss raises.
    """
    _check_loss(loss)
    outputs = _float64(outputs, "outputs")
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    settings = settings_for(loss, step, tolerance, max_elements, rng)
    asked = (targets,) if weights is None else (targets, weights)
    gradient = check_result(loss(outputs.copy(), *asked), loss, outputs.shape)[1]
    slopes = Slopes(lambda: np.array(loss(outputs.copy(), *asked)[0], np.float64), np.ones(()))
    _evaluate(slopes.function, repr(loss))
    context = {"batch": len(outputs), "x": outputs.copy(), "y": slopes.middle, "targets": targets}
    row = check_array(slopes, settings, repr(loss), "doutputs", outputs, gradient, **context)
    return Report(repr(loss), (row, *_beyond_the_gradient(loss, outputs, asked, row)))


def _beyond_the_gradient(loss: Loss, outputs: NDArray, asked: tuple[Any, ...], row: Row) -> Iterator[Row]:
    """Yield a failing row for what a loss can have wrong though its gradient is right here."""
    (value, gradient), moved, far = (loss(outputs + by, *asked) for by in (0, 1, 1000))
    is_softmax = np.isfinite(value) and abs(moved[0] - value) <= 1e-9 * abs(value)
    if is_softmax and not (np.isfinite(far[0]) and np.isfinite(far[1]).all()):
        hint = "exp overflows: subtract each row's maximum from it first, which changes nothing else"
        failed = dataclasses.replace(row, name="doutputs at outputs + 1000", error=float("inf"), hint=hint)
        yield dataclasses.replace(failed, index=None, analytic=float(far[0]), numeric=float(value))
    if len(asked) > 1:
        return  # with weights
    for _, says, wrong, dwrong in list(loss_mistakes(outputs, asked[0], NEVER_MEANT))[1:]:  # the first is right
        if abs(wrong - value) <= 1e-9 * abs(value) and np.allclose(dwrong, gradient, rtol=1e-9, atol=1e-15):
            yield dataclasses.replace(row, name="loss", error=float("inf"), index=None, hint=says)


@measuring()
def check_model(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | None = None,
    *,
    step: float | None = None,
    tolerance: float | None = None,
    max_elements: int | None = None,
    method: str = "difference",
    directions: int | None = None,
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
    step, tolerance, max_elements, method, directions, seed
        As in ``check_layer``. For a large model use `max_elements`, or ``method="complex", directions=3``. Complex
        steps take the loss's own gradient at its word: ``check_loss`` judges that.

    Returns
    -------
    Report
        Rows ``dx`` and, for layers that are not frozen, ``layers[i].<parameter>.grad``.

    Raises
    ------
    RuntimeError
        The model is not built.
    ValueError, TypeError
        No loss, or unsuitable data.
    """
    chosen_loss = _loss_of(model, loss)
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    settings = settings_for(model, step, tolerance, max_elements, rng, method, directions)
    point = _float64(x, "x")
    model = model_in_float64(model)
    states = [layer.get_state() for layer in model.layers]

    def forward() -> NDArray:
        for layer, state in zip(model.layers, states):
            layer.set_state(state)
        return model.forward(point.copy(), training=True)

    name = f"Sequential of {len(model.layers)} layers"
    dlogits = chosen_loss(_evaluate(forward, name), y)[1]
    _backward_twice(forward, lambda: model.backward(dlogits.copy()))  # the very call that trains
    claims = [[p.grad.copy() for p in layer.parameters] for layer in model.layers]
    dx = _backward_twice(forward, lambda: model.backward(dlogits.copy(), need_dx=True))
    if method == "complex":
        function, cotangent = lambda: np.append(forward(), model.penalty()), np.append(dlogits, 1.0)
        point = to_complex((*model.layers, *model.plan), point)
    else:
        function, cotangent = lambda: np.array(chosen_loss(forward(), y)[0] + model.penalty(), np.float64), np.ones(())
    arrays = [(name, "dx", point, dx), *_parameters_of(model, name, claims)]
    with slopes_of(method, function, cotangent, model.plan) as slopes:
        return Report(name, tuple(check_array(slopes, settings, *array, batch=len(point)) for array in arrays))


def _loss_of(model: Any, loss: Loss | None) -> Loss:
    """Return `loss`, or by default the model's own."""
    if not isinstance(model, Sequential):
        raise TypeError(f"check_model: expected a Sequential, got {model!r}; a layer goes to check_layer")
    loss = model.loss if loss is None else loss
    if loss is None:
        raise ValueError("check_model: expected a loss, such as SoftmaxCrossEntropy(); give one, or compile the model")
    _check_loss(loss)
    return loss


def _parameters_of(model: Sequential, name: str, claims: list[list[NDArray]]) -> list[Any]:
    """Return (subject, name, value, claimed gradient) of each parameter of a model."""
    result = []
    for i, (layer, grads) in enumerate(zip(model.layers, claims)):
        for p, grad in zip(layer.parameters if layer.trainable else (), grads):
            result.append((f"{name}, {layer!r}", f"layers[{i}].{p.name}.grad", p.value, grad))
    return result


def check_package(kind: str = "difference") -> Iterator[tuple[str, Report]]:
    """Yield (title, report) for every layer in several configurations, every fused block, loss and model.

    Parameters
    ----------
    kind : {"difference", "complex", "adjoint"}
        Every element by central differences; every element by complex steps (not the losses, which take real numbers
        only); or layers, blocks and the reference CNN at full size, along random directions by complex steps.
    """
    check_choice(kind, "kind", ("adjoint", *METHODS))
    if kind == "adjoint":
        for layer in cases.full_size_cases():
            report = check_layer(layer, batch_size=cases.BATCH, method="complex", directions=2)
            yield f"{layer!r} on {layer.input_shape}", report
        for title, model, x, y, loss in cases.full_size_models():
            yield title, check_model(model, x, y, loss, method="complex", directions=2)
        return
    for layer, shape in cases.layer_cases():
        yield f"{layer!r} on {shape}", check_layer(layer, shape, method=kind)
    for block in cases.block_cases():
        yield repr(block), check_layer(block, method=kind)
    for title, loss, outputs, *targets in cases.loss_cases() if kind == "difference" else []:
        yield title, check_loss(loss, outputs, *targets)
    for title, model, x, y, loss in cases.model_cases():
        yield title, check_model(model, x, y, loss, method=kind)


def _float64(x: ArrayLike, name: str) -> NDArray:
    """Return a copy of the array in float64."""
    array = np.array(check_numeric(x, name), np.float64, order="C")
    if array.size == 0 or array.ndim == 0:
        raise ValueError(f"{name}: expected at least one row, got shape {array.shape}")
    return array


def _check_loss(loss: Any) -> None:
    if not callable(loss) or isinstance(loss, type):
        raise TypeError(f"loss: expected a loss, such as SoftmaxCrossEntropy(), got {loss!r}")


def _evaluate(function: Callable[[], NDArray], subject: str) -> NDArray:
    """Return what the function gives; raise if it gives something else the second time."""
    y = function()
    if not np.array_equal(y, function(), equal_nan=True):
        raise ValueError(
            f"{subject}: expected the same outputs from the same input, got different ones; name the generator "
            "(and whatever else a training forward changes) in state_names, so that it can be set back"
        )
    return y


def _backward_twice(forward: Callable[[], NDArray], backward: Callable[[], Any]) -> Any:
    """Return the second backward's result: so a gradient that adds to the earlier one instead of replacing it shows."""
    for _ in range(2):
        forward()
        result = backward()
    return None if result is None else np.array(result)
