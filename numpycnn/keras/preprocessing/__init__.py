"""Old place of what prepares images."""

from . import image

__all__ = ["image"]
