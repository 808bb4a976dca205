"""Keras's model files, read and written: ``.h5`` (``file``), and ``.keras`` and ``.weights.h5`` (``archive``)."""

from . import archive, file

__all__ = ["archive", "file"]
