"""Pictures of the data, the training, the predictions, and of what happens inside the network.

Each function draws one picture, most of them from plain arrays, and returns a matplotlib `Figure`. `save_figure` writes
it to a PNG file. A notebook shows it as the last line of a cell, or with `display(figure)`. A script that imports
``matplotlib.pyplot`` before it draws shows its figures (the last ten) with ``plt.show()``; without that import no
window opens, no backend is chosen, and nothing is left to be closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_function, check_numeric, check_probabilities, check_true_classes
from ..metrics.confidence import most_confident_mistakes
from .inputs import check_grid, check_lengths, displayable, image_stack, names_of
from .style import BLUE, RED, draw_grid, grid_inches, image_grid, in_our_style, new_figure, percent

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.figure import Figure


CROSS = "\N{BALLOT X} "
MOST_VERSIONS = 1000
MIN_WIDTH = 5.2  # inches, for the title
GROUP_TITLE_SIZE = 11  # points
GROUP_TITLE, FIGURE_TITLE = 0.35, 0.6  # inches


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
    pixels = displayable(image_stack(images)[: check_grid(rows, cols)])
    classes = check_true_classes(labels, "labels")
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
    mistake_rows: int = 0,
) -> Figure:
    """Draw the first `rows * cols` images with what the model says and what is true.

    A wrong prediction has a thick frame, a cross and bold text: three marks beside the colour. The title says how many
    of all images are right, since those that are drawn may be few, or chosen.

    Parameters
    ----------
    images, labels, rows, cols, class_names
        As in `plot_samples`.
    probabilities : array_like, shape (N, K)
        Probability of each class, as `model.predict` returns them.
    mistake_rows : int, default 0
        So many rows more, under a title of their own: the first mistakes among the other images.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        As in `plot_samples`; also if `probabilities` holds something else (numbers below 0, above 1 or
        NaN, rows whose sum is not 1) or has no column for a label.
    """
    pixels, classes, probs = _check_predictions(images, labels, probabilities)
    names = names_of(class_names, probs.shape[1])
    first = min(check_grid(rows, cols), len(pixels))
    check_count(mistake_rows, "mistake_rows", minimum=0)
    wrong = probs.argmax(axis=1) != classes  # (N,)
    others = first + np.flatnonzero(wrong[first:])
    chosen = others[: mistake_rows * cols]
    groups = [(np.arange(first), _first_text(wrong, first))]
    if len(chosen):
        which = f"The first {len(chosen)} of {len(others):,}" if len(chosen) < len(others) else f"All {len(others)}"
        groups.append((chosen, f"{which} mistakes among the other {len(wrong) - first:,}"))
    titles = [_prediction_titles(classes[shown], probs[shown], names) for shown, _ in groups]
    sizes = [grid_inches(each, cols) for each in titles]
    heights = [height + GROUP_TITLE for _, height in sizes]
    figure = new_figure(max(MIN_WIDTH, *(width for width, _ in sizes)), sum(heights) + FIGURE_TITLE)
    parts: Any = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)
    for part, (shown, text), each in zip(parts[:, 0], groups, titles):
        axes = draw_grid(part, displayable(pixels[shown]), each, cols)
        part.suptitle(text, fontsize=GROUP_TITLE_SIZE, fontweight="bold")
        for ax in (ax for ax, bad in zip(axes, wrong[shown]) if bad):
            ax.title.set(color=RED, fontweight="bold")
            ax.spines[:].set(visible=True, color=RED, linewidth=4)
    right = len(wrong) - int(wrong.sum())
    figure.suptitle(
        f"{right:,} of {len(wrong):,} images right ({percent(right / len(wrong), 2, exact=True)})\n"
        f"Predicted class (probability) over the true class; {CROSS}and a frame: wrong"
    )
    return figure


def _first_text(wrong: NDArray[np.bool_], first: int) -> str:
    """Say which images are drawn and how many of them are right."""
    right = first - int(wrong[:first].sum())
    which = f"The first {first} of {len(wrong):,}" if first < len(wrong) else f"All {first}"
    return f"{which} images: {right} of {first} right"


def _prediction_titles(classes: NDArray[np.int64], probs: NDArray[np.float64], names: list[str]) -> list[str]:
    """Return what stands above each image."""
    return [
        f"{CROSS if guess != label else ''}{names[guess]} ({percent(row[guess])})\ntrue: {names[label]}"
        for label, row, guess in zip(classes, probs, probs.argmax(axis=1))
    ]


@in_our_style
def plot_mistakes(
    images: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    rows: int = 3,
    cols: int = 6,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw the most confident mistakes of all, the worst first, each with the row it has in `images`.

    Parameters
    ----------
    images, labels, probabilities, class_names
        As in `plot_predictions`: all of them, a test set and what `model.predict` made of it.
    rows, cols : int
        Size of the grid; it shrinks if there are fewer mistakes.

    Returns
    -------
    matplotlib.figure.Figure
        If there is no mistake, it says so.

    Raises
    ------
    TypeError, ValueError
        As in `plot_predictions`.
    """
    pixels, classes, probs = _check_predictions(images, labels, probabilities)
    names = names_of(class_names, probs.shape[1])
    places = check_grid(rows, cols)
    mistakes = most_confident_mistakes(classes, probs)
    if len(mistakes) == 0:
        figure = new_figure(4.8, 1)
        figure.suptitle(f"No mistakes in {len(probs):,} images", y=0.5, va="center")
        return figure
    shown = mistakes[:places]
    titles = [
        f"{names[row.argmax()]} ({percent(row.max(), 1)})\ntrue: {names[label]} ({percent(row[label], 1)})"
        for row, label in zip(probs[shown], classes[shown])
    ]
    captions = [f"image {index}" for index in shown]
    figure, _ = image_grid(displayable(pixels[shown]), titles, cols, min_width=4.8, captions=captions)
    which = f"The {len(shown)} most confident of {len(mistakes):,}" if len(shown) < len(mistakes) else str(len(shown))
    figure.suptitle(
        f"{which} mistake{'s' * (len(mistakes) > 1)} in {len(probs):,} images\n"
        "Predicted class over true class, each with its probability"
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
    check_count(rows, "rows")
    check_count(versions, "versions", maximum=MOST_VERSIONS)
    check_function(augment, "augment", "(images, rng) -> images")
    check_count(seed, "seed", minimum=0)
    originals = displayable(image_stack(images)[:rows])
    pixels = originals.astype(np.float32) / (255 if originals.dtype == np.uint8 else 1)
    batch = np.repeat(pixels.reshape(*pixels.shape[:3], -1), versions, axis=0)
    made = augment(batch, np.random.default_rng(seed))
    made = check_numeric(made, "augment")
    if made.shape != batch.shape:
        raise ValueError(f"augment: expected images of shape {batch.shape}, as given, got {made.shape}")
    made = displayable(image_stack(made)).reshape(len(pixels), versions, *pixels.shape[1:])
    shown = np.concatenate([pixels[:, None], made], axis=1)  # (rows, 1 + versions, H, W[, 3])
    titles = ["original", *(f"epoch {i + 1}" for i in range(versions))]
    titles += [""] * (len(pixels) - 1) * len(titles)
    figure, axes = image_grid(shown.reshape(-1, *pixels.shape[1:]), titles, versions + 1)
    for ax in axes[:: versions + 1]:
        ax.spines[:].set(visible=True, color=BLUE, linewidth=3)
    return figure


def _check_predictions(
    images: ArrayLike, labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
    """The images, classes (N,) and probabilities (N, K), after a check that they belong together."""
    pixels = image_stack(images)
    classes = check_true_classes(labels, "labels")
    probs = check_probabilities(probabilities)
    check_lengths(images, labels=classes, probabilities=probs)
    if classes.max() >= probs.shape[1]:
        raise ValueError(
            f"labels: expected classes from 0 to {probs.shape[1] - 1}, one for each column of "
            f"the probabilities, got {classes.max()}"
        )
    return pixels, classes, probs
