"""What a configuration holds: arguments as JSON has them, objects as their class's name and arguments."""

from __future__ import annotations

from typing import Any

import numpy as np


def described(value: Any) -> Any:
    """Return an argument as JSON holds it."""
    from .layers.base import Layer

    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [described(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Layer) or hasattr(value, "get_config"):
        config = {key: described(each) for key, each in value.get_config().items()}
        return {"class_name": type(value).__name__, "config": config}
    if isinstance(value, type):
        return described(value())
    name = getattr(value, "keras_name", None)
    return name if name is not None else value


def layer_from(entry: dict[str, Any]) -> Any:
    """Return a layer, or a model, of a class's name and its arguments."""
    from . import layers, models

    kind, config = entry["class_name"], dict(entry["config"])
    if kind in ("Sequential", "Functional", "Model"):
        return models.model_from_config(entry)
    found = getattr(layers, kind, None)  # names that Keras alone has raise, and say what to use
    if not (isinstance(found, type) and issubclass(found, layers.Layer)):
        raise ValueError(f"unknown layer {kind!r}")
    if kind == "InputLayer":
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        return found(input_shape=shape[1:], name=config.get("name"))
    known = {*found.words, "name", "trainable", "batch_input_shape", "dtype"}
    ours = {name: _argument(value) for name, value in config.items() if name in known}
    if isinstance(ours.get("dtype"), dict):
        ours["dtype"] = ours["dtype"].get("config", {}).get("name")
    return found(**ours)


def _argument(value: Any) -> Any:
    """Undo `described` for what is an object: a layer that serves as an activation, or a list for a tuple."""
    if isinstance(value, dict) and "class_name" in value and value["class_name"] in ("ReLU", "LeakyReLU", "Softmax",
                                                                                      "ELU"):
        return layer_from(value)
    if isinstance(value, dict) and value.get("class_name") == "function":
        return value["config"]
    return tuple(value) if isinstance(value, list) else value
