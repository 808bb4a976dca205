"""Keras's callbacks."""

from ..missing import of_callbacks as __getattr__  # noqa: F401  # Python asks it for names that are not there
from . import own
from .base import Callback, History, LambdaCallback
from .own import *  # noqa: F401, F403

__all__ = ["Callback", "History", "LambdaCallback", *own.__all__]
