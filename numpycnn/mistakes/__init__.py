"""Right solutions of what a network is made of, and a library of the mistakes that people make in them."""

from . import layers, solutions, training, windows
from .library import Mistake, edited, source_of

MISTAKES: dict[str, list[Mistake]] = {**windows.TABLES, **layers.TABLES, **training.TABLES}

__all__ = ["MISTAKES", "Mistake", "edited", "solutions", "source_of"]
