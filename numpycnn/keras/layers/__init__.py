"""Keras's layers, each over one or two of the core's."""

from ..missing import of_layers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from . import affine, augment, others, resizing
from .affine import *  # noqa: F401, F403
from .augment import *  # noqa: F401, F403
from .base import Layer
from .others import *  # noqa: F401, F403
from .resizing import *  # noqa: F401, F403

__all__ = ["Layer", *affine.__all__, *augment.__all__, *others.__all__, *resizing.__all__]
