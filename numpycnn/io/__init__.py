"""Model files, one format a module: ``native`` (``.npz``) and ``keras_file`` (``.keras``, ``.h5``)."""

from . import keras_file, native
from .native import ModelFileError

__all__ = ["ModelFileError", "keras_file", "native"]
