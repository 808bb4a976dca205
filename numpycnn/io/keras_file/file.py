"""Keras's model file ``model.h5``, both ways, with h5py alone: ``keras.models.load_model`` opens what is written here.

Attributes ``model_config`` and ``training_config`` are JSON; a group ``model_weights`` holds a group for each layer.
Keras 3.15 cannot go on training from a file that holds the optimizer's memories (it loads, then ``fit`` raises), so
none are written; those that Keras wrote are read. Nothing in a file is executed.
"""

from __future__ import annotations

import io
import json
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...files import atomic_write, printable, shown_cause
from ...losses import Loss, SoftmaxCrossEntropy
from ..native import ModelFileError
from .hdf5 import FLOATS, INTEGERS, Hdf5Reader, import_h5py
from .read_layers import Source, Translation
from .read_training import (
    MEMORY_NAMES,
    OPTIMIZER_CLASSES,
    memories_from_keras,
    optimizer_class,
    read_loss,
    read_metrics,
    read_optimizer,
    takes_sigmoid,
)
from .write import Config, model_to_keras, training_to_keras

if TYPE_CHECKING:
    from ...model import Sequential


KERAS_VERSION = "3.15.1"  # whose layout is written
MAX_CONFIG_LENGTH = 4 * 2**20  # a layer takes about a thousand characters


def save(model: Sequential, path: str | os.PathLike) -> None:
    """Write the model; see ``Sequential.save``."""
    h5py = import_h5py()
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        _write(model, file)
    with atomic_write(path) as target:
        target.write(content.getbuffer())


def _write(model: Sequential, file: Any) -> None:
    described = model_to_keras(model)
    batch_shape = [None, *model.input_shape]
    inputs = {"class_name": "InputLayer", "config": {"batch_shape": batch_shape, "dtype": model.dtype.name,
                                                     "name": "input_layer"}}  # fmt: skip
    layers = [inputs, *({"class_name": layer.class_name, "config": layer.config} for layer in described)]
    config = {"name": "sequential", "trainable": True, "layers": layers, "build_input_shape": batch_shape}
    version = {"keras_version": KERAS_VERSION.encode(), "backend": b"tensorflow"}
    file.attrs.update(version)
    file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config}).encode()
    if model.loss is not None and model.optimizer is not None:
        file.attrs["training_config"] = json.dumps(training_to_keras(model)).encode()
    weights = file.create_group("model_weights")
    weights.attrs.update(version)
    weights.attrs["layer_names"] = [layer.config["name"].encode() for layer in described]
    for layer in sorted(described, key=lambda layer: layer.config["name"]):
        name, arrays = layer.config["name"], _keras_arrays(layer.layer)
        _write_arrays(weights.create_group(name), {f"sequential/{name}/{key}": a for key, a in arrays.items()})
    _write_arrays(weights.create_group("top_level_model_weights"), {})


def _keras_arrays(layer: Any) -> dict[str, NDArray]:
    """Return a layer's arrays under Keras's names and in its order."""
    if layer is None:
        return {}
    arrays = {p.name: p.value for p in layer.parameters} | layer.get_state()
    return {"kernel" if name == "weight" else name: array for name, array in arrays.items()}


def _write_arrays(group: Any, arrays: dict[str, NDArray]) -> None:
    group.attrs["weight_names"] = [path.encode() for path in arrays]
    for path, array in arrays.items():
        group.create_dataset(path, data=array)


def load(path: str | os.PathLike, model_class: type[Sequential]) -> Sequential:
    """Read a model; see ``Sequential.load``."""
    import_h5py()
    name = os.fspath(path)
    with open(path, "rb") as stream:
        try:
            with Hdf5Reader(stream) as reader:
                model, notes = _restore(reader, model_class)
        except ModelFileError as error:
            raise ModelFileError(printable(f"{name}: {error}")) from None
        except Exception as error:  # whatever a hostile file provokes becomes the one documented error
            text = (
                f"{name}: expected a model that Keras or Sequential.save wrote, but the file is damaged or of another "
                f"kind ({type(error).__name__}: {error})"
            )
            raise ModelFileError(printable(text)) from shown_cause(error)
    if notes:
        text = f"{name}: layers and weights are Keras's, but not everything has a counterpart here: {'; '.join(notes)}"
        warnings.warn(printable(text), stacklevel=3)
    return model


