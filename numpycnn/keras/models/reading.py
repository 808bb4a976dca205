"""The core's layers, losses and optimizers in Keras's words: for a model that comes from a file."""

from __future__ import annotations

from typing import Any

from ... import losses as core_losses
from ...model import Sequential as CoreSequential
from ...regularizers import get_regularizer
from .. import layers, losses, optimizers, regularizers

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
    if isinstance(model.loss, core_losses.SoftmaxCrossEntropy) and not model.loss.predict_logits:
        _activate(made, "softmax")
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
    if made and "activation" in made[-1].words and made[-1].activation is None:
        made[-1].activation = name
    else:
        made.append(layers.Activation(name))


def compiled(model: CoreSequential) -> tuple[Any, Any, Any]:
    """Return optimizer, loss and metrics for ``compile``; the optimizer remembers what the core's did."""
    return optimizers.of_file(model.optimizer), losses.of_core(model.loss), list(model.metrics)
