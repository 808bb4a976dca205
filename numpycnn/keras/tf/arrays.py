"""TensorFlow's functions of arrays, as NumPy's."""

from __future__ import annotations

import logging
import types
from typing import Any

import numpy as np

from ..missing import _each
from ..notes import missing_names, note
from ..random import set_seed
from ..tensors import (  # noqa: F401
    Session, Tensor, cast, constant, expand_dims, numpys, one_hot, ones, place_of, reshape, tensor, zeros,
)

float16, float32, float64 = np.float16, np.float32, np.float64
int8, int16, int32, int64, uint8 = np.int8, np.int16, np.int32, np.int64, np.uint8
bool, string, newaxis = np.bool_, np.str_, None
VERSION = "2.16.0+numpycnn"  # programs compare it

missing = missing_names("keras.tf", {
    **_each("GradientTape gradients", "no tapes: model.train_on_batch takes a step; see numpycnn's forward, backward"),
    **_each("placeholder global_variables_initializer layers contrib app flags gfile Graph get_default_graph",
            "nothing of TensorFlow 1; write tf.keras's words"),
    **_each("estimator distribute tpu", "no clusters: leave a strategy and its scope away; fit uses all cores"),
    **_each("saved_model lite", "files of its own: model.save('model.keras'), and load_model"),
    **_each("Module io feature_column raw_ops sparse ragged strings linalg py_function numpy_function",
            "nothing like it; it trains chains of layers on arrays"),
}, "little of TensorFlow beside tf.keras; for arrays use NumPy's functions")  # fmt: skip

reduce_mean, reduce_sum, reduce_max, reduce_min, reduce_any, reduce_all = (
    numpys(f"reduce_{name}", name, input_tensor="a") for name in ("mean", "sum", "max", "min", "any", "all")
)
abs, exp, sqrt, square, sign, add, subtract, multiply, divide = map(
    numpys, ("abs", "exp", "sqrt", "square", "sign", "add", "subtract", "multiply", "divide")
)
maximum, minimum, equal, not_equal, greater, less = map(
    numpys, ("maximum", "minimum", "equal", "not_equal", "greater", "less")
)
matmul, round, where, zeros_like, ones_like = map(numpys, ("matmul", "round", "where", "zeros_like", "ones_like"))
squeeze, transpose = numpys("squeeze", input="a"), numpys("transpose", perm="axes")
concat, stack, range = numpys("concat", "concatenate"), numpys("stack", values="arrays"), numpys("range", "arange")
argmax, argmin = place_of("argmax", 0), place_of("argmin", 0)


convert_to_tensor = Variable = constant


def gather(params: Any, indices: Any, axis: int = 0, name: Any = None) -> Tensor:
    """NumPy's take, of rows unless an axis is given."""
    return tensor(np.take(np.asarray(params), np.asarray(indices), axis))


def split(value: Any, num_or_size_splits: Any, axis: int = 0, name: Any = None) -> list[Tensor]:
    """NumPy's split, by a number of parts or by their sizes."""
    cuts: Any = num_or_size_splits if np.isscalar(num_or_size_splits) else np.cumsum(num_or_size_splits)[:-1]
    return [tensor(part) for part in np.split(np.asarray(value), cuts, axis)]


def pad(tensor_: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None) -> Tensor:
    """NumPy's pad."""
    given: Any = {"constant_values": constant_values} if mode.upper() == "CONSTANT" else {}
    word: Any = mode.lower()
    return tensor(np.pad(np.asarray(tensor_), paddings, word, **given))


def function(func: Any = None, **options: Any) -> Any:
    """Return a function as it is: nothing is compiled from Python here."""
    return func if func is not None else lambda each: each


def enable_eager_execution(*_: Any, **__: Any) -> None:
    """Do nothing: all of it is eager."""


enable_v2_behavior = reset_default_graph = enable_eager_execution
InteractiveSession, GPUOptions = Session, types.SimpleNamespace


def ConfigProto(**options: Any) -> types.SimpleNamespace:
    """What a session is made with, such as ``gpu_options.allow_growth``; nobody looks at it."""
    return types.SimpleNamespace(**{"gpu_options": GPUOptions(), **options})


def disable_eager_execution() -> None:
    """Note that there are no graphs."""
    note("tf.disable_eager_execution does nothing here: there are no graphs, and fit is as fast without")


disable_v2_behavior = disable_eager_execution


def set_random_seed(seed: int) -> None:
    """Old name of ``tf.random.set_seed``."""
    note("tf.set_random_seed is an old name of tf.random.set_seed")
    set_seed(seed)


def executing_eagerly() -> Any:
    """Return True."""
    return True


def get_logger() -> logging.Logger:
    """Return a logger of Python's."""
    return logging.getLogger("numpycnn.keras")