def _restore(reader: Hdf5Reader, model_class: type[Sequential]) -> tuple[Sequential, list[str]]:
    """Return the model, and what has no counterpart here."""
    config = _json(reader, "model_config")
    if config is None:
        raise ModelFileError("it holds no model, perhaps weights alone; save the whole one: model.save('model.h5')")
    translation, training = Translation(config), _json(reader, "training_config")
    sigmoid = training is not None and takes_sigmoid(training, translation.layers)
    if sigmoid:  # the loss has it
        del translation.layers[-1], translation.sources[-1]
    model = model_class(dtype=translation.dtype or "float32")
    group = reader.group(reader.root, "model_weights")
    paths: list[str] = []
    for layer in translation.layers:
        model.add(layer)
    stored = [_read_arrays(reader, group, source, paths) for source in translation.sources]
    try:
        model.build(translation.input_shape, stored)
    except (ValueError, TypeError) as error:
        names = [s.name for s, layer in zip(translation.sources, model.layers) if not layer.built]
        raise ModelFileError(f"layer {names[0]!r}: {error}" if names else str(error)) from None
    for layer, left in zip(model.layers, stored):
        if left:  # the moving statistics; build took the parameters
            layer.set_state(left)
    _compile(reader, model, translation, training, sigmoid, paths)
    return model, translation.notes


def _json(reader: Hdf5Reader, name: str) -> Config | None:
    text = reader.text(reader.root, name, MAX_CONFIG_LENGTH)
    return None if text is None else json.loads(text)


def _read_arrays(reader: Hdf5Reader, weights: Any, source: Source, paths: list[str]) -> dict[str, NDArray]:
    """Return what the file has for one layer, under our names, and append Keras's paths of the parameters."""
    if not source.arrays:
        return {}
    group = reader.group(weights, source.name)
    names = reader.texts(group, "weight_names", len(source.arrays))
    arrays = {ours: reader.array(group, path, FLOATS) for ours, path in zip(source.arrays, names)}
    paths += [path for ours, path in zip(source.arrays, names) if not ours.startswith("moving_")]
    if "moving_mean" in arrays:  # a Keras BatchNormalization may lack these
        arrays.setdefault("gamma", np.ones_like(arrays["moving_mean"]))
        arrays.setdefault("beta", np.zeros_like(arrays["moving_mean"]))
    return arrays


def _compile(
    reader: Hdf5Reader, model: Sequential, translation: Translation, training: Config | None, sigmoid: bool,
    paths: list[str],
) -> None:
    """Compile the model as it was in Keras; a softmax at the end brings its loss in any case, for ``predict``."""
    notes = translation.notes
    loss: Loss | None = SoftmaxCrossEntropy() if translation.softmax else None
    if training is not None:
        loss = read_loss(training, translation.softmax, notes, sigmoid)
    if loss is None:
        return
    if training is None:
        model.compile(loss=loss)
        return
    model.compile(read_optimizer(training, notes), loss, read_metrics(training, loss))
    if optimizer_class(training) in OPTIMIZER_CLASSES:
        _read_memories(reader, model, paths, str(training["optimizer_config"]["config"].get("name")))


def _read_memories(reader: Hdf5Reader, model: Sequential, paths: list[str], name: str) -> None:
    """Give the optimizer, by its name in Keras, its steps and memories; if not as Keras 3 has them, it starts anew."""
    if not reader.has(reader.root, "optimizer_weights") or len(paths) != len(model.parameters):
        return
    outer = reader.group(reader.root, "optimizer_weights")
    if not reader.has(outer, name):
        return
    group = reader.group(outer, name)  # adam/iteration, adam/sequential_conv2d_kernel_momentum, ...
    if not reader.has(group, "iteration"):
        return
    frozen = [not layer.trainable for layer in model.layers for _ in layer.parameters]
    slots = {}
    for kind in MEMORY_NAMES:
        names = [f"{path.replace('/', '_')}_{kind}" for path in paths]
        found = [reader.has(group, name) for name in names]
        if any(found) and all(has or of_frozen for has, of_frozen in zip(found, frozen)):  # Keras has none of those
            parts = [
                reader.array(group, name, FLOATS) if has else np.zeros_like(p.value)
                for name, has, p in zip(names, found, model.parameters)
            ]
            if any(part.shape != p.value.shape for part, p in zip(parts, model.parameters)):
                raise ModelFileError(f"{group.name}: expected arrays of the shapes of the parameters")
            slots[kind] = np.concatenate([part.reshape(-1) for part in parts])
    steps = int(reader.array(group, "iteration", INTEGERS))
    state = memories_from_keras(model.optimizer, steps, slots)
    if state is not None:
        model.optimizer.set_state(state)
