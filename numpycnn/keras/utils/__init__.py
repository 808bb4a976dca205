"""Keras's helpers."""

from ..missing import of_utils as __getattr__  # noqa: F401  # Python asks it for names that are not there
from ..random import set_random_seed
from .data import PyDataset, Sequence, normalize, to_categorical
from .images import array_to_img, img_to_array, load_img, save_img
from .objects import CustomObjectScope, custom_object_scope, get_custom_objects, register_keras_serializable
from .pictures import model_to_dot, plot_model

enable_interactive_logging = disable_interactive_logging = lambda: None

__all__ = [
    "CustomObjectScope", "PyDataset", "Sequence", "array_to_img", "custom_object_scope",
    "get_custom_objects", "img_to_array", "load_img", "model_to_dot", "normalize", "plot_model",
    "register_keras_serializable", "save_img", "set_random_seed", "to_categorical",
]
