"""What programs that ``import tensorflow as tf`` use beside ``tf.keras``: ``from numpycnn.keras import tf``."""

from ... import keras
from .. import initializers, losses, metrics, optimizers
from . import data
from .arrays import *  # noqa: F401, F403
from .arrays import missing as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .arrays import VERSION as __version__  # noqa: F401
from .modules import config, examples, image, math, nn, python, random, summary, test, train

__all__ = [
    "config", "data", "examples", "image", "initializers", "keras", "losses", "math", "metrics", "nn", "optimizers",
    "python", "random", "summary", "test", "train",
]
