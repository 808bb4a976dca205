"""im2col, col2im, stride, padding and pooling, as pictures and short animations.

    python examples/learn/pictures.py [FOLDER]     # default: the pictures of the chapters, drawn anew

The numbers that are drawn are what the package's kernels return.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numpycnn import Conv2D, MaxPool2D
from numpycnn.kernels import ops
from numpycnn.learn.by_hand import draw_by_hand, trace_by_hand
from numpycnn.plots import save_figure
from numpycnn.plots.style import BLUE, FAINT, GREY, INK, RED

FOLDER = Path(__file__).parent / "pictures"
DPI, FRAMES_A_SECOND = 70, 1.2
CELL, GAP, ABOVE, BELOW = 0.34, 0.95, 0.5, 0.55  # inches: a cell's side, and what lies around the matrices
PALE = "#FFE9D6"  # under what is looked at

IMAGE = np.array([[1, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [0, 1, 2, 0]], float)
FILTER = np.array([[1, -1], [0, 2]], float)
GRADIENT = np.array([[1, 0, 2], [0, 3, 1], [2, 1, 0]], float)  # dy
SIZE, OUT = len(IMAGE), len(GRADIENT)


def panels(*shapes: tuple[int, int]) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes side by side for matrices of these shapes; all cells are of one size."""
    rows = max(rows for rows, _ in shapes)
    width = sum(columns * CELL + GAP for _, columns in shapes)
    height = rows * CELL + ABOVE + BELOW
    figure, axes, left = Figure(figsize=(width, height), facecolor="white"), [], GAP / 2
    for own_rows, columns in shapes:
        bottom = BELOW + (rows - own_rows) * CELL / 2
        box = left / width, bottom / height, columns * CELL / width, own_rows * CELL / height
        axes.append(figure.add_axes(box))
        left += columns * CELL + GAP
    return figure, axes


def draw(ax: Axes, numbers: np.ndarray, title: str, marked: np.ndarray | None = None, note: str = "") -> None:
    """Draw a matrix with its numbers; NaN is an empty cell, `marked` cells are tinted."""
    rows, columns = numbers.shape
    for i, j in np.ndindex(rows, columns):
        tint = PALE if marked is not None and marked[i, j] else "white"
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=tint, edgecolor=FAINT, linewidth=0.8))
        if not np.isnan(numbers[i, j]):
            ax.text(j + 0.5, i + 0.5, f"{numbers[i, j]:g}", ha="center", va="center", size=10, color=INK)
    ax.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), xticks=[], yticks=[])
    ax.set_title(title, size=10, color=INK)
    ax.set_xlabel(note, size=9, color=GREY)
    ax.spines[:].set_visible(False)


def frame(ax: Axes, row: float, column: float, height: float, width: float, color: str = RED, **style) -> None:
    """Draw a frame around cells."""
    ax.add_patch(Rectangle((column, row), width, height, fill=False, edgecolor=color, linewidth=2, zorder=3, **style))


# -- im2col and col2im -------------------------------------------------------------------------------------------------


def convolution() -> tuple[np.ndarray, np.ndarray]:
    """Return the patches (OH * OW, kh * kw) and the output (OH, OW) of the image, from the package's kernels."""
    image = IMAGE.reshape(1, SIZE, SIZE, 1)
    cols = np.empty((1, OUT, OUT, 4))
    ops.im2col(image, 2, 2, 1, 1, 1, 1, 0, 0, cols)
    layer = Conv2D(1, 2)
    layer.build((SIZE, SIZE, 1), np.random.default_rng(0), "float64")
    layer.parameters[0].value = FILTER.reshape(2, 2, 1, 1)
    return cols.reshape(-1, 4), layer.forward(image)[0, ..., 0].copy()


def patch_gradient() -> np.ndarray:
    """Return dX = dY Wm^T (OH * OW, kh * kw)."""
    dcols = np.empty((OUT * OUT, 4))
    ops.matmul_nt(GRADIENT.reshape(-1, 1), FILTER.reshape(-1, 1), dcols)
    return dcols


def image_gradient(dcols: np.ndarray) -> np.ndarray:
    """Return dx (H, W): each row of dX added where its window lay."""
    dx = np.empty((1, SIZE, SIZE, 1))
    ops.col2im(dcols.reshape(1, OUT, OUT, 4), 2, 2, 1, 1, 1, 1, 0, 0, dx)
    return dx[0, ..., 0]


def draw_im2col(position: int) -> Figure:
    """Draw the filter's stop number `position`: its window, its row in the matrix, and its output."""
    cols, y = convolution()
    done = np.arange(OUT * OUT) <= position
    i, j = divmod(position, OUT)
    figure, axes = panels((4, 4), (9, 4), (4, 1), (3, 3))
    draw(axes[0], IMAGE, "image x", note="the window")
    frame(axes[0], i, j, 2, 2)
    draw(axes[1], np.where(done[:, None], cols, np.nan), "im2col(x)", np.outer(np.arange(9) == position, np.ones(4)),
         "a window a row")
    draw(axes[2], FILTER.reshape(-1, 1), "w", note="a filter\na column")
    draw(axes[3], np.where(done.reshape(OUT, OUT), y, np.nan), "y = im2col(x) w", _only(i, j, OUT),
         " + ".join(f"{a:g}·{_signed(b)}" for a, b in zip(cols[position], FILTER.ravel())) + f"\n= {y[i, j]:g}")
    return figure


