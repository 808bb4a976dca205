"""The native model file: one ``.npz`` with configuration, weights and the optimizer's state.

A zip of plain arrays that ``numpy.load`` opens, too. The member ``config`` is JSON text; ``layers/0/weight`` and so on
are the arrays. A SHA-256 over all of it stands in the configuration. Nothing is pickled and nothing is executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import math
import os
import textwrap
import zipfile
from typing import TYPE_CHECKING, Any, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .. import layers as layers_module
from ..checks import check_dtype
from ..data.inputs import InputFormat
from ..files import atomic_write, open_file, printable, shown_cause
from ..initializers import INITIALIZERS
from ..layers.base import Layer
from ..losses import LOSSES, Loss
from ..metrics.confidence import ClassDistance, Confidence
from ..metrics.running import METRIC_CLASSES
from ..optimizers import OPTIMIZERS, optimizer_from_config
from ..regularizers import REGULARIZERS, Regularizer
from ..schedules import SCHEDULES, Schedule

if TYPE_CHECKING:
    from ..model import Sequential

FORMAT, VERSION = "numpycnn model", 1
MAX_CONFIG_BYTES = 64 * 2**20
CONFIDENCE = "temperature", "threshold", "error", "answered"
OTHERS = {b"": "an empty file", b"PK\3\4": "one that is cut short; copy it again",
          b"\x89HDF": "an HDF5 file; a Keras file's name ends in .h5"}  # fmt: skip
DISTANCE = "confidence/whitening", "confidence/means"


class ModelFileError(ValueError):
    """The file is truncated, altered or of another kind."""


Run = tuple[dict[str, Any], dict[str, NDArray]]  # what a backup holds besides the model: values for JSON, and arrays


def save(model: Sequential, path: str | os.PathLike, run: Run | None = None) -> None:
    """Write the model, and for a backup where its training stands; see ``Sequential.save``."""
    if not os.fspath(path).endswith(".npz"):
        raise ValueError(f"save: expected a name that ends in .npz, .keras, .h5 or .onnx, got {os.fspath(path)!r}")
    arrays, config = _arrays(model), describe(model)
    if run is not None:
        config["run"] = json.loads(json.dumps(run[0]))
        arrays.update({f"run/{name}": np.asarray(array, order="C") for name, array in run[1].items()})
    config["sha256"] = _digest(config, arrays)
    with atomic_write(path) as file:
        np.savez(file, config=np.array(json.dumps(config)), **arrays)  # type: ignore[arg-type]


def load(
    path: str | os.PathLike, model_class: type[Sequential], custom_layers: Iterable[type[Layer]] = ()
) -> Sequential:
    """Read a model; see ``Sequential.load``."""
    classes = {name: getattr(layers_module, name) for name in layers_module.__all__}
    classes.update({c.__name__: c for c in custom_layers})
    with open_file(path) as file, documented_errors(path):
        config, arrays = _read(file)
        _take_run(config, arrays)
        return _restore(config, arrays, model_class, classes)


def load_run(model: Sequential, path: str | os.PathLike, content: bytes, conditions: dict[str, Any]) -> Run:
    """Read a backup into `model`, made and compiled in the same way as the one that was saved; return the rest.

    `content` is that of the file `path`.

    Raises
    ------
    ModelFileError
        The file is damaged, or it is the backup of another model, or of a run under other conditions; the model is
        unchanged then.
    """
    with io.BytesIO(content) as file, documented_errors(path):
        config, arrays = _read(file)
        run = _take_run(config, arrays)
        if run is None:
            raise ModelFileError("expected a backup of a training run, got a model that Sequential.save wrote")
        saved, own = {**_comparable(config), **run[0]["conditions"]}, {**_comparable(describe(model)), **conditions}
        for name in {**own, **saved}:
            if saved.get(name) != own.get(name):
                before, now = (textwrap.shorten(str(each.get(name)), 300) for each in (saved, own))
                raise ModelFileError(f"this is the backup of another run: {name} was {before}, and is {now}; repeat "
                                     "that run, or delete the file to start anew")
        _restore_into(model, config, arrays)
        return run


def _comparable(config: dict[str, Any]) -> dict[str, Any]:
    """What a model and its backup must have in common; a constant learning rate may have changed on the way."""
    names = "dtype", "input_shape", "loss", "metrics", "weighted_metrics"
    result = {name: config.get(name) for name in names}
    optimizer = dict(config["optimizer"]["config"])
    if not isinstance(optimizer["learning_rate"], dict):
        del optimizer["learning_rate"]
    result["optimizer"] = config["optimizer"]["class"], optimizer
    result.update({f"layer {i}": (d["class"], _complete(d)) for i, d in enumerate(config["layers"])})
    return result


def _complete(described: dict[str, Any]) -> dict[str, Any]:
    """Return a layer's arguments, with the defaults of those that there were not yet when it was saved."""
    layer_class = getattr(layers_module, described["class"], Layer)
    parameters = inspect.signature(layer_class.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty} | described["config"]


