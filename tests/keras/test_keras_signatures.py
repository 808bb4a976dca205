"""Each argument of Keras's, as recorded from Keras 3.15: honoured, noted because it changes nothing, or refused."""

import inspect
import json
import warnings

import numpy as np
import places
import pytest

from numpycnn import keras
from numpycnn.keras import callbacks, notes
from numpycnn.keras.words import REQUIRED

SIGNATURES = json.loads((places.TESTS / "keras/signatures.json").read_text())
CLASSES = [name for name in SIGNATURES if name.split(".")[1] not in ("Layer", "Optimizer", "Loss", "Metric", "Callback",
                                                                     "Initializer", "History")]  # fmt: skip
X = np.random.default_rng(0).random((4, 8, 8, 4)).astype(np.float32)
P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]], np.float32)
LABELS = np.array([0, 2, 2, 1])

# What an argument needs, and another value than the default's.
NEEDED = {"units": 3, "filters": 4, "kernel_size": 2, "rate": 0.5, "activation": "relu", "target_shape": (16, -1),
          "stddev": 0.1, "factor": 0.1, "height_factor": 0.1, "width_factor": 0.1, "scale": 0.5, "pool_size": 2,
          "fn": lambda y, p: p[:, 0], "filepath": "a.h5", "filename": "a.csv", "backup_dir": "a",
          "schedule": lambda epoch: 0.1, "learning_rate": 0.1}  # fmt: skip
OTHERS = {
    "units": 5, "filters": 8, "kernel_size": 3, "strides": 3, "padding": "same", "data_format": "channels_first",
    "dilation_rate": 2, "groups": 2, "activation": "tanh", "use_bias": False, "depth_multiplier": 2, "lora_rank": 2,
    "lora_alpha": 2, "quantization_config": {"mode": "int8"}, "rate": 0.25, "noise_shape": (1, 8, 8, 1), "seed": 3,
    "alpha": 0.5, "stddev": 0.3, "keepdims": True, "axis": 0, "epsilon": 0.1, "center": False, "scale": False,
    "momentum": 0.5, "renorm": True, "renorm_clipping": {"rmax": 2}, "renorm_momentum": 0.5, "synchronized": True,
    "negative_slope": 0.25, "pool_size": 3, "mode": "vertical", "factor": 0.3, "fill_mode": "constant",
    "interpolation": "nearest", "fill_value": 3.0, "height_factor": 0.3, "width_factor": 0.4, "max_value": 6.0,
    "threshold": 0.25, "target_shape": (4, -1), "offset": 1.0, "name": "other", "dtype": "float64", "shape": (8,),
    "batch_size": 7, "sparse": True, "ragged": True, "batch_shape": (None, 8), "input_tensor": X, "optional": True,
    "learning_rate": 0.7, "rho": 0.5, "weight_decay": 0.1, "clipnorm": 0.5, "clipvalue": 0.5, "global_clipnorm": 0.5,
    "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3, "loss_scale_factor": 2.0, "beta_1": 0.5,
    "gradient_accumulation_steps": 2, "amsgrad": True, "beta_2": 0.5, "initial_accumulator_value": 0.5,
    "centered": True, "nesterov": True, "from_logits": True, "label_smoothing": 0.3, "reduction": "sum", "delta": 0.1,
    "ignore_class": 0, "num_thresholds": 3, "curve": "PR", "summation_method": "majoring", "thresholds": 0.25,
    "multi_label": True, "num_labels": 3, "label_weights": [1, 2], "fn": lambda y, p: p[:, 1], "top_k": 1,
    "class_id": 0, "k": 1, "from_sorted_ids": True, "average": "micro", "value": 2.0, "gain": 3.0, "mean": 2.0,
    "minval": -3.0, "maxval": 3.0, "distribution": "uniform", "input_axes": 1, "output_axes": 1, "l1": 0.5, "l2": 0.5,
}  # fmt: skip
OF_ONE_CLASS = {
    ("ZeroPadding2D", "padding"): 2, ("Rescaling", "scale"): 3.0, ("VarianceScaling", "scale"): 3.0,
    ("VarianceScaling", "mode"): "fan_out", ("BatchNormalization", "gamma_initializer"): "zeros",
    ("BatchNormalization", "moving_variance_initializer"): "zeros",
    ("LayerNormalization", "gamma_initializer"): "zeros",
}  # fmt: skip


