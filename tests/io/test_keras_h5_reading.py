"""Reading what Keras wrote: two files by Keras itself, and every form that a configuration takes."""

import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_files import input_layer, keras_file
from small_models import small_stateful_cnn, weights_equal

from numpycnn import (
    ELU,
    GELU,
    Adam,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    LeakyReLU,
    MaxPool2D,
    ModelFileError,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    Tanh,
)

FOLDER = Path(__file__).parent / "keras_models"


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def same(layer, other):
    return type(layer) is type(other) and layer.get_config() == other.get_config()


# -- files by Keras ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, expected, steps",
    [  # Keras 3.15.1 and tf_keras 2.21.0 trained these for three epochs of four steps
        ("keras3.h5", [[0.34719813, 0.33263913, 0.3201627], [0.34150118, 0.35866857, 0.2998302]], 12),
        ("keras2.h5", [[0.33079833, 0.34439766, 0.324804], [0.35357392, 0.32789978, 0.3185263]], 0),
    ],
)
def test_files_by_keras(name, expected, steps):
    model = Sequential.load(FOLDER / name)
    probabilities = model.predict(np.linspace(-1, 1, 128).reshape(2, 8, 8, 1))
    assert np.allclose(probabilities, expected, atol=1e-6)
    stack = [
        Conv2D(3, 3, padding="same"), ReLU(), BatchNorm(), MaxPool2D(2), Conv2D(2, 3, 2, padding=1, use_bias=False),
        LeakyReLU(), AvgPool2D(2, padding="same"), "Dropout(rate=0.25)", Flatten(), Dense(3),
    ]  # fmt: skip
    assert list(map(repr, model.layers)) == list(map(str, stack))
    assert isinstance(model.loss, SoftmaxCrossEntropy) and model.metrics == ["accuracy"]
    assert repr(model.optimizer) == repr(Adam(0.01, epsilon=1e-7, epsilon_hat=True)) and model.optimizer.steps == steps
    memories = model.optimizer.get_state()
    assert (memories["m"] != 0).any() == (memories["v"] > 0).any() == (steps > 0)


