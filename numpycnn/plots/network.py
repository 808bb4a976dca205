"""Pictures of what happens inside a network: its filters, and what each layer makes of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_numeric
from ..layers import Conv2D, Dropout, Flatten, GaussianNoise
from ..losses import SoftmaxCrossEntropy
from .inputs import names_of
from .style import FAINT, GREY, bare, in_our_style, ink_on, mosaic, new_figure, percent, signed_colors

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..model import Sequential


INPUT_INCHES = 1.3
MAP_INCHES = 0.56
LABEL_INCHES = 1.8  # what the labels of the rows need, about
MARGIN = 0.08  # inches around the filters
FEWEST_WIDE = 12  # maps; so much room is needed for ten numbers
FILTERS_A_ROW = 8
FILTER_GAP = 0.1  # between two filters, in units of one
MOST_CHANNELS = 32  # input channels that are drawn of each filter
MOST_UNITS_WITH_NUMBERS = 20  # a vector no longer than this has its numbers written in
UNITS_A_ROW = 128  # longer vectors are folded


@in_our_style
def plot_filters(layer: Conv2D, most: int = 32) -> Figure:
    """Draw the filters of a convolution, all on the same scale.

    Filters over a grey image are drawn in blue (negative) and orange (positive), over an RGB image in colours around
    grey (0). Deeper layers have too many channels for that: one row a filter, one column an input channel.

    Parameters
    ----------
    layer : Conv2D
        Built, such as ``model.layers[0]``.
    most : int, default 32
        Draw the first so many filters.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is another layer.
    RuntimeError
        If it is not built.
    ValueError
        If `most` is not a whole number from 1, or a weight is NaN or infinite.
    """
    if not isinstance(layer, Conv2D):
        raise TypeError(f"layer: expected a Conv2D, such as model.layers[0], got {type(layer).__name__}")
    if not layer.built:
        raise RuntimeError(f"{layer!r} is not built: it has no filters yet")
    check_count(most, "most")
    weights = layer.parameters[0].value.transpose(3, 2, 0, 1)[:most]  # (F, C, kh, kw)
    filters, channels, height, width = weights.shape
    limit = _largest(weights, repr(layer))
    deep = channels not in (1, 3)
    rows, cols = (filters, min(channels, MOST_CHANNELS)) if deep else (-(-filters // FILTERS_A_ROW), FILTERS_A_ROW)
    tile = 0.22 if deep else 0.6  # inches
    figure = new_figure(max(4.2, tile * cols + 1.6), tile * rows * height / width + 0.8)
    ax = figure.subplots()
    picture = _draw_filters(ax, weights, limit)
    bare(ax)
    if deep:
        ax.set(xlabel=f"{cols} of {channels} input channels", ylabel="filter")
    if channels != 3:
        figure.colorbar(picture, ax=ax, shrink=0.9, aspect=25, label="weight")
    which = f"{filters} of {layer.filters}" if filters < layer.filters else str(filters)
    ax.set_title(f"{which} filters of {height} x {width} x {channels}")
    _trim(figure)
    return figure


@in_our_style
def plot_feature_maps(
    model: Sequential, image: ArrayLike, maps: int = 16, class_names: Sequence[str] | None = None
) -> Figure:
    """Draw what each layer makes of one image, from the input to the answer.

    White is 0, orange positive, blue negative; each layer has a scale of its own. Flatten and Dropout, which change no
    number here, are left out.

    Parameters
    ----------
    model : Sequential
        Built; trained, if the pictures are to mean something.
    image : array_like, shape ``model.input_shape`` or (1, ...)
        One input, prepared as for `model.predict`. A grey image needs no channel axis.
    maps : int, default 16
        Draw the first so many maps of each layer.
    class_names : sequence of str, optional
        Shown in place of the class numbers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError
        If the model is not built.
    TypeError, ValueError
        If the image does not suit the model, `maps` is not a whole number from 1, there are not as many names as
        classes, or a layer's output is NaN or infinite.
    """
    check_count(maps, "maps")
    batch = one_input(model, image)
    steps = [("input", batch[0])]
    for layer, output in zip(model.layers, model.activations(batch)):
        if not isinstance(layer, (Flatten, Dropout, GaussianNoise)):
            values = output[0, ..., None] if output.ndim == 3 else output[0]  # (H, W) is one map
            steps.append((type(layer).__name__, values))
    classifies = isinstance(model.loss, SoftmaxCrossEntropy)
    if isinstance(model.loss, SoftmaxCrossEntropy):
        steps.append(("softmax", model.loss.probabilities(model.forward(batch))[0]))
    names = names_of(class_names, model.output_shape[-1])

    heights = [_height(values) for _, values in steps]
    heights[0] = max(INPUT_INCHES, heights[0])
    widths = [_width(values, maps) for _, values in steps[1:] if values.ndim == 3]
    widest = max(FEWEST_WIDE, *widths, 0)
    figure = new_figure(MAP_INCHES * widest + LABEL_INCHES, sum(heights) + 0.14 * len(heights) + 0.7)
    axes = list(figure.subplots(len(steps), 1, height_ratios=heights, squeeze=False).flat)
    draw_input(axes[0], batch[0])
    for ax, (name, values) in zip(axes[1:], steps[1:]):
        _draw_outputs(ax, name, values, maps, widest)
    if classifies and len(names) <= MOST_UNITS_WITH_NUMBERS:
        axes[-1].set_xticks(range(len(names)), names)
    if classifies:
        best = int(steps[-1][1].argmax())
        axes[0].set_title(f"predicted: {names[best]} ({percent(steps[-1][1][best], 1)})", loc="left")
    axes[-1].set_xlabel("white 0, orange positive, blue negative; each layer has a scale of its own", color=GREY)
    _make_square(figure, axes[1:], widest)
    return figure


def check_sequential(model: Any) -> None:
    """Raise TypeError if it is no model."""
    if not hasattr(model, "activations"):
        raise TypeError(f"model: expected a Sequential, got {type(model).__name__}")


def one_input(model: Sequential, image: ArrayLike) -> NDArray[Any]:
    """The image as a batch of one."""
    check_sequential(model)
    if not model.built:
        raise RuntimeError("model: expected a built one; give input_shape, or call build(input_shape) or fit")
    pixels = check_numeric(image, "image")
    for given in (pixels, pixels[None], pixels[None, ..., None]):
        if given.shape == (1, *model.input_shape):
            return given
    raise ValueError(f"image: expected one of shape {model.input_shape}, got shape {pixels.shape}")


def _largest(values: NDArray[Any], what: str) -> float:
    """The largest of the absolute values, 1 if all are 0; an error if it cannot be drawn."""
    largest = float(np.abs(values).max())
    if not np.isfinite(largest):
        raise ValueError(f"{what}: expected finite numbers, got NaN or infinity; has the model diverged in training?")
    return largest or 1.0


def _in_rows(values: NDArray[Any], length: int) -> NDArray[np.float64]:
    """Fold (n, ...) into rows (-1, length, ...), the last one filled up with NaN; a short one stays one row."""
    length = min(length, len(values))
    missing = -len(values) % length
    filled = np.concatenate([values, np.full((missing, *values.shape[1:]), np.nan)])
    return filled.reshape(-1, length, *values.shape[1:])


def _trim(figure: Figure) -> None:
    """Make the figure as large as what is in it: the shape of its axes is given, and leaves strips of it empty."""
    figure.set_layout_engine("compressed")
    figure.draw_without_rendering()
    bounds = figure.get_tightbbox()  # inches
    figure.set_size_inches(bounds.width + 2 * MARGIN, bounds.height + 2 * MARGIN)


def _draw_filters(ax: Axes, weights: NDArray[Any], limit: float) -> Any:
    """Draw filters (F, C, kh, kw) in the colours of their signs, or of RGB."""
    if weights.shape[1] == 3:
        tiles = _in_rows(0.5 + weights / (2 * limit), FILTERS_A_ROW)  # (rows, cols, 3, kh, kw)
        colours = np.stack([mosaic(tiles[:, :, c], FILTER_GAP) for c in range(3)], axis=-1)  # (h, w, 3)
        return ax.imshow(np.nan_to_num(colours, nan=1.0), interpolation="nearest")
    tiles = _in_rows(weights[:, 0], FILTERS_A_ROW) if weights.shape[1] == 1 else weights[:, :MOST_CHANNELS]
    return ax.imshow(mosaic(tiles, FILTER_GAP), cmap=signed_colors(), vmin=-limit, vmax=limit, interpolation="nearest")


def draw_input(ax: Axes, image: NDArray[Any]) -> None:
    """Draw an image in grey or RGB, from black at 0 to white at 1, or over its own range if it has another."""
    pixels = image.astype(np.float64)
    low, high = min(0.0, pixels.min()), max(1.0, pixels.max())
    pixels = (pixels - low) / (high - low)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = mosaic(pixels.transpose(2, 0, 1)[None])  # one channel beside the other
    elif pixels.ndim == 1:
        pixels = _in_rows(pixels, UNITS_A_ROW)
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_anchor("W")
    bare(ax)
    _label(ax, "input", image.shape)


def _height(values: NDArray[Any]) -> float:
    """How high a layer is drawn, in inches."""
    return MAP_INCHES if values.ndim == 3 else 0.22 + 0.1 * -(-len(values) // UNITS_A_ROW)


def _width(values: NDArray[Any], maps: int) -> float:
    """How wide the row of a layer's maps is, in units of its height."""
    return min(maps, values.shape[2]) * values.shape[1] / values.shape[0]


