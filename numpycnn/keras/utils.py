"""Keras's helpers: one-hot rows, batches by number, names for objects, pictures of models."""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any, Iterator

import numpy as np

from .. import data
from ..plots.style import shown_by_notebooks
from .backend import clear_session
from .downloads import get_file
from .folders import image_dataset_from_directory
from .missing import of_utils as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import no_effect, settle
from .pictures import array_to_img, img_to_array, load_img, save_img
from .random import set_random_seed

enable_interactive_logging = disable_interactive_logging = lambda: None
enable_traceback_filtering = disable_traceback_filtering = lambda: None
__all__ = [
    "CustomObjectScope", "PyDataset", "Sequence", "array_to_img", "clear_session", "custom_object_scope",
    "get_custom_objects", "get_file", "image_dataset_from_directory", "img_to_array", "load_img", "model_to_dot",
    "normalize", "plot_model", "register_keras_serializable", "save_img", "set_random_seed", "to_categorical",
]


def to_categorical(x: Any, num_classes: int | None = None, dtype: Any = "float32") -> np.ndarray:
    """Return one-hot rows; the core's ``to_categorical``."""
    y = np.asarray(x)
    shape = y.shape[:-1] if y.ndim > 1 and y.shape[-1] == 1 else y.shape
    return data.to_categorical(y.reshape(-1), num_classes).reshape(*shape, -1).astype(dtype)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return x with vectors of length 1 along an axis."""
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(length == 0, 1, length)


class PyDataset:
    """Batches by number: a subclass defines ``__len__`` and ``__getitem__``."""

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        pass

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has to define __getitem__(index): (x, y) of a batch")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has to define __len__(): the number of batches")

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Any:
    """Return a decorator that leaves a class as it is: files hold the core's layers alone."""
    return lambda thing: thing


def get_custom_objects() -> dict[str, Any]:
    """Return an empty dict."""
    return {}


@contextlib.contextmanager
def custom_object_scope(*objects: Any) -> Iterator[None]:
    """Do nothing, for as long as the block runs."""
    yield


CustomObjectScope = custom_object_scope


def plot_model(model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False,
               show_layer_names: bool = False, rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200,
               show_layer_activations: bool = False, **others: Any) -> Any:  # fmt: skip
    """Draw each layer as a box, by matplotlib; return the figure, and write it if a file is named."""
    settle("plot_model", others, "show_trainable", "splines")
    no_effect("plot_model", rankdir=None if rankdir == "TB" else rankdir)
    from matplotlib.figure import Figure

    if not model.built:
        raise ValueError(f"plot_model: {model.name} is not built yet: call build or fit first")
    model._symbols()
    texts = [_text(layer, show_shapes, show_layer_activations) for layer in model.layers]
    figure = shown_by_notebooks(Figure(figsize=(4.5, 0.7 * len(texts) + 0.3)))
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(-len(texts) + 0.4, 0.6))
    for i, text in enumerate(texts):
        axes.text(0.5, -i, text, ha="center", va="center", fontsize=8, bbox={"boxstyle": "round", "facecolor": "white"})
        if i:
            axes.annotate("", (0.5, -i + 0.25), (0.5, -i + 0.75), arrowprops={"arrowstyle": "->"})
    if to_file is not None:
        figure.savefig(os.fspath(to_file), dpi=min(dpi, 200))
    return figure


def _text(layer: Any, shapes: bool, activations: bool) -> str:
    text = f"{layer.name} ({type(layer).__name__})"
    if activations and getattr(layer, "activation", None) is not None:
        text += f", {getattr(layer.activation, 'keras_name', layer.activation)}"
    if shapes and type(layer).__name__ != "InputLayer":
        text += f"\n{layer.input_shape} -> {layer.output_shape}"
    return text


class _Dot:
    """Stands in for a graph of pydot."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure

    def create(self, *_: Any, **__: Any) -> bytes:
        """Return the picture as SVG."""
        file = io.BytesIO()
        self.figure.savefig(file, format="svg")
        return file.getvalue()


def model_to_dot(model: Any, **options: Any) -> Any:
    """Return an object whose ``create(prog, format)`` gives the picture as SVG."""
    known = ("show_shapes", "show_layer_names", "show_dtype")
    return _Dot(plot_model(model, None, **{word: value for word, value in options.items() if word in known}))
