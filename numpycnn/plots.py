"""Pictures of the data, the training and the predictions.

Each function draws one picture from plain arrays and returns a matplotlib `Figure`. The figures
do not belong to pyplot: no window opens, no backend is chosen, nothing is left to be closed.
`save_figure` writes one to a PNG file; a notebook shows it as `display(figure)`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .files import atomic_write
from .metrics import true_classes
from .plot_inputs import (
    check_grid,
    check_history,
    check_lengths,
    check_matrix,
    check_probabilities,
    displayable_images,
    names_of,
)
from .plot_style import BLUE, DEEP_BLUE, FAINT, GREY, RED, image_grid, in_our_style, new_figure

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROSS = "\N{BALLOT X} "
DIGIT_WIDTH = 0.64  # mean width of a digit, in units of the font size
MOST_EPOCHS_WITH_MARKERS = 40
MOST_CLASSES_WITH_COUNTS = 40

# Mistakes rarer than this share of their class are drawn pale: without a floor, the one slip of
# a nearly perfect model would be as dark as the disaster of a bad one.
FAINTEST_FULL_SCALE = 0.02


@in_our_style
def plot_samples(
    images: ArrayLike,
    labels: ArrayLike,
    rows: int = 4,
    cols: int = 4,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw the first `rows * cols` images in a grid, each under its label.

    Parameters
    ----------
    images : array_like, shape (N, H, W), (N, H, W, 1) or (N, H, W, 3)
        Grey or RGB images: integers from 0 to 255 or floats from 0 to 1. Black is 0 and white is
        the end of that range in every image, so that their brightness can be compared.
    labels : array_like, shape (N,) or (N, K)
        Classes or one-hot rows.
    rows, cols : int
        Size of the grid; it shrinks if there are fewer images.
    class_names : sequence of str, optional
        Shown in place of the class numbers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the images or labels have another shape, type or range, if their numbers differ, or if
        a label has no name.
    """
    pixels = displayable_images(images, check_grid(rows, cols))
    classes = true_classes(labels, "labels")
    check_lengths(images, labels=classes)
    names = names_of(class_names, int(classes.max()) + 1, more_allowed=True)
    titles = [names[label] for label in classes[: len(pixels)]]
    figure, _ = image_grid(pixels, titles, cols)
    return figure


