"""Models from configurations and files."""

from __future__ import annotations

import json
import os
from typing import Any

from ...model import Sequential as CoreSequential
from .files import read
from .model import Sequential, model_from_config
from .reading import compiled, keras_layers


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Return the model that ``to_json`` describes, with new weights."""
    return model_from_config(json.loads(json_string))


def clone_model(model: Any, input_tensors: Any = None, clone_function: Any = None) -> Any:
    """Return a model of the same layers, with new weights."""
    return model_from_config({"class_name": type(model).__name__, "config": json.loads(json.dumps(model.get_config()))})


def save_model(model: Any, filepath: Any, overwrite: bool = True, **old: Any) -> None:
    """Write the model to a file; see ``Model.save``."""
    model.save(filepath, overwrite, **old)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Read a model that ``save``, the core or Keras wrote."""
    return of_core(read(os.fspath(filepath)), compile)


def of_core(core: CoreSequential, compile: bool = True) -> Any:
    """Return a model of the facade like this one of the core, its weights and its optimizer's memories."""
    model = Sequential(keras_layers(core))
    model.ensure(core.input_shape)
    model.set_weights(core.get_weights())
    if compile and core.loss is not None:
        optimizer, loss, metrics = compiled(core)
        model.compile(optimizer, loss, metrics=metrics)
    return model
