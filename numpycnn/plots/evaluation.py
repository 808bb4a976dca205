"""Pictures of how good the predictions are: the confusion matrix, and how far to trust a probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..metrics.confidence import Calibration
from .inputs import check_matrix, names_of
from .style import BLUE, DEEP_BLUE, FAINT, GREY, RED, in_our_style, ink_on, new_figure

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DIGIT_WIDTH = 0.64  # mean width of a digit, in units of the font size
MOST_CLASSES_WITH_COUNTS = 40
RELIABILITY_INCHES = 5.2  # width of the bars together
SMALLEST_PRINT = 5  # points

# Mistakes rarer than this share of their class are drawn pale: without a floor, the one slip of
# a nearly perfect model would be as dark as the disaster of a bad one.
FAINTEST_FULL_SCALE = 0.02


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


@in_our_style
def plot_reliability(result: Calibration) -> Figure:
    """Draw how often the model was right by how sure it was, and below how often it was that sure.

    Of a model whose probabilities can be trusted every bar ends at its mark, on the diagonal. A bar that ends below its
    mark: too sure of itself. A bar of a handful of predictions means little, so their numbers are shown.

    Parameters
    ----------
    result : Calibration
        What `metrics.calibration` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is something else.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017, figure 1.
    """
    if not isinstance(result, Calibration):
        raise TypeError(
            "result: expected what metrics.calibration(labels, probabilities) returned, got "
            f"{type(result).__name__}"
        )
    filled = result.count > 0
    left, width = result.edges[:-1][filled], np.diff(result.edges)[filled]
    confidence, accuracy, count = (a[filled] for a in (result.confidence, result.accuracy, result.count))
    figure = new_figure(6.4, 5.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfectly calibrated")
    style = {"width": width, "align": "edge", "color": BLUE, "edgecolor": "white"}
    top.bar(left, accuracy, label="accuracy", **style)
    top.vlines(confidence, accuracy, confidence, color=RED, linewidth=2)
    top.plot(confidence, confidence, "D", color=RED, ms=5, mec="white", label="mean confidence", clip_on=False)
    top.set(ylim=(0, 1.04), ylabel="accuracy")
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)  # above the bars: it hides none
    bottom.bar(left, count, log=True, **style)
    size = min(8.0, 72 * RELIABILITY_INCHES * width[0] / (DIGIT_WIDTH * len(str(count.max()))))
    for x, number in zip(left + width / 2, count if size > SMALLEST_PRINT else []):
        bottom.annotate(str(number), (x, number), (0, 2), textcoords="offset points", ha="center", size=size)
    bottom.set(xlim=(0, 1), ylim=(0.5, 5 * count.max()), xlabel="confidence", ylabel="predictions")
    sure, right = (float((count * a).sum() / count.sum()) for a in (confidence, accuracy))
    top.set_title(
        f"Expected calibration error {result.expected_error:.2%}\n"
        f"accuracy {right:.2%}, mean confidence {sure:.2%}, {count.sum():,} predictions",
        pad=30,
    )
    return figure


def _write_counts(ax: Axes, counts: NDArray[Any], hits: Any, misses: Any, cell: float) -> None:
    """Write each count into its cell, black or white, whichever stands out more."""
    size = min(10.0, 72 * 0.85 * cell / (DIGIT_WIDTH * len(str(counts.max()))))
    for (row, col), count in np.ndenumerate(counts):
        layer = hits if row == col else misses
        color = ink_on(layer.cmap(layer.norm(layer.get_array()[row, col])))
        if count == 0:
            color = GREY  # on white: there, but out of the way
        ax.text(col, row, str(count), ha="center", va="center", size=size, color=color)


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
