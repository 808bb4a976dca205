"""What people type who come from Keras, scikit-learn or PyTorch, and what the error or warning tells them to do."""

import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
from small_models import make_images, small_cnn

import numpycnn as nc
from numpycnn import hints

X, Y = make_images(20)


class Tensor:
    """A tensor of PyTorch that still collects gradients, as NumPy meets it."""

    requires_grad = True

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def batches():
    yield X, Y


def pixels(scale, rows=20, shape=(12, 12, 1)):
    return (np.random.default_rng(0).integers(0, 256, (rows, *shape)) * scale).astype(np.float32)


# What is typed, the error, what its message tells to do.
ADVICE = {
    "labels as text": (lambda: small_cnn().fit(X, Y.astype(str), verbose=0), TypeError, r"use labels.astype\(int\)"),
    "labels as text, objects": (
        lambda: nc.to_categorical(Y.astype(str).astype(object)), TypeError, r"use y.astype\(int\)"
    ),
    "labels as objects": (lambda: small_cnn().fit(X, Y.astype(object)), TypeError, r"use labels.astype\(int\)"),
    "fractions as objects": (
        lambda: nc.to_categorical(np.array([0.5, 1], object)), TypeError, r"as objects: use y.astype\(float\)"
    ),
    "fractions as text": (lambda: nc.to_categorical(["0.5"]), TypeError, r"use y.astype\(float\)"),
    "words as labels": (
        lambda: small_cnn().fit(X, ["cat"] * 20, verbose=0), TypeError, r"np.unique\(labels, return_inverse=True\)\[1\]"
    ),
    "channels first": (lambda: small_cnn().predict(X.transpose(0, 3, 1, 2)), ValueError, r"transpose\(0, 2, 3, 1\)"),
    "channels first, in colour": (
        lambda: nc.Sequential([nc.Conv2D(2, 3)], (32, 30, 3)).predict(np.zeros((5, 3, 32, 30))), ValueError,
        r"channels come last here: x.transpose\(0, 2, 3, 1\)",
    ),
    "one image": (lambda: small_cnn().predict(X[0, ..., 0]), ValueError, r"x\[None, ..., None\]"),
    "one image with channels": (lambda: small_cnn().predict(X[0]), ValueError, r"add the batch axis: x\[None\]"),
    "no channels": (lambda: small_cnn().predict(X[..., 0]), ValueError, r"add the channel axis: x\[..., None\]"),
    "flat images": (lambda: small_cnn().predict(X.reshape(20, -1)), ValueError, r"x.reshape\(-1, 12, 12, 1\)"),
    "classes and mean squared error": (
        lambda: nc.MeanSquaredError()(np.zeros((20, 4)), Y), ValueError, r"to_categorical\(y, 4\)"
    ),
    "classes in a column and mean squared error": (
        lambda: nc.MeanSquaredError()(np.zeros((20, 4)), Y[:, None]), ValueError, r"to_categorical\(y, 4\)"
    ),
    "one callback": (
        lambda: small_cnn().fit(X, Y, callbacks=nc.EarlyStopping()), TypeError, r"callbacks=\[EarlyStopping\(...\)\]"
    ),
    "monitor in old Keras": (
        lambda: small_cnn().fit(X, Y, validation_split=0.5, callbacks=[nc.EarlyStopping("val_acc")]), ValueError,
        "did you mean 'val_accuracy'",
    ),
    "monitor without validation": (
        lambda: small_cnn().fit(X, Y, callbacks=[nc.EarlyStopping()]), ValueError, "need validation_split"
    ),
    "metric misspelt": (
        lambda: small_cnn().compile("adam", "categorical_crossentropy", ["acuracy"]), ValueError, "mean 'accuracy'"
    ),
    "history as a dict": (lambda: nc.History()["loss"], TypeError, r"history.history\['loss'\]"),
    "history asked for a name": (lambda: "loss" in nc.History(), TypeError, "write history.history$"),
    "one of several losses": (
        lambda: small_cnn().compile("adam", "cross_entropy"), ValueError,
        "mean 'sparse_categorical_crossentropy' or 'categorical_crossentropy' or 'binary_crossentropy'",
    ),
    "what makes a generator": (
        lambda: small_cnn().fit(batches), TypeError, r"\(a function\); call it if it makes what is wanted: batches\(\)"
    ),
    "a generator": (lambda: small_cnn().fit(batches(), Y), TypeError, r"\(a generator\).* x = np.concatenate"),
    "a generator to evaluate": (lambda: small_cnn().evaluate(batches(), Y), TypeError, r"x = np.concatenate"),
    "no labels": (lambda: small_cnn().fit(X), TypeError, "labels: expected an array of real numbers"),
    "a tensor that collects gradients": (
        lambda: small_cnn().predict(Tensor()), TypeError, r"use x.detach\(\).numpy\(\)"
    ),
    "optimizer of Keras": (lambda: nc.Adam(lr=0.1), TypeError, "Adam: unexpected argument 'lr'; write learning_rate"),
    "moments of Keras": (lambda: nc.AdamW(beta_1=0.1), TypeError, "write beta1"),
    "activation of Keras": (lambda: nc.Dense(9, activation="relu"), TypeError, r"Dense: .*put ReLU\(\).* after it"),
    "input_shape at a layer": (
        lambda: nc.Flatten(input_shape=(28, 28)), TypeError, r"Flatten: .*Sequential\(\[...\], input_shape="
    ),
    "a name for a model": (lambda: nc.Sequential([], name="net"), TypeError, "Sequential: .* no names"),
    "logits in a loss": (lambda: nc.SoftmaxCrossEntropy(from_logits=True), TypeError, "always takes logits"),
    "unknown word": (lambda: nc.Dense(9, colour="red"), TypeError, "unexpected keyword argument 'colour'"),
    "a layer of Keras": (lambda: nc.MaxPooling2D, ImportError, "numpycnn has no MaxPooling2D; it has MaxPool2D"),
    "a layer of nobody": (lambda: nc.Convolver, AttributeError, "module 'numpycnn' has no attribute 'Convolver'"),
    "weights alone": (lambda: small_cnn().save("m.weights.h5"), ValueError, "use save_weights for weights alone"),
    "weights under another name": (lambda: small_cnn().save_weights("m.h5"), ValueError, "ends in .weights.h5, got"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "advice"), ADVICE.values(), ids=ADVICE)
