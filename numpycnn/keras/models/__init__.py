"""Keras's models: chains of layers."""

from ..missing import of_models as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .loading import clone_model, load_model, model_from_json, save_model
from .model import Model, Sequential, model_from_config

Functional = Model

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json",
    "save_model",
]