def other(kind, word):
    if (kind, word) in OF_ONE_CLASS:
        return OF_ONE_CLASS[kind, word]
    endings = {"_initializer": "ones", "_regularizer": "l2", "_constraint": "max_norm"}
    return next((value for ending, value in endings.items() if word.endswith(ending)), OTHERS.get(word))


def needed(name):
    given = {word: NEEDED[word] for word, default in SIGNATURES[name].items() if default == "REQUIRED"}
    more = {"layers.InputLayer": {"shape": (8, 8, 4)}, "metrics.F1Score": {"average": "macro"}}
    return {**given, **more.get(name, {})}


def what_it_does(name, thing):
    """Return all that the arguments can change."""
    module, kind = name.split(".")
    keras.random.set_seed(0)
    if module == "layers":
        if kind == "InputLayer":
            return [thing.given_shape, thing.name]
        thing.ensure((4,) if kind == "Dense" else X.shape[1:])
        penalties = [repr(p.regularizer) for each in thing.core for p in each.parameters]
        moved = thing(X, training=True).tolist() if kind.startswith("Random") else None
        weights = [array.tolist() for array in thing.get_weights()]
        return [thing.name, thing.trainable, list(map(repr, thing.core)), penalties, moved, weights]
    if module == "optimizers":
        return [thing.name, thing.core.get_config()]
    if module == "initializers":
        return [thing((6, 6) if kind == "Identity" else (6, 4), np.random.default_rng(1)).tolist()]
    if module == "regularizers":
        return [thing.l1, thing.l2]
    if kind == "Mean":
        return [thing.name, float(thing([1, 2]))]
    sparse = kind.startswith("Sparse")
    return [thing.name, float(thing(LABELS if sparse else np.eye(3, dtype=np.float32)[LABELS], P))]


@pytest.fixture(autouse=True)
def as_new():
    yield
    keras.random.set_seed(None)
    notes._said.clear()


def made(path, /, **given):
    notes._said.clear()
    keras.backend.clear_session()
    return getattr(getattr(keras, path.split(".")[0]), path.split(".")[1])(**given)


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_stand_in_keras_s_order_with_keras_s_defaults(name):
    found = getattr(getattr(keras, name.split(".")[0]), name.split(".")[1])
    ours = getattr(found, "words", None) or {
        word: REQUIRED if p.default is p.empty else p.default for word, p in inspect.signature(found).parameters.items()
    }
    if found is callbacks.LambdaCallback:
        return  # all of its are named
    theirs = {word: REQUIRED if value == "REQUIRED" else value for word, value in SIGNATURES[name].items()}
    assert list(ours)[: len(theirs)] == list(theirs)
    named = {"name"}  # None: made of the class's name
    if "AveragePooling2D" in name:
        named.add("pool_size")  # Keras wants it; Keras 2 took 2
    plain = {word: list(value) if isinstance(value, tuple) else value for word, value in ours.items()}
    assert {w: v for w, v in plain.items() if w in theirs and w not in named} == {
        w: v for w, v in theirs.items() if w not in named}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CLASSES if not name.startswith("callbacks.")])
def test_each_is_honoured_noted_or_refused(name):
    base = needed(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usual = what_it_does(name, made(name, **base))
    for word in SIGNATURES[name]:
        value = other(name.split(".")[1], word)
        assert value is not None, f"this test knows no other value of {word}"
        given = {**base, word: value}
        if word == "fill_value":
            given["fill_mode"] = base["fill_mode"] = "constant"
            usual = what_it_does(name, made(name, **base))
        if word == "batch_shape":
            given.pop("shape")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = what_it_does(name, made(name, **given))
            except ValueError as refusal:
                assert word in str(refusal), (word, refusal)
                continue
        noted = any(issubclass(each.category, keras.KerasNote) and word in str(each.message) for each in caught)
        assert noted == (found == usual), f"{word}: {'noted, and it changes something' if noted else 'does nothing'}"
