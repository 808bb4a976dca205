"""The usual suspects: gradients as known mistakes compute them, to be compared with one that is wrong.

Each formula is right unless told otherwise, and each argument is one mistake. ``bug_zoo`` is made of the same formulas.
They ask a layer for what its arguments are called here (``strides``, ``epsilon``, ...), whatever its class.
"""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np
from numpy.typing import NDArray

from ..layers.window import output_size

Suspect = tuple[str, NDArray]  # what is wrong, and the gradient that comes of it


def conv_dx(
    layer: Any, dy: NDArray, weight: NDArray | None = None, strides: tuple[int, int] | None = None,
    dilation: tuple[int, int] | None = None, off: int = 0, assign: bool = False,
) -> NDArray:
    """dx of a convolution, patch by patch."""
    weight = layer.parameters[0].value if weight is None else weight
    (sh, sw), (eh, ew) = strides or layer.strides, dilation or layer.dilation_rate
    (kh, kw), (top, left) = weight.shape[:2], _zeros_before(layer, layer.kernel_size, layer.dilation_rate)
    (height, width), (out_h, out_w) = layer.input_shape[:2], layer.output_shape[:2]
    reach_h, reach_w = _reach(height, out_h, kh, sh, eh), _reach(width, out_w, kw, sw, ew)
    padded = np.zeros((len(dy), reach_h + 2 * top + off, reach_w + 2 * left + off, layer.input_shape[2]))
    for oy, ox in np.ndindex(out_h, out_w):
        for ky, kx in np.ndindex(kh, kw):
            pixel = (slice(None), oy * sh + ky * eh, ox * sw + kx * ew)
            update = dy[:, oy, ox] @ weight[ky, kx].T  # (N, C)
            padded[pixel] = update if assign else padded[pixel] + update
    return padded[:, top + off : top + off + height, left + off : left + off + width]


def maxpool_dx(
    layer: Any, x: NDArray, dy: NDArray, assign: bool = False, all_ties: bool = False, off: int = 0
) -> NDArray:
    """dx of max pooling with explicit padding, window by window."""
    (kh, kw), (sh, sw) = layer.pool_size, layer.strides
    top, left = _zeros_before(layer, layer.pool_size, (1, 1))
    pads = ((0, 0), (top, top), (left, left), (0, 0))
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
    through_variance: bool = True,
) -> NDArray:
    """dx of batch normalisation."""
    axes = tuple(range(x.ndim - 1))
    scale = 1 / np.sqrt(x.var(axes, ddof=ddof) + (layer.epsilon if epsilon is None else epsilon))
    normalised = (x - x.mean(axes)) * scale
    centred = dy - through_mean * dy.mean(axes) - through_variance * normalised * (dy * normalised).mean(axes)
    return layer.parameters[0].value * scale * centred


def suspects(layer: Any, x: NDArray, y: NDArray, dy: NDArray) -> Iterator[Suspect]:
    """Yield the dx of every mistake that such a layer can have."""
    weight = layer.parameters[0].value if layer.parameters else np.zeros(0)
    if _has(layer, "kernel_size", "strides", "dilation_rate") and weight.ndim == x.ndim == 4:
        yield from _of_convolution(layer, weight, dy)
    if _has(layer, "epsilon") and weight.shape == x.shape[-1:]:
        yield from _of_normalisation(layer, x, dy)
    if weight.ndim == x.ndim == 2 and weight.shape == weight.T.shape:
        yield "the weight is not transposed: dx = dy @ W.T", dy @ weight
    if x.shape == y.shape:
        yield from _of_activation(x, y, dy)


def _of_convolution(layer: Any, weight: NDArray, dy: NDArray) -> Iterator[Suspect]:
    if weight.shape[2] != layer.input_shape[2]:
        return  # groups
    yield "filters flipped in one of the two passes", conv_dx(layer, dy, weight[::-1, ::-1])
    yield "the stride is forgotten: patches laid side by side", conv_dx(layer, dy, strides=(1, 1))
    yield "the dilation is forgotten", conv_dx(layer, dy, dilation=(1, 1))


def _of_normalisation(layer: Any, x: NDArray, dy: NDArray) -> Iterator[Suspect]:
    if x.ndim < 2 or x.size == x.shape[-1]:
        return
    right = batchnorm_dx(layer, x, dy)
    yield "the batch's variance is taken for a constant", batchnorm_dx(layer, x, dy, through_variance=False)
    yield "epsilon is forgotten in one of the two passes", batchnorm_dx(layer, x, dy, epsilon=0.0)
    yield "the variance is divided by M - 1 in one of the two passes", batchnorm_dx(layer, x, dy, ddof=1)
    yield "gamma is forgotten", right / layer.parameters[0].value


def _of_activation(x: NDArray, y: NDArray, dy: NDArray) -> Iterator[Suspect]:
    of_the_input = "the derivative is computed from the input where the output belongs"
    yield of_the_input, dy * x * (1 - x)
    yield of_the_input, dy * (1 - x * x)
    yield "y is not squared: the derivative of tanh is 1 - y**2", dy * (1 - y)


def _has(layer: Any, *names: str) -> bool:
    return all(hasattr(layer, name) for name in names)


def _zeros_before(layer: Any, window: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    """Rows of zeros above the image, and columns to the left."""
    padding = (layer.padding,) * 2 if isinstance(layer.padding, str) else layer.padding
    top, left = (
        output_size(layer.input_shape[i], (window[i] - 1) * dilation[i] + 1, layer.strides[i], padding[i])[1]
        for i in range(2)
    )
    return top, left


def _reach(size: int, out: int, window: int, stride: int, dilation: int) -> int:
    """Rows of the image, or as many as the patches reach over if that is more ("same" padding)."""
    return max(size, (out - 1) * stride + (window - 1) * dilation + 1)
