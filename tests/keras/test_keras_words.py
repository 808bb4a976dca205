"""Translation: each word of Keras's gives the core's, with the arguments that were given."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numpycnn as nc
from numpycnn import keras
from numpycnn.keras import layers, notes
from numpycnn.keras.words import REQUIRED
from numpycnn.io.keras_file.write import snake_case
from numpycnn.keras.models.loading import LAYERS as READ

pairs = st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3)))
ACTIVATIONS = {None: [], "linear": [], "relu": ["ReLU"], "Sigmoid": ["Sigmoid"], "tanh": ["Tanh"],
               "softmax": ["Softmax"], "leaky_relu": ["LeakyReLU"], keras.activations.relu: ["ReLU"],
               layers.LeakyReLU(0.1): ["LeakyReLU"], layers.ReLU: ["ReLU"]}  # fmt: skip


def made(layer, shape=(8, 8, 4)):
    """Return the core's layers, built."""
    layer.ensure(shape)
    return layer.core


def as_pair(value):
    return value if isinstance(value, tuple) else (value, value)


@settings(max_examples=40, deadline=None)
@given(
    filters=st.integers(1, 3).map(lambda n: 2 * n), kernel=pairs, strides=pairs,
    padding=st.sampled_from(["valid", "same", "Same", "VALID"]), groups=st.sampled_from([1, 2]),
    use_bias=st.booleans(), activation=st.sampled_from(list(ACTIVATIONS)), trainable=st.booleans(),
)  # fmt: skip
def test_conv2d(filters, kernel, strides, padding, groups, use_bias, activation, trainable):
    layer = layers.Conv2D(filters, kernel, strides, padding, groups=groups, use_bias=use_bias, activation=activation,
                          trainable=trainable)  # fmt: skip
    conv, *after = made(layer)
    assert (conv.filters, conv.kernel_size, conv.strides) == (filters, as_pair(kernel), as_pair(strides))
    assert (conv.padding, conv.groups, conv.use_bias) == (padding.lower(), groups, use_bias)
    assert [type(each).__name__ for each in after] == ACTIVATIONS[activation] and conv.trainable is trainable
    assert layer.output_shape == (None, *conv.output_shape)


@settings(max_examples=20, deadline=None)
@given(pool=pairs, strides=st.one_of(st.none(), pairs), padding=st.sampled_from(["valid", "SAME"]),
       kind=st.sampled_from(["Max", "Average"]))  # fmt: skip
def test_pooling(pool, strides, padding, kind):
    (layer,) = made(getattr(layers, f"{kind}Pooling2D")(pool, strides=strides, padding=padding))
    expected = getattr(nc, {"Max": "MaxPool2D", "Average": "AvgPool2D"}[kind])(pool, strides, padding.lower())
    assert repr(layer) == repr(expected)


