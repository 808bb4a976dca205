"""What programs that ``import tensorflow as tf`` use beside ``tf.keras``: ``from numpycnn.keras import tf``."""

from ... import keras
from .. import initializers, losses, metrics, optimizers
from . import config, data, image, math, nn, random, summary, test
from .arrays import *  # noqa: F401, F403
from .arrays import missing as __getattr__  # noqa: F401  # Python asks it for names that are not there

__version__ = "numpycnn.keras"
__all__ = [
    "config", "data", "image", "initializers", "keras", "losses", "math", "metrics", "nn", "optimizers", "random",
    "summary", "test",
]
