"""Callbacks: what happens between steps and epochs, beside the training loop."""

from .backup import BackupAndRestore
from .base import Callback, CallbackList, LambdaCallback
from .logging import CSVLogger
from .monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from .ratios import LayerRatios
from .terminate import TerminateOnNaN

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "LambdaCallback", "LayerRatios",
    "ModelCheckpoint", "ReduceLROnPlateau", "TerminateOnNaN",
]
