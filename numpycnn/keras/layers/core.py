"""Old name of a part of ``keras.layers``: Dense, Dropout, Activation, Flatten and so on."""

from . import *  # noqa: F401, F403
