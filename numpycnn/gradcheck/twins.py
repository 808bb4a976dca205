"""Copies to check gradients on: in float64, and in complex numbers."""

from __future__ import annotations

import copy
from typing import Any, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..fusion.block import Block
from ..layers import Layer
from ..model import Sequential
from . import cases


def layer_in_float64(layer: Layer, input_shape: Sequence[int] | None, rng: np.random.Generator) -> Layer:
    """Return a copy of the layer, built in float64."""
    if not isinstance(layer, Layer):
        raise TypeError(f"check_layer: expected a layer, got {layer!r}; a whole model goes to check_model")
    twin = copy.deepcopy(layer)
    if layer.built:
        return twin if twin.dtype == np.float64 else _rebuild(twin, layer)
    if input_shape is None:
        raise ValueError(f"check_layer: {layer!r} is not built; give input_shape (without the batch axis), or x")
    twin.build(input_shape, rng, "float64")  # type: ignore[arg-type]  # build makes a tuple of it
    cases.shake(twin.parameters, rng)
    return twin


def _rebuild(twin: Layer, layer: Layer) -> Layer:
    """Build `twin` anew in float64, with the parameters and the state of `layer`."""
    if isinstance(layer, Block):
        raise ValueError(f'{layer!r}: expected float64, got {layer.dtype}; build its model with dtype="float64"')
    twin.build(layer.input_shape, np.random.default_rng(0), "float64")
    _take_over(twin, layer)
    return twin


def _take_over(twin: Layer, layer: Layer) -> None:
    """Give `twin` the parameters and the state of `layer`."""
    for mine, theirs in zip(twin.parameters, layer.parameters):
        mine.value = theirs.value
    twin.set_state(layer.get_state())


def model_in_float64(model: Sequential) -> Sequential:
    """Return a copy of the model in float64, with its parameters and its layers' state."""
    model._require_built("check_model")
    twin = copy.deepcopy(model)
    if twin.dtype == np.float64:
        return twin
    layers = [type(layer)(**layer.get_config()) for layer in model.layers]
    twin = Sequential(layers, model.input_shape, seed=0, dtype="float64", fused=model.fused)
    for mine, theirs in zip(twin.layers, model.layers):
        mine.trainable = theirs.trainable
        _take_over(mine, theirs)
    return twin


def to_complex(steps: Iterable[Any], x: NDArray) -> NDArray:
    """Let layers (a block and its layers; a model's layers and its plan) compute in complex numbers from now on.

    Only the NumPy twins of the kernels can. A forward needs nothing else: arrays are made in the layer's dtype. Returns
    a copy of the input `x` in complex numbers.
    """
    for step in (part for step in steps for part in (step, *getattr(step, "blocks", ()))):
        step.dtype = np.dtype(np.complex128)
        for p in step.parameters:
            if p.value.dtype != step.dtype:  # a block and its layers share theirs
                p.move(np.empty(p.value.shape, step.dtype), np.empty(p.value.shape, step.dtype))
    return np.array(x, np.complex128, order="C")
