"""Old place of layers that prepare images."""

from . import preprocessing

__all__ = ["preprocessing"]