def test_the_error_says_what_to_do(call, error, advice):
    with pytest.raises(error, match=advice):
        call()


def test_an_import_of_a_keras_name_says_ours():
    with pytest.raises(ImportError, match="it has BatchNorm"):
        from numpycnn import BatchNormalization  # noqa: F401
    assert all(hasattr(nc, ours) and not hasattr(nc, f"{ours}_") for ours in hints.KERAS_NAMES.values())


@pytest.mark.parametrize("word", [w for w in hints.KERAS_ARGUMENTS if w != "input_shape"])
def test_an_argument_of_keras_s_names_ours_and_the_facade(word):
    text = rf"Flatten: unexpected argument '{word}'; {re.escape(hints.KERAS_ARGUMENTS[word])}; numpycnn.keras"
    with pytest.raises(TypeError, match=text):
        nc.Flatten(**{word: 1})


def test_methods_and_attributes_of_keras_s_name_ours_and_the_facade():
    model = small_cnn()
    for owner in (model, model.layers[0], model.optimizer):
        for name in hints.KERAS_ATTRIBUTES.keys() - set(dir(owner)):
            with pytest.raises(AttributeError, match=re.escape(f"{hints.KERAS_ATTRIBUTES[name]}; numpycnn.keras")):
                getattr(owner, name)
    with pytest.raises(TypeError, match="evaluate: unexpected argument 'return_dict'; it returns .*numpycnn.keras"):
        model.evaluate(X, Y, return_dict=True)
    with pytest.raises(TypeError, match="predict: unexpected argument 'verbose'; it prints nothing"):
        model.predict(X, verbose=0)
    with pytest.raises(TypeError, match="compile: unexpected argument 'loss_weights'"):
        model.compile("adam", "mse", loss_weights=[1])
    assert len(hints.KERAS_ARGUMENTS) + len(hints.KERAS_NAMES) + len(hints.KERAS_ATTRIBUTES) > 50


