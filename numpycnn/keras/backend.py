"""The functions of ``keras.backend`` that programs call; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .layers.base import forget_names
from .missing import of_backend as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .models import Model
from .notes import named, note
from .tensors import Session, cast, expand_dims, numpys, place_of, reshape  # noqa: F401


def _always(name: str, value: Any) -> Any:
    """Return a function of this name that returns this value."""
    return named(lambda: value, name, f"Return {value!r}: there is nothing else here.")


backend, image_data_format = _always("backend", "numpycnn"), _always("image_data_format", "channels_last")
floatx, epsilon = _always("floatx", "float32"), _always("epsilon", 1e-7)
learning_phase = _always("learning_phase", 0)  # outside of ``fit`` nothing is in training


def clear_session(free_memory: bool = True) -> None:
    """Count the layers' names from the beginning again."""
    forget_names()


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


def set_floatx(dtype: str) -> None:
    """Take "float32"; the facade computes in nothing else."""
    if dtype != "float32":
        raise ValueError(f"set_floatx({dtype!r}): the facade computes in float32; use numpycnn.Sequential(dtype=...)")


def get_value(x: Any) -> Any:
    """Return the number or the array."""
    return x.numpy() if hasattr(x, "numpy") else x


eval = get_value


def set_value(x: Any, value: Any) -> None:
    """Write a learning rate or a weight."""
    x.assign(value)


mean, std, var, max, min, prod, sum, any, all = (
    numpys(name, x="a") for name in ("mean", "std", "var", "max", "min", "prod", "sum", "any", "all")
)
abs, exp, log, sqrt, square, sign = map(numpys, ("abs", "exp", "log", "sqrt", "square", "sign"))
maximum, minimum, equal, not_equal, round = map(numpys, ("maximum", "minimum", "equal", "not_equal", "round"))
greater, greater_equal, less, less_equal = map(numpys, ("greater", "greater_equal", "less", "less_equal"))
zeros_like, ones_like, dot, transpose = map(numpys, ("zeros_like", "ones_like", "dot", "transpose"))
pow, clip = numpys("pow", "power"), numpys("clip", x="a", min_value="a_min", max_value="a_max")
flatten = numpys("flatten", "ravel", x="a")
concatenate, stack, squeeze = numpys("concatenate"), numpys("stack", x="arrays"), numpys("squeeze", x="a")
argmax, argmin = place_of("argmax", -1), place_of("argmin", -1)


def function(inputs: Any, outputs: Any) -> Any:
    """Return a function from a list of arrays to what layers make of the first: ``function([m.input], [l.output])``."""
    several = isinstance(outputs, (list, tuple))
    models = [Model(list(inputs)[0], output) for output in (outputs if several else [outputs])]

    def computed(arrays: Any) -> Any:
        x = np.asarray(arrays[0] if isinstance(arrays, (list, tuple)) else arrays)  # of [[image]] a batch of one
        found = [model.predict(x) for model in models]
        return found if several else found[0]

    return computed


def set_session(session: Any) -> None:
    """Do nothing: there are no sessions; programs set one to save a GPU's memory."""


def get_session() -> Session:
    """Return one that does nothing."""
    return Session()


def int_shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)
