"""Keras's model file ``model.h5``, both ways, with h5py alone: ``keras.models.load_model`` opens what is written here.

Attributes ``model_config`` and ``training_config`` are JSON; a group ``model_weights`` holds a group for each layer.
Keras 3.15 cannot go on training from a file that holds the optimizer's memories (it loads, then ``fit`` raises), so
none are written; those that Keras wrote are read. A ``.keras`` file has them both ways. Nothing in a file is executed.
"""

from __future__ import annotations

import io
import json
import os
from typing import IO, TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ...files import atomic_write, open_file, printable
from ...optimizers import Optimizer
from ...terminal import warn
from ..native import ModelFileError, documented_errors
from .arguments import read_config
from .hdf5 import FLOATS, INTEGERS, Hdf5Reader, import_h5py
from .losses import loss_to_keras, metrics_to_keras
from .optimizers import optimizer_to_keras, slots_of
from .read_layers import Source
from .restore import MAX_CONFIG_LENGTH, Memories, restore
from .write import Config, model_to_keras

if TYPE_CHECKING:
    from ...model import Sequential


KERAS_VERSION = "3.15.1"  # whose layout is written


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
    layers = [{"class_name": layer.class_name, "config": layer.config} for layer in described]
    version = {"keras_version": KERAS_VERSION.encode(), "backend": b"tensorflow"}
    file.attrs.update(version)
    config = sequential_config(model, [{"class_name": "InputLayer", "config": input_config(model)}, *layers])
    file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config}).encode()
    if model.loss is not None and model.optimizer is not None:
        file.attrs["training_config"] = json.dumps(training_to_keras(model, "optimizer_config")).encode()
    weights = file.create_group("model_weights")
    weights.attrs.update(version)
    weights.attrs["layer_names"] = [layer.config["name"].encode() for layer in described]
    for layer in sorted(described, key=lambda layer: layer.config["name"]):
        name = layer.config["name"]
        _write_arrays(weights.create_group(name), {f"sequential/{name}/{key}": a for key, a in layer.arrays.items()})
    _write_arrays(weights.create_group("top_level_model_weights"), {})


def sequential_config(model: Sequential, layers: list[Config]) -> Config:
    """Return what Keras keeps of a Sequential with these layers."""
    shape = [None, *model.input_shape]
    return {"name": "sequential", "trainable": True, "layers": layers, "build_input_shape": shape}


def input_config(model: Sequential) -> Config:
    """Return the arguments of Keras's InputLayer."""
    return {"batch_shape": [None, *model.input_shape], "dtype": model.dtype.name, "name": "input_layer"}


def training_to_keras(model: Sequential, optimizer_key: str) -> Config:
    """Return how the model was compiled, in Keras's words, without the optimizer's memories."""
    return {
        "loss": loss_to_keras(model.loss), "loss_weights": None, "metrics": metrics_to_keras(model),
        "weighted_metrics": None, optimizer_key: optimizer_to_keras(model.optimizer),
    }  # fmt: skip


def _write_arrays(group: Any, arrays: dict[str, NDArray]) -> None:
    group.attrs["weight_names"] = [path.encode() for path in arrays]
    for path, array in arrays.items():
        group.create_dataset(path, data=array)


def load(path: str | os.PathLike, model_class: type[Sequential]) -> Sequential:
    """Read a model; see ``Sequential.load``."""
    import_h5py()
    return open_for(path, lambda stream: _load(stream, model_class))


def open_for(path: str | os.PathLike, read: Callable[[IO[bytes]], tuple[Any, list[str]]]) -> Any:
    """Return what `read` makes of the file; warn of its notes; whatever goes wrong becomes the documented error."""
    with open_file(path) as stream, documented_errors(path, "a model that Keras or Sequential.save wrote"):
        result, notes = read(stream)
    if notes:
        text = "layers and weights are Keras's, but not everything has a counterpart here"
        warn(printable(f"{os.fspath(path)}: {text}: {'; '.join(notes)}"))
    return result


def _load(stream: IO[bytes], model_class: type[Sequential]) -> tuple[Sequential, list[str]]:
    with Hdf5Reader(stream) as reader:
        config = _json(reader, "model_config")
        if config is None:
            raise ModelFileError("it holds no model, perhaps weights alone; save the whole one: model.save('model.h5')")
        group = reader.group(reader.root, "model_weights")
        paths: list[str] = []
        training = _json(reader, "training_config")
        name = str(training["optimizer_config"]["config"].get("name")) if training is not None else ""

        def memories(model: Sequential, optimizer: Optimizer, sources: list[Source]) -> Memories | None:
            return _read_memories(reader, model, optimizer, paths, name)

        def arrays(source: Source) -> dict[str, NDArray]:
            return _read_arrays(reader, group, source, paths)

        return restore(model_class, config, training, arrays, memories)


def _json(reader: Hdf5Reader, name: str) -> Config | None:
    text = reader.text(reader.root, name, MAX_CONFIG_LENGTH)
    return None if text is None else read_config(text)


def _read_arrays(reader: Hdf5Reader, weights: Any, source: Source, paths: list[str]) -> dict[str, NDArray]:
    """Return what the file has for one layer, under our names, and append Keras's paths of the parameters."""
    if not source.arrays:
        return {}
    group = reader.group(weights, source.name)
    names = reader.texts(group, "weight_names", len(source.arrays))
    arrays = {ours: reader.array(group, path, FLOATS) for ours, path in zip(source.arrays, names)}
    paths += [path for ours, path in zip(source.arrays, names) if not ours.startswith("moving_")]
    return arrays


def _read_memories(
    reader: Hdf5Reader, model: Sequential, optimizer: Optimizer, paths: list[str], name: str
) -> Memories | None:
    """Return steps and memories of the optimizer of this name; None if they are not as Keras 3 has them."""
    if not reader.has(reader.root, "optimizer_weights") or len(paths) != len(model.parameters):
        return None
    outer = reader.group(reader.root, "optimizer_weights")
    if not reader.has(outer, name):
        return None
    group = reader.group(outer, name)  # adam/iteration, adam/sequential_conv2d_kernel_momentum, ...
    if not reader.has(group, "iteration"):
        return None
    frozen = [not layer.trainable for layer in model.layers for _ in layer.parameters]
    slots = {}
    for kind in slots_of(optimizer):
        names = [f"{path.replace('/', '_')}_{kind}" for path in paths]
        found = [reader.has(group, name) for name in names]
        if any(found) and all(has or of_frozen for has, of_frozen in zip(found, frozen)):  # Keras has none of those
            parts = [
                reader.array(group, name, FLOATS) if has else np.zeros_like(p.value)
                for name, has, p in zip(names, found, model.parameters)
            ]
            slots[kind] = joined(parts, model)
    return int(reader.array(group, "iteration", INTEGERS)), slots


def joined(parts: list[NDArray], model: Sequential) -> NDArray:
    """Return one vector of arrays that have the shapes of the model's parameters."""
    if any(part.shape != p.value.shape for part, p in zip(parts, model.parameters, strict=True)):
        raise ModelFileError("the optimizer's memories: expected arrays of the shapes of the parameters")
    return np.concatenate([part.reshape(-1) for part in parts]) if parts else np.zeros(0)