def test_words_of_keras_are_words_that_no_class_takes():
    made = [nc.Layer, nc.Optimizer, nc.Loss, nc.Callback, nc.Sequential]
    classes = [c for c in vars(nc).values() if inspect.isclass(c) and issubclass(c, tuple(made))]
    taken = {(c, name) for c in classes for name in inspect.signature(c).parameters if name in hints.KERAS_ARGUMENTS}
    with_penalties = nc.Conv2D, nc.Dense, nc.DepthwiseConv2D, nc.SeparableConv2D
    penalised = {(c, word) for c in with_penalties for word in ("kernel_regularizer", "bias_regularizer")}
    assert len(classes) > 25 and taken == {(nc.Sequential, "input_shape"), (nc.ELU, "alpha"), *penalised}
    assert str(inspect.signature(nc.Adam)).startswith("(learning_rate: ")  # the hint does not hide the signature


def test_a_class_of_one_s_own_explains_too_and_may_take_the_word():
    class Named(nc.Layer):
        def __init__(self, name):
            self.name = name

    assert Named(name="mine").name == "mine" and repr(Named("mine")) == "Named(name='mine')"
    assert pickle.loads(pickle.dumps(nc.Adam(0.5))).learning_rate == 0.5
    with pytest.raises(TypeError, match="Named: unexpected argument 'input_shape'"):
        Named(name="mine", input_shape=(2,))


# -- warnings of fit ---------------------------------------------------------------------------------------


def warnings_of_fit(x, y=Y, layers=None, optimizer="sgd", **options):
    """Return what fit warns of: (category, text, file)."""
    layers = [nc.Flatten(), nc.Dense(4)] if layers is None else layers
    model = nc.Sequential(layers, np.shape(x)[1:], seed=0)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, y, verbose=0, epochs=2, batch_size=5, seed=0, **options)
    return [(w.category, str(w.message), w.filename) for w in caught]


@pytest.mark.parametrize("x", [pixels(1), pixels(1).astype("u1"), pixels(1).reshape(20, -1)], ids=["f4", "u1", "flat"])
def test_pixels_that_are_not_scaled_are_said_once(x):
    layers = [nc.Flatten(), nc.Dense(4)] if x.ndim > 2 else [nc.Dense(4)]
    ((category, text, file),) = warnings_of_fit(x, layers=layers, optimizer=nc.SGD(1e-6))
    assert category is UserWarning and "divide by 255" in text and file == __file__


def test_pixels_that_are_scaled_twice_are_said_once():
    ((category, text, file),) = warnings_of_fit(pixels(1 / 255**2))
    assert category is UserWarning and "divided by 255 twice" in text and file == __file__


def test_a_softmax_before_the_one_in_the_loss_is_said_once():
    layers = [nc.Flatten(), nc.Dense(4), nc.Softmax()]
    ((category, text, file),) = warnings_of_fit(pixels(1 / 255), layers=layers)
    assert category is UserWarning and "leave Softmax() out" in text and file == __file__


class Scale(nc.Layer):
    """The user's own layer that scales."""

    def forward(self, x, training=False):
        return self.check_input(x) / 255


