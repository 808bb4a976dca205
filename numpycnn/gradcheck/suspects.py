"""The usual suspects: gradients to compare with one that fails, the right one first, then those of known mistakes.

Each formula is right by default, and each of its arguments is one mistake. ``bug_zoo`` is made of the same formulas.
They read a layer's arguments by the names that these have in the package (``strides``, ``epsilon``, ...), so they work
for a layer of any class that uses these names.
"""

from __future__ import annotations

import inspect
from typing import Any, Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from .. import kernels, layers
from ..checks import check_padding, check_pair
from ..layers import AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Layer, LayerNorm, MaxPool2D
from ..layers.window import Window
from ..mistakes import MISTAKES, edited, solutions

Suspect = tuple[str, NDArray]  # what is wrong, and the gradient that comes of it


def conv_dx(
    layer: Any, dy: NDArray, weight: NDArray | None = None, strides: tuple[int, int] | None = None,
    dilation: tuple[int, int] | None = None, off: int = 0, assign: bool = False,
) -> NDArray:
    """dx of a convolution, patch by patch."""
    weight = layer.parameters[0].value if weight is None else weight
    window: Any = window_of(layer)
    (sh, sw), (eh, ew), (top, left) = strides or window.strides, dilation or window.dilation, window.before
    (height, width, channels), (rows, columns) = layer.input_shape, window.padded(layer.input_shape)
    padded = np.zeros((len(dy), rows + off, columns + off, channels))
    for oy, ox in np.ndindex(window.count):
        for ky, kx in np.ndindex(window.kernel):
            pixel = (slice(None), oy * sh + ky * eh, ox * sw + kx * ew)
            update = dy[:, oy, ox] @ weight[ky, kx].T  # (N, C)
            padded[pixel] = update if assign else padded[pixel] + update
    return padded[:, top + off : top + off + height, left + off : left + off + width]


def as_full_filters(weight: NDArray) -> NDArray:
    """Return depthwise filters (kh, kw, C, m) as those of a full convolution (kh, kw, C, C * m), zero elsewhere."""
    channels, multiplier = weight.shape[2:]
    own = np.eye(channels)[:, :, None]  # (C, C, 1)
    return (weight[:, :, :, None] * own).reshape(*weight.shape[:2], channels, channels * multiplier)


def maxpool_dx(
    layer: Any, x: NDArray, dy: NDArray, assign: bool = False, all_ties: bool = False, off: int = 0
) -> NDArray:
    """dx of max pooling, window by window."""
    window: Any = window_of(layer)
    (kh, kw), (sh, sw), (top, left) = window.kernel, window.strides, window.before
    rows, columns = window.padded(x.shape[1:])
    pads = ((0, 0), (top, rows - top - x.shape[1]), (left, columns - left - x.shape[2]), (0, 0))
    padded = np.pad(x, pads, constant_values=-np.inf)
    dpadded = np.zeros_like(padded)
    for n, oy, ox, c in np.ndindex(dy.shape):
        place = (n, slice(oy * sh, oy * sh + kh), slice(ox * sw, ox * sw + kw), c)
        winners = padded[place] == padded[place].max()
        if not all_ties:
            winners = np.arange(winners.size).reshape(winners.shape) == winners.argmax()
        dpadded[place] = np.where(winners, dy[n, oy, ox, c] + (0 if assign else dpadded[place]), dpadded[place])
    return dpadded[:, top - off : top - off + x.shape[1], left - off : left - off + x.shape[2]]


def batchnorm_dx(
    layer: Any, x: NDArray, dy: NDArray, epsilon: float | None = None, ddof: int = 0, through_mean: bool = True,
    through_variance: bool = True, axes: int | None = None, gamma_outside: bool = False,
) -> NDArray:
    """dx of batch normalisation; of layer normalisation with ``axes=-1``, where gamma belongs inside of the means."""
    over: Any = {"axis": tuple(range(x.ndim - 1)) if axes is None else axes, "keepdims": True}
    scale = 1 / np.sqrt(x.var(ddof=ddof, **over) + (layer.epsilon if epsilon is None else epsilon))
    normalised, gamma = (x - x.mean(**over)) * scale, _gamma(layer)
    inside, outside = (1.0, gamma) if gamma_outside else (gamma, 1.0)
    g = dy * inside
    centred = g - through_mean * g.mean(**over) - through_variance * normalised * (g * normalised).mean(**over)
    return outside * scale * centred


def _gamma(layer: Any) -> Any:
    return next((p.value for p in layer.parameters if p.name == "gamma"), 1.0)


