"""Right solutions of what a network is made of, and a library of the mistakes that people make in them."""

from . import layers, more, pooling, solutions, training, windows
from .library import Mistake, edited, source_of
from .systematic import systematic

MISTAKES: dict[str, list[Mistake]] = {
    **windows.TABLES, **pooling.TABLES, **layers.TABLES, **training.TABLES, **more.TABLES,
}  # fmt: skip

__all__ = ["MISTAKES", "Mistake", "edited", "solutions", "source_of", "systematic"]
