"""From what a Keras file holds to a model; the two formats hand in how they keep arrays and memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from numpy.typing import NDArray

from ...losses import SoftmaxCrossEntropy
from ...optimizers import Optimizer
from ..native import ModelFileError
from .losses import ReadLoss, read_loss, read_metrics
from .optimizers import OPTIMIZERS, optimizer_class, read_optimizer, state_from_keras
from .read_layers import Source, Translation
from .write import Config

if TYPE_CHECKING:
    from ...model import Sequential

MAX_CONFIG_LENGTH = 4 * 2**20  # a layer takes about a thousand characters
Memories = tuple[int, dict[str, NDArray]]  # steps, and Keras's memories by name, each as long as all parameters


def restore(
    model_class: type[Sequential],
    config: Config,
    training: Config | None,
    read_arrays: Callable[[Source], dict[str, NDArray]],
    read_memories: Callable[[Sequential, Optimizer, list[Source]], Memories | None],
) -> tuple[Sequential, list[str]]:
    """Return the model, and what has no counterpart here.

    Parameters
    ----------
    model_class : class
    config, training : dict
        Keras's ``model_config`` and ``training_config``; None if it was not compiled.
    read_arrays : callable
        (source) -> the arrays of one layer, by our names.
    read_memories : callable
        (model, optimizer, sources) -> what the optimizer remembers, or None.
    """
    translation = Translation(config)
    loss = ReadLoss(None)
    if training is not None:
        loss = read_loss(training, translation.last, translation.notes)
    elif translation.last == "softmax":  # for predict
        loss = ReadLoss(SoftmaxCrossEntropy(), "softmax")
    translation.end_in(translation.last, translation.last == loss.takes)
    model = model_class(dtype=translation.dtype or "float32")
    for layer in translation.layers:
        model.add(layer)
    _build(model, translation, [read_arrays(source) for source in translation.sources])
    if loss.loss is None:
        return model, translation.notes
    if training is None:
        model.compile(loss=loss.loss)
        return model, translation.notes
    optimizer = read_optimizer(training["optimizer_config"], translation.notes)
    model.compile(optimizer, loss.loss, read_metrics(training, loss.loss, translation.notes))
    if optimizer_class(training["optimizer_config"]) in OPTIMIZERS:
        memories = read_memories(model, optimizer, translation.sources)
        state = None if memories is None else state_from_keras(optimizer, *memories)
        if state is not None:
            optimizer.set_state(state)
    return model, translation.notes


def _build(model: Sequential, translation: Translation, stored: list[dict[str, NDArray]]) -> None:
    try:
        model.build(translation.input_shape, stored)
    except (ValueError, TypeError) as error:
        names = [s.name for s, layer in zip(translation.sources, model.layers) if not layer.built]
        raise ModelFileError(f"layer {names[0]!r}: {error}" if names else str(error)) from None
    for layer, left in zip(model.layers, stored):
        if left:  # the moving statistics; build took the parameters
            layer.set_state(left)
