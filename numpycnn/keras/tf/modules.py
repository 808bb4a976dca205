"""``tf.math``, ``tf.nn``, ``tf.image``, ``tf.random``, ``tf.summary``, ``tf.config``, ``tf.test`` and old places.

Of devices there is the processor alone, and nothing to set.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import types
from typing import Any, Iterator

import numpy as np

from ...checks import check_pair
from ...metrics.classification import confusion_matrix as core_matrix
from .. import activations, optimizers
from ..callbacks import summary_writer
from ..missing import _each
from ..notes import missing_names, note, refuse
from ..pictures import INTERPOLATIONS, check_words, resized
from ..places import place
from ..random import next_rng, set_seed
from ..tensors import Tensor, numpys, tensor
from . import arrays, data

# Images


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: Any = None) -> Tensor:
    """Return pixels from 0 to 255 as numbers from 0 to 1."""
    x = np.asarray(image)
    return tensor(x / np.iinfo(x.dtype).max if x.dtype.kind in "iu" else x, dtype)


def flip_left_right(image: Any) -> Tensor:
    """The mirrored image."""
    return tensor(np.flip(np.asarray(image), -2).copy())


def flip_up_down(image: Any) -> Tensor:
    """The image upside down."""
    return tensor(np.flip(np.asarray(image), -3).copy())


def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """The image, or each of a batch, mirrored or not."""
    return _perhaps(np.asarray(image), -2, seed)


def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """The image, or each of a batch, upside down or not."""
    return _perhaps(np.asarray(image), -3, seed)


def resize(images: Any, size: Any, method: Any = "bilinear", preserve_aspect_ratio: bool = False,
           antialias: bool = False, name: Any = None) -> Tensor:  # fmt: skip
    """An image, or a batch of them, in this size (rows, columns); as folders of pictures are read."""
    refuse("tf.image.resize", "resize the pictures before", preserve_aspect_ratio=preserve_aspect_ratio,
           antialias=antialias)  # fmt: skip
    check_words("tf.image.resize", {"method": INTERPOLATIONS}, method=method)
    pair = check_pair(tuple(int(n) for n in size), "tf.image.resize: size")
    return tensor(resized(np.asarray(images), pair, method))


def _perhaps(x: np.ndarray, axis: int, seed: int | None) -> Tensor:
    flipped = next_rng(seed).random((*x.shape[:-3], 1, 1, 1)) < 0.5
    return tensor(np.where(flipped, np.flip(x, axis), x))


# Files


def latest_checkpoint(checkpoint_dir: Any, latest_filename: Any = None) -> str | None:
    """Path of the newest file in a folder, such as ModelCheckpoint writes them; None if there is none."""
    with os.scandir(checkpoint_dir) as entries:
        files = [entry for entry in entries if entry.is_file()]
    return max(files, key=lambda entry: entry.stat().st_mtime_ns).path if files else None


# Counting and drawing


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = np.int32,
                     name: Any = None) -> Tensor:  # fmt: skip
    """Rows true, columns predicted; the core's confusion_matrix."""
    if weights is not None:
        raise ValueError("confusion_matrix: weights: numpycnn counts rows; it has no weighted matrix")
    true, predicted = (np.asarray(a).reshape(-1).astype(int) for a in (labels, predictions))
    classes = int(max(true.max(), predicted.max())) + 1 if num_classes is None else num_classes
    return tensor(core_matrix(true, predicted, num_classes=classes), dtype)


def uniform(shape: Any, minval: Any = 0, maxval: Any = 1, dtype: Any = np.float32, seed: int | None = None,
            name: Any = None) -> Tensor:  # fmt: skip
    """Uniform numbers."""
    return tensor(next_rng(seed).uniform(minval, maxval, shape), dtype)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: int | None = None,
           name: Any = None) -> Tensor:  # fmt: skip
    """Normal numbers."""
    return tensor(next_rng(seed).normal(mean, stddev, shape), dtype)


def shuffle(value: Any, seed: int | None = None, name: Any = None) -> Tensor:
    """The rows in a random order."""
    return tensor(next_rng(seed).permutation(np.asarray(value)))


# Figures for TensorBoard, by the package tensorboardX

_current: list[Writer] = []


class Writer:
    """A folder of figures."""

    def __init__(self, logdir: Any, **_: Any) -> None:
        self.writer = summary_writer()(os.fspath(logdir))

    @contextlib.contextmanager
    def as_default(self, step: Any = None) -> Iterator[Writer]:
        """Write to this folder, for as long as the block runs."""
        _current.append(self)
        try:
            yield self
        finally:
            _current.remove(self)

    def set_as_default(self, step: Any = None) -> None:
        """Write to this folder from now on."""
        _current.append(self)

    def close(self) -> None:
        """Write what waits, and end; the end of the program does so, too."""
        self.writer.close()


def scalar(name: str, data: Any, step: Any = None, description: Any = None) -> None:
    """Write one figure."""
    if _current:
        _current[-1].writer.add_scalar(name, float(data), step)


# Devices, and old places


def list_physical_devices(device_type: Any = None) -> list[Any]:
    """Return the processor, or nothing where another kind was asked for."""
    cpu = types.SimpleNamespace(name="/physical_device:CPU:0", device_type="CPU", memory_limit=0)
    return [cpu] if device_type in (None, "CPU") else []


def read_data_sets(*_: Any, **__: Any) -> None:
    """Refused: TensorFlow 1's loader."""
    raise ImportError("read_data_sets: numpycnn has keras.datasets.mnist.load_data()")


def _idle(name: str) -> Any:
    return lambda *_, **__: note(f"tf.config.{name} does nothing here")


def _lacks(module: str, names: str, instead: str) -> Any:
    return missing_names(f"keras.tf.{module}", _each(names, instead), instead)


