"""Modules by their place alone: old ones that programs still import from, each with today's names, and data sets."""

from __future__ import annotations

import sys
import types
from typing import Any, Callable

from .. import data
from . import image, layers, missing, optimizers, scikit_learn, utils
from .notes import no_effect


def place(path: str, module: Any = None, **names: Any) -> Any:
    """Let ``import numpycnn.keras.<path>`` find this module, or a new one of these names; return it."""
    if module is None:
        module = types.ModuleType(f"{__package__}.{path}", f"See {__name__}.")
        vars(module).update(names)
    sys.modules[f"{__package__}.{path}"] = module
    parent, _, name = f"{__package__}.{path}".rpartition(".")
    setattr(sys.modules[parent], name, module)
    return module


def _arrays(name: str, column: bool = False) -> Callable[..., Any]:
    def load_data(path: Any = None) -> tuple:
        """Return (x_train, y_train), (x_test, y_test), uint8."""
        no_effect(f"datasets.{name}.load_data", path=None if path == "mnist.npz" else path)
        parts = getattr(data, f"load_{name}")()
        return tuple((x, y.reshape(-1, 1)) if column else (x, y) for x, y in parts)  # CIFAR-10's labels are a column

    return load_data


for _path in ("core", "convolutional", "pooling", "normalization", "noise", "advanced_activations", "experimental",
              "experimental.preprocessing"):  # fmt: skip
    place(f"layers.{_path}", layers)
for _path, _module in (("optimizers.legacy", optimizers), ("optimizers.schedules", optimizers.schedules),
                       ("utils.np_utils", utils), ("utils.vis_utils", utils)):  # fmt: skip
    place(_path, _module)
applications = place("applications", __getattr__=missing.of_applications)
constraints = place("constraints", __getattr__=missing.of_constraints)
preprocessing, wrappers = place("preprocessing", __path__=[]), place("wrappers", __path__=[])
place("preprocessing.image", image)
place("wrappers.scikit_learn", scikit_learn)
datasets = place("datasets", __path__=[], __getattr__=missing.of_datasets)
for _name in ("mnist", "fashion_mnist", "cifar10"):
    place(f"datasets.{_name}", load_data=_arrays(_name, column=_name == "cifar10"))