# -- forms of a configuration -----------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, expected",
    [
        (("ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}), [ReLU()]),
        (("ReLU", {"negative_slope": 0.1}), [LeakyReLU(0.1)]),
        (("LeakyReLU", {"negative_slope": 0.3}), [LeakyReLU(0.3)]),
        (("LeakyReLU", {"alpha": 0.30000001192092896}), [LeakyReLU(0.3)]),
        (("Activation", {"activation": "relu"}), [ReLU()]),
        (("Activation", {"activation": "tanh"}), [Tanh()]),
        (("Activation", {"activation": "sigmoid"}), [Sigmoid()]),
        (("Activation", {"activation": "elu"}), [ELU()]),
        (("Activation", {"activation": "gelu"}), [GELU()]),
        (("Activation", {"activation": "silu"}), [SiLU()]),
        (("Activation", {"activation": "swish"}), [SiLU()]),
        (("ELU", {"alpha": 0.5}), [ELU(0.5)]),
        (("Activation", {"activation": {"class_name": "ELU", "config": {"alpha": 0.1}}}), [ELU(0.1)]),
        (("Activation", {"activation": "leaky_relu"}), [LeakyReLU(0.2)]),
        (("Activation", {"activation": "linear"}), []),
        (("Identity", {}), []),
        (("Activation", {"activation": {"class_name": "function", "config": "relu"}}), [ReLU()]),
        (("Activation", {"activation": {"class_name": "LeakyReLU", "config": {"alpha": 0.1}}}), [LeakyReLU(0.1)]),
        (("MaxPooling2D", {"pool_size": [2, 3], "strides": None}), [MaxPool2D((2, 3))]),
        (("MaxPooling2D", {"pool_size": [2, 2], "strides": [1, 1], "padding": "same"}), [MaxPool2D(2, 1, "same")]),
        (("AveragePooling2D", {"pool_size": [2, 2], "strides": [2, 2]}), [AvgPool2D(2)]),
        (("GlobalAveragePooling2D", {"keepdims": False}), [GlobalAvgPool2D()]),
        (("Flatten", {"data_format": "channels_last"}), [Flatten()]),
    ],
)  # fmt: skip
def test_layers_without_arrays(layer, expected, tmp_path):
    model = Sequential.load(keras_file(tmp_path / "model.h5", [("ReLU", {}), layer]))
    assert len(model.layers) == 1 + len(expected) and all(map(same, model.layers[1:], expected))
    assert model.loss is None


@pytest.mark.parametrize("activation", [None, "linear", "relu", "tanh", "sigmoid", "silu", "leaky_relu", "softmax"])
def test_fused_activations_become_layers(activation, tmp_path):
    arrays = random(64, 3), random(3)
    dense = ("Dense", {"units": 3, "activation": activation})
    model = Sequential.load(keras_file(tmp_path / "model.h5", [("Flatten", {}), dense], {"dense": arrays}))
    x = random(2, 8, 8, 1)
    z = x.reshape(2, 64) @ arrays[0] + arrays[1]
    expected = {
        "relu": np.maximum(z, 0), "tanh": np.tanh(z), "sigmoid": 1 / (1 + np.exp(-z)), "silu": z / (1 + np.exp(-z)),
        "leaky_relu": np.where(z > 0, z, 0.2 * z), "softmax": np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    }.get(activation, z)  # fmt: skip
    assert np.allclose(model.predict(x), expected, atol=1e-5)
    assert isinstance(model.loss, SoftmaxCrossEntropy) == (activation == "softmax")


def test_a_convolution_takes_over_the_zeros_before_it(tmp_path):
    zeros = ("ZeroPadding2D", {"padding": [[2, 2], [1, 1]]})
    conv = ("Conv2D", {"filters": 2, "kernel_size": [3, 3], "strides": [2, 1], "use_bias": False, "groups": 1})
    model = Sequential.load(keras_file(tmp_path / "model.h5", [zeros, conv], {"conv2d": [random(3, 3, 1, 2)]}))
    assert same(model.layers[0], Conv2D(2, 3, (2, 1), (2, 1), use_bias=False)) and len(model.layers) == 1


@pytest.mark.parametrize("center, scale", [(True, True), (True, False), (False, True), (False, False)])
def test_batch_norm_without_gamma_or_beta(center, scale, tmp_path):
    gamma, beta, mean, variance = np.random.default_rng(0).uniform(0.5, 2, (4, 1))
    arrays = [*([gamma] if scale else []), *([beta] if center else []), mean, variance]
    layer = ("BatchNormalization", {"center": center, "scale": scale, "axis": [3], "epsilon": 0.1, "momentum": 0.9})
    path = keras_file(tmp_path / "model.h5", [layer], {"batch_normalization": arrays})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = Sequential.load(path)
    assert not caught
    x = random(2, 8, 8, 1)
    expected = (x - mean) / np.sqrt(variance + 0.1) * (gamma if scale else 1) + (beta if center else 0)
    assert np.allclose(model.predict(x), expected, atol=1e-5)
    assert same(model.layers[0], BatchNorm(0.9, 0.1, center, scale))


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("float32", "float32"),
        ("float64", "float64"),
        (None, "float32"),
        ({"class_name": "Policy", "config": {"name": "float64"}}, "float64"),
        ({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}, "float32"),
    ],
)
def test_dtypes(policy, expected, tmp_path):
    path = keras_file(tmp_path / "model.h5", [("ReLU", {"dtype": policy}), ("Flatten", {"dtype": policy})])
    assert Sequential.load(path).dtype == expected