def _take_run(config: dict[str, Any], arrays: dict[str, NDArray]) -> Run | None:
    """Remove from the content of a file what only a backup holds, and return it."""
    if "run" not in config:
        return None
    names = [name for name in arrays if name.startswith("run/")]
    return config.pop("run"), {name.removeprefix("run/"): arrays.pop(name) for name in names}


@contextlib.contextmanager
def documented_errors(path: str | os.PathLike, expected: str = "a model that Sequential.save wrote") -> Iterator[None]:
    """Turn whatever a damaged or hostile file provokes into the one documented error."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(printable(f"{os.fspath(path)}: {error}")) from None
    except Exception as error:
        text = (
            f"{os.fspath(path)}: expected {expected}, but the file is damaged or of another kind "
            f"({type(error).__name__}: {error})"
        )
        raise ModelFileError(printable(text)) from shown_cause(error)


def _arrays(model: Sequential) -> dict[str, NDArray]:
    """All arrays of the model by member name."""
    arrays: dict[str, NDArray] = {}
    for i, layer in enumerate(model.layers):
        for parameter in layer.parameters:
            arrays[f"layers/{i}/{parameter.name}"] = parameter.value
        for name, value in layer.get_state().items():
            if isinstance(value, np.ndarray):
                arrays[f"layers/{i}/{name}"] = np.array(value, order="C")
    if model.optimizer is not None:
        for name, value in model.optimizer.get_state().items():
            if isinstance(value, np.ndarray):
                arrays[f"optimizer/{name}"] = value
    if model.confidence is not None and model.confidence.distance is not None:
        arrays.update({name: getattr(model.confidence.distance, name.split("/")[1]) for name in DISTANCE})
    return arrays


def describe(model: Sequential) -> dict[str, Any]:
    """Return everything about the model but its arrays, as JSON gives it back."""
    described = []
    for layer in model.layers:
        state = {k: v for k, v in layer.get_state().items() if not isinstance(v, np.ndarray)}
        arguments = {k: _plain(v, layer) for k, v in layer.get_config().items()}
        for name in ("kernel_regularizer", "bias_regularizer", "pointwise_regularizer"):
            if arguments.get(name, "") is None:  # not there: as in files from before there were any
                del arguments[name]
        if getattr(layers_module, type(layer).__name__, type(layer)) is not type(layer):
            raise TypeError(f"{layer!r}: the package has another layer of this name; rename the class to save it")
        frozen = {} if layer.trainable else {"trainable": False}  # not there: as in files from before there was this
        described.append({"class": type(layer).__name__, "config": arguments, "state": state, **frozen})
    config: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "dtype": model.dtype.name, "input_shape": model.input_shape,
        "seed": model.seed, "fused": model.fused, "fit_rng": model.fit_rng.bit_generator.state, "layers": described,
    }  # fmt: skip
    if model.input_format is not None:
        config["input_format"] = model.input_format.get_config()
    if model.confidence is not None:
        config["confidence"] = _describe_confidence(model.confidence)
    if model.loss is not None and model.optimizer is not None:
        rate = model.optimizer.learning_rate
        if isinstance(rate, Schedule):
            _class_name(rate, SCHEDULES)
        config["loss"] = _described(model.loss, LOSSES)
        config["optimizer"] = {**_described(model.optimizer, OPTIMIZERS), "steps": model.optimizer.steps}
        config["metrics"] = [_describe_metric(metric) for metric in model.metrics]
        if model.weighted_metrics:
            config["weighted_metrics"] = [_describe_metric(metric) for metric in model.weighted_metrics]
    return json.loads(json.dumps(config))  # tuples become lists, here as after loading


def _describe_confidence(known: Confidence) -> dict[str, float]:
    """Return its numbers; the arrays of the distance are among the model's."""
    numbers = {name: getattr(known, name) for name in CONFIDENCE}
    return numbers if known.distance is None else {**numbers, "limit": known.distance.limit}


