"""Old name of a part of ``keras.layers``: GaussianNoise."""

from . import *  # noqa: F401, F403
