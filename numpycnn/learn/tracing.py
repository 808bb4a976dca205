"""Trace a training step: every number of the forward pass, the backward pass and the optimizer's step.

The layers run one by one, as copies: the model, its optimizer and its random generators see nothing of it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_instance
from ..layers import Layer
from ..memory.weights import trained_parts
from ..model import Sequential
from ..regularizers import add_penalty_gradients, penalty
from ..training.data import check_data, check_images

FEW = 16  # an array of no more numbers is printed in full


@dataclass
class Reached:
    """What one pixel reaches in a layer's output: what changes there when the pixel does.

    Attributes
    ----------
    changed : int
        How many outputs change.
    first, last : tuple of int
        The corners of the smallest box that holds them, without the batch axis, both included; () if none changes.
    strongest : tuple of int
        The output that changes most; () if none does.
    change : float
        By how much that one changes.
    """

    changed: int
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    strongest: tuple[int, ...] = ()
    change: float = 0.0


@dataclass(eq=False)
class Step:
    """One layer of a trace.

    Attributes
    ----------
    layer : str
        The layer, as it would be written.
    output : ndarray of shape (N, ...)
    parameters : dict of ndarray
        By name: weight, bias; gamma, beta.
    doutput : ndarray, or None
        Gradient of the loss with respect to the output; None without labels, as are the next two empty.
    gradients : dict of ndarray
        Gradient of the loss with respect to each parameter.
    updated : dict of ndarray
        Each parameter after the optimizer's step.
    path : Reached, or None
        What the pixel reaches here; None without one.
    """

    layer: str
    output: NDArray
    parameters: dict[str, NDArray]
    doutput: NDArray | None = None
    gradients: dict[str, NDArray] = field(default_factory=dict)
    updated: dict[str, NDArray] = field(default_factory=dict)
    path: Reached | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the output and of the parameters."""
        return self.output.nbytes + sum(value.nbytes for value in self.parameters.values())


@dataclass(eq=False)
class Trace:
    """A forward pass and, with labels, the backward pass and the optimizer's step.

    Attributes
    ----------
    x : ndarray of shape (N, ...)
    steps : list of Step
        One a layer, in order.
    predictions : ndarray
        What ``predict`` makes of the last output: probabilities, after a softmax cross-entropy.
    labels : ndarray, or None
    loss : float, or None
        With the penalties of regularizers.
    dx : ndarray of the shape of `x`, or None
        Gradient of the loss with respect to the input.
    pixel : pair of int, or None
        Row and column of the pixel whose way is followed.
    """

    x: NDArray
    steps: list[Step]
    predictions: NDArray
    labels: NDArray | None = None
    loss: float | None = None
    dx: NDArray | None = None
    pixel: tuple[int, int] | None = None

    def __str__(self) -> str:
        return text_of(self)


def trace(model: Sequential, x: ArrayLike, y: ArrayLike | None = None, pixel: tuple[int, int] | None = None) -> Trace:
    """Follow a batch through a model, layer by layer; with labels also back, and through one step of the optimizer.

    Without labels the layers run as in prediction, with labels as in training (Dropout drops, BatchNorm takes the
    batch's statistics).

    Parameters
    ----------
    model : Sequential
        Built, and for labels compiled. It is not changed.
    x : array of shape (N, *input_shape)
    y : array of shape (N,) or (N, K), optional
        The labels.
    pixel : pair of int, optional
        Row and column of a pixel of the first image. It is set to 0 (to 1, if it is 0), and what then changes in each
        layer's output, as in prediction, is what it reaches.

    Returns
    -------
    Trace

    Raises
    ------
    TypeError
        `model` is no Sequential.
    RuntimeError
        It is not built, or, with labels, not compiled.
    ValueError
        `x` or `y` does not fit the model, or the pixel lies outside the image.

    Examples
    --------
    >>> import numpycnn
    >>> model = numpycnn.Sequential([numpycnn.Dense(2, kernel_initializer="ones")], input_shape=(3,))
    >>> trace(model, [[1, 2, 3]]).steps[0].output
    array([[6., 6.]], dtype=float32)
    """
    check_instance(model, Sequential, "model", "a Sequential")
    model._require_built("trace")
    if y is not None and model.loss is None:
        raise RuntimeError("trace: with labels the model must be compiled, as its loss and its optimizer are asked")
    images, labels = (check_images(model, x), None) if y is None else check_data(model, x, y)
    with model.lock:
        layers, optimizer = copy.deepcopy(model.layers), copy.deepcopy(model.optimizer)
    steps, output = [], images
    for layer in layers:
        output = layer.forward(output, training=y is not None).copy()
        steps.append(Step(repr(layer), output, {p.name: p.value.copy() for p in layer.parameters}))
    found = Trace(images.copy(), steps, output if model.loss is None else model.loss.predict(output), labels)
    if labels is not None:
        found.loss, gradient = model.loss(output, labels)
        found.loss += penalty(layers)
        found.dx = _backward(layers, steps, gradient)
        _update(layers, steps, optimizer)
    if pixel is not None:
        found.pixel = _check_pixel(pixel, model)
        _follow(model, images[:1], steps, found.pixel)
    return found


