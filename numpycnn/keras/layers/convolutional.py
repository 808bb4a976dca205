"""Old name of a part of ``keras.layers``: the convolutions and poolings."""

from . import *  # noqa: F401, F403
