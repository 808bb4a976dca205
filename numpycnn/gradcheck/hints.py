"""Why a gradient may be wrong: each hint is one observation about the analytic and the numeric array.

A hint says what was seen, and which mistake usually looks like that. The first that applies is shown. Before backward
is blamed, its gradient is compared with the right one: where they are equal, forward is what is wrong.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..layers.window import Window
from .suspects import forward_mistake, loss_mistakes, right_gradients, suspects, window_of


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """A gradient that failed.

    Attributes
    ----------
    name : str
        Of the array: ``"dx"``, ``"weight.grad"``, ...
    analytic, numeric : ndarray
        Of the array's shape; flat if only some elements, or directions, were checked. Equal where a kink was skipped.
    part : callable (ndarray) -> ndarray
        Takes from a whole gradient what was checked of it, in the shape of the two.
    layer : Layer, optional
    batch : int
        Number of rows.
    x, y, dy : ndarray, optional
        What the layer or loss was given and gave, and the output gradient.
    targets : array, optional
        Of a loss.
    state : dict, optional
        What ``get_state`` returned before the forward.
    """

    name: str
    analytic: NDArray
    numeric: NDArray
    part: Callable[[NDArray], NDArray] = np.asarray
    layer: Any = None
    batch: int = 1
    x: Any = None
    y: Any = None
    dy: Any = None
    state: Any = None
    targets: Any = None

    def is_near(self, array: NDArray, gradient: NDArray) -> bool:
        """Whether `array`, one of the two, is this gradient: a hundred times nearer to it than to the other one."""
        apart = np.abs(self.analytic - self.numeric).max()
        return bool(np.abs(array - self.part(gradient)).max() <= 0.01 * apart)

    def suspects(self) -> list[tuple[str, NDArray]]:
        """Return what is wrong and the gradient that comes of it, for each known mistake; for dx and losses only."""
        if self.name == "doutputs" and self.x is not None:
            known = [(says, gradient) for _, says, _, gradient in loss_mistakes(self.x, self.targets)]
            return [(says, gradient) for says, gradient in known[1:] if not self.is_near(known[0][1], gradient)]
        if self.name != "dx" or self.x is None:
            return []
        return [(text, dx) for text, dx in suspects(self.layer, self.x, self.y, self.dy) if dx.shape == self.x.shape]

    @property
    def wrong(self) -> NDArray:
        """Where the two differ: bool, of their shape."""
        return np.asarray(np.abs(self.analytic - self.numeric) > 1e-6 * np.abs(self.numeric).max())

    @property
    def is_image(self) -> bool:
        """Whether both are images (N, H, W, C)."""
        return self.name == "dx" and self.analytic.ndim == 4


def explain(m: Mismatch) -> str:
    """Return the first hint that applies, or an empty string."""
    return next((text for hint in HINTS if (text := hint(m))), "")


def not_finite(m: Mismatch) -> str:
    if not np.isfinite(m.numeric).all():
        says = "the forward gives NaN or infinity near this input"
        return says + (". Does it take some numbers only? Then give check_layer an x of such" if m.name == "dx" else "")
    return "" if np.isfinite(m.analytic).all() else "backward gives NaN or infinity"


def flat(m: Mismatch) -> str:
    return "the function does not depend on this array, the gradient does" if not m.numeric.any() else ""


def forward_is_wrong(m: Mismatch) -> str:
    if m.x is None:
        return ""
    if m.layer is None:
        return _loss_is_wrong(m)
    for name, gradients in right_gradients(m.layer, m.x, m.dy, m.state):
        if m.name in gradients and m.is_near(m.analytic, gradients[m.name]):
            mistake = next((text for text, dx in m.suspects() if m.is_near(m.numeric, dx)), "")
            mistake = mistake or forward_mistake(m.layer, m.x, m.y)
            return f"backward is right for {name}: forward is what is wrong" + (f" ({mistake})" if mistake else "")
    return ""


def _loss_is_wrong(m: Mismatch) -> str:
    known = list(loss_mistakes(m.x, m.targets))
    if not known or not m.is_near(m.analytic, known[0][3]):
        return ""
    says = next((says for _, says, loss, _ in known[1:] if says and abs(loss - m.y) <= 1e-9 * abs(m.y)), "")
    return f"the gradient is that of softmax cross-entropy: the number is what is wrong ({says})" if says else ""


def never_written(m: Mismatch) -> str:
    return "all zero: never written?" if not m.analytic.any() else ""


def scaled(m: Mismatch) -> str:
    factor = float(np.vdot(m.analytic, m.numeric) / np.vdot(m.numeric, m.numeric))
    if m.numeric.size == 1 or abs(factor - 1) < 1e-5 or not _same(m.analytic, factor * m.numeric):
        return ""
    for value, meaning in (
        (-1, "the sign is flipped"),
        (2, "doubled: added to the gradient of an earlier backward, or counted twice?"),
        (m.batch, f"{m.batch} times too large, as many as there are rows: is the mean over the batch missing?"),
        (1 / m.batch, f"{m.batch} times too small, as many as there are rows: averaged, as the loss did already?"),
    ):
        if abs(factor - value) < 1e-5 * abs(value):
            return meaning
    return f"right but for a factor: scaled by {factor:.6g}"


def transposed(m: Mismatch) -> str:
    height, width = (1, 2) if m.is_image else (0, 1)
    if m.analytic.ndim < 2 or m.analytic.shape[height] != m.analytic.shape[width]:
        return ""
    if not _same(m.analytic, m.numeric.swapaxes(height, width)):
        return ""
    return "right after a transposition: rows and columns (H and W) swapped?"


def turned(m: Mismatch) -> str:
    height, width = (1, 2) if m.is_image else (0, 1)
    if m.analytic.ndim < 4 or not _same(m.analytic, np.flip(m.numeric, (height, width))):
        return ""
    return "right after a turn by 180 degrees: filters flipped in one of the two passes?"


def shifted(m: Mismatch) -> str:
    if not m.is_image:
        return ""
    for down in range(-3, 4):
        for right in range(-3, 4):
            a = m.analytic[:, _tail(down), _tail(right)]
            n = m.numeric[:, _tail(-down), _tail(-right)]
            if (down or right) and a.any() and _same(a, n):
                return f"right but for a shift by {down} rows and {right} columns: padding forgotten or counted twice?"
    return ""


def overlapping(m: Mismatch) -> str:
    window = window_of(m.layer) if m.is_image else None
    if window is None:
        return ""
    height, width = m.analytic.shape[1:3]
    windows = np.outer(_windows_per_pixel(window, 0, height), _windows_per_pixel(window, 1, width))  # (H, W)
    wrong = np.any(m.wrong, axis=(0, 3))  # (H, W)
    if not (windows == 1).any() or wrong[windows < 2].any():
        return ""
    return "right where one window reaches, wrong where several do: overlapping windows overwrite instead of adding?"


def border(m: Mismatch) -> str:
    window = window_of(m.layer) if m.is_image else None
    if window is None:
        return ""
    height, width = window.extent
    inside = m.wrong[:, height:-height, width:-width]
    return "wrong only near the border: what do padded cells count?" if inside.size and not inside.any() else ""


def blocked(m: Mismatch) -> str:
    if m.numeric[m.wrong].any():
        return ""
    return "wrong only where the output does not move: is a mask missing?"


def holes(m: Mismatch) -> str:
    return "" if m.analytic[m.wrong].any() else "zero where it should not be: some elements are never written"


def mean_is_constant(m: Mismatch) -> str:
    axes = tuple(range(m.numeric.ndim - 1))
    small = 1e-6 * np.abs(m.numeric).sum()
    if not axes or np.abs(m.numeric.sum(axes)).max() > small or np.abs(m.analytic.sum(axes)).max() <= small:
        return ""
    return (
        "moving all rows together changes no output, yet the gradient does not sum to 0: "
        "is a mean over the batch taken for a constant?"
    )


def other_holes(m: Mismatch) -> str:
    analytic, numeric = m.analytic == 0, np.abs(m.numeric) <= 1e-9 * np.abs(m.numeric).max()
    if not ((analytic & ~numeric).any() and (numeric & ~analytic).any()):
        return ""
    return "zeros in other places than the function's: is the mask drawn anew in backward?"


def suspected(m: Mismatch) -> str:
    return next((text for text, dx in m.suspects() if m.is_near(m.analytic, dx)), "")


def another_function(m: Mismatch) -> str:
    return "the number and the gradient belong to different functions" if m.name == "doutputs" else ""


HINTS = (
    not_finite, flat, forward_is_wrong, never_written, scaled, transposed, turned, shifted, overlapping, border,
    blocked, holes, mean_is_constant, suspected, other_holes, another_function,
)


def _same(a: NDArray, b: NDArray) -> bool:
    return a.shape == b.shape and not (np.abs(a - b) > 1e-6 * np.abs(b).max(initial=0)).any()


def _tail(offset: int) -> slice:
    """All but the first `offset`, or for a negative one all but the last."""
    return slice(offset, None) if offset >= 0 else slice(None, offset)


def _windows_per_pixel(window: Window, axis: int, size: int) -> NDArray:
    """How many windows look at each of `size` rows (axis 0) or columns (axis 1)."""
    first = np.arange(window.count[axis]) * window.strides[axis] - window.before[axis]
    seen = first[:, None] + np.arange(window.kernel[axis]) * window.dilation[axis]  # (windows, elements)
    inside = seen[(seen >= 0) & (seen < size)]
    return np.bincount(inside, minlength=size)


def few_digits(y: NDArray, moved: NDArray) -> str:
    """Say so where numbers of float64 went in, and numbers of float32 came out (and no whole ones, as of rounding)."""
    if y.dtype != np.float64 or not np.array_equal(y, y.astype(np.float32)):
        return ""
    if np.array_equal(y, np.round(y)) or np.array_equal(moved, moved.astype(np.float32)):
        return ""
    return "the outputs are numbers of float32: compute in the input's dtype, which is float64 here"
