"""How the pictures look: colours, fonts, and the grids of images that several of them are."""

from __future__ import annotations

import collections
import functools
import io
import sys
import threading
from typing import TYPE_CHECKING, Any, Callable, ParamSpec, Sequence

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure


# Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart.
BLUE, RED = "#0072B2", "#D55E00"
DEEP_BLUE = "#004C7A"  # darker than RED in greyscale, too
DEEP_RED = "#A04000"
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

NOTEBOOK_DPI = 80
MOST_OF_PYPLOT = 10  # figures from here that pyplot knows at a time; with more than 20 of all it warns
FINEST_TILE = 40  # pixels of a tile's height in a mosaic, at least
IMAGE_INCHES = 1.15  # width and height of an image in a grid
IMAGE_TITLE_SIZE = 10  # points, of which there are 72 an inch
BOLD_WIDTH = 0.7  # mean width of a bold letter, in units of the font size

P = ParamSpec("P")
_of_pyplot: collections.deque[Any] = collections.deque()  # the figures that it was told of, the oldest first


def in_our_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with `STYLE` in place of the user's matplotlib settings, and leave those unchanged."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib.style

        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that a notebook shows as the value of a cell, and a script with ``plt.show()``."""
    if _pyplot_shows_figures():
        pyplot = sys.modules["matplotlib.pyplot"]
        if len(_of_pyplot) == MOST_OF_PYPLOT:  # it forgets none by itself
            pyplot.close(_of_pyplot.popleft())
        figure = pyplot.figure(figsize=(width, height))
        _of_pyplot.append(figure)
    else:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)  # attaches itself: a canvas that needs no screen
    return shown_by_notebooks(figure)


def shown_by_notebooks(figure: Figure) -> Figure:
    """Return the figure with the method that IPython asks an object for. By itself it shows only those of pyplot."""
    setattr(figure, "_repr_png_", functools.partial(_as_png, figure))
    return figure


def _pyplot_shows_figures() -> bool:
    """Return whether pyplot was imported, and not for a notebook, which would show a figure twice, nor in a thread."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    in_main_thread = threading.current_thread() is threading.main_thread()  # windows are for the main thread
    return pyplot is not None and in_main_thread and "inline" not in pyplot.get_backend()


def _as_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=NOTEBOOK_DPI)
    return buffer.getvalue()


def percent(share: float, decimals: int = 0, exact: bool = False) -> str:
    """Write a share as a percentage that is not rounded to 0 or to 100.

    A probability that would be rounded to 100 % is written as ">99.9%", one that would be rounded to 0 as "<0.1%". An
    `exact` share, such as that of the right answers, may be 0 or 1, and then it is written as 0 or 100 %.
    """
    text, smallest = f"{share:.{decimals}%}", 10.0**-decimals
    if text == f"{1:.{decimals}%}" and not (exact and share == 1):
        return f">{100 - smallest:.{decimals}f}%"
    if text == f"{0:.{decimals}%}" and not (exact and share == 0):
        return f"<{smallest:.{decimals}f}%"
    return text


def signed_colors() -> Colormap:
    """Blue for negative numbers, white for 0, vermilion for positive ones; grey where there is none."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("signed", [DEEP_BLUE, "#6FA8CF", "white", "#F0A36B", DEEP_RED])
    return colors.with_extremes(bad=FAINT)


def ink_on(background: Any) -> str:
    """Black or white, whichever stands out more from the colour (r, g, b, ...) by WCAG's contrast ratio."""
    rgb = np.asarray(background[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)  # W3C, WCAG 2.1, "relative luminance"
    return "black" if luminance > 0.179 else "white"  # where both are equally far


def mosaic(tiles: NDArray[Any], gap: float = 0.05) -> NDArray[np.float64]:
    """Lay tiles (rows, cols, H, W) out as one picture, with NaN around each, `gap` times as wide as a tile is high."""
    rows, cols, height, _ = tiles.shape
    fine = -(-FINEST_TILE // height)  # each pixel is made of fine x fine, so that gaps can be narrower than pixels
    line = int(height * fine * gap)
    tiles = tiles.astype(np.float64).repeat(fine, axis=2).repeat(fine, axis=3)
    lined = np.pad(tiles, ((0, 0), (0, 0), (line, 0), (line, 0)), constant_values=np.nan)  # (rows, cols, h, w)
    picture = lined.swapaxes(1, 2).reshape(rows * lined.shape[2], -1)  # (rows h, cols w)
    return np.pad(picture, ((0, line), (0, line)), constant_values=np.nan)


def bare(ax: Axes) -> None:
    """Without ticks and frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def image_grid(
    images: NDArray[Any], titles: list[str], cols: int, min_width: float = 2.0, captions: Sequence[str] = ()
) -> tuple[Figure, list[Axes]]:
    """Draw images (N, H, W) or (N, H, W, 3) under their titles, over small captions, at most `cols` in a row.

    Returns the figure, at least `min_width` inches wide, and the axes of the images, row by row.
    """
    width, height = grid_inches(titles, cols, captions)
    figure = new_figure(max(width, min_width), height + 0.4)
    return figure, draw_grid(figure, images, titles, cols, captions)


def grid_inches(titles: list[str], cols: int, captions: Sequence[str] = ()) -> tuple[float, float]:
    """Return the width and height of a grid of so many images as there are titles."""
    cols = min(cols, len(titles))
    rows = -(-len(titles) // cols)  # rounded up
    lines = [line for title in titles for line in title.split("\n") if line]
    text_width = max(map(len, lines), default=0) * IMAGE_TITLE_SIZE * BOLD_WIDTH / 72
    text_height = (len(lines) / len(titles) + bool(captions)) * IMAGE_TITLE_SIZE * 1.3 / 72
    return cols * (max(IMAGE_INCHES, text_width) + 0.15), rows * (IMAGE_INCHES + text_height + 0.1)


def draw_grid(
    figure: Figure | SubFigure, images: NDArray[Any], titles: list[str], cols: int, captions: Sequence[str] = ()
) -> list[Axes]:
    """Draw the images into a figure or a part of one; return their axes."""
    shown = len(images)
    cols = min(cols, shown)
    axes = list(figure.subplots(-(-shown // cols), cols, squeeze=False).flat)
    for ax in axes:
        bare(ax)
    for ax in axes[shown:]:
        ax.set_axis_off()
    white = 255 if images.dtype == np.uint8 else 1
    for ax, image, title in zip(axes, images, titles):
        ax.imshow(image, cmap="gray", vmin=0, vmax=white, interpolation="nearest")
        ax.set_title(title, fontsize=IMAGE_TITLE_SIZE)
    for ax, caption in zip(axes, captions):
        ax.set_xlabel(caption, color=GREY, fontsize=0.8 * IMAGE_TITLE_SIZE, labelpad=2)
    return axes[:shown]