def right_gradients(
    layer: Any, x: NDArray, dy: NDArray, state: dict[str, Any]
) -> Iterator[tuple[str, dict[str, NDArray]]]:
    """Yield (class, gradients by name) of what the layer should be, as far as its class or its arguments tell.

    That is the package's own layer with the same arguments, parameters and state, computed by the NumPy twins of the
    kernels.
    """
    for right in _counterparts(layer):
        shapes = [[p.value.shape for p in each.parameters] for each in (right, layer)]
        if right.output_shape != dy.shape[1:] or shapes[0] != shapes[1] or set(right.state_names) != set(state):
            continue
        for mine, theirs in zip(right.parameters, layer.parameters):
            mine.value = theirs.value
        right.set_state(state)
        right.trainable = layer.trainable
        with kernels.using("reference"):
            right.forward(x, training=True)
            gradients: dict[str, Any] = {"dx": right.backward(dy)}
        gradients |= {f"{theirs.name}.grad": mine.grad for mine, theirs in zip(right.parameters, layer.parameters)}
        yield type(right).__name__, gradients


def _counterparts(layer: Any) -> list[Layer]:
    """Return the package's layers, built, that this one should agree with; empty for a layer of the package itself."""
    own = next(cls for cls in type(layer).__mro__ if cls in _PACKAGE)
    if own is type(layer):
        return []  # it cannot be its own measure
    try:
        names = inspect.signature(own).parameters
        found = list(_named_alike(layer)) if own is Layer else [own(**{name: getattr(layer, name) for name in names})]
        for right in found:
            right.build(layer.input_shape, np.random.default_rng(0), "float64")
    except (AttributeError, TypeError, ValueError):  # it has other arguments, or other inputs, than the package's layer
        return []
    return found


_PACKAGE = [getattr(layers, name) for name in layers.__all__]


def _named_alike(layer: Any) -> Iterator[Layer]:
    """Yield the layers whose arguments have the names of this one's, for a class that derives from Layer alone."""
    window, parameters = window_of(layer), layer.parameters
    weight: Any = parameters[0].value if parameters else np.zeros(())
    use_bias = len(parameters) == 2
    if window and weight.ndim == 4:
        groups = layer.input_shape[2] // weight.shape[2]
        arguments = window.kernel, window.strides, getattr(layer, "padding", "valid"), use_bias
        yield Conv2D(weight.shape[3], *arguments, dilation_rate=window.dilation, groups=groups)
        options: Any = {"use_bias": use_bias, "dilation_rate": window.dilation}
        yield DepthwiseConv2D(*arguments[:3], weight.shape[3], **options)
    elif window and not parameters:
        for cls in (MaxPool2D, AvgPool2D):
            yield cls(window.kernel, window.strides, getattr(layer, "padding", "valid"))
    elif weight.ndim == 2:
        yield Dense(weight.shape[1], use_bias)
    elif hasattr(layer, "epsilon"):
        yield BatchNorm(epsilon=layer.epsilon)
        yield LayerNorm(epsilon=layer.epsilon)


def window_of(layer: Any) -> Window | None:
    """Return the windows of a layer that has a ``pool_size`` or a ``kernel_size``, on its images; else None."""
    kernel = getattr(layer, "pool_size", getattr(layer, "kernel_size", None))
    if kernel is None or len(layer.input_shape) != 3:
        return None
    strides = getattr(layer, "strides", None)
    if strides is None:
        strides = kernel if hasattr(layer, "pool_size") else 1
    try:
        pairs = check_pair(kernel, "kernel"), check_pair(strides, "strides")
        dilation = check_pair(getattr(layer, "dilation_rate", 1), "dilation")
        return Window.on(layer.input_shape, *pairs, check_padding(getattr(layer, "padding", "valid")), dilation)
    except (TypeError, ValueError):  # the names mean something else in this class
        return None


def suspects(layer: Any, x: NDArray, y: NDArray, dy: NDArray) -> Iterator[Suspect]:
    """Yield the dx of every mistake that such a layer can have."""
    weight: Any = layer.parameters[0].value if layer.parameters else np.zeros(0)
    window = window_of(layer)
    if window and weight.ndim == 4 and weight.shape[2] == x.shape[3] and window.count == dy.shape[1:3]:  # no groups
        depthwise = weight.shape[2] * weight.shape[3] == dy.shape[3]
        yield from _of_convolution(layer, as_full_filters(weight) if depthwise else weight, dy)
    if hasattr(layer, "epsilon") and weight.shape == x.shape[-1:]:
        yield from _of_normalisation(layer, x, dy)
    if weight.ndim == x.ndim == 2 and weight.shape == weight.T.shape:
        yield "the weight is not transposed: dx = dy @ W.T", dy @ weight
    if x.shape == y.shape:
        yield from _of_activation(x, y, dy)


def forward_mistake(layer: Any, x: NDArray, y: NDArray) -> str:
    """Return what is wrong with a forward that gives just what a known mistake gives; empty if none does."""
    for name, arguments in _as_solution(layer, x):
        solution = getattr(solutions, name)
        for entry in MISTAKES[name]:
            try:
                wrong = edited(solution, entry)(*arguments)
            except (ValueError, IndexError):  # the mistake does not come to an end on this input
                continue
            if wrong.shape == y.shape and np.allclose(wrong, y, rtol=1e-6, atol=1e-9):
                return entry.says
    return ""


NEVER_MEANT = ("labels-from-one", "softmax-over-batch")  # in loss and gradient alike: these agree, and both are wrong