_NAMES = ("elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "softmax", "swish", "tanh")
_FUNCTIONS = {name: value for name, value in vars(arrays).items() if hasattr(value, "__name__")}
math = place("tf.math", **{
    **_FUNCTIONS, **{name: numpys(name) for name in ("log", "sin", "cos", "tanh", "floor", "ceil")},
    "is_nan": numpys("is_nan", "isnan"), "pow": numpys("pow", "power"), "confusion_matrix": confusion_matrix,
    "__getattr__": _lacks("math", "top_k in_top_k", "few of TensorFlow's functions of arrays; use NumPy's"),
})  # fmt: skip
nn = place("tf.nn", **{name: getattr(activations, name) for name in _NAMES}, __getattr__=_lacks(
    "nn", "conv2d max_pool max_pool2d dropout softmax_cross_entropy_with_logits relu6 l2_loss bias_add "
    "sparse_softmax_cross_entropy_with_logits batch_normalization",
    "layers and losses for it: keras.layers, keras.losses"))  # fmt: skip
_FLIPS = {each.__name__: each for each in (flip_left_right, flip_up_down, random_flip_left_right, random_flip_up_down)}
image = place("tf.image", convert_image_dtype=convert_image_dtype, resize=resize, **_FLIPS, __getattr__=_lacks(
    "image", "random_brightness random_contrast random_crop rgb_to_grayscale central_crop",
    "no functions on images beyond resize and flips; use Pillow or NumPy before fit"))  # fmt: skip
random = place("tf.random", normal=normal, set_seed=set_seed, shuffle=shuffle, uniform=uniform, __getattr__=_lacks(
    "random", "categorical truncated_normal gamma poisson Generator experimental",
    "normal, uniform and shuffle; other numbers are drawn by NumPy's generators"))  # fmt: skip
summary = place("tf.summary", create_file_writer=Writer, scalar=scalar, __getattr__=_lacks(
    "summary", "image audio text histogram trace_on trace_export",
    "scalars alone; see tensorboardX's SummaryWriter"))  # fmt: skip
_SETTINGS = {name: _idle(name) for name in ("set_visible_devices", "run_functions_eagerly", "enable_op_determinism",
                                            "set_soft_device_placement", "set_memory_growth")}  # fmt: skip
_DEVICES = dict.fromkeys(("list_physical_devices", "list_logical_devices", "get_visible_devices"),
                         list_physical_devices)  # fmt: skip
_NO_DEVICES = _lacks("config", "optimizer", "the processor alone, and nothing of it to set")
config = place("tf.config", **_SETTINGS, **_DEVICES, __getattr__=_NO_DEVICES)
place("tf.config.threading", __getattr__=_NO_DEVICES, **{
    name: _idle(f"threading.{name}")
    for name in ("set_inter_op_parallelism_threads", "set_intra_op_parallelism_threads")
})  # fmt: skip
place("tf.config.experimental", **_SETTINGS, **_DEVICES, get_device_details=lambda device: {}, __getattr__=_NO_DEVICES)
test = place("tf.test", is_built_with_cuda=lambda: False, is_gpu_available=lambda *_, **__: False,
             gpu_device_name=lambda: "", __getattr__=_lacks("test", "TestCase main", "nothing like it; use unittest"))
_OPTIMIZERS = {"AdamOptimizer": optimizers.Adam, "GradientDescentOptimizer": optimizers.SGD,
               "RMSPropOptimizer": optimizers.RMSprop, "AdagradOptimizer": optimizers.Adagrad}  # fmt: skip
train = place("tf.train", **_OPTIMIZERS, latest_checkpoint=latest_checkpoint, __getattr__=_lacks(
    "train", "Checkpoint CheckpointManager Saver", "files of models: model.save, save_weights and load_weights"))
place("tf.version", VERSION=arrays.VERSION)
place("tf.data", data)
place("tf.data.experimental", AUTOTUNE=data.AUTOTUNE, cardinality=data.Dataset.cardinality, __getattr__=_lacks(
    "data.experimental", "make_csv_dataset CsvDataset", "Dataset alone; read files with NumPy"))  # fmt: skip
_LEVELS = {name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")}
place("tf.logging", **_LEVELS, set_verbosity=arrays.get_logger().setLevel)
compat = place("tf.compat")
_V1 = {name: getattr(arrays, name) for name in (
    "enable_eager_execution", "disable_eager_execution", "enable_v2_behavior", "disable_v2_behavior",
    "set_random_seed", "executing_eagerly", "Session", "InteractiveSession", "ConfigProto", "GPUOptions",
    "reset_default_graph")}  # fmt: skip
_KERAS = __package__.removesuffix(".tf")
place("tf.compat.v1", **_V1, keras=sys.modules[_KERAS], logging=sys.modules[f"{__package__}.logging"],
      __getattr__=arrays.missing)  # fmt: skip
python = place("tf.python", __getattr__=_lacks(
    "python", "tools framework ops platform training saved_model eager", "no inner parts of TensorFlow"))  # fmt: skip
examples = place("tf.examples")
for _path in ("python.client", "examples.tutorials", "examples.tutorials.mnist"):
    place(f"tf.{_path}")
place("tf.python.client.device_lib", list_local_devices=list_physical_devices)
place("tf.examples.tutorials.mnist.input_data", read_data_sets=read_data_sets)
# ``numpycnn.keras.tf.keras.layers`` is ``numpycnn.keras.layers``, and not loaded again.
for _name, _module in list(sys.modules.items()):
    if _name.startswith(_KERAS) and not _name.startswith(__package__):
        for _path in ("keras", "python.keras"):
            sys.modules[f"{__package__}.{_path}{_name.removeprefix(_KERAS)}"] = _module
python.keras = sys.modules[_KERAS]
