"""Modules by their place alone: old ones that programs still import from, each with today's names, and data sets.

The import of a module that is not here says what to use instead.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Callable

from .. import data
from ..hints import did_you_mean
from . import backend, image, initializers, layers, losses, missing, models, optimizers, scikit_learn, utils
from .notes import no_effect


def place(path: str, module: Any = None, **names: Any) -> Any:
    """Let ``import numpycnn.keras.<path>`` find this module, or a new one of these names; return it."""
    if module is None:
        module = types.ModuleType(f"{__package__}.{path}", f"See {__name__}.")
        vars(module).update(names)
    vars(module).setdefault("__path__", [])  # so that Python asks `_explain` for what would lie in it
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


def _explain(name: str, path: Any = None, target: Any = None) -> None:
    """Say, as the last that Python asks for a module, what to use instead of one that is not here."""
    parent, _, last = name.rpartition(".")
    if parent.startswith(__package__):
        getattr(sys.modules[parent], last, None)  # a name that Keras has raises, and says what there is
        names = vars(sys.modules[parent])
        known = [word for word in names.get("__all__", ()) if isinstance(names[word], types.ModuleType)]
        hint = did_you_mean(last, known) or "; see keras.layers, keras.models, keras.utils and so on for what there is"
        raise ModuleNotFoundError(f"no module {name!r} in numpycnn: it has no names under this path{hint}", name=name)


for _module in [each for name, each in sys.modules.items() if name.startswith(f"{__package__}.")]:
    vars(_module).setdefault("__path__", [])
sys.meta_path.append(types.SimpleNamespace(find_spec=_explain))  # type: ignore[arg-type]

for _path in ("core", "convolutional", "pooling", "normalization", "noise", "advanced_activations", "local",
              "recurrent", "convolutional_recurrent", "embeddings", "wrappers", "attention", "preprocessing",
              "experimental", "experimental.preprocessing"):  # fmt: skip
    place(f"layers.{_path}", layers)
for _path in ("np_utils", "vis_utils", "generic_utils", "data_utils", "io_utils", "layer_utils", "image_utils",
              "training_utils", "conv_utils"):  # fmt: skip
    place(f"utils.{_path}", utils)
for _path in ("legacy", "optimizer_v2", "adam_v2", "gradient_descent_v2", "rmsprop_v2"):
    place(f"optimizers.{_path}", optimizers)
for _path in ("adam", "sgd", "rmsprop"):  # modules to import from; as attributes they are old names of the classes
    sys.modules[f"{__package__}.optimizers.{_path}"] = optimizers
for _path, _module in (("optimizers.schedules", optimizers.schedules), ("initializations", initializers),
                       ("objectives", losses)):  # fmt: skip
    place(_path, _module)
place("utils.visualize_util", plot=utils.plot_model, plot_model=utils.plot_model, model_to_dot=utils.model_to_dot)
_MODELS = {"Model": models.Model, "Sequential": models.Sequential, "Functional": models.Functional,
           "Layer": layers.Layer, "Input": layers.Input, "InputLayer": layers.InputLayer}  # fmt: skip
for _path in ("engine", *(f"engine.{each}" for each in ("topology", "training", "base_layer", "input_layer",
                                                        "sequential", "functional", "network"))):  # fmt: skip
    place(_path, **_MODELS, __getattr__=missing.of_engine)
place("saving", **{name: getattr(each, name) for each, names in (
    (models, "load_model save_model"),
    (utils, "register_keras_serializable get_custom_objects custom_object_scope CustomObjectScope"),
) for name in names.split()})  # fmt: skip
place("config", **{name: getattr(backend, name) for name in (
    "backend", "epsilon", "floatx", "set_floatx", "image_data_format", "set_image_data_format")},
    enable_interactive_logging=utils.enable_interactive_logging,
    disable_interactive_logging=utils.disable_interactive_logging,
    enable_traceback_filtering=utils.enable_traceback_filtering,
    disable_traceback_filtering=utils.disable_traceback_filtering, __getattr__=missing.of_config)  # fmt: skip
applications = place("applications", __getattr__=missing.of_applications)
constraints = place("constraints", __getattr__=missing.of_constraints)
preprocessing = place("preprocessing", image_dataset_from_directory=utils.image_dataset_from_directory,
                      __getattr__=missing.of_preprocessing)
wrappers = place("wrappers", __getattr__=missing.of_wrappers)
place("preprocessing.image", image)
place("wrappers.scikit_learn", scikit_learn)
datasets = place("datasets", __getattr__=missing.of_datasets)
for _name in ("mnist", "fashion_mnist", "cifar10"):
    place(f"datasets.{_name}", load_data=_arrays(_name, column=_name == "cifar10"))
