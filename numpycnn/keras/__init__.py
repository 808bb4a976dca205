"""Keras's words for numpycnn: a notebook written for Keras runs here with its import lines changed.

``from numpycnn import keras``, ``from numpycnn.keras.layers import Dense``, ``from numpycnn.keras import tf``. Each
name translates to the core's, which does all the work; a name that Keras has and this has not is an error that says
what to use instead.
"""

from . import activations, backend, callbacks, initializers, layers, losses, metrics, models
from . import ops, optimizers, regularizers, utils
from .backend import clear_session, image_data_format
from .callbacks import Callback
from .initializers import Initializer
from .layers import Input, InputLayer, Layer
from .losses import Loss
from .metrics import Metric
from .missing import of_keras as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .models import Functional, Model, Sequential
from .notes import KerasNote
from .optimizers import Optimizer
from .places import applications, constraints, datasets, preprocessing, wrappers
from .regularizers import L1L2 as Regularizer

__version__ = "3.0.0+numpycnn"

__all__ = [
    "Callback", "Functional", "Initializer", "Input", "InputLayer", "KerasNote", "Layer", "Loss", "Metric", "Model",
    "Optimizer", "Regularizer", "Sequential", "activations", "applications", "backend", "callbacks", "clear_session",
    "constraints", "datasets", "image_data_format", "initializers", "layers", "losses", "metrics", "models",
    "ops", "optimizers", "preprocessing", "regularizers", "utils", "wrappers",
]
