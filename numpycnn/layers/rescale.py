"""The same number times, and the same number plus, every element: pixels to numbers of about 1."""

from __future__ import annotations

from numpy.typing import NDArray

from ..checks import check_finite
from .base import Layer


class Rescale(Layer):
    """``y = scale * x + offset``: as a model's first layer, ``Rescale(1 / 255)`` lets it take pixels from 0 to 255.

    Parameters
    ----------
    scale, offset : float
        Finite.

    Raises
    ------
    ValueError, TypeError
        An argument is not a finite number.
    """

    def __init__(self, scale: float, offset: float = 0.0) -> None:
        self.scale = check_finite(scale, "scale")
        self.offset = check_finite(offset, "offset")

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        return x * self.dtype.type(self.scale) + self.dtype.type(self.offset)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = scale * dy. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        return dy * self.dtype.type(self.scale) if need_dx else None
