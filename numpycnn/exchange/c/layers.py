"""What each layer is in C: a function with loops that one can follow with a finger.

Every size stands in the text as a number, so the compiler knows all of them, and so does the reader.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...checks import Shape
from ...layers.pooling import LARGE_WINDOW
from ...layers.window import Window
from .literals import dimensions, number

BLOCK = "    "


@dataclasses.dataclass
class Code:
    """A layer in C.

    Attributes
    ----------
    word : str
        What the function is called after ``layer_3_``, or the helper that does it.
    body : str
        The function's statements; empty for a helper.
    weights : dict of str to ndarray
        The constants that it reads, as ``layer_3_NAME``.
    arguments : str
        Further arguments of a helper.
    rows : tuple of int, optional
        Works in place, on an array that is seen in this shape; a helper that has none works on plain numbers. All
        others read x and write y.
    """

    word: str
    body: str = ""
    weights: dict[str, NDArray] = dataclasses.field(default_factory=dict)
    arguments: str = ""
    rows: Shape | None = None


def indent(text: str) -> str:
    """Move lines to the right."""
    return textwrap.indent(text, BLOCK)


def loop(index: str, count: int, body: str) -> str:
    """Return a loop from 0 to `count`, with braces if the body is more than one statement."""
    statements = [line for line in body.splitlines() if not line.startswith((" ", "}"))]
    head = f"for (int {index} = 0; {index} < {count}; {index}++)"
    return f"{head} {{\n{indent(body)}\n}}" if len(statements) > 1 else f"{head}\n{indent(body)}"


def loops(sizes: dict[str, int], body: str) -> str:
    """Return loops in loops, the first one outside."""
    for index, count in reversed(sizes.items()):
        body = loop(index, count, body)
    return body


def place(stop: str, stride: int, step: str, dilation: int, before: int) -> str:
    """Return where in the image an element of a window lies, as i * 2 + ky - 1."""
    terms = [stop if stride == 1 else f"{stop} * {stride}", step if dilation == 1 else f"{step} * {dilation}"]
    return " + ".join(terms) + (f" - {before}" if before else "")


def over_window(window: Window, image: Shape, body: str) -> str:
    """Return the loops over a window; `body` finds its pixel at [row][column]. What lies outside is left out."""
    (sh, sw), (dh, dw), (top, left) = window.strides, window.dilation, window.before
    lines = [f"const int row = {place('i', sh, 'ky', dh, top)}, column = {place('j', sw, 'kx', dw, left)};"]
    outside = [
        f"{name} < 0 || {name} >= {size}"
        for name, size, before, reach in zip(("row", "column"), image, window.before, window.reach)
        if before or reach > size
    ]
    if outside:
        lines += [f"if ({' || '.join(outside)})", "    continue; /* outside of the image there is nothing */"]
    return loops({"ky": window.kernel[0], "kx": window.kernel[1]}, "\n".join([*lines, body]))


def over_stops(window: Window, body: str) -> str:
    """Return the loops over the places where a window stops."""
    return loops({"i": window.count[0], "j": window.count[1]}, body)


def start_of_sums(layer: Any, name: str, sum_f: str = "y[i][j][f]") -> str:
    """Return the loop that lets each sum over products begin with its bias, or with 0."""
    bias = f"{name}_bias[f]" if layer.use_bias else "0"
    return loop("f", layer.output_shape[-1], f"{sum_f} = {bias};")


# -- layers that read x and write y


def conv2d(layer: layers.Conv2D, name: str) -> Code:
    filters, channels = layer.filters, layer.input_shape[2] // layer.groups
    each = filters // layer.groups
    weight = f"{name}_weight[ky][kx][c][f]"
    if layer.groups == 1:
        pixels = f"const float pixel = x[row][column][c];\n{loop('f', filters, f'y[i][j][f] += pixel * {weight};')}"
        products = loop("c", channels, pixels)
    else:
        channel = f"f / {each} * {channels} + c"  # of f's own group
        products = loops({"c": channels, "f": filters}, f"y[i][j][f] += x[row][column][{channel}] * {weight};")
    body = start_of_sums(layer, name) + "\n" + over_window(layer.window, layer.input_shape, products)
    return Code("conv2d", over_stops(layer.window, body), _parameters(layer))


def depthwise_conv2d(layer: layers.DepthwiseConv2D, name: str) -> Code:
    each = layer.depth_multiplier
    products = loops({"c": layer.input_shape[2], "k": each},
                     f"y[i][j]{_output(each)} += x[row][column][c] * {name}_weight[ky][kx][c][k];")
    body = start_of_sums(layer, name) + "\n" + over_window(layer.window, layer.input_shape, products)
    return Code("depthwise_conv2d", over_stops(layer.window, body), _parameters(layer))


def separable_conv2d(layer: layers.SeparableConv2D, name: str) -> Code:
    channels, each, filters = layer.input_shape[2], layer.depth_multiplier, layer.filters
    depthwise = loops({"c": channels, "k": each},
                      f"h{_output(each)} += x[row][column][c] * {name}_depthwise_weight[ky][kx][c][k];")
    pointwise = loops({"q": channels * each, "f": filters}, f"y[i][j][f] += h[q] * {name}_pointwise_weight[q][f];")
    body = "\n".join([
        f"float h[{channels * each}] = {{0}}; /* each channel by itself; then all are mixed */",
        over_window(layer.window, layer.input_shape, depthwise), start_of_sums(layer, name), pointwise,
    ])
    weights = _parameters(layer)
    weights["pointwise_weight"] = weights["pointwise_weight"].reshape(channels * each, filters)
    return Code("separable_conv2d", over_stops(layer.window, body), weights)


def dense(layer: layers.Dense, name: str) -> Code:
    (inputs,), units = layer.input_shape, layer.units
    products = f"const float input = x[i];\n{loop('f', units, f'y[f] += input * {name}_weight[i][f];')}"
    body = start_of_sums(layer, name, "y[f]") + "\n" + loop("i", inputs, products)
    return Code("dense", body, _parameters(layer))


LARGEST = """\
if ({cell} > largest || isnan({cell})) /* NaN stays visible */
    largest = {cell};"""


def max_pool2d(layer: layers.MaxPool2D, name: str) -> Code:
    cells = over_window(layer.window, layer.input_shape, LARGEST.format(cell="x[row][column][c]"))
    body = loop("c", layer.input_shape[2], f"float largest = -INFINITY;\n{cells}\ny[i][j][c] = largest;")
    return Code("max_pool2d", over_stops(layer.window, body))


def avg_pool2d(layer: layers.AvgPool2D, name: str) -> Code:
    kind = _sum_kind(math.prod(layer.window.kernel))
    cells = over_window(layer.window, layer.input_shape, "sum += x[row][column][c];\ncells++;")
    body = f"{kind} sum = 0;\nint cells = 0;\n{cells}\ny[i][j][c] = (float)(sum / cells);"
    return Code("avg_pool2d", over_stops(layer.window, loop("c", layer.input_shape[2], body)))


def global_max_pool2d(layer: layers.GlobalMaxPool2D, name: str) -> Code:
    height, width, channels = layer.input_shape
    cells = loops({"i": height, "j": width}, LARGEST.format(cell="x[i][j][c]"))
    return Code("global_max_pool2d", loop("c", channels, f"float largest = -INFINITY;\n{cells}\ny[c] = largest;"))


def global_avg_pool2d(layer: layers.GlobalAvgPool2D, name: str) -> Code:
    height, width, channels = layer.input_shape
    cells = loops({"i": height, "j": width}, "sum += x[i][j][c];")
    kind = _sum_kind(height * width)
    body = loop("c", channels, f"{kind} sum = 0;\n{cells}\ny[c] = (float)(sum / {height * width});")
    return Code("global_avg_pool2d", body)


def zero_pad2d(layer: layers.ZeroPad2D, name: str) -> Code:
    (top, _), (left, _) = layer.sides
    height, width, _ = layer.input_shape
    sizes = dict(zip("ijc", layer.output_shape))
    inside = loops({"i": height, "j": width, "c": sizes["c"]}, f"y[i + {top}][j + {left}][c] = x[i][j][c];")
    return Code("zero_pad2d", f"{loops(sizes, 'y[i][j][c] = 0;')}\n{inside}")


# -- layers that work in place


def batch_norm(layer: layers.BatchNorm, name: str) -> Code:
    """Statistics are constants now: what gamma and the variance do is one factor."""
    rows, values = _rows(layer), {p.name: p.value for p in layer.parameters}
    mean, variance = (np.asarray(statistic, layer.dtype) for statistic in (layer.moving_mean, layer.moving_variance))
    factor = values.get("gamma", 1) / np.sqrt(variance + layer.dtype.type(layer.epsilon))
    constants = {"mean": mean, "factor": factor, "beta": values.get("beta", np.zeros_like(mean))}
    body = f"x[n][c] = (x[n][c] - {name}_mean[c]) * {name}_factor[c] + {name}_beta[c];"
    return Code("batch_norm", loops({"n": rows[0], "c": rows[1]}, body), constants, rows=rows)


def layer_norm(layer: layers.LayerNorm, name: str) -> Code:
    count, channels = rows = _rows(layer)
    weights = _parameters(layer)
    scaled = "(x[n][c] - mean) * inverse" + (f" * {name}_gamma[c]" if layer.scale else "")
    shifted = scaled + (f" + {name}_beta[c]" if layer.center else "")
    body = "\n".join([
        "float mean = 0, variance = 0;",
        loop("c", channels, f"mean += x[n][c] / {channels};"),
        loop("c", channels, f"variance += (x[n][c] - mean) * (x[n][c] - mean) / {channels};"),
        f"const float inverse = 1 / sqrtf(variance + {number(layer.epsilon)});",
        loop("c", channels, f"x[n][c] = {shifted};"),
    ])
    return Code("layer_norm", loop("n", count, body), weights, rows=rows)


def softmax(layer: layers.Layer, name: str) -> Code:
    count, classes = _rows(layer)
    return Code("softmax", arguments=f"{count}, {classes}")


def _simple(word: str, *attributes: str) -> Callable[[layers.Layer, str], Code]:
    """Return the writer of a layer that treats each number alone, with a helper that has the layer's arguments."""

    def write(layer: layers.Layer, name: str) -> Code:
        arguments = [str(math.prod(layer.output_shape)), *(number(getattr(layer, a)) for a in attributes)]
        return Code(word, arguments=", ".join(arguments))

    return write


