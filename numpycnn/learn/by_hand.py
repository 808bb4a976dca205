"""One training step, small enough for pencil and paper: every number, and the sum that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

import numpy as np
from numpy.typing import NDArray

from ..kernels import using
from ..layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
from ..losses import SoftmaxCrossEntropy
from ..model import Sequential
from ..optimizers import Adam
from ..plots.style import BLUE, FAINT, GREY, bare, in_our_style, ink_on, new_figure, signed_colors
from .tracing import Step, Trace, grid, number, trace

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGE = ((2, 0, 0), (1, 2, 0), (0, 1, 2))
FILTER = ((1, -1), (-1, 1))
DENSE = ((0.5, -0.5),)
LABEL = 1
RATE = 0.1


def by_hand() -> Sequential:
    """Return the tiny network: a 2 x 2 filter, ReLU, pooling, two outputs; in float64."""
    layers = [Conv2D(1, 2), ReLU(), MaxPool2D(2), Flatten(), Dense(2)]
    model = Sequential(layers, input_shape=(3, 3, 1), dtype="float64")
    weights = np.reshape(FILTER, (2, 2, 1, 1)), np.zeros(1), np.array(DENSE), np.array([0, 1])
    model.set_weights(weights)
    model.compile(Adam(RATE), SoftmaxCrossEntropy())
    return model


def trace_by_hand() -> Trace:
    """Trace the tiny network on its image. Two outputs of the convolution are equal, so the pooling has a tie."""
    with using("reference"):  # nothing to compile
        return trace(by_hand(), np.reshape(IMAGE, (1, 3, 3, 1)), [LABEL])


def written_by_hand(found: Trace) -> str:
    """Write the trace of the tiny network as sums: each line can be checked with pencil and paper."""
    return "\n".join([*_forward(found), "", *_backward(found), "", *_adam(found)])


def _forward(found: Trace) -> list[str]:
    conv, relu, pool, _, dense = found.steps
    x, w, b = found.x[0, ..., 0], conv.parameters["weight"][..., 0, 0], conv.parameters["bias"][0]
    lines = ["FORWARD", "", "input x", *_indented(x)]
    lines += ["", "1. convolution: y[i, j] = b + sum over ky, kx of x[i + ky, j + kx] * w[ky, kx]"]
    lines += ["   w", *_indented(w), f"   b = {number(b)}"]
    for i, j in np.ndindex(2, 2):
        products = _products(x[i : i + 2, j : j + 2], w)
        lines.append(f"   y[{i}, {j}] = {number(b)} + {products} = {number(conv.output[0, i, j, 0])}")
    lines += ["", "2. ReLU: y = max(x, 0)", *_indented(relu.output)]
    lines += ["", "3. max pooling: the largest of the window; of equals the first, here that of row 0, column 0"]
    lines += _indented(pool.output)
    feature, w, b = dense.output, dense.parameters["weight"], dense.parameters["bias"]
    lines += ["", "4. dense: the logits z[k] = x * w[0, k] + b[k]", "   w", *_indented(w), "   b", *_indented(b)]
    for k in range(2):
        product = _products(found.steps[3].output, w[:, k])
        lines.append(f"   z[{k}] = {product} + {number(b[k])} = {number(feature[0, k])}")
    z, p = dense.output[0], found.predictions[0]
    total = " + ".join(f"exp({number(value)})" for value in z)
    lines += ["", f"5. softmax cross-entropy: p[k] = exp(z[k]) / sum of exp(z), loss = -log(p[label]), label = {LABEL}"]
    lines += [f"   p[{k}] = exp({number(z[k])}) / ({total}) = {number(p[k])}" for k in range(2)]
    assert found.loss is not None
    return [*lines, f"   loss = -log({number(p[LABEL])}) = {number(found.loss)}"]


def _backward(found: Trace) -> list[str]:
    conv, relu, pool, flat, dense = found.steps
    dz, p = _gradient(dense)[0], found.predictions[0]
    lines = ["BACKWARD: d stands for the gradient of the loss", "", "5. loss: dz = (p - t) / N, t = 1 at the label"]
    lines += [f"   dz[{k}] = ({number(p[k])} - {int(k == LABEL)}) / 1 = {number(dz[k])}" for k in range(2)]
    x, w = flat.output[0, 0], dense.parameters["weight"]
    lines += ["", "4. dense: dw[0, k] = x * dz[k], db[k] = dz[k], dx = sum over k of dz[k] * w[0, k]"]
    lines += [
        f"   dw[0, {k}] = {number(x)} * {_signed(dz[k])} = {number(dense.gradients['weight'][0, k])}" for k in range(2)
    ]
    lines += [f"   dx = {_products(dz, w[0])} = {number(_gradient(flat)[0, 0])}"]
    lines += ["", "3. max pooling: all to the first of the equals", *_indented(_gradient(relu))]
    lines += ["", "2. ReLU: as it is where y > 0, else 0", *_indented(_gradient(conv))]
    x, dy, w = found.x[0, ..., 0], _gradient(conv)[0, ..., 0], conv.parameters["weight"][..., 0, 0]
    lines += ["", "1. convolution: dw[ky, kx] = sum over i, j of x[i + ky, j + kx] * dy[i, j], db = sum of dy"]
    for ky, kx in np.ndindex(2, 2):
        total = number(conv.gradients["weight"][ky, kx, 0, 0])
        lines.append(f"   dw[{ky}, {kx}] = {_products(x[ky : ky + 2, kx : kx + 2], dy)} = {total}")
    lines.append(f"   db = {_sum(dy)} = {number(conv.gradients['bias'][0])}")
    lines += ["   dx: each output hands dy * w back to the pixels that it saw", *_indented(found.dx)]
    return lines


def _adam(found: Trace) -> list[str]:
    lines = [
        "ADAM, step t = 1, learning rate 0.1, from m = v = 0, for each parameter w with gradient g",
        "   m = 0.1 g, v = 0.001 g^2, and after the division by 1 - 0.9 and by 1 - 0.999: m = g, v = g^2",
        "   w - 0.1 * m / (sqrt(v) + 1e-8): a whole 0.1 against the sign of g, unless g is near 1e-8; none where g = 0",
    ]
    for name, step in (("convolution", found.steps[0]), ("dense", found.steps[4])):
        for parameter, after in step.updated.items():
            before, gradient = step.parameters[parameter], step.gradients[parameter]
            lines.append(f"{name}, {parameter}")
            for old, g, new in zip(before.flat, gradient.flat, after.flat):
                root = f"(sqrt({_signed(g)} ** 2) + 1e-8)"
                lines.append(f"   w = {number(old)} - {RATE} * {_signed(g)} / {root} = {number(new)}")
    return lines


def _gradient(step: Step) -> NDArray:
    assert step.doutput is not None
    return step.doutput


def _products(a: NDArray, b: NDArray) -> str:
    """Write the sum of the products of two arrays of as many numbers."""
    return " + ".join(f"{_signed(p)} * {_signed(q)}" for p, q in zip(np.ravel(a), np.ravel(b), strict=True))


def _sum(values: NDArray) -> str:
    return " + ".join(_signed(value) for value in values.flat)


def _signed(value: float) -> str:
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def _indented(values: NDArray | None) -> list[str]:
    return ["   " + row for row in grid(np.asarray(values))]


# -- as a picture


@in_our_style
def draw_by_hand(found: Trace) -> Figure:
    """Draw what the tiny network computes from left to right, and below each array its gradient."""
    names = ["input", *(step.layer.split("(")[0] for step in found.steps if "Flatten" not in step.layer)]
    steps = [step for step in found.steps if "Flatten" not in step.layer]
    forward = [found.x, *(step.output for step in steps)]
    backward = [found.dx, *(step.doutput for step in steps)]
    figure = new_figure(11, 5.4)
    axes = figure.subplots(2, len(names) + 1)
    for column, name in enumerate(names):
        _draw_array(axes[0, column], forward[column], name)
        _draw_array(axes[1, column], backward[column], f"gradient at\n{name}")
    _draw_array(axes[0, -1], found.predictions, f"softmax\nloss {number(found.loss or 0)}")
    _draw_parameters(axes[1, -1], found.steps)
    figure.suptitle("One training step: forward above, gradients of the loss below")
    return figure


def _draw_array(ax: Axes, values: NDArray | None, title: str) -> None:
    rows = np.atleast_2d(np.squeeze(np.asarray(values)))
    colors, limit = signed_colors(), max(float(np.abs(rows).max()), 1e-12)
    ax.pcolormesh(rows, cmap=colors, vmin=-limit, vmax=limit, edgecolors=FAINT, linewidth=0.8, clip_on=False)
    for (i, j), value in np.ndenumerate(rows):
        shade = colors((value / limit + 1) / 2)
        ax.text(j + 0.5, i + 0.5, f"{value:.3g}", ha="center", va="center", size=9, color=ink_on(shade))
    ax.set(title=title, xlim=(-0.02, 3.02), ylim=(3.02, -0.02), aspect="equal")
    bare(ax)


def _draw_parameters(ax: Axes, steps: Iterable[Step]) -> None:
    """Write each parameter before and after the optimizer's step."""
    ax.set_axis_off()
    lines = []
    for step in steps:
        for name, value in step.parameters.items():
            pairs = zip(value.flat, step.updated[name].flat)
            lines += [f"{step.layer.split('(')[0]} {name}", *(f"  {a:.2f} → {b:.2f}" for a, b in pairs)]
    ax.text(0, 1, "\n".join(lines), va="top", size=8, color=GREY, linespacing=1.25)
    ax.set_title("Adam", color=BLUE)
