"""How the pictures look: colours, fonts, and the grid of images that several of them are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, ParamSpec

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart.
BLUE, RED = "#0072B2", "#D55E00"
DEEP_BLUE = "#004C7A"  # darker than RED in greyscale, too
INK, GREY, FAINT = "#222222", "#767676", "#DDDDDD"

STYLE = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.facecolor": "white",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a class name is a dollar
    "axes.titlesize": 11,
    "axes.titlecolor": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.formatter.useoffset": False,  # 0.991, not 0.001 with "+0.99" in a corner
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": FAINT,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.edgecolor": "white",
    "legend.framealpha": 1,
}

IMAGE_INCHES = 1.15  # width and height of an image in a grid
IMAGE_TITLE_SIZE = 10  # points, of which there are 72 an inch
BOLD_WIDTH = 0.7  # mean width of a bold letter, in units of the font size

P = ParamSpec("P")


def in_our_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with `STYLE`, whatever the user's matplotlib settings say, and leave those alone."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib.style

        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that pyplot does not know of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)  # attaches itself: a canvas that needs no screen
    return figure


def image_grid(
    images: NDArray[Any], titles: list[str], cols: int, min_width: float = 2.0
) -> tuple[Figure, list[Axes]]:
    """Draw images (N, H, W) or (N, H, W, 3) under their titles, at most `cols` in a row.

    Returns the figure, at least `min_width` inches wide, and the axes of the images, row by row.
    """
    shown = len(images)
    cols = min(cols, shown)
    rows = -(-shown // cols)  # rounded up
    lines = [line for title in titles for line in title.split("\n") if line]
    text_width = max(map(len, lines), default=0) * IMAGE_TITLE_SIZE * BOLD_WIDTH / 72
    text_height = len(lines) / shown * IMAGE_TITLE_SIZE * 1.3 / 72
    figure = new_figure(
        max(cols * (max(IMAGE_INCHES, text_width) + 0.15), min_width),
        rows * (IMAGE_INCHES + text_height + 0.1) + 0.4,
    )
    axes = list(figure.subplots(rows, cols, squeeze=False).flat)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax in axes[shown:]:
        ax.set_axis_off()
    white = 255 if images.dtype == np.uint8 else 1
    for ax, image, title in zip(axes, images, titles):
        ax.imshow(image, cmap="gray", vmin=0, vmax=white, interpolation="nearest")
        ax.set_title(title, fontsize=IMAGE_TITLE_SIZE)
    return figure, axes[:shown]