@pytest.mark.parametrize(
    ("written", "core"),
    [
        (layers.Flatten(), "Flatten()"),
        (layers.Dropout(0.25), "Dropout(rate=0.25)"),
        (layers.Reshape((16, -1)), "Reshape(target_shape=(16, -1))"),
        (layers.ZeroPadding2D(2), "ZeroPad2D(padding=(2, 2))"),
        (layers.Rescaling(1 / 4), "Rescale(scale=0.25)"),
        (layers.BatchNormalization(momentum=0.9, scale=False), "BatchNorm(momentum=0.9, scale=False)"),
        (layers.LayerNormalization(epsilon=0.1, axis=3), "LayerNorm(epsilon=0.1)"),
        (layers.GaussianNoise(0.5), "GaussianNoise(stddev=0.5)"),
        (layers.SpatialDropout2D(0.5), "SpatialDropout2D(rate=0.5)"),
        (layers.GlobalAveragePooling2D(), "GlobalAvgPool2D()"),
        (layers.GlobalMaxPooling2D(), "GlobalMaxPool2D()"),
        (layers.ReLU(negative_slope=0.5), "LeakyReLU(negative_slope=0.5)"),
        (layers.LeakyReLU(), "LeakyReLU()"),
        (layers.Activation("tanh"), "Tanh()"),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), "DepthwiseConv2D(kernel_size=(3, 3), depth_multiplier=2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_core_s_word(written, core):
    assert [repr(each) for each in made(written)] == [core]


@pytest.mark.parametrize("name", [name for name in layers.__all__ if name not in ("Layer", "Input")])
def test_every_layer_says_its_arguments_and_describes_itself(name):
    layer_class = getattr(layers, name)
    needed = {word: 2 for word, default in layer_class.words.items() if default is REQUIRED}
    given = {"rate": 0.5, "activation": "relu", "target_shape": (4, -1), "stddev": 0.1, "factor": 0.1,
             "height_factor": 0.1, "width_factor": 0.1, "scale": 0.5, "height": 8, "width": 8}  # fmt: skip
    arguments = {word: given.get(word, value) for word, value in needed.items()}
    if name == "InputLayer":
        arguments["input_shape"] = (8, 8, 4)
    layer = layer_class(**arguments)
    assert snake_case(name) in layer.name or name in ("Convolution2D", "MaxPool2D", "AvgPool2D", "GlobalMaxPool2D",
                                                      "GlobalAvgPool2D", "SeparableConvolution2D")  # fmt: skip
    assert list(inspect.signature(layer_class).parameters) == list(layer_class.words)
    config = layer.get_config()
    assert set(layer_class.words) <= set(config)
    if name != "InputLayer":
        again, shape = layer_class.from_config(config), (8,) if name == "Dense" else (8, 8, 4)
        assert [repr(each) for each in made(again, shape)] == [repr(each) for each in made(layer, shape)]
    with pytest.raises(TypeError, match=f"{layer_class.__name__}: unexpected argument 'unitz'"):
        layer_class(**arguments, unitz=3)
    with pytest.raises(ValueError, match="images are channels-last here"):
        layer_class(**arguments, data_format="channels_first").ensure((8, 8, 4))


@pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
def test_words_of_keras_1():
    for name in ("Convolution2D", "MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "GlobalAveragePooling2D",
                 "GlobalMaxPooling2D", "SpatialDropout2D"):  # fmt: skip
        kind = getattr(layers, name)
        given = {"Convolution2D": (4, 3, 2), "SpatialDropout2D": (0.5,)}.get(name, ())
        notes._said.clear()
        with pytest.warns(keras.KerasNote, match=f"{name}: dim_ordering= is the old word for data_format="):
            assert kind(*given, dim_ordering="tf").data_format == "channels_last"
        with pytest.raises(ValueError, match="data_format='channels_first': images are channels-last here"):
            kind(*given, dim_ordering="th")
    (conv,) = made(layers.Convolution2D(nb_filter=4, nb_row=3, nb_col=2, bias=False, b_regularizer=None))
    assert repr(conv) == "Conv2D(filters=4, kernel_size=(3, 2), use_bias=False)"
    assert made(layers.BatchNormalization(mode=0, beta_init="zero"))[0].center and layers.GaussianNoise(sigma=0.5)
    with pytest.raises(ValueError, match="BatchNormalization: mode=2: it normalises over the batch, mode=0"):
        layers.BatchNormalization(mode=2)
    assert keras.preprocessing.image.ImageDataGenerator(dim_ordering="tf").data_format == "channels_last"


OPTIMIZERS = {
    "SGD": dict(learning_rate=0.5, momentum=0.9, nesterov=True),
    "Adam": dict(learning_rate=0.5, beta1=0.8, beta2=0.7, epsilon=0.1),
    "AdamW": dict(learning_rate=0.5, weight_decay=0.3, beta1=0.8, beta2=0.7, epsilon=0.1),
    "RMSprop": dict(learning_rate=0.5, rho=0.7, momentum=0.2, epsilon=0.1, centered=True),
    "Adagrad": dict(learning_rate=0.5, initial_accumulator_value=0.3, epsilon=0.1),
    "Adadelta": dict(learning_rate=0.5, rho=0.7, epsilon=0.1),
    "Adamax": dict(learning_rate=0.5, beta1=0.8, beta2=0.7, epsilon=0.1),
    "Nadam": dict(learning_rate=0.5, beta1=0.8, beta2=0.7, epsilon=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    words = OPTIMIZERS[name]
    keras_words = {{"beta1": "beta_1", "beta2": "beta_2"}.get(word, word): value for word, value in words.items()}
    optimizer = getattr(keras.optimizers, name)(**keras_words, global_clipnorm=2.0)
    config = optimizer.core.get_config()
    assert type(optimizer.core).__name__ == name and {word: config[word] for word in words} == words
    assert config["global_clipnorm"] == 2.0 and (name not in ("Adam", "AdamW") or optimizer.core.epsilon_hat)
    assert type(keras.optimizers.get(name.upper())) is type(optimizer)
    assert optimizer.name == name.lower() and type(optimizer)(name="mine").name == "mine"
    again = type(optimizer).from_config(optimizer.get_config())
    assert again.core.get_config() == config
    optimizer.learning_rate.assign(0.25)
    assert optimizer.core.learning_rate == optimizer.learning_rate == 0.25
    keras.backend.set_value(optimizer.learning_rate, 0.125)
    assert keras.backend.get_value(optimizer.learning_rate) == np.float32(0.125)


def test_a_polynomial_decay_is_a_line_unless_told():
    rate = keras.optimizers.schedules.PolynomialDecay(0.5, 4, 0.1)
    assert np.allclose([rate(step) for step in (0, 1, 2, 4, 9)], [0.5, 0.4, 0.3, 0.1, 0.1])


def test_every_layer_of_the_core_can_be_read_back():
    known = {*READ, "ReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "Layer"}
    assert set(nc.layers.__all__) <= known


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [("he_normal", 0, np.sqrt(2 / 400)), ("lecun_normal", 0, np.sqrt(1 / 400)),
     ("glorot_uniform", 0, np.sqrt(2 / 1000)), ("normal", 0, 0.05), ("random_uniform", 0, 0.1 / np.sqrt(12)),
     ("zeros", 0, 0), ("ones", 1, 0)],
)  # fmt: skip
def test_initializers(name, mean, deviation):
    keras.utils.set_random_seed(1)
    layer = layers.Dense(600, kernel_initializer=name)
    layer.ensure((400,))
    values = layer.kernel.numpy()
    assert abs(values.mean() - mean) < 0.002 and abs(values.std() - deviation) < 0.02 * max(deviation, 1e-6) + 1e-7
    layer.core[0].get_config()  # names alone, so that every file can hold it
    assert layer.core[0].kernel_initializer in nc.initializers.INITIALIZERS


def test_initializers_as_objects():
    init = keras.initializers
    assert np.array_equal(init.Identity()((3, 3)), np.eye(3)) and (init.Constant(2)((2,)) == 2).all()
    q = init.Orthogonal()((6, 4))
    assert np.allclose(q.T @ q, np.eye(4), atol=1e-6)
    drawn = init.TruncatedNormal(stddev=1.0)((1000,))
    assert abs(drawn).max() <= 2 and init.get("he_normal").get_config()["scale"] == 2.0
    with pytest.raises(ValueError, match="unknown initializer 'he_norml'; did you mean 'he_normal'"):
        layers.Dense(3, kernel_initializer="he_norml").ensure((4,))


def test_a_note_says_what_to_use_where_there_is_something():
    for word, says in (("seed", "set_random_seed"), ("name", "the same without it"), ("trainable", "same without it")):
        with pytest.warns(keras.KerasNote, match=f"Thing of {word}: {word} does nothing here; .*{says}"):
            notes.no_effect(f"Thing of {word}", **{word: 1})


def test_a_penalty_that_is_not_named_is_none():
    for made, penalties in ((keras.regularizers.L1L2(), (0, 0)), (keras.regularizers.L1L2(l2=0.1), (0, 0.1)),
                            (keras.regularizers.L1L2(0.2), (0.2, 0)), (keras.regularizers.L1(), (0.01, 0)),
                            (keras.regularizers.L2(), (0, 0.01))):
        assert (made.l1, made.l2) == penalties
    assert keras.regularizers.l1_l2().get_config() == {"l1": 0, "l2": 0}  # as Keras 3
    assert np.isclose(keras.regularizers.L1L2(0.1, 0.2)(np.array([1.0, -2.0])), 1.3)