@in_our_style
def plot_predictions(
    images: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    rows: int = 4,
    cols: int = 6,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw the first `rows * cols` images with what the model says and what is true.

    A wrong prediction has a thick frame, a cross and bold text: three marks beside the colour.

    Parameters
    ----------
    images, labels, rows, cols, class_names
        As in `plot_samples`.
    probabilities : array_like, shape (N, K)
        Probability of each class, as `model.predict` returns them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        As in `plot_samples`; also if the probabilities are none (below 0, above 1, NaN, a row's
        sum not 1) or have no column for a label.
    """
    pixels = displayable_images(images, check_grid(rows, cols))
    classes = true_classes(labels, "labels")
    probs = check_probabilities(probabilities)
    check_lengths(images, labels=classes, probabilities=probs)
    if classes.max() >= probs.shape[1]:
        raise ValueError(
            f"labels: expected classes from 0 to {probs.shape[1] - 1}, one for each column of "
            f"the probabilities, got {classes.max()}"
        )
    names = names_of(class_names, probs.shape[1])
    probs, classes = probs[: len(pixels)], classes[: len(pixels)]
    predicted = probs.argmax(axis=1)  # (shown,)
    wrong = predicted != classes  # (shown,)
    titles = [
        f"{CROSS if bad else ''}{names[guess]} ({row[guess]:.0%})\ntrue: {names[label]}"
        for bad, row, guess, label in zip(wrong, probs, predicted, classes)
    ]
    figure, axes = image_grid(pixels, titles, cols, min_width=4.8)
    for ax, bad in zip(axes, wrong):
        if bad:
            ax.title.set(color=RED, fontweight="bold")
            ax.spines[:].set(visible=True, color=RED, linewidth=4)
    figure.suptitle(
        "Predicted class (probability) over the true class\n"
        f"{int((~wrong).sum())} of {len(wrong)} right; {CROSS}and a frame mark the wrong ones"
    )
    return figure


@in_our_style
def plot_augmentation(
    images: ArrayLike,
    augment: Callable[[NDArray[Any], np.random.Generator], NDArray[Any]],
    rows: int = 6,
    versions: int = 8,
    seed: int = 0,
) -> Figure:
    """Draw what augmentation makes of the first `rows` images, one row each, the original first.

    Parameters
    ----------
    images : array_like, shape (N, H, W), (N, H, W, 1) or (N, H, W, 3)
        As in `plot_samples`.
    augment : callable
        As for `fit`: ``augment(images, rng)``, here called with floats (N, H, W, C) from 0 to 1.
    rows, versions : int
        How many images, and how many versions of each beside the original.
    seed : int
        Of the generator that `augment` draws from.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the images have another shape, type or range, or if what `augment` returns has.
    """
    check_grid(rows, versions)
    originals = displayable_images(images, rows)
    pixels = originals.astype(np.float32) / (255 if originals.dtype == np.uint8 else 1)
    batch = np.repeat(pixels.reshape(*pixels.shape[:3], -1), versions, axis=0)
    made = augment(batch, np.random.default_rng(seed))
    if np.shape(made) != batch.shape:
        raise ValueError(
            f"augment: expected images of shape {batch.shape}, as given, got {np.shape(made)}"
        )
    made = displayable_images(made, len(batch)).reshape(len(pixels), versions, *pixels.shape[1:])
    shown = np.concatenate([pixels[:, None], made], axis=1)  # (rows, 1 + versions, H, W[, 3])
    titles = ["original", *(f"epoch {i + 1}" for i in range(versions))]
    titles += [""] * (len(pixels) - 1) * len(titles)
    figure, axes = image_grid(shown.reshape(-1, *pixels.shape[1:]), titles, versions + 1)
    for ax in axes[:: versions + 1]:
        ax.spines[:].set(visible=True, color=BLUE, linewidth=3)
    return figure


@in_our_style
def plot_curves(history: Any) -> Figure:
    """Draw accuracy and loss, training and validation, by epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float, or an object with one in `.history`
        One number an epoch (epochs count from 1) under "loss" and, where they were measured,
        "accuracy" (a fraction), "val_loss" and "val_accuracy". Other keys are left alone.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is no such mapping, or if the values are not numbers.
    ValueError
        If "loss" is missing, a list is empty, or the lists differ in length.
    """
    from matplotlib.ticker import MaxNLocator

    curves = check_history(history)
    epochs = np.arange(1, len(curves["loss"]) + 1)
    panels = [name for name in ("accuracy", "loss") if name in curves]
    figure = new_figure(4.6 * len(panels), 3.6)
    for ax, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for key, label, color, marker, line in (
            (name, "training", BLUE, "o", "-"),
            (f"val_{name}", "validation", RED, "s", "--"),
        ):
            if key in curves:
                marker = marker if len(epochs) <= MOST_EPOCHS_WITH_MARKERS else ""
                ax.plot(
                    epochs, curves[key], line, color=color, marker=marker, ms=4.5, label=label
                )
        ax.set(title=name.capitalize(), xlabel="epoch", xlim=(0.5, len(epochs) + 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        ax.legend()
    return figure


@in_our_style
def plot_confusion_matrix(matrix: ArrayLike, class_names: Sequence[str] | None = None) -> Figure:
    """Draw a confusion matrix with the counts in its cells.

    The diagonal dominates any good model's matrix. So it has a colour scale of its own (blue, from
    0 to 1), and the mistakes have another (orange) that ends at the most frequent one. Both show
    the share of the true class, the row, not the count: rare classes count as much as others.

    Parameters
    ----------
    matrix : array_like, shape (K, K)
        Counts, rows true and columns predicted, as `metrics.confusion_matrix` returns them.
    class_names : sequence of str, optional
        Shown in place of the class numbers.

    Returns
    -------
    matplotlib.figure.Figure
        With more than 40 classes the counts are left out, for lack of room.

    Raises
    ------
    TypeError, ValueError
        If the matrix is not square, has a negative or fractional entry, or counts nothing, or if
        there are not as many names as classes.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator

    counts = check_matrix(matrix)
    size = len(counts)
    names = names_of(class_names, size)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (K, K)
    diagonal = np.eye(size, dtype=bool)  # (K, K)
    full_scale = max(FAINTEST_FULL_SCALE, float(shares[~diagonal].max(initial=0)))

    cell = min(0.55, 12 / size)  # inches
    side = max(cell * size, 2.5)
    figure = new_figure(side + 2.2, side + 1.2)
    ax = figure.subplots()
    blues = LinearSegmentedColormap.from_list("blues", ["white", DEEP_BLUE])
    oranges = LinearSegmentedColormap.from_list("oranges", ["white", RED])
    hits = ax.imshow(np.ma.masked_where(~diagonal, shares), cmap=blues, vmin=0, vmax=1)
    misses = ax.imshow(np.ma.masked_where(diagonal, shares), cmap=oranges, vmin=0, vmax=full_scale)
    if size <= MOST_CLASSES_WITH_COUNTS:
        _write_counts(ax, counts, hits, misses, cell)
    _label_classes(ax, names, cell)
    bar = figure.colorbar(misses, ax=ax, shrink=0.8, aspect=30, ticks=MaxNLocator(5))
    bar.ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    bar.set_label("mistakes, share of the true class")
    right, total = int(counts.trace()), int(counts.sum())
    ax.set_title(f"{right:,} of {total:,} right ({right / total:.2%})", pad=10)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> None:
    """Write the figure to a PNG file, whole or not at all.

    It is written under another name in the same folder and then renamed, so a run that is
    interrupted leaves the former picture, never half of the new one.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or path
        Ends in ".png"; its folder exists.
    dpi : int, default 150
        Pixels an inch.

    Raises
    ------
    ValueError
        If the path does not end in ".png".
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"path: expected a file name that ends in .png, got {str(path)!r}")
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=dpi)


def _write_counts(ax: Axes, counts: NDArray[Any], hits: Any, misses: Any, cell: float) -> None:
    """Write each count into its cell, black or white, whichever stands out more."""
    size = min(10.0, 72 * 0.85 * cell / (DIGIT_WIDTH * len(str(counts.max()))))
    for (row, col), count in np.ndenumerate(counts):
        layer = hits if row == col else misses
        background = layer.cmap(layer.norm(layer.get_array()[row, col]))
        # At this luminance black and white are equally far, by WCAG's contrast ratio.
        color = "black" if _luminance(background) > 0.179 else "white"
        if count == 0:
            color = GREY  # on white: there, but out of the way
        ax.text(col, row, str(count), ha="center", va="center", size=size, color=color)


def _luminance(color: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (W3C, WCAG 2.1, "relative luminance")."""
    rgb = np.asarray(color[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _label_classes(ax: Axes, names: list[str], cell: float) -> None:
    """Name rows and columns, and separate the cells by thin lines."""
    font_size = min(10.0, 72 * 0.85 * cell)
    ticks = range(len(names))
    ax.set_yticks(ticks, names)
    if max(len(name) for name in names) * DIGIT_WIDTH * font_size / 72 > 0.9 * cell:
        ax.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(ticks, names)
    ax.set(xlabel="predicted", ylabel="true")
    between = np.arange(len(names) - 1) + 0.5
    ax.set_xticks(between, minor=True)
    ax.set_yticks(between, minor=True)
    ax.grid(which="minor", linewidth=0.8)
    ax.tick_params(which="both", length=0, labelsize=font_size)
    ax.spines[:].set(visible=True, color=FAINT)