def _class_name(thing: Any, known: dict[str, type]) -> str:
    """Return the name by which loading finds the class again."""
    if type(thing) not in known.values():
        raise TypeError(f"a model file cannot hold {thing!r}, only the package's own; compile with those to save")
    return type(thing).__name__


def _described(thing: Any, known: dict[str, type]) -> dict[str, Any]:
    """Return the class, which has to be one of these, and the arguments."""
    return {"class": _class_name(thing, known), "config": thing.get_config()}


def _describe_metric(metric: Any) -> Any:
    """Return a metric's name, or the class and the arguments of one that was given as an object."""
    if isinstance(metric, str):
        return metric
    described = _described(metric, METRIC_CLASSES)
    if isinstance(described["config"].get("loss"), Loss):
        described["config"]["loss"] = _described(metric.loss, LOSSES)
    return described


def _restore_loss(described: dict[str, Any]) -> Loss:
    return {c.__name__: c for c in LOSSES.values()}[described["class"]](**described["config"])


def _restore_metric(described: Any) -> Any:
    if isinstance(described, str):
        return described
    config = dict(described["config"])
    if "loss" in config:
        config["loss"] = _restore_loss(config["loss"])
    return METRIC_CLASSES[described["class"]](**config)


def _plain(value: Any, layer: Layer) -> Any:
    """Return the argument as JSON can hold it."""
    if isinstance(value, Regularizer):
        return {"regularizer": _class_name(value, REGULARIZERS), **value.get_config()}
    if callable(value):
        name = getattr(value, "__name__", "")
        if INITIALIZERS.get(name) is not value:
            raise TypeError(f"{layer!r}: a model file cannot hold the function {value!r}; give an initializer's name")
        return name
    return value


def _argument(value: Any) -> Any:
    """Undo ``_plain``, and what JSON does to tuples."""
    if isinstance(value, dict) and "regularizer" in value:
        return REGULARIZERS[value["regularizer"]](**{k: v for k, v in value.items() if k != "regularizer"})
    return tuple(value) if isinstance(value, list) else value