def gelu(layer: layers.GELU, name: str) -> Code:
    return Code("gelu_tanh" if layer.approximate else "gelu", arguments=str(math.prod(layer.output_shape)))


WRITERS: dict[type, Callable[..., Code]] = {
    layers.Conv2D: conv2d, layers.DepthwiseConv2D: depthwise_conv2d, layers.SeparableConv2D: separable_conv2d,
    layers.Dense: dense, layers.MaxPool2D: max_pool2d, layers.AvgPool2D: avg_pool2d,
    layers.GlobalMaxPool2D: global_max_pool2d, layers.GlobalAvgPool2D: global_avg_pool2d,
    layers.ZeroPad2D: zero_pad2d, layers.BatchNorm: batch_norm, layers.LayerNorm: layer_norm,
    layers.Softmax: softmax, layers.ReLU: _simple("relu"), layers.LeakyReLU: _simple("leaky_relu", "negative_slope"),
    layers.ELU: _simple("elu", "alpha"), layers.Sigmoid: _simple("sigmoid"), layers.Tanh: _simple("tanh_all"),
    layers.SiLU: _simple("silu"), layers.GELU: gelu, layers.Rescale: _simple("rescale", "scale", "offset"),
}  # fmt: skip

# What these do to a prediction: nothing, or nothing to the numbers, which only get another shape.
NOTHING = {
    layers.Flatten: "the same numbers, seen as a vector", layers.Reshape: "the same numbers in another shape",
    layers.Dropout: "only in training", layers.SpatialDropout2D: "only in training",
    layers.GaussianNoise: "only in training",
}


def _parameters(layer: layers.Layer) -> dict[str, NDArray]:
    return {p.name: p.value for p in layer.parameters}


def _output(each: int) -> str:
    """Return the channel that filter k of channel c makes, as an index."""
    return "[c + k]" if each == 1 else f"[c * {each} + k]"


def _rows(layer: layers.Layer) -> tuple[int, int]:
    """Return the shape (M, C) of the input as rows of channels."""
    return math.prod(layer.input_shape[:-1]), layer.input_shape[-1]


def _sum_kind(terms: int) -> str:
    """Return the type of a sum: a long one rounds less as a double, as in Python."""
    return "double" if terms > LARGE_WINDOW else "float"


def function(code: Code, name: str, layer: layers.Layer) -> str:
    """Return the function of a layer that has a body."""
    comment = f"/* {type(layer).__name__}: {layer.input_shape} to {layer.output_shape} */"
    arguments = f"float x{dimensions(code.rows or layer.input_shape)}"
    if code.rows is None:
        arguments += f", float y{dimensions(layer.output_shape)}"
    return f"{comment}\nstatic void {name}_{code.word}({arguments})\n{{\n{indent(code.body)}\n}}\n"