def draw_col2im(position: int) -> Figure:
    """Draw how the row number `position` of dX is added to dx, to what the rows before it gave."""
    dcols = patch_gradient()
    so_far = np.where((np.arange(len(dcols)) <= position)[:, None], dcols, 0)
    i, j = divmod(position, OUT)
    figure, axes = panels((3, 3), (4, 1), (9, 4), (4, 4))
    draw(axes[0], GRADIENT, "dy", _only(i, j, OUT))
    draw(axes[1], FILTER.reshape(-1, 1), "w")
    draw(axes[2], dcols, "dy wᵀ", np.outer(np.arange(9) == position, np.ones(4)), "a window's gradient a row")
    draw(axes[3], image_gradient(so_far), "dx, so far", note="added where the window lay")
    frame(axes[3], i, j, 2, 2)
    return figure


def _signed(value: float) -> str:
    return f"({value:g})" if value < 0 else f"{value:g}"


def _only(i: int, j: int, size: int) -> np.ndarray:
    marked = np.zeros((size, size), bool)
    marked[i, j] = True
    return marked


def animate(path: Path, draw_position: Callable[[int], Figure]) -> None:
    """Write an animation: a frame for each stop of the filter."""
    writer = PillowWriter(fps=FRAMES_A_SECOND)
    writer.setup(draw_position(0), str(path), DPI)
    for position in range(OUT * OUT):
        writer.fig = draw_position(position)
        writer.grab_frame()
    writer.finish()


# -- stride and padding ------------------------------------------------------------------------------------------------

CASES = {
    "padding 0, stride 1": (5, 3, 1, "valid"), 'padding "same", stride 1': (5, 3, 1, "same"),
    "padding 0, stride 2": (5, 3, 2, "valid"), "padding 0, stride 2,\na remainder": (6, 3, 2, "valid"),
    'padding "same", stride 2,\nthe odd zero at the end': (6, 3, 2, "same"),
}


def stride_and_padding() -> Figure:
    """Draw which columns the filter sees at each stop, for several strides and paddings, as the layer lays them."""
    figure, axes = panels(*[(11, 7)] * len(CASES))
    for ax, (title, (size, kernel, stride, padding)) in zip(axes, CASES.items()):
        layer = Conv2D(1, kernel, strides=stride, padding=padding)
        layer.build((size, size, 1), np.random.default_rng(0), "float64")
        window = layer.window
        side, before = max(window.padded((size, size))), window.before[0]
        inside = np.zeros((side, side), bool)
        inside[before : before + size, before : before + size] = True
        draw(ax, np.where(inside, np.nan, 0), title, inside, f"{size} x {size} pixels, {window.count[0]} x "
             f"{window.count[1]} outputs")
        for stop in range(window.count[1]):  # a bar under the columns that it sees
            ax.plot([stop * stride + 0.1, stop * stride + kernel - 0.1], [side + 0.5 + 0.5 * stop] * 2,
                    color=(RED, BLUE)[stop % 2], linewidth=4, solid_capstyle="butt")
        ax.set(xlim=(-0.05, 7.05), ylim=(11.05, -0.05))
    return figure


# -- pooling -----------------------------------------------------------------------------------------------------------

POOLED = np.array([[1, 2, 0, 1, 1], [0, 3, 1, 4, 0], [2, 1, 5, 0, 1], [1, 0, 2, 6, 6], [0, 1, 1, 6, 2]], float)
DY = np.array([[1, 2], [3, 4]], float)


def pooling() -> Figure:
    """Draw max pooling with overlapping windows: who wins, and what comes back. One window has a tie."""
    layer = MaxPool2D(3, 2)
    layer.build((5, 5, 1), np.random.default_rng(0), "float64")
    y = layer.forward(POOLED.reshape(1, 5, 5, 1), training=True)[0, ..., 0].copy()
    dx = layer.backward(DY.reshape(1, 2, 2, 1))[0, ..., 0].copy()
    figure, axes = panels((5, 5), (2, 2), (2, 2), (5, 5))
    draw(axes[0], POOLED, "x", dx != 0, "windows of 3 x 3, 2 apart;\nthe winners are tinted")
    for number, (i, j) in enumerate(np.ndindex(2, 2)):
        inset = 0.05 + 0.07 * number
        frame(axes[0], 2 * i + inset, 2 * j + inset, 3 - 2 * inset, 3 - 2 * inset, (RED, BLUE, GREY, INK)[number])
    draw(axes[1], y, "y", note="maxima")
    draw(axes[2], DY, "dy")
    draw(axes[3], dx, "dx", dx != 0, "the 5 won three windows: 1 + 2 + 3;\nof three equal 6 the first one won")
    return figure


PICTURES: dict[str, Callable[[Path], None]] = {
    "im2col.gif": lambda path: animate(path, draw_im2col),
    "col2im.gif": lambda path: animate(path, draw_col2im),
    "stride_and_padding.png": lambda path: save_figure(stride_and_padding(), path, DPI),
    "pooling.png": lambda path: save_figure(pooling(), path, DPI),
    "by_hand.png": lambda path: save_figure(draw_by_hand(trace_by_hand()), path, DPI),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the pictures of the chapters.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in PICTURES.items():
        write(folder / name)
        print(f"{folder / name}: {(folder / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
