"""Model files as Keras writes them, made with h5py alone, for tests of reading them."""

import json

import h5py
import numpy as np

from numpycnn.io.keras_file.write import snake_case


def keras_file(path, layers, arrays=None, *, shape=(8, 8, 1), training=None, change=None, **config):
    """Write a Keras 3 file.

    Parameters
    ----------
    path : path
    layers : list of (class name, configuration) or dict
        The name is made as Keras makes it; a dict is taken as it is.
    arrays : dict
        By Keras's layer name: the layer's arrays, in Keras's order.
    shape : tuple of int or None
        Of one input; None leaves the InputLayer out.
    training : dict, optional
        ``training_config``.
    change : callable, optional
        Gets the open file before it is closed.
    config
        Further entries of the model's configuration.
    """
    described = [] if shape is None else [input_layer(batch_shape=[None, *shape])]
    counts = {}
    for layer in layers:
        if isinstance(layer, tuple):
            class_name, arguments = layer
            counts[class_name] = count = counts.get(class_name, -1) + 1
            name = snake_case(class_name) + (f"_{count}" if count else "")
            policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
            common = {"name": name, "trainable": True, "dtype": policy}
            layer = {"class_name": class_name, "config": {**common, **arguments}}
        described.append(layer)
    with h5py.File(path, "w") as file:
        content = {"class_name": "Sequential", "config": {"name": "sequential", "layers": described, **config}}
        file.attrs["model_config"] = json.dumps(content)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        weights = file.create_group("model_weights")
        for layer in described[shape is not None :]:
            name = layer["config"]["name"]
            group = weights.create_group(name)
            paths = [f"sequential/{name}/array{i}" for i in range(len((arrays or {}).get(name, ())))]
            group.attrs["weight_names"] = [p.encode() for p in paths]
            for p, array in zip(paths, (arrays or {}).get(name, ())):
                group.create_dataset(p, data=np.asarray(array, np.float32))
        if change is not None:
            change(file)
    return path


def input_layer(**config):
    return {"class_name": "InputLayer", "config": {"dtype": "float32", "name": "input_layer", **config}}


def compiled(loss="sparse_categorical_crossentropy", optimizer="Adam", metrics=("accuracy",), **arguments):
    """Return a ``training_config``."""
    optimizer_config = {"class_name": optimizer, "config": {"name": "any", "learning_rate": 0.001, **arguments}}
    metrics = list(metrics) if isinstance(metrics, tuple) else metrics
    return {"loss": loss, "metrics": metrics, "loss_weights": None, "optimizer_config": optimizer_config}
