"""Old place of ``to_categorical`` and ``normalize``."""

from .data import normalize, to_categorical

__all__ = ["normalize", "to_categorical"]
