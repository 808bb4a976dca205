"""Old place of layers that prepare images: RandomFlip, Rescaling and so on."""

from .. import *  # noqa: F401, F403
