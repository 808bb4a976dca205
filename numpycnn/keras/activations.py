"""Activations by name, as functions of arrays, or as what follows a layer: each is a layer of the core."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import layers as core
from ..hints import did_you_mean
from ..io.keras_file.arguments import ACTIVATIONS
from .missing import ACTIVATIONS as MISSING
from .missing import of_activations as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import named
from .tensors import Symbol, tensor

# Keras's name: what makes the core's layer, or layers; None: nothing to do.
WORDS: dict[str, Callable[[], Any] | None] = {
    "linear": None, **ACTIVATIONS, "softmax": core.Softmax,
    "gelu_tanh": lambda: core.GELU(approximate=True),  # gelu(x, approximate=True) of Keras's ops
    "selu": lambda: [core.ELU(1.6732632423543772), core.Rescale(1.0507009873554805)],  # Klambauer et al. (2017)
}  # fmt: skip
layer_class: list[Any] = []  # ``keras.layers.Activation``, once there is one


def core_activation(activation: Any, owner: str) -> list[core.Layer]:
    """Return the core's layers for an activation: a name, one of the functions below, a layer, or None."""
    if activation is None:
        return []
    if isinstance(activation, type) and hasattr(activation, "make"):
        activation = activation()
    if hasattr(activation, "make"):  # a layer
        return activation.make((1,))
    name = getattr(activation, "keras_name", activation)
    if not isinstance(name, str):
        raise ValueError(f"{owner}: activation={activation!r}: expected 'relu', keras.activations.relu or the "
                         "like; x * sigmoid(x) is 'silu'; one of your own is a numpycnn.Layer, with its derivative")
    word = name.lower()
    if word not in WORDS:
        instead = f": numpycnn has {MISSING[word]}" if word in MISSING else did_you_mean(word, WORDS)
        raise ValueError(f"{owner}: unknown activation {name!r}{instead}")
    make = WORDS[word]
    made = [] if make is None else make()
    return made if isinstance(made, list) else [made]


def get(identifier: Any) -> Callable[[Any], Any]:
    """Return the function of this name."""
    core_activation(identifier, "activations.get")
    return identifier if callable(identifier) else globals()[(identifier or "linear").lower()]


def _function(name: str) -> Callable[..., Any]:
    def activation(x: Any, axis: int = -1, **others: Any) -> Any:
        if axis != -1 or others:
            raise ValueError(f"keras.activations.{name}: expected an array alone, along its last axis")
        if isinstance(x, Symbol):
            return layer_class[0](name)(x)
        y = np.asarray(x, np.float32)
        rows = y.reshape(-1, y.shape[-1] if y.ndim else 1)
        for layer in core_activation(name, name):
            layer.build(rows.shape[1:])
            rows = layer.forward(rows)
        return tensor(np.array(rows).reshape(y.shape))

    activation.keras_name = name  # type: ignore[attr-defined]
    return named(activation, name, f"{name} of an array; the core's layer, where there is one.")


elu, gelu, gelu_tanh, leaky_relu, linear = map(_function, ("elu", "gelu", "gelu_tanh", "leaky_relu", "linear"))
relu, sigmoid, silu, softmax = map(_function, ("relu", "sigmoid", "silu", "softmax"))
selu, swish, tanh = map(_function, ("selu", "swish", "tanh"))