def _digest(config: dict[str, Any], arrays: dict[str, NDArray]) -> str:
    digest = hashlib.sha256(json.dumps({k: v for k, v in config.items() if k != "sha256"}, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(file: Any) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return configuration and arrays, checked against the checksum."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        start = file.read(8)
        kind = OTHERS.get(start[:4], f"a file that begins with {start!r}")
        raise ModelFileError(f"expected a .npz model that Sequential.save wrote, got {kind}")
    arrays: dict[str, NDArray] = {}
    with zipfile.ZipFile(file) as archive:
        members = check_members(archive.infolist(), file.seek(0, os.SEEK_END))
        if "config.json" in archive.namelist():
            raise ModelFileError("expected a .npz model that Sequential.save wrote, got one of Keras's; its name has "
                                 "to end in .keras")  # fmt: skip
        for member in members:
            arrays[member.filename.removesuffix(".npy")] = _read_array(archive.read(member))
    text = arrays.pop("config", None)
    if text is None or text.dtype.kind != "U" or text.ndim != 0 or text.nbytes > MAX_CONFIG_BYTES:
        raise ModelFileError("expected a member 'config' with the model's configuration; this is another .npz file")
    config = json.loads(str(text))
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelFileError("expected a numpycnn model; this is another .npz file")
    if config.get("version") != VERSION:
        raise ModelFileError(f"expected format version {VERSION}, got {config.get('version')!r}; update numpycnn")
    if config.get("sha256") != _digest(config, arrays):
        raise ModelFileError("the checksum does not match: the file was altered or damaged")
    texts = [name for name, array in arrays.items() if array.dtype.kind == "U"]
    if texts:
        raise ModelFileError(f"expected arrays of numbers, got text in {texts}")
    return config, arrays


def check_members(members: list[zipfile.ZipInfo], size: int) -> list[zipfile.ZipInfo]:
    """Return the members of a zip of `size` bytes; raise where they could take more memory than the file has.

    Raises
    ------
    ModelFileError
        A member is compressed, encrypted, there twice, outside of the file, or overlaps another.
    """
    # Stored, never compressed: what the file holds is what it takes in memory.
    if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
        raise ModelFileError("expected uncompressed members, as such files have")
    if len({m.filename for m in members}) != len(members):
        raise ModelFileError("expected each member once")
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise ModelFileError("expected members within the file, none over another; it is damaged")
        end = member.header_offset + 30 + member.file_size  # a header has 30 bytes and the name
    if end > size:
        raise ModelFileError("expected members within the file; it is damaged")
    return members


def _read_array(content: bytes) -> NDArray:
    """Return the array of one ``.npy`` member; its header must promise exactly the bytes that follow."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ModelFileError("expected .npy version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in "biufU" or fortran:
        order = " in Fortran order" if fortran else ""
        raise ModelFileError(f"expected C-ordered arrays of numbers, got {dtype}{order}")
    promised, rest = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if promised != rest:
        raise ModelFileError(f"expected {promised} bytes in an array of shape {shape}, got {rest}")
    return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape)


def _restore(
    config: dict[str, Any], arrays: dict[str, NDArray], model_class: type[Sequential], classes: dict[str, type[Layer]]
) -> Sequential:
    """Build the model and put everything back."""
    model = model_class(dtype=check_dtype(config["dtype"]), seed=config["seed"], fused=config["fused"])
    stored: list[dict[str, NDArray]] = []
    for i, described in enumerate(config["layers"]):
        name = described["class"]
        if name not in classes:
            raise ModelFileError(f"unknown layer {name!r}; pass its class: load(path, custom_layers=[...])")
        layer = classes[name](**{k: _argument(v) for k, v in described["config"].items()})
        layer.trainable = described.get("trainable", True)
        model.add(layer)
        prefix = f"layers/{i}/"
        stored.append({k.removeprefix(prefix): arrays.pop(k) for k in list(arrays) if k.startswith(prefix)})
    model.build(config["input_shape"], stored)
    for layer, left, described in zip(model.layers, stored, config["layers"]):
        layer.set_state({**left, **described["state"]})
    model.fit_rng.bit_generator.state = config["fit_rng"]
    if "input_format" in config:  # not in files from before there was this
        model.input_format = InputFormat.from_config(config["input_format"])
    confidence = _confidence(config, arrays, model)
    if "optimizer" in config:
        _restore_training(model, config, arrays)
    elif arrays:
        raise ModelFileError(f"unexpected arrays {sorted(arrays)}")
    model.confidence = confidence
    return model


def _confidence(config: dict[str, Any], arrays: dict[str, NDArray], model: Sequential) -> Confidence | None:
    """Remove the arrays of a confidence, and return it; None in files from before there was one."""
    found, distance = dict(config.get("confidence", {})), None
    if "limit" in found:
        whitening, means = (arrays.pop(name) for name in DISTANCE)
        distance = ClassDistance(whitening, means, found.pop("limit")).widened(model.layers)
    return Confidence(**found, distance=distance) if found else None


def _restore_into(model: Sequential, config: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Put everything into a model that has the same layers, loss and optimizer."""
    optimizer = model.optimizer
    if "input_format" in config:
        model.input_format = InputFormat.from_config(config["input_format"])
    slots = {name: arrays[f"optimizer/{name}"] for name in optimizer.slot_names if f"optimizer/{name}" in arrays}
    optimizer.set_state({"steps": config["optimizer"]["steps"], **slots})
    if not isinstance(optimizer.learning_rate, Schedule):
        optimizer.learning_rate = config["optimizer"]["config"]["learning_rate"]
    for i, (layer, described) in enumerate(zip(model.layers, config["layers"], strict=True)):
        for parameter in layer.parameters:
            parameter.value = arrays[f"layers/{i}/{parameter.name}"]
        state = {name: arrays.get(f"layers/{i}/{name}") for name in layer.state_names}
        layer.set_state({**state, **described["state"]})
        layer.trainable = described.get("trainable", True)
    model.fit_rng.bit_generator.state = config["fit_rng"]


def _restore_training(model: Sequential, config: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    optimizer = optimizer_from_config(config["optimizer"]["class"], config["optimizer"]["config"])
    slots = {name.removeprefix("optimizer/"): array for name, array in arrays.items()}
    optimizer.set_state({"steps": config["optimizer"]["steps"], **slots})
    metrics, weighted = (list(map(_restore_metric, config.get(name, []))) for name in ("metrics", "weighted_metrics"))
    model.compile(optimizer, _restore_loss(config["loss"]), metrics, weighted)
