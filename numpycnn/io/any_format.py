"""``Sequential.save`` and ``Sequential.load``: the end of a file's name says which format it has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable

from ..checks import check_list
from ..files import KERAS_SUFFIXES, path_text
from ..layers.base import Layer
from . import keras_file, native

if TYPE_CHECKING:
    from ..model import Sequential


def save_model(model: Sequential, path: str | os.PathLike) -> None:
    """Write the model to one file, whole or not at all.

    Parameters
    ----------
    path : str or path
        ``.npz``: configuration, weights and the optimizer's state. ``.h5``: a file for ``keras.models.load_model``
        (needs h5py), without the optimizer's memories; the softmax of the loss becomes Keras's last layer. The folder
        is made if it does not exist.

    Raises
    ------
    RuntimeError, ValueError, TypeError, OSError
        The model is not built, the name ends in neither or is no file's, a configuration that the file cannot hold (the
        message names the layer), or a failure to write; an earlier file of that name is untouched then.
    ImportError
        For a ``.h5`` file without h5py.
    """
    model._require_built("save")
    path = path_text(path)
    with model.lock:
        (keras_file if path.endswith(KERAS_SUFFIXES) else native).save(model, path)


def load_model(
    model_class: type[Sequential], path: str | os.PathLike, custom_layers: Iterable[type[Layer]] = ()
) -> Sequential:
    """Read what ``save`` wrote, or a Sequential that Keras saved as ``.h5``; nothing in the file is executed.

    Parameters
    ----------
    path : str or path
        A Keras model that ends in a softmax comes with ``SoftmaxCrossEntropy`` (compiled with the defaults if it was
        not), and ``predict`` gives its probabilities. One without, compiled with ``from_logits=True``, comes with
        ``SoftmaxCrossEntropy(predict_logits=True)``, and ``predict`` gives its logits.
    custom_layers : iterable of Layer classes
        Classes of your own that the model in a ``.npz`` file holds.

    Raises
    ------
    TypeError
        `path` is no path, or `custom_layers` no list of Layer classes.
    FileNotFoundError, ValueError
        There is no such file, it is truncated, altered or of another kind, or it holds a layer that does not exist here
        (the message names it).
    ImportError
        For a ``.h5`` file without h5py.

    Warns
    -----
    UserWarning
        A Keras model was compiled in a way that does not exist here; its predictions are the same.
    """
    path = path_text(path)
    if path.endswith(KERAS_SUFFIXES):
        return keras_file.load(path, model_class)
    classes = check_list(custom_layers, "custom_layers", "a list of Layer classes")
    for custom in classes:
        if not (isinstance(custom, type) and issubclass(custom, Layer)):
            raise TypeError(f"custom_layers: expected Layer classes, got {custom!r}")
    return native.load(path, model_class, classes)