def test_mixed_precision_is_computed_in_float32(tmp_path):
    path = keras_file(tmp_path / "model.h5", [("ReLU", {"dtype": "mixed_float16"})])
    with pytest.warns(UserWarning, match=r"'re_lu' \(ReLU\): computes in float32 here, not in mixed_float16"):
        assert Sequential.load(path).dtype == np.float32


def test_older_forms_of_a_model(tmp_path):
    """Keras 2 put the input shape into the first layer, before that there was a bare list; texts of fixed length."""
    first = {"class_name": "Flatten", "config": {"name": "flatten_1", "batch_input_shape": [None, 4, 5]}}
    arrays = {"dense": [random(20, 2), random(2)]}
    path = keras_file(tmp_path / "model.h5", [first, ("Dense", {"units": 2})], arrays, shape=None)
    assert Sequential.load(path).input_shape == (4, 5)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"] = config["config"]["layers"]
        file.attrs["model_config"] = np.bytes_(json.dumps(config))
        group = file["model_weights/dense"]
        group.attrs["weight_names"] = np.array([name.encode() for name in group.attrs["weight_names"]])
        assert group.attrs["weight_names"].dtype.kind == "S"
    assert Sequential.load(path).input_shape == (4, 5)


def test_the_input_shape_that_the_model_was_built_with(tmp_path):
    path = keras_file(tmp_path / "model.h5", [("ReLU", {})], shape=None, build_input_shape=[None, 6])
    assert Sequential.load(path).input_shape == (6,)


