"""Activations as layers, and layers that reshape, normalise, drop or scale."""

from __future__ import annotations

from typing import Any

from ... import layers as core
from ...checks import Shape
from ..activations import core_activation, layer_class
from ..notes import no_effect, refuse
from ..tensors import Symbol
from .base import REQUIRED, Layer, as_shape, new_name, translated


class InputLayer(Layer):
    """Says the shape of one input; no layer of the core."""

    words = {"shape": None, "batch_size": None, "sparse": None, "tensor": None}

    def check(self) -> None:
        refuse(self.name, sparse=self.sparse, tensor=self.tensor)
        if self.shape is not None:
            self.given_shape = as_shape(self.shape, self.name)
        if self.given_shape is None:
            raise ValueError(f"{self.name}: expected a shape, such as input_shape=(28, 28, 1)")

    def make(self, shape: Shape) -> list[core.Layer]:
        return []


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None,
          sparse: Any = None, batch_shape: Any = None, tensor: Any = None, ragged: Any = None) -> Symbol:  # fmt: skip
    """The input of a model, of one shape: where a chain of layers begins."""
    refuse("Input", sparse=sparse, tensor=tensor, ragged=ragged)
    no_effect("Input", batch_size=batch_size)
    shape = tuple(batch_shape[1:]) if batch_shape is not None else shape
    if shape is None:
        raise ValueError("Input: expected a shape, such as Input((28, 28, 1))")
    root = InputLayer(shape, name=name or new_name("input_layer"))
    root.ensure(root.given_shape or ())
    root.output = Symbol(root, (), root.given_shape or ())
    return root.output


class Activation(Layer):
    """An activation by name or function; a layer of the core."""

    words = {"activation": REQUIRED}

    def check(self) -> None:
        core_activation(self.activation, self.name)

    def make(self, shape: Shape) -> list[core.Layer]:
        return core_activation(self.activation, self.name)


layer_class.append(Activation)


class ReLU(Layer):
    """max(x, 0), or with a slope below 0; the core's ReLU or LeakyReLU."""

    words = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}

    def check(self) -> None:
        refuse(self.name, max_value=self.max_value, threshold=self.threshold)

    def make(self, shape: Shape) -> list[core.Layer]:
        return [core.LeakyReLU(self.negative_slope) if self.negative_slope else core.ReLU()]


class Softmax(Layer):
    """Probabilities over the last axis; the core's Softmax, or its loss's."""

    words = {"axis": -1}

    def make(self, shape: Shape) -> list[core.Layer]:
        if self.axis not in (-1, len(shape)):
            raise ValueError(f"{self.name}: axis={self.axis!r}: the softmax is over the last axis here")
        return [core.Softmax()]


class ZeroPadding2D(Layer):
    """Zeros around the image; the core's ZeroPad2D."""

    words = {"padding": (1, 1)}

    def make(self, shape: Shape) -> list[core.Layer]:
        padding = self.padding
        return [core.ZeroPad2D(tuple(tuple(p) if isinstance(p, list) else p for p in padding)
                               if isinstance(padding, (list, tuple)) else padding)]  # fmt: skip


class Dropout(Layer):
    """Random holes in training; the core's Dropout."""

    words = {"rate": REQUIRED, "noise_shape": None}

    def check(self) -> None:
        refuse(self.name, noise_shape=self.noise_shape)

    def make(self, shape: Shape) -> list[core.Layer]:
        return [core.Dropout(self.rate)]


LeakyReLU = translated("LeakyReLU", "LeakyReLU", "x, or below 0 a part of it", negative_slope=0.3)
ELU = translated("ELU", "ELU", "x, or below 0 alpha * (exp(x) - 1)", alpha=1.0)
Flatten = translated("Flatten", "Flatten", "Each input as one vector")
Reshape = translated("Reshape", "Reshape", "Each input in another shape", target_shape=REQUIRED)
Rescaling = translated("Rescaling", "Rescale", "scale * x + offset", scale=REQUIRED, offset=0.0)
SpatialDropout2D = translated("SpatialDropout2D", "SpatialDropout2D", "Dropout of whole channels", rate=REQUIRED)
GaussianNoise = translated("GaussianNoise", "GaussianNoise", "Normal noise in training", stddev=REQUIRED)


class _Normalization(Layer):
    """What the two normalisations share: the axis has to be the last, the starting values the usual ones."""

    usual = {"beta_initializer": "zeros", "gamma_initializer": "ones", "moving_mean_initializer": "zeros",
             "moving_variance_initializer": "ones"}  # fmt: skip

    def check(self) -> None:
        for name, value in self.usual.items():
            given = getattr(self, name, value)
            if name in self.words and given not in (value, value[:-1]) and snake_name(given) != value:
                raise ValueError(f"{self.name}: {name}={given!r}: it starts from {value} here; use set_weights")
        refused = {name: getattr(self, name) for name in self.words if name.endswith(("regularizer", "constraint"))}
        refuse(self.name, synchronized=getattr(self, "synchronized", None), renorm=getattr(self, "renorm", None),
               **refused)  # fmt: skip

    def check_axis(self, shape: Shape) -> None:
        """Refuse another axis than the last, now that it is known which that is."""
        axis = self.axis[0] if isinstance(self.axis, (list, tuple)) and len(self.axis) == 1 else self.axis
        if axis not in (-1, len(shape)):
            raise ValueError(f"{self.name}: axis={self.axis!r}: the channels are the last axis here, axis=-1")


def snake_name(given: Any) -> str:
    """Return the name of an initializer given as an object."""
    return type(given).__name__.lower()


class BatchNormalization(_Normalization):
    """Normalise each channel over the batch; the core's BatchNorm."""

    words = {"axis": -1, "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True, "beta_initializer": "zeros",
             "gamma_initializer": "ones", "moving_mean_initializer": "zeros", "moving_variance_initializer": "ones",
             "beta_regularizer": None, "gamma_regularizer": None, "beta_constraint": None, "gamma_constraint": None,
             "synchronized": None, "renorm": None}  # fmt: skip

    def make(self, shape: Shape) -> list[core.Layer]:
        self.check_axis(shape)
        return [core.BatchNorm(self.momentum, self.epsilon, bool(self.center), bool(self.scale))]


class LayerNormalization(_Normalization):
    """Normalise each input by itself; the core's LayerNorm."""

    words = {"axis": -1, "epsilon": 1e-3, "center": True, "scale": True, "beta_initializer": "zeros",
             "gamma_initializer": "ones", "beta_regularizer": None, "gamma_regularizer": None, "beta_constraint": None,
             "gamma_constraint": None}  # fmt: skip

    def make(self, shape: Shape) -> list[core.Layer]:
        self.check_axis(shape)
        return [core.LayerNorm(self.epsilon, bool(self.center), bool(self.scale))]
