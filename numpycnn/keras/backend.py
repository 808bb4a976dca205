"""The functions of ``keras.backend`` that programs call; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import cast, elementwise, expand_dims, reduction, reshape  # noqa: F401
from .layers.base import forget_names
from .missing import of_backend as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .models import Model
from .notes import note
from .tensors import tensor

_FLOATX = "float32"


def backend() -> str:
    """Return the name of the backend."""
    return "numpycnn"


def clear_session(free_memory: bool = True) -> None:
    """Count the layers' names from the beginning again."""
    forget_names()


def image_data_format() -> str:
    """Return "channels_last": the only layout here."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Take "channels_last"; the other layout is refused."""
    if data_format != "channels_last":
        raise ValueError(f"set_image_data_format({data_format!r}): images are channels-last here, (28, 28, 1)")


def image_dim_ordering() -> str:
    """Return "tf", the old name of channels-last."""
    note("backend.image_dim_ordering is an old name of image_data_format")
    return "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Take "tf", the old name of channels-last."""
    note("backend.set_image_dim_ordering is an old name of set_image_data_format")
    set_image_data_format({"tf": "channels_last", "th": "channels_first"}.get(dim_ordering, dim_ordering))


def floatx() -> str:
    """Return "float32"."""
    return _FLOATX


def set_floatx(dtype: str) -> None:
    """Take "float32"; the facade computes in nothing else."""
    if dtype != _FLOATX:
        raise ValueError(f"set_floatx({dtype!r}): the facade computes in float32; use numpycnn.Sequential(dtype=...)")


def epsilon() -> float:
    """Return 1e-7."""
    return 1e-7


def get_value(x: Any) -> Any:
    """Return the number or the array."""
    return x.numpy() if hasattr(x, "numpy") else x


def set_value(x: Any, value: Any) -> None:
    """Write a learning rate or a weight."""
    x.assign(value)


eval = get_value


mean, std, var, max, min, prod = map(reduction, ("mean", "std", "var", "max", "min", "prod"))
abs, exp, log, sqrt, square, sign = map(elementwise, ("abs", "exp", "log", "sqrt", "square", "sign"))
maximum, minimum, equal, round = map(elementwise, ("maximum", "minimum", "equal", "round"))


def argmax(x: Any, axis: int = -1) -> Any:
    """NumPy's argmax."""
    return tensor(np.argmax(np.asarray(x), axis=axis))


def learning_phase() -> int:
    """Return 0: outside of ``fit`` nothing is in training."""
    return 0


def function(inputs: Any, outputs: Any) -> Any:
    """Return a function from a list of arrays to what layers make of the first: ``function([m.input], [l.output])``."""
    several = isinstance(outputs, (list, tuple))
    inputs, wanted = list(inputs), list(outputs) if several else [outputs]
    models = [Model(inputs[0], output) for output in wanted]

    def computed(arrays: Any) -> Any:
        found = [model.predict(arrays[0] if isinstance(arrays, (list, tuple)) else arrays) for model in models]
        return found if several else found[0]

    return computed


def int_shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)