SENSIBLE = {
    "scaled": {"x": pixels(1 / 255)},
    "standardised": {"x": (pixels(1) - 127.5) / 74},
    "standardised and small": {"x": (pixels(1) - 127.5) / 1e5},
    "black": {"x": pixels(0)},
    "fractions of 255": {"x": pixels(0.9), "optimizer": nc.SGD(1e-6)},
    "counts": {"x": pixels(1)[:, 0, :, 0], "layers": [nc.Dense(4)], "optimizer": nc.SGD(1e-6)},
    "scaled by the network": {"x": pixels(1), "layers": [Scale(), nc.Flatten(), nc.Dense(4)]},
    "normalised by the network": {"x": pixels(1), "layers": [nc.BatchNorm(), nc.Flatten(), nc.Dense(4)]},
    "rescaled by the network": {"x": pixels(1), "layers": [nc.Rescale(1 / 255), nc.Flatten(), nc.Dense(4)]},
    "scaled by augment": {"x": pixels(1), "augment": lambda x, rng: x / 255},
    "a usual rate": {"x": pixels(1 / 255), "optimizer": nc.SGD(0.1, momentum=0.9)},
    "a large rate that is borne": {"x": pixels(1 / 255), "optimizer": nc.SGD(0.5)},
}


@pytest.mark.parametrize("arguments", SENSIBLE.values(), ids=SENSIBLE)
def test_sensible_data_and_rates_give_no_warning(arguments):
    assert warnings_of_fit(**arguments) == []


@pytest.mark.parametrize("optimizer", [nc.SGD(10), nc.SGD(10, momentum=0.9), nc.Adam(10)], ids=["SGD", "heavy", "Adam"])
def test_a_loss_that_explodes_names_the_learning_rate_once(optimizer):
    ((category, text, file),) = warnings_of_fit(pixels(1 / 255), optimizer=optimizer)
    assert category is UserWarning and "the loss has grown from" in text and file == __file__
    assert text.endswith("the learning rate is 10: try a tenth of it, or less")


def test_a_loss_that_is_not_finite_names_a_large_learning_rate_unless_the_data_is_to_blame():
    with np.errstate(all="ignore"):  # the NumPy twins would warn, too
        found = warnings_of_fit(pixels(1 / 255), optimizer=nc.SGD(1e38))
    texts = [text for category, text, _ in found if category is RuntimeWarning]
    assert len(texts) == 1 and "try a tenth of it" in texts[0]
    x = pixels(1 / 255)
    x[3, 0, 0, 0] = np.nan
    ((_, text, _),) = warnings_of_fit(x, optimizer=nc.SGD(10))
    assert "NaN or infinity in x" in text and "learning rate" not in text


@pytest.mark.parametrize("base, use", [
    (nc.Dense, lambda own: nc.Sequential([own], input_shape=(3,))),
    (nc.SoftmaxCrossEntropy, lambda own: own(np.zeros((2, 3)), np.zeros(2, int))),
    (nc.Adam, lambda own: small_cnn(optimizer=own).fit(X, Y, verbose=0)),
    (nc.optimizers.Optimizer, lambda own: small_cnn(optimizer=own).fit(X, Y, verbose=0)),
    (nc.CosineDecay, lambda own: nc.Adam(own).current_rate),
    (nc.metrics.Metric, lambda own: small_cnn().compile("adam", "categorical_crossentropy", [own])),
])  # fmt: skip
def test_a_class_that_does_not_call_the_init_of_ours_is_told(base, use):
    mine = type("Mine", (base,), {"__init__": lambda self: None})
    with pytest.raises(AttributeError, match=r"Mine.__init__ has to call super\(\).__init__\(...\) first"):
        use(mine())
    with pytest.raises(AttributeError, match="has no attribute 'colour'$"):
        mine().colour
    twin = type("Twin", (base,), {"twice": property(lambda self: 2 * self.colour)})
    with pytest.raises(AttributeError, match="has no attribute 'colour'$"):  # not 'twice'
        twin.__new__(twin).twice