def loss_mistakes(
    outputs: NDArray, targets: Any, names: Collection[str] | None = None
) -> Iterator[tuple[str, str, float, NDArray]]:
    """Yield (name, what is wrong, loss, gradient) of each known softmax cross-entropy; the right one first, unnamed.

    With `names` those mistakes alone.
    """
    labels = np.asarray(targets)
    if labels.shape == outputs.shape and labels.ndim == 2 and (np.sort(labels)[:, :-1] == 0).all():
        labels = labels.argmax(axis=1)  # one-hot rows
    if outputs.ndim != 2 or labels.shape != outputs.shape[:1] or labels.dtype.kind not in "iu":
        return
    yield ("", "", *solutions.softmax_cross_entropy(outputs, labels))
    for entry in MISTAKES["softmax_cross_entropy"]:
        if names is not None and entry.name not in names:
            continue
        try:
            loss, doutputs = edited(solutions.softmax_cross_entropy, entry)(outputs, labels)
        except (ValueError, IndexError):
            continue
        if np.ndim(loss) == 0 and np.shape(doutputs) == outputs.shape:
            yield entry.name, entry.says, float(loss), doutputs


def _as_solution(layer: Any, x: NDArray) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the solution that a layer's forward should agree with, and its arguments."""
    window, parameters = window_of(layer), [p.value for p in layer.parameters]
    plain = window and len({*window.strides}) == len({*window.before}) == 1 and window.dilation == (1, 1)
    if window and plain:
        stride, padding = window.strides[0], window.before[0]
        if parameters and parameters[0].ndim == 4 and parameters[0].shape[2] == x.shape[3]:
            bias = parameters[1] if len(parameters) > 1 else np.zeros(parameters[0].shape[3])
            yield "conv2d_forward", (x, parameters[0], bias, stride, padding)
        elif not parameters and window.kernel[0] == window.kernel[1] and padding == 0:
            yield "max_pool_forward", (x, window.kernel[0], stride)
    elif hasattr(layer, "epsilon") and len(parameters) == 2 and x.ndim == 4:
        yield "batch_norm_forward", (x, *parameters, layer.epsilon)
    elif len(parameters) == 2 and parameters[0].ndim == x.ndim == 2:
        yield "dense_forward", (x, *parameters)


def _of_convolution(layer: Any, weight: NDArray, dy: NDArray) -> Iterator[Suspect]:
    yield "filters flipped in one of the two passes", conv_dx(layer, dy, weight[::-1, ::-1])
    yield "the stride is forgotten: patches laid side by side", conv_dx(layer, dy, weight, strides=(1, 1))
    yield "the dilation is forgotten", conv_dx(layer, dy, weight, dilation=(1, 1))


def _of_normalisation(layer: Any, x: NDArray, dy: NDArray) -> Iterator[Suspect]:
    if x.ndim < 2 or x.size == x.shape[-1]:
        return
    right = batchnorm_dx(layer, x, dy)
    yield "the batch's variance is taken for a constant", batchnorm_dx(layer, x, dy, through_variance=False)
    yield "epsilon is forgotten in one of the two passes", batchnorm_dx(layer, x, dy, epsilon=0.0)
    yield "the variance is divided by M - 1 in one of the two passes", batchnorm_dx(layer, x, dy, ddof=1)
    yield "gamma is forgotten", right / _gamma(layer)
    of_vectors = batchnorm_dx(layer, x, dy, axes=-1, through_variance=False)
    yield "the variance of each vector is taken for a constant", of_vectors
    outside = batchnorm_dx(layer, x, dy, axes=-1, gamma_outside=True)
    yield "gamma belongs inside of the means: it differs from element to element", outside


def _of_activation(x: NDArray, y: NDArray, dy: NDArray) -> Iterator[Suspect]:
    of_the_input = "the derivative is computed from the input where the output belongs"
    yield of_the_input, dy * x * (1 - x)
    yield of_the_input, dy * (1 - x * x)
    yield "y is not squared: the derivative of tanh is 1 - y**2", dy * (1 - y)
    if np.allclose(y.sum(axis=-1), 1):
        yield "every output of a softmax depends on every input of its row, not on its own alone", dy * y * (1 - y)
    if (y < 0).any():  # where none is, this is dy alone, of any layer
        yield "alpha is not added: the derivative of ELU is y + alpha where x is negative", np.where(y > 0, dy, dy * y)
    yield "the sigmoid is taken for a constant: the product rule is forgotten", dy / (1 + np.exp(-np.maximum(x, -700)))
    for approximate in (False, True):
        yield "the slope of GELU's other form: with erf, or with tanh", _gelu_dx(x, dy, approximate)


def _gelu_dx(x: NDArray, dy: NDArray, approximate: bool) -> NDArray:
    dx = np.empty_like(x)
    with kernels.using("reference"):
        (kernels.ops.gelu_tanh_backward if approximate else kernels.ops.gelu_backward)(dy, x, dx)
    return dx