@pytest.mark.parametrize(
    "arguments, note",
    [
        ({"kernel_regularizer": {"class_name": "Orthogonal", "config": {}}}, "there is no kernel_regularizer here"),
        ({"activity_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}}, "there is no activity_regularizer"),
        ({"bias_constraint": {"class_name": "NonNeg", "config": {}}}, "there is no bias_constraint here"),
    ],
)
def test_what_only_training_would_feel_is_a_warning(arguments, note, tmp_path):
    layers = [("Flatten", {}), ("Dense", {"units": 3, **arguments})]
    path = keras_file(tmp_path / "model.h5", layers, {"dense": [random(64, 3), random(3)]})
    with pytest.warns(UserWarning, match=rf"layer 'dense' \(Dense\): {note}"):
        Sequential.load(path)


def test_a_frozen_layer_stays_frozen_with_its_activation(tmp_path):
    layers = [
        ("Conv2D", {"filters": 2, "kernel_size": [3, 3], "activation": "relu", "trainable": False}),
        ("BatchNormalization", {"trainable": False}), ("Flatten", {}), ("Dense", {"units": 3}),
    ]  # fmt: skip
    arrays = {
        "conv2d": [random(3, 3, 1, 2), random(2)], "batch_normalization": [np.ones(2), *np.zeros((2, 2)), np.ones(2)],
        "dense": [random(72, 3), random(3)],
    }  # fmt: skip
    model = Sequential.load(keras_file(tmp_path / "model.h5", layers, arrays))
    assert [layer.trainable for layer in model.layers] == [False, False, False, True, True]  # Conv2D, ReLU, ...
    assert [part.start for part in model.trained_parts()] == [24]


@pytest.mark.parametrize("wrong", [0, 1, "no", None, []])
def test_a_word_about_freezing_that_keras_does_not_write_is_refused(wrong, tmp_path):
    path = keras_file(tmp_path / "model.h5", [("Flatten", {"trainable": wrong})])
    with pytest.raises(ModelFileError, match=r"layer 'flatten' \(Flatten\): Flatten.trainable: expected True or False"):
        Sequential.load(path)


# -- what does not exist here -----------------------------------------------------------------

CONV = {"filters": 2, "kernel_size": [3, 3]}
POOL = {"pool_size": [2, 2]}
ZEROS = "ZeroPadding2D", {"padding": [[1, 1], [1, 1]]}


@pytest.mark.parametrize(
    "layers, expected",
    [
        ([("ZeroPadding2D", {"padding": [[0, 1], [0, 1]]}), ("Conv2D", CONV)], "ZeroPad2D Conv2D"),
        ([ZEROS, ("Conv2D", {**CONV, "padding": "same"})], "ZeroPad2D Conv2D"),
        ([ZEROS, ZEROS, ("Conv2D", CONV)], "ZeroPad2D Conv2D"),  # the second is the convolution's
        ([ZEROS, ("MaxPooling2D", POOL)], "ZeroPad2D MaxPool2D"),
        ([ZEROS], "ZeroPad2D"),
        ([("Softmax", {})], "Softmax"),
        ([("Flatten", {}), ("Softmax", {}), ("ReLU", {})], "Flatten Softmax ReLU"),
        ([("Flatten", {}), ("Softmax", {}), ("Softmax", {})], "Flatten Softmax"),  # the last is the loss's
        ([("Flatten", {}), ("Softmax", {}), ("Reshape", {"target_shape": [8, 8]}), ("Flatten", {})],
         "Flatten Softmax Reshape Flatten"),
    ],
)  # fmt: skip
def test_zeros_and_softmaxes_anywhere(layers, expected, tmp_path):
    path = keras_file(tmp_path / "model.h5", layers, {"conv2d": [random(3, 3, 1, 2), random(2)]})
    model = Sequential.load(path)
    assert " ".join(type(layer).__name__ for layer in model.layers) == expected
    model.predict(random(2, 8, 8, 1))


@pytest.mark.parametrize(
    "layers, message",
    [
        ([("LSTM", {"units": 3})], r"layer 'lstm' \(LSTM\): numpycnn has no such layer; expected one of Conv2D, Dep"),
        ([("Embedding", {"input_dim": 3})], r"layer 'embedding' \(Embedding\): numpycnn has no such layer"),
        ([("Lambda", {"function": "import os"})], r"'lambda' \(Lambda\): numpycnn has no such layer"),
        ([("Sequential", {"layers": []})], r"'sequential' \(Sequential\): numpycnn has no such layer"),
        ([{"class_name": "Dense", "config": {"name": "mine", "units": 2}, "registered_name": "Mine>Dense"}], "no such"),
        ([("Conv2D", {**CONV, "data_format": "channels_first"})], "'conv2d'.*expected data_format='channels_last'"),
        ([("MaxPooling2D", {**POOL, "data_format": "channels_first"})], "expected data_format='channels_last'"),
        ([("Conv2D", {**CONV, "activation": "selu"})], "numpycnn has no activation 'selu'"),
        ([("Conv2D", {**CONV, "activation": {"class_name": "PReLU", "config": {}}})], "no activation 'PReLU'"),
        ([("Conv2D", {**CONV, "activation": {"value": ["4wEAAAA=", None, None]}})], "no activation '__lambda__'"),
        ([("Conv2D", {**CONV, "dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}})],
         "expected one dtype for all layers.*got 'QuantizedDTypePolicy'"),
        ([("Conv2D", {**CONV, "dtype": "float16"})], "expected one dtype for all layers.*got 'float16'"),
        ([("ReLU", {"dtype": "float64"}), ("ReLU", {})], "expected one dtype for all layers.*got 'float32'"),
        ([("ReLU", {"max_value": 6.0})], "'re_lu'.*expected max_value=None, got 6.0"),
        ([("ReLU", {"threshold": 1.0})], "expected threshold=0"),
        ([("Dropout", {"rate": 0.5, "noise_shape": [None, 1]})], "expected noise_shape=None"),
        ([("Dropout", {"rate": 1.0})], r"'dropout' \(Dropout\): rate: expected a number in \[0, 1\)"),
        ([("GlobalAveragePooling2D", {"keepdims": True})], "expected keepdims=False"),
        ([("BatchNormalization", {"axis": 1})], "expected the last axis, -1 or 3, got 1"),
        ([("BatchNormalization", {"renorm": True})], "expected renorm=False"),
        ([("ZeroPadding2D", {"padding": [[0, -1], [0, 1]]})], r"'zero_padding2d'.*padding: expected an integer of at"),
        ([("Flatten", {}), ("Softmax", {"axis": 0})], "Softmax.*expected the last axis, -1 or 1, got 0"),
        ([("LayerNormalization", {"axis": [1, 2]})], "expected the last axis, -1 or 3"),
        ([("LayerNormalization", {"rms_scaling": True})], "expected rms_scaling=False"),
        ([("Reshape", {"target_shape": [5]})], "layer 'reshape': Reshape.*expected inputs of 5 elements"),
        ([("Rescaling", {"scale": [1, 2]})], "'rescaling'.*scale: expected a finite number"),
        ([("DepthwiseConv2D", {"kernel_size": 9})], "depthwise_conv2d"),
        ([("SeparableConv2D", {"kernel_size": 2})], "the file has no argument 'filters'"),
        ([("Dense", {"units": 2})], r"layer 'dense': Dense.*expected an input shape \(features,\)"),
        ([("ReLU", {}), input_layer(batch_shape=[None, 3])], "expected one input, with a shape, before all other"),
        ([("Conv2D", {"filters": 2})], "the file has no argument 'kernel_size'"),
        ([("Conv2D", {**CONV, "strides": "2"})], r"layer 'conv2d' \(Conv2D\): strides: expected an integer"),
    ],
)  # fmt: skip
def test_layers_that_do_not_exist_here_are_named(layers, message, tmp_path):
    arrays = {"conv2d": [random(3, 3, 1, 2), random(2)], "dense": [random(1, 2), random(2)]}
    with pytest.raises(ModelFileError, match=f"model.h5: .*{message}"):
        Sequential.load(keras_file(tmp_path / "model.h5", layers, arrays))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shape": None}, "the model has no input shape; build it before saving"),
        ({"shape": (None, 8, 1)}, "expected a fixed input shape"),
        ({"layers": []}, "expected at least one layer"),
    ],
)
def test_inputs(options, message, tmp_path):
    with pytest.raises(ModelFileError, match=message):
        Sequential.load(keras_file(tmp_path / "model.h5", **{"layers": [("ReLU", {})], **options}))


@pytest.mark.parametrize("written", [
    {}, {"module": "keras.src.models.functional", "registered_name": "Functional"},  # as Keras 3 does
])  # fmt: skip
def test_a_graph_of_layers_is_refused(written, tmp_path):
    def change(file):
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": []}, **written})

    path = keras_file(tmp_path / "model.h5", [("ReLU", {})], change=change)
    with pytest.raises(ModelFileError, match="expected a Keras Sequential, got 'Functional', a graph of layers"):
        Sequential.load(path)


def test_a_file_of_weights_alone_is_refused(tmp_path):
    path = keras_file(tmp_path / "model.h5", [("ReLU", {})], change=lambda file: file.attrs.pop("model_config"))
    with pytest.raises(ModelFileError, match="it holds no model, perhaps weights alone; save the whole one"):
        Sequential.load(path)


@pytest.mark.parametrize("versions", ["earliest", "latest"])
def test_older_and_newer_layouts_of_hdf5(versions, tmp_path):
    """A program that is not Keras may have copied the file: headers of objects then have another layout."""
    model = small_stateful_cnn()
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as old, h5py.File(tmp_path / "copy.h5", "w", libver=versions) as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update(old.attrs)
        for i in range(4):  # the header grows beyond its first block
            new.attrs[f"note {i}"] = np.zeros(1000)
        del new.attrs["model_config"]
        new.attrs["model_config"] = old.attrs["model_config"]
        for i in range(4):
            del new.attrs[f"note {i}"]
    assert weights_equal(Sequential.load(tmp_path / "copy.h5"), model)
