"""``Sequential.save`` and ``Sequential.load``: the end of a file's name says which format it has."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, Iterable

from ..checks import check_list
from ..files import KERAS_SUFFIXES, WEIGHTS_SUFFIX, path_text
from ..layers.base import Layer
from . import keras_file, native

if TYPE_CHECKING:
    from ..model import Sequential

# Other systems' formats stand above this room, which must not import them: they are found by name when they are used.
EXCHANGED = {".onnx": "numpycnn.exchange.onnx"}
PYTORCH_SUFFIXES = ".pt", ".pth", ".safetensors"


def save_model(model: Sequential, path: str | os.PathLike) -> None:
    """Write the model to one file, whole or not at all.

    Parameters
    ----------
    path : str or path
        ``.npz``: configuration, weights and the optimizer's state. ``.keras``: the same for ``keras.models.load_model``
        (needs h5py); the softmax of the loss becomes Keras's last layer. ``.h5``: Keras's older format, without the
        optimizer's memories. ``.onnx``: a graph for prediction (needs onnx), whose images are (N, C, H, W) in float32
        and which ends in what ``predict`` returns. The folder is made if it does not exist.

    Raises
    ------
    RuntimeError, ValueError, TypeError, OSError
        The model is not built, the name ends in neither or is no file's, a configuration that the file cannot hold (the
        message names the layer), or a failure to write; an earlier file of that name is untouched then.
    ImportError
        For a Keras file without h5py, or an ONNX file without onnx.
    """
    model._require_built("save")
    path = path_text(path)
    if path.endswith(WEIGHTS_SUFFIX):
        raise ValueError(f"save: expected a name for a whole model, got {path!r}; use save_weights for weights alone")
    with model.lock:
        _format(path).save(model, path)


def load_model(
    model_class: type[Sequential], path: str | os.PathLike, custom_layers: Iterable[type[Layer]] = ()
) -> Sequential:
    """Read what ``save`` wrote, a Sequential that Keras saved, or an ONNX graph; nothing in the file is executed.

    Parameters
    ----------
    path : str or path
        A Keras model that ends in a softmax comes with ``SoftmaxCrossEntropy`` (compiled with the defaults if it was
        not), and ``predict`` gives its probabilities. One without, compiled with ``from_logits=True``, comes with
        ``SoftmaxCrossEntropy(predict_logits=True)``, and ``predict`` gives its logits. An ONNX graph has to be a chain
        of operators that are layers here, as PyTorch's, Keras's and tf2onnx's exporters make them of such models; its
        images (N, C, H, W) are (N, H, W, C) here, and a softmax at its end is treated as Keras's.
    custom_layers : iterable of Layer classes
        Classes of your own that the model in a ``.npz`` file holds.

    Raises
    ------
    TypeError
        `path` is no path, or `custom_layers` no list of Layer classes.
    FileNotFoundError, ValueError
        There is no such file, it is truncated or of another kind, or it holds a layer that does not exist here (the
        message names it); or a ``.npz`` or ``.keras`` file was altered. The other formats have no checksum: where
        weights in them were altered, nobody can see it.
    ImportError
        For a Keras file without h5py, or an ONNX file without onnx.

    Warns
    -----
    UserWarning
        A Keras model was compiled in a way that does not exist here, or has a layer that works in training alone and
        does not exist here; its predictions are the same.
    """
    path = path_text(path)
    if path.lower().endswith((*KERAS_SUFFIXES, *EXCHANGED)):  # a file of somebody else's may be MODEL.H5
        return _format(path.lower()).load(path, model_class)
    classes = check_list(custom_layers, "custom_layers", "a list of Layer classes")
    for custom in classes:
        if not (isinstance(custom, type) and issubclass(custom, Layer)):
            raise TypeError(f"custom_layers: expected Layer classes, got {custom!r}")
    try:
        return native.load(path, model_class, classes)
    except native.ModelFileError as error:
        if not path.endswith(PYTORCH_SUFFIXES):
            raise
        text = "PyTorch's weights go into a model of the same layers: exchange.torch.load_state_dict(model, path)"
        raise native.ModelFileError(f"{error}; {text}") from None


def save_weights(model: Sequential, path: str | os.PathLike) -> None:
    """Write the weights alone, as Keras does, whole or not at all.

    Parameters
    ----------
    path : str or path
        Ends in ``.weights.h5``; Keras reads it into a model of the same layers, with ``load_weights``. Needs h5py.

    Raises
    ------
    RuntimeError, ValueError, TypeError, OSError, ImportError
        As ``save``.
    """
    model._require_built("save_weights")
    path = path_text(path)
    if not path.endswith(WEIGHTS_SUFFIX):
        raise ValueError(f"save_weights: expected a name that ends in {WEIGHTS_SUFFIX}, got {path!r}")
    with model.lock:
        keras_file.archive.save_weights(model, path)


def load_weights(model: Sequential, path: str | os.PathLike) -> None:
    """Take over the weights of a file that ``save_weights`` wrote, or Keras from a model of the same layers.

    The optimizer starts anew only where it is compiled anew, as in Keras; if the file does not fit, the model is
    unchanged.

    Parameters
    ----------
    path : str or path
        Ends in ``.weights.h5``, or ``.keras`` for the weights of a whole model.

    Raises
    ------
    RuntimeError, TypeError, FileNotFoundError, ValueError, ImportError
        The model is not built; there is no such file, or it is damaged, of another kind or of other layers.
    """
    model._require_built("load_weights")
    path = path_text(path)
    if not path.endswith((WEIGHTS_SUFFIX, ".keras")):
        raise ValueError(f"load_weights: expected a name that ends in {WEIGHTS_SUFFIX} or .keras, got {path!r}")
    keras_file.archive.load_weights(model, path)
    model.confidence = None


def _format(path: str) -> Any:
    """Return the module for this kind of file."""
    for suffix, module in EXCHANGED.items():
        if path.endswith(suffix):
            return importlib.import_module(module)
    if path.endswith(".keras"):
        return keras_file.archive
    return keras_file.file if path.endswith(KERAS_SUFFIXES) else native
