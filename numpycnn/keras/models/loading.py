"""Models from configurations and files: the core's layers, losses and optimizers in Keras's words."""

from __future__ import annotations

import json
import os
from typing import Any

from ... import losses as core_losses
from ...model import Sequential as CoreSequential
from ...regularizers import get_regularizer
from .. import activations, layers, losses, optimizers, regularizers
from ..notes import refuse
from .files import read
from .model import Sequential, model_from_config


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Return the model that ``to_json`` describes, with new weights."""
    return model_from_config(json.loads(json_string))


def clone_model(model: Any, input_tensors: Any = None, clone_function: Any = None) -> Any:
    """Return a model of the same layers, with new weights."""
    refuse("clone_model", input_tensors=input_tensors, clone_function=clone_function)
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
        model.compile(optimizers.of_file(core.optimizer), losses.of_core(core.loss), metrics=list(core.metrics))
    return model


# The core's class: the facade's.
LAYERS: dict[str, Any] = {kind.core_name: kind for kind in (
    layers.Dense, layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.MaxPooling2D,
    layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten, layers.Reshape,
    layers.ZeroPadding2D, layers.Rescaling, layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise,
    layers.BatchNormalization, layers.LayerNormalization, layers.LeakyReLU, layers.ELU, layers.Softmax,
)}  # fmt: skip
ACTIVATIONS = {"ReLU": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "GELU": "gelu", "SiLU": "silu",
               "Softmax": "softmax"}  # fmt: skip


def keras_layers(model: CoreSequential) -> list[Any]:
    """Return layers of the facade for all of the model's; an activation goes into the layer before it."""
    made: list[Any] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ACTIVATIONS:
            _activate(made, ACTIVATIONS[kind])
        elif kind in LAYERS:
            made.append(_layer(LAYERS[kind], layer))
        else:
            raise ValueError(f"keras.models: there is no layer like {layer!r} in the facade; use numpycnn.Sequential")
    for loss, activation in ((core_losses.SoftmaxCrossEntropy, "softmax"), (core_losses.BinaryCrossEntropy, "sigmoid")):
        if isinstance(model.loss, loss) and not model.loss.predict_logits:
            _activate(made, activation)
    return made


def _layer(kind: Any, layer: Any) -> Any:
    """Return the facade's layer for this one of the core."""
    config = {word: getattr(layer, word) for word in kind.core_words if word in kind.words}
    for word in kind.words:
        penalty = get_regularizer(getattr(layer, kind.renamed.get(word, word), None), word) if "regu" in word else None
        if penalty is not None:
            config[word] = regularizers.L1L2(**{**regularizers.L1L2.words, **penalty.get_config()})
    return kind(**config, trainable=layer.trainable)


def _activate(made: list[Any], name: str) -> None:
    """Give the last layer this activation, or append one of its own."""
    if made and "activation" in made[-1].words and made[-1].activation is activations.linear:
        made[-1].activation = activations.get(name)
    else:
        made.append(layers.Activation(name))