def _backward(layers: list[Layer], steps: list[Step], gradient: NDArray) -> NDArray:
    """Note each layer's gradients, those of penalties included; return the input's."""
    for layer, step in zip(reversed(layers), reversed(steps)):
        step.doutput = gradient.copy()
        gradient = layer.backward(gradient)  # type: ignore[assignment]  # need_dx
        add_penalty_gradients([layer])
        if layer.trainable:
            step.gradients = {p.name: p.grad.copy() for p in layer.parameters}
    return gradient.copy()


def _update(layers: list[Layer], steps: list[Step], optimizer: object) -> None:
    """Take the optimizer's step on one vector of all parameters, and note what it makes of each."""
    parameters = [p for layer in layers for p in layer.parameters]
    if not parameters:
        return
    values = np.concatenate([p.value.reshape(-1) for p in parameters])
    grads = np.concatenate([p.grad.reshape(-1) for p in parameters])
    optimizer.step(values, grads, trained_parts(layers))  # type: ignore[attr-defined]
    start = 0
    for layer, step in zip(layers, steps):
        for p in layer.parameters:
            step.updated[p.name] = values[start : start + p.value.size].reshape(p.value.shape).copy()
            start += p.value.size


def _check_pixel(pixel: tuple[int, int], model: Sequential) -> tuple[int, int]:
    if len(model.input_shape) < 2:
        raise ValueError(f"pixel: expected a model of images, got one of inputs of shape {model.input_shape}")
    if np.shape(pixel) != (2,):
        raise ValueError(f"pixel: expected a pair (row, column), got {pixel!r}")
    row, column = (check_count(value, "pixel", minimum=0) for value in pixel)
    height, width = model.input_shape[:2]
    if row >= height or column >= width:
        raise ValueError(f"pixel: expected a row below {height} and a column below {width}, got ({row}, {column})")
    return row, column


def _follow(model: Sequential, image: NDArray, steps: list[Step], pixel: tuple[int, int]) -> None:
    """Note in each step what changes when the pixel of the image (1, H, W, ...) is switched."""
    other = image.copy()
    other[0][pixel] = np.where(image[0][pixel] == 0, 1, 0)
    for step, before, after in zip(steps, model.activations(image), model.activations(other)):
        change = (after - before)[0]
        places = np.argwhere(change)
        step.path = Reached(len(places))
        if len(places):
            strongest = np.unravel_index(np.abs(change).argmax(), change.shape)
            step.path = Reached(
                len(places), _place(places.min(axis=0)), _place(places.max(axis=0)), _place(strongest),
                float(change[strongest]),
            )


def _place(indices: ArrayLike) -> tuple[int, ...]:
    return tuple(int(i) for i in np.asarray(indices))


# -- as text


def text_of(found: Trace) -> str:
    """Write a trace, layer by layer: small arrays in full, of others the shape, the range, the mean and the bytes."""
    lines = _described("input", found.x)
    for number, step in enumerate(found.steps, 1):
        lines += ["", f"{number}. {step.layer}, {step.bytes:,} bytes"]
        for name, value in step.parameters.items():
            lines += _described(f"   {name}", value)
        lines += _described("   output", step.output)
        if step.path is not None:
            lines.append(f"   pixel {found.pixel}: {_path_text(step.path, step.output[0].size)}")
    lines += ["", *_described("prediction", found.predictions)]
    if found.loss is None:
        return "\n".join(lines)
    lines += [f"loss {found.loss:.6g}", "", "Back:"]
    for number, step in reversed([*enumerate(found.steps, 1)]):
        lines += ["", f"{number}. {step.layer}", *_described("   d output", step.doutput)]
        for name, value in step.gradients.items():
            lines += _described(f"   d {name}", value)
            lines += _described(f"   {name} after the step", step.updated[name])
    return "\n".join([*lines, "", *_described("d input", found.dx)])


def _described(name: str, array: NDArray | None) -> list[str]:
    """Return a line about an array, and its numbers below it if they are few."""
    values = np.asarray(array)
    line = f"{name}: {' x '.join(map(str, values.shape))}"
    if values.size <= FEW:
        indent = " " * (len(name) - len(name.lstrip()) + 3)
        return [line, *(indent + row for row in grid(values))]
    return [
        f"{line}, from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}, {np.mean(values == 0):.0%} "
        f"zeros, {values.nbytes:,} bytes"
    ]


def grid(values: NDArray) -> list[str]:
    """Write a small array, its axes of length 1 left out: one line a row."""
    rows = np.squeeze(values)
    rows = rows.reshape(-1, rows.shape[-1]) if rows.ndim else rows.reshape(1, 1)
    cells = [[number(value) for value in row] for row in rows]
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


def number(value: float) -> str:
    """Write a number with four digits after the point, and none where they are zeros."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _path_text(path: Reached, size: int) -> str:
    if not path.changed:
        return f"changes none of {size:,} outputs"
    return (
        f"changes {path.changed:,} of {size:,} outputs, in {path.first} to {path.last}, most of all {path.strongest}, "
        f"by {path.change:.4g}"
    )
