"""What Keras's words mean here that are no layers: activations, dtypes, and arguments that several layers share."""

from __future__ import annotations

import json
from typing import Any, Callable

from ...initializers import INITIALIZERS
from ...layers import ELU, GELU, Layer, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from ...regularizers import REGULARIZERS, Regularizer
from ..native import ModelFileError
from .write import Config, shortest, snake_case

REGULARIZED = ("kernel_regularizer", "bias_regularizer", "depthwise_regularizer", "pointwise_regularizer")

DTYPES = {"float32": "float32", "float64": "float64", "mixed_float16": "float32", "mixed_bfloat16": "float32"}
# Layers of Keras's that change nothing in prediction, nor any shape, and that there is nothing like here.
IDLE_IN_PREDICTION = (
    "ActivityRegularization", "AlphaDropout", "GaussianDropout", "RandomBrightness", "RandomContrast", "RandomFlip",
    "RandomRotation", "RandomTranslation", "RandomZoom",
)
# Activations by Keras's names.
ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "elu": ELU, "gelu": GELU, "relu": ReLU, "sigmoid": Sigmoid, "silu": SiLU, "swish": SiLU, "tanh": Tanh,
    "leaky_relu": lambda: LeakyReLU(0.2),  # Keras's function has another default than its layer
}  # fmt: skip


def read_config(text: str | bytes) -> Any:
    """Return what Keras wrote as JSON; a class of somebody's own is a "custom Dense": it may bear Keras's name."""
    return json.loads(text, object_hook=_marked)


def _marked(described: Config) -> Config:
    name, registered = described.get("class_name"), described.get("registered_name")
    kerass = registered == name and str(described.get("module")).startswith("keras.")  # Functional bears its own name
    if registered is not None and name != "function" and not kerass:
        described["class_name"] = f"custom {name}"
    return described


def expect(config: Config, key: str, *allowed: Any) -> None:
    """Raise if an argument has another value than numpycnn can express; a missing one is Keras's default, the first."""
    value = config.get(key, allowed[0])
    if value not in allowed:
        raise ModelFileError(f"expected {key}={allowed[0]!r}, got {value!r}")


def read_norm(config: Config) -> Config:
    """What the two normalisations share."""
    flags = {key: config.get(key) is not False for key in ("center", "scale")}
    return {"epsilon": config.get("epsilon", 1e-3), **flags}


def read_regularizer(described: Any) -> Regularizer | None:
    """Return Keras's penalty; None if it has none, or one that does not exist here."""
    name = described.get("class_name") if isinstance(described, dict) else None
    if name not in REGULARIZERS:
        return None
    return REGULARIZERS[name](**{key: shortest(value) for key, value in described["config"].items()})


def read_depthwise(config: Config) -> Config:
    """What the two depthwise layers share."""
    names = "strides", "padding", "depth_multiplier", "dilation_rate"
    read = {key: config[key] for key in names if key in config}
    initializer, penalty = config.get("depthwise_initializer"), config.get("depthwise_regularizer")
    return {**read, **read_affine({"kernel_initializer": initializer, **config, "kernel_regularizer": penalty})}


def read_affine(config: Config) -> Config:
    """What convolutions and Dense share; initializers that do not exist here have done their work and are left out."""
    read: Config = {"use_bias": bool(config.get("use_bias", True))}
    read |= {key: read_regularizer(config.get(key)) for key in ("kernel_regularizer", "bias_regularizer")}
    for key in ("kernel_initializer", "bias_initializer"):
        value = config.get(key)
        name = snake_case(str(value["class_name"] if isinstance(value, dict) else value))
        if name in INITIALIZERS:
            read[key] = name
    return read