def _make_square(figure: Figure, axes: list[Axes], widest: float) -> None:
    """Make the figure as wide as its rows of maps need for pixels that are square; the labels keep their room."""
    figure.draw_without_rendering()  # only then it is known how much room the labels have left
    rows = [ax.get_window_extent() for ax in axes if ax.get_xlim() == (0, widest)]
    if rows:
        missing = (rows[0].height * widest - rows[0].width) / figure.dpi  # inches
        figure.set_figwidth(figure.get_figwidth() + missing)


def _draw_outputs(ax: Axes, name: str, values: NDArray[Any], maps: int, widest: float) -> None:
    """Draw the maps (H, W, C) of a layer in a row, or its vector (n,) as a strip.

    All rows are `widest` wide, in units of their height, so that they end in one line.
    """
    limit = max(_largest(values, name), 1 if name == "softmax" else 0)
    style: dict[str, Any] = {"cmap": signed_colors(), "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
    bare(ax)
    _label(ax, name, values.shape, maps)
    if values.ndim == 3:
        row = mosaic(values[:, :, :maps].transpose(2, 0, 1)[None])
        ax.imshow(row, aspect="auto", extent=(0, _width(values, maps), 0, 1), **style)
        ax.set(xlim=(0, widest), ylim=(0, 1))
        return
    strip = ax.imshow(_in_rows(values, UNITS_A_ROW), aspect="auto", **style)
    ax.spines[:].set(visible=True, color=FAINT)
    if len(values) <= MOST_UNITS_WITH_NUMBERS:
        for unit, value in enumerate(values):
            text = percent(value, 1) if name == "softmax" else f"{value:z.{1 if limit >= 1 else 2}f}"  # z: no -0.0
            ax.text(unit, 0, text, ha="center", va="center", size=9, color=ink_on(strip.cmap(strip.norm(value))))


def _label(ax: Axes, name: str, shape: tuple[int, ...], maps: int | None = None) -> None:
    """Say to the left what a row is, how large, and how many of its maps are drawn."""
    size = " x ".join(map(str, shape))
    if maps is not None and len(shape) == 3 and maps < shape[2]:
        size += f"\nthe first {maps} maps"
    ax.set_ylabel(f"{name}\n{size}", rotation=0, ha="right", va="center", fontsize=9)
