"""Compare a model with itself in another system.

Outputs in float32, as they are used; gradients of the softmax cross-entropy and ten steps of Adam in float64, where a
rounding stays one: in float32 Adam makes a whole step of a gradient that is 0 but for rounding.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...checks import check_choice, check_count, check_rows
from ...layers import Dropout, GaussianNoise, Layer
from ...losses import SoftmaxCrossEntropy
from ...model import Sequential
from ...optimizers import Adam
from ...training.loop import step
from ..channels_first import check_model

AGAINST = {"c": "c_peer", "keras": "keras_peer", "onnx": "onnx_peer", "torch": "torch_peer"}  # a module here for each
OUTPUTS, TRAINING = 1e-5, 1e-9  # largest differences, in float32 and in float64, of numbers up to 1
STEPS, BATCH = 10, 32
# About the usual settings, but numbers that float32 has exactly: Keras rounds its own to it, in float64 models, too.
ADAM = {"learning_rate": 2**-10, "beta1": 0.875, "beta2": 1 - 2**-10, "epsilon": 2**-23}


@dataclasses.dataclass
class Report:
    """What was compared.

    Attributes
    ----------
    against : str
        The other system, with its version.
    names : list of str
        Of the layers.
    outputs, gradients, weights : list of float
        A number for each layer: the largest difference, as a part of the largest number if that is above 1. The
        gradients are those of the first step, the weights those after ten steps of Adam; NaN where there are none.
    """

    against: str
    names: list[str]
    outputs: list[float]
    gradients: list[float]
    weights: list[float]

    @property
    def agrees(self) -> bool:
        """Whether no difference is more than rounding."""
        worst = (np.nanmax([0.0, *values]) for values in (self.outputs, [*self.gradients, *self.weights]))
        return bool(all(w <= limit for w, limit in zip(worst, (OUTPUTS, TRAINING))))

    def __str__(self) -> str:
        width = max(map(len, self.names))
        columns = {"outputs": self.outputs, "gradients": self.gradients, f"{STEPS} Adam steps": self.weights}
        wide = [len(title) + 2 for title in columns]
        lines = [f"{'against ' + self.against:{width}}" + "".join(f"{title:>{w}}" for title, w in zip(columns, wide))]
        for name, *values in zip(self.names, *columns.values()):
            figures = ("" if np.isnan(v) else f"{v:.1e}" for v in values)
            lines.append(f"{name:{width}}" + "".join(f"{figure:>{w}}" for figure, w in zip(figures, wide)))
        verdict = "they agree" if self.agrees else "they DIFFER"
        return "\n".join([*(line.rstrip() for line in lines), f"Largest differences; {verdict} (up to {OUTPUTS:g} of "
                          f"outputs in float32, {TRAINING:g} of the rest in float64)"])  # fmt: skip


def verify(model: Sequential, against: str, images: ArrayLike | None = None, seed: int = 0) -> Report:
    """Load the model's weights into another system, and compare what both compute.

    Parameters
    ----------
    model : Sequential
        Built. It is not changed.
    against : {"c", "keras", "onnx", "torch"}
        C, with this machine's compiler, and ONNX Runtime predict; Keras and PyTorch train, too, if the last layer gives
        a number for each class. Dropout and noise are left out for that, and regularizers.
    images : array_like of shape (N, *input_shape), optional
        Real inputs; random ones are compared besides them.
    seed : int
        Of the random ones.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError, RuntimeError
        No built model, images of another shape, or a layer that the other system does not have.
    ImportError
        The other system is not installed; FileNotFoundError if it is C, and there is no compiler.
    """
    check_model(model, "verify")
    check_choice(against, "against", tuple(AGAINST))
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    x = rng.standard_normal((BATCH, *model.input_shape))
    if images is not None:
        x = np.concatenate([x, check_rows(images, model.input_shape, "images")])
    peer = importlib.import_module(f".{AGAINST[against]}", __package__)
    try:
        version = peer.version()
    except ModuleNotFoundError as error:
        raise ImportError(f"verify: {error.name} is not installed: python -m pip install {error.name}") from error
    single = _twin(model, "float32", model.layers)
    outputs = _worst(single.activations(x), peer.outputs(single, x.astype(np.float32)))
    names = [f"{position} {layer!r}" for position, layer in enumerate(model.layers)]
    gradients, weights = [np.nan] * len(names), [np.nan] * len(names)
    classifies = len(model.output_shape) == 1 and model.output_shape[0] > 1
    if hasattr(peer, "train") and classifies and model.parameters:
        kept = [p for p, layer in enumerate(model.layers) if not isinstance(layer, (Dropout, GaussianNoise))]
        twin = _twin(model, "float64", [model.layers[p] for p in kept])
        for position, *found in zip(kept, *_compare_training(twin, peer, x[-BATCH:], rng)):
            gradients[position], weights[position] = found
    return Report(version, names, outputs, gradients, weights)


def _twin(model: Sequential, dtype: str, layers: list[Layer]) -> Sequential:
    """Return a new model of these layers with the model's weights, without regularizers."""
    configs = [{k: v for k, v in layer.get_config().items() if not k.endswith("_regularizer")} for layer in layers]
    twin = Sequential([type(layer)(**config) for layer, config in zip(layers, configs)], model.input_shape, dtype=dtype)
    twin.set_weights(model.get_weights())
    return twin


def _compare_training(twin: Sequential, peer: Any, x: NDArray, rng: np.random.Generator) -> tuple[list, list]:
    """Return, by layer, the largest differences of the gradients and of the weights after some steps."""
    y = rng.integers(twin.output_shape[0], size=len(x))
    optimizer = Adam(**ADAM, epsilon_hat=peer.EPSILON_HAT)
    twin.compile(optimizer, SoftmaxCrossEntropy(predict_logits=True))
    their_gradients, their_weights = peer.train(twin, x, y, STEPS)
    gradients: list[list[NDArray]] = []
    for _ in range(STEPS):
        step(twin, twin.loss, optimizer, x, y)
        gradients = gradients or [[p.grad.copy() for p in layer.parameters] for layer in twin.layers]
    weights = [[p.value for p in layer.parameters] for layer in twin.layers]
    return _by_layer(gradients, their_gradients), _by_layer(weights, their_weights)


def _by_layer(ours: list[list[NDArray]], theirs: list[list[NDArray]]) -> list[float]:
    return [max(_worst(a, b), default=np.nan) for a, b in zip(ours, theirs, strict=True)]


def _worst(ours: list[NDArray], theirs: list[NDArray]) -> list[float]:
    """Return the largest difference of each pair of arrays, as a part of the largest number if that is above 1."""
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(ours, theirs, strict=True)]
    for a, b in pairs:
        if a.shape != b.shape:
            raise RuntimeError(f"expected arrays of shape {a.shape} from the other system, got {b.shape}")
    return [float(np.abs(a - b).max() / max(1, np.abs(a).max())) for a, b in pairs]
