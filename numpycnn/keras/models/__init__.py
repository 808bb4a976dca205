"""Keras's models: chains of layers."""

from .files import clone_model, load_model, model_from_config, model_from_json, save_model
from .model import Model, Sequential

Functional = Model

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json",
    "save_model",
]
