"""All known mistakes by the solution that they are edits of."""

from __future__ import annotations

from . import convolution_gradients, layers, more, pooling, training, windows
from .library import Mistake

MISTAKES: dict[str, list[Mistake]] = {
    **windows.TABLES, **convolution_gradients.TABLES, **pooling.TABLES, **layers.TABLES, **training.TABLES,
    **more.TABLES,
}  # fmt: skip
