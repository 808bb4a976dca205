"""Old name of a part of ``keras.layers``: BatchNormalization."""

from . import *  # noqa: F401, F403
