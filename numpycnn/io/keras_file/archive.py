"""Keras 3's model file ``model.keras`` and its ``model.weights.h5``, both ways, with h5py alone.

A zip of three members, none compressed: ``config.json`` (layers, and how the model was compiled), ``metadata.json`` and
``model.weights.h5``. The latter has a group for each layer, ``layers/conv2d_1/vars`` with the arrays 0, 1, ..., and
``optimizer/vars`` with steps, rate and memories: Keras trains on from where this stopped, and the reverse. Nothing in a
file is executed.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...files import atomic_write
from ...optimizers import Optimizer
from ..native import ModelFileError, check_members
from .arguments import read_config
from .file import KERAS_VERSION, input_config, joined, open_for, sequential_config, training_to_keras
from .hdf5 import FLOATS, INTEGERS, MAX_FILE_BYTES, Hdf5Reader, import_h5py
from .optimizers import numbers_of_slots, slots_of, variables_to_keras
from .read_layers import Source, Translation
from .restore import MAX_CONFIG_LENGTH, Memories, restore
from .write import Config, KerasLayer, described_object, model_to_keras, snake_case

if TYPE_CHECKING:
    from ...model import Sequential

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
BEFORE_MEMORIES = "use_ema", "gradient_accumulation_steps"  # each puts an array a parameter before the memories
NO_DATE = (1980, 1, 1, 0, 0, 0)  # of the members: the same model gives the same bytes


def save(model: Sequential, path: str | os.PathLike) -> None:
    """Write the model; see ``Sequential.save``."""
    described = model_to_keras(model)
    compiled = model.loss is not None and model.optimizer is not None
    layers = [described_object("keras.layers", "InputLayer", input_config(model))]
    layers += [described_object("keras.layers", layer.class_name, layer.config) for layer in described]
    config = described_object("keras", "Sequential", sequential_config(model, layers))
    config["build_config"] = {"input_shape": [None, *model.input_shape]}
    if compiled:
        options = {"run_eagerly": False, "steps_per_execution": 1, "jit_compile": "auto"}
        config["compile_config"] = {**training_to_keras(model, "optimizer"), **options}
    members = {
        METADATA: json.dumps({"keras_version": KERAS_VERSION}).encode(),
        CONFIG: json.dumps(config).encode(),
        WEIGHTS: _weights(model, described, compiled),
    }
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, NO_DATE), content)


def save_weights(model: Sequential, path: str | os.PathLike) -> None:
    """Write the weights alone; see ``Sequential.save_weights``."""
    content = _weights(model, model_to_keras(model), with_optimizer=False)
    with atomic_write(path) as file:
        file.write(content)


def _weights(model: Sequential, described: list[KerasLayer], with_optimizer: bool) -> bytes:
    """Return the content of ``model.weights.h5``."""
    content = io.BytesIO()
    with import_h5py().File(content, "w") as file:
        for layer in described:
            name = layer.config["name"]  # of its class and a number, as its place in the file has to be
            _write_group(file, f"layers/{name}", name, list(layer.arrays.values()))
        if with_optimizer:
            shapes = [p.value.shape for layer in model.layers if layer.trainable for p in layer.parameters]
            parts = list(zip(_parameter_parts(model), shapes, strict=True))
            variables = variables_to_keras(model.optimizer, parts)
            _write_group(file, "optimizer", snake_case(type(model.optimizer).__name__), variables)
        _write_group(file, "", "sequential", [])
    return content.getvalue()


def _write_group(file: Any, path: str, name: str, arrays: list[NDArray]) -> None:
    group = file.create_group(f"{path}/vars")
    group.attrs["name"] = name  # without it Keras finds nothing
    for number, array in enumerate(arrays):
        group.create_dataset(str(number), data=array)


def _parameter_parts(model: Sequential) -> list[slice]:
    """Return where each parameter that is not frozen lies in the vector of all."""
    parts, start = [], 0
    for layer in model.layers:
        for parameter in layer.parameters:
            if layer.trainable:
                parts.append(slice(start, start + parameter.value.size))
            start += parameter.value.size
    return parts


def load(path: str | os.PathLike, model_class: type[Sequential]) -> Sequential:
    """Read a model; see ``Sequential.load``."""
    import_h5py()
    return open_for(path, lambda stream: _load(stream, model_class))


def _load(stream: IO[bytes], model_class: type[Sequential]) -> tuple[Sequential, list[str]]:
    members = _read_members(stream)
    config = read_config(members[CONFIG])
    version = json.loads(members[METADATA])["keras_version"]
    if not str(version).startswith("3."):
        raise ModelFileError(f"expected a file of Keras 3, got one of version {version!r}")
    compiled = config.get("compile_config")
    training = None if not compiled else {**compiled, "optimizer_config": compiled["optimizer"]}
    with Hdf5Reader(io.BytesIO(members[WEIGHTS])) as reader:

        def memories(model: Sequential, optimizer: Optimizer, sources: list[Source]) -> Memories | None:
            return _read_memories(reader, model, optimizer, compiled["optimizer"]["config"])

        return restore(model_class, config, training, lambda source: _read_arrays(reader, source), memories)


def _read_members(stream: IO[bytes]) -> dict[str, bytes]:
    """Return the content of the three members."""
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise ModelFileError(f"expected at most {MAX_FILE_BYTES:,} bytes, got {size:,}")
    if not zipfile.is_zipfile(stream):
        raise ModelFileError("expected a .keras file, which is a zip, got something else")
    with zipfile.ZipFile(stream) as archive:
        members = check_members(archive.infolist(), size)
        found = sorted(member.filename for member in members)
        if found != sorted((CONFIG, METADATA, WEIGHTS)):
            raise ModelFileError(f"expected the members {CONFIG}, {METADATA} and {WEIGHTS}, got {str(found)[:200]}")
        for name in (CONFIG, METADATA):
            if archive.getinfo(name).file_size > MAX_CONFIG_LENGTH:
                raise ModelFileError(f"{name}: expected at most {MAX_CONFIG_LENGTH:,} bytes")
        return {member.filename: archive.read(member) for member in members}


def _read_arrays(reader: Hdf5Reader, source: Source) -> dict[str, NDArray]:
    """Return what the file has for one layer, under our names."""
    if not source.arrays:
        return {}
    group = reader.group(reader.root, f"layers/{source.place}/vars")
    if len(group) != len(source.arrays):
        raise ModelFileError(f"{group.name}: expected {len(source.arrays)} arrays, got {len(group)}")
    return {ours: reader.array(group, str(number), FLOATS) for number, ours in enumerate(source.arrays)}


def _read_memories(reader: Hdf5Reader, model: Sequential, optimizer: Optimizer, words: Config) -> Memories | None:
    """Return steps and memories; None if it has taken no step, or they are not those of this optimizer."""
    if not reader.has(reader.root, "optimizer"):
        return None
    group = reader.group(reader.root, "optimizer/vars")
    if not reader.has(group, "0"):
        return None
    steps = int(reader.array(group, "0", INTEGERS))
    trained = [p for layer in model.layers if layer.trainable for p in layer.parameters]
    first = 1 + (not isinstance(words.get("learning_rate"), dict))  # a rate is kept, a schedule is not
    first += len(trained) * sum(bool(words.get(key)) for key in BEFORE_MEMORIES)
    if len(group) < first + len(slots_of(optimizer)) * len(trained):
        return None
    slots = {}
    for kind in slots_of(optimizer):
        numbers = iter(numbers_of_slots(optimizer, kind, len(trained), first))
        parts = [
            reader.array(group, str(next(numbers)), FLOATS) if layer.trainable else np.zeros_like(p.value)
            for layer in model.layers
            for p in layer.parameters
        ]
        slots[kind] = joined(parts, model)
    return steps, slots


def load_weights(model: Sequential, path: str | os.PathLike) -> None:
    """Read the weights alone into a model that has the same layers; see ``Sequential.load_weights``."""
    import_h5py()
    described = model_to_keras(model)
    config = {"class_name": "Sequential", "config": {"layers": [
        {"class_name": "InputLayer", "config": input_config(model)},
        *({"class_name": layer.class_name, "config": layer.config} for layer in described),
    ]}}  # fmt: skip
    sources = Translation(config).sources

    def read(stream: IO[bytes]) -> tuple[list[NDArray], list[str]]:
        content = stream.read() if not os.fspath(path).endswith(".keras") else _read_members(stream)[WEIGHTS]
        with Hdf5Reader(io.BytesIO(content)) as reader:
            return [array for source in sources for array in _read_arrays(reader, source).values()], []

    model.set_weights(open_for(path, read))
