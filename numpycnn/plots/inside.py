"""Pictures of why a model answers as it does, and of how it learns; the numbers come from `looking.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks import LayerRatios
from ..checks import check_count, check_finite, check_instance, check_positive
from ..layers import Conv2D
from ..training.data import check_data, check_images
from . import looking
from .network import check_sequential, draw_input, one_input
from .style import GREY, IMAGE_INCHES, bare, in_our_style, new_figure, signed_colors

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.figure import Figure

    from ..model import Sequential

PANEL = 2.9  # inches


def _image_and_unit(model: Sequential, image: ArrayLike, unit: int | None) -> tuple[NDArray[Any], int]:
    """The image, and the class to ask about: the one given, else the one that the model answers."""
    pixels = one_input(model, image)[0].astype(np.float64)
    if pixels.ndim < 2:
        raise ValueError(f"model: expected one that takes images, got one for inputs of shape {model.input_shape}")
    logits = looking.outputs(model, pixels[None])[0]
    if logits.ndim != 1:
        raise ValueError(f"model: expected one that ends in a vector, got outputs of shape {model.output_shape}")
    unit = int(logits.argmax()) if unit is None else check_count(unit, "unit", minimum=0, maximum=len(logits) - 1)
    return pixels, unit


@in_our_style
def _beside(pixels: NDArray[Any], values: NDArray[Any], title: str, label: str, signed: bool) -> Figure:
    """Draw an image, and numbers for its pixels beside it."""
    figure = new_figure(2 * PANEL + 1, PANEL)
    left, right = figure.subplots(1, 2)
    draw_input(left, _grey(pixels))
    left.set(title="input", ylabel="")
    limit = float(abs(values).max()) or 1.0
    colours = {"cmap": signed_colors(), "vmin": -limit} if signed else {"cmap": "gray", "vmin": 0}
    drawn = right.imshow(values, vmax=limit, interpolation="nearest", **colours)
    bare(right)
    right.set_title(title)
    figure.colorbar(drawn, ax=right, shrink=0.8, label=label)
    return figure


def plot_saliency(model: Sequential, image: ArrayLike, unit: int | None = None) -> Figure:
    """Draw how much each pixel moves an answer: the size of the slope of a logit (Simonyan et al. 2014).

    Parameters
    ----------
    model : Sequential
        Built.
    image : array_like, shape ``model.input_shape`` or (1, ...)
        As for `model.predict`.
    unit : int, optional
        The class, by number; as a default the one that the model answers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        The model is not built, the image does not suit it, or there is no such class.
    """
    pixels, unit = _image_and_unit(model, image, unit)
    values = looking.saliency(model, pixels, unit)
    return _beside(pixels, values, f"saliency for class {unit}", "size of the slope of the logit", False)


def plot_occlusion(
    model: Sequential, image: ArrayLike, unit: int | None = None, size: int = 5, fill: float = 0.0
) -> Figure:
    """Draw by how much an answer's logit falls if a square around each pixel is covered (Zeiler and Fergus 2014).

    Parameters
    ----------
    model : Sequential
        Built.
    image : array_like, shape ``model.input_shape`` or (1, ...)
        As for `model.predict`.
    unit : int, optional
        The class, by number; as a default the one that the model answers.
    size : int, default 5
        Side of the square in pixels.
    fill : float, default 0
        What the square is covered with.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As for ``plot_saliency``; `size` or `fill` is not such a number.
    """
    check_count(size, "size"), check_finite(fill, "fill")
    pixels, unit = _image_and_unit(model, image, unit)
    values = looking.occlusion(model, pixels, unit, size, fill)
    return _beside(pixels, values, f"covered: class {unit}", "fall of the logit", True)


@in_our_style
def plot_favourites(model: Sequential, x: ArrayLike, layer: int = 0, filters: int = 8, most: int = 6) -> Figure:
    """Draw what the filters of a convolution answer to most: a row a filter, patches of different images.

    Parameters
    ----------
    model : Sequential
        Built.
    x : array_like, shape (N, *model.input_shape)
        Images.
    layer : int, default 0
        Place in ``model.layers`` of a Conv2D; a patch is what its output pixel depends on.
    filters : int, default 8
        The first so many.
    most : int, default 6
        Patches of each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        The model is not built, the images do not suit it, or there is no convolution.
    """
    x = _images(model, x)
    check_count(filters, "filters"), check_count(most, "most")
    check_count(layer, "layer", minimum=0, maximum=len(model.layers) - 1)
    if not isinstance(model.layers[layer], Conv2D):
        raise ValueError(f"layer: expected the place of a Conv2D, got that of {model.layers[layer]!r}")
    found = looking.favourites(model, x, layer, filters, most)
    width = len(found[0])
    figure = new_figure(IMAGE_INCHES * width + 0.6, IMAGE_INCHES * len(found))
    for number, (row, favourites) in enumerate(zip(figure.subplots(len(found), width, squeeze=False), found)):
        for ax, favourite in zip(row, favourites):
            draw_input(ax, _grey(favourite.patch))
            ax.set_ylabel("")
            ax.set_title(f"{favourite.answer:.3g}", size=9)
        row[0].set_ylabel(f"filter {number}", rotation=0, ha="right", va="center", size=9)
    return figure


@in_our_style
def plot_components(model: Sequential, x: ArrayLike, labels: ArrayLike) -> Figure:
    """Draw what the last layer is given, in its two principal components: for each image its class.

    Parameters
    ----------
    model : Sequential
        Built.
    x : array_like, shape (N, *model.input_shape)
        At least two images.
    labels : array_like, shape (N,)
        Whole numbers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        The model is not built, or images and labels do not suit it or each other.
    """
    x = _images(model, x)
    classes = np.asarray(labels)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"labels: expected whole numbers, got {classes.dtype}")
    if classes.shape != (len(x),) or len(x) < 2:
        raise ValueError(f"labels: expected one for each of at least two images, got {classes.shape} for {len(x)}")
    points, shares = looking.components(model, x)
    figure = new_figure(5.2, 4.4)
    ax = figure.subplots()
    from matplotlib import colormaps

    for label in np.unique(classes):
        colour = colormaps["tab10"](int(label) % 10)
        for across, up in points[classes == label]:
            ax.text(across, up, str(label), color=colour, ha="center", va="center", size=8)
    ax.update_datalim(points)
    ax.autoscale_view()
    ax.set(xlabel=f"first component, {shares[0]:.0%} of the variance", ylabel=f"second, {shares[1]:.0%}")
    ax.set_title("what the last layer is given")
    return figure


@in_our_style
def plot_ratios(ratios: LayerRatios) -> Figure:
    """Draw gradients and updates by layer, relative to the weights, step by step.

    Parameters
    ----------
    ratios : LayerRatios
        The callback, after ``fit``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        It is no such callback, or no step was taken with it.
    """
    check_instance(ratios, LayerRatios, "ratios", "the callback LayerRatios")
    if not getattr(ratios, "steps", None):
        raise ValueError("ratios: expected a callback that fit was called with, got one without a step")
    figure = new_figure(8.6, 3.6)
    titles = "norm of the gradient / of the weights", "norm of the update / of the weights"
    for ax, title, lines in zip(figure.subplots(1, 2), titles, (ratios.gradients, ratios.updates)):
        for name, values in lines.items():
            ax.plot(ratios.steps, values, label=name, marker="." if len(values) < 3 else "")
        ax.set(title=title, xlabel="step", yscale="log")
        ax.grid(axis="y")
    ax.axhline(1e-3, color=GREY, linestyle="--", linewidth=0.8)
    ax.legend(fontsize=8)
    return figure


@in_our_style
def plot_loss_slice(
    model: Sequential, x: ArrayLike, y: ArrayLike, span: float = 1.0, points: int = 11, seed: int = 0
) -> Figure:
    """Draw the loss around the weights, in two random directions (Li et al. 2018).

    Each filter or unit of a direction is as long as that of the weights, so a step of 1 changes it by its own length.

    Parameters
    ----------
    model : Sequential
        Compiled.
    x, y : array_like
        Images and targets, as for ``model.evaluate``.
    span : float, default 1
        How far the steps go.
    points : int, default 11
        Steps along each direction; the model is evaluated `points` ** 2 times.
    seed : int, default 0
        Draws the directions.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        The model is not compiled, or an argument does not suit it.
    """
    check_positive(span, "span"), check_count(points, "points", minimum=3), check_count(seed, "seed", minimum=0)
    check_sequential(model)
    model._require_compiled("plot_loss_slice")
    model._require_built("plot_loss_slice")
    x, y = check_data(model, x, y)
    steps, losses = looking.loss_slice(model, x, y, span, points, seed)
    figure = new_figure(4.9, 4.1)
    ax = figure.subplots()
    drawn = ax.contourf(steps, steps, losses, levels=15, cmap="viridis")
    ax.plot([0], [0], "x", color="white")
    ax.set(xlabel="one random direction", ylabel="another", aspect="equal", title="loss around the weights (x)")
    figure.colorbar(drawn, ax=ax, label="loss")
    return figure


def _grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """An image of one channel as (H, W)."""
    return pixels[..., 0] if pixels.shape[2:] == (1,) else pixels


def _images(model: Sequential, x: ArrayLike) -> NDArray[Any]:
    """The images as a batch that suits the model."""
    check_sequential(model)
    model._require_built("activations")
    images = np.asarray(check_images(model, x))
    if len(images) == 0:
        raise ValueError("x: expected at least one image, got none")
    return images
