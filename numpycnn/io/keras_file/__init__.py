"""Keras's ``.h5`` files, read and written."""

from .file import load, save

__all__ = ["load", "save"]
