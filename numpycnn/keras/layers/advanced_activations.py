"""Old name of a part of ``keras.layers``: LeakyReLU, ELU and so on."""

from . import *  # noqa: F401, F403
