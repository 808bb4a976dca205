"""What public programs do beyond the usual notebooks: metrics that are functions, names, orders, and notes."""

import functools

import numpy as np
import pytest

from numpycnn import keras
from numpycnn.keras import layers, notes, ops, tf

RNG = np.random.default_rng(3)
X = RNG.random((50, 6)).astype(np.float32)
X8 = RNG.random((4, 8, 8, 1)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, 50)]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)
    keras.backend.clear_session()
    notes._said.clear()
    yield
    keras.random.set_seed(None)


def compiled(loss="categorical_crossentropy", last="softmax", metrics=("accuracy",), units=3):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(units, activation=last)])
    model.compile("sgd", loss, metrics=list(metrics))
    return model


def test_metrics_that_are_functions_have_keras_s_names():
    def f1Score(y_true, y_pred):
        return ops.mean(ops.round(y_pred) * y_true, axis=-1)

    def MyRMSE(y_true, y_pred):
        return ops.sqrt(ops.mean(ops.square(y_true - y_pred)))

    class Own:
        def __call__(self, y_true, y_pred):
            return ops.max(y_pred)

    top = functools.partial(keras.metrics.top_k_categorical_accuracy, k=2)
    model = compiled(metrics=[f1Score, MyRMSE, Own(), top, lambda y_true, y_pred: ops.mean(y_pred)])
    assert list(model.fit(X, Y, verbose=0).history) == ["f1_score", "lambda", "loss", "my_rmse", "own", "partial"]
    p = model.predict(X)
    figures = model.evaluate(X, Y, batch_size=20, return_dict=True)
    assert figures["f1_score"] == pytest.approx((p.round() * Y).mean())  # a number a row: over the rows
    batches = [np.sqrt(((p - Y)[i : i + 20] ** 2).mean()) for i in (0, 20, 40)]
    assert figures["my_rmse"] == pytest.approx(np.mean(batches))  # a number a batch: over the batches


def test_figures_by_name_are_sorted_as_keras_sorts_them():
    model = compiled(metrics=["mse", "accuracy"])
    by_name = model.evaluate(X, Y, return_dict=True)
    assert list(by_name) == ["accuracy", "loss", "mse"] and model.metrics_names == ["loss", "mse", "accuracy"]
    assert model.evaluate(X, Y) == [by_name[name] for name in model.metrics_names]
    assert list(model.train_on_batch(X, Y, return_dict=True)) == ["accuracy", "loss", "mse"]


def test_the_root_of_the_mean_squared_error():
    model = compiled("mse", None, [keras.metrics.RootMeanSquaredError(), "RootMeanSquaredError"], units=1)
    loss, *roots = model.evaluate(X, X[:, 0], batch_size=20)
    assert roots == [pytest.approx(np.sqrt(loss))] * 2  # of all rows, not the mean of the batches' roots
    assert model.metrics_names == ["loss", "root_mean_squared_error", "RootMeanSquaredError"]
    assert keras.metrics.RootMeanSquaredError()([0, 3], [4, 0]) == pytest.approx(np.sqrt(12.5))


@pytest.mark.parametrize("loss, last", [("categorical_crossentropy", "sigmoid"), ("binary_crossentropy", "softmax")])
def test_a_loss_after_another_activation_says_where_keras_s_backends_differ(loss, last):
    with pytest.warns(keras.KerasNote, match=f"{loss} after .*JAX and PyTorch; TensorFlow's takes what comes before"):
        compiled(loss, last)


def test_an_input_keeps_its_name_in_a_sequential():
    model = keras.Sequential([keras.Input((8, 8, 1), name="img"), layers.Flatten(), layers.Dense(2)])
    assert model.input.name == "img" and [layer.name for layer in model.layers] == ["flatten", "dense"]
    again = keras.Model(model.inputs, model.layers[-1].output)
    assert again.layers[0].name == "img" and np.array_equal(again.predict(X8), model.predict(X8))


def test_the_summary_gives_sizes_in_keras_s_units():
    lines = []
    keras.Sequential([keras.Input((6,)), layers.Dense(600)]).summary(print_fn=lines.append)
    assert "Total params: 4,200 (16.41 KB)" in lines[0] and "Non-trainable params: 0 (0.00 B)" in lines[0]
    keras.Sequential([keras.Input((600,)), layers.Dense(1000)]).summary(print_fn=lines.append)
    assert "Total params: 601,000 (2.29 MB)" in lines[1]


def test_what_a_chain_cannot_have_is_refused_in_words():
    with pytest.raises(ValueError, match=r"one array of rows of one shape, .*shapes \(50, 3\) and \(50, 6\)"):
        compiled().fit([X, Y], Y)
    with pytest.raises(ValueError, match="give one of keras.losses itself, .*from_logits=True"):
        compiled(loss=lambda y_true, y_pred: keras.losses.categorical_crossentropy(y_true, y_pred))


def test_selu_is_two_of_the_core_s_layers(tmp_path):
    values = [-2.0, -0.5, 0.0, 1.5]
    assert np.allclose(keras.activations.selu(values), [-1.5201665, -0.6917582, 0, 1.5760515], atol=1e-6)  # Keras's
    model = keras.Sequential([
        keras.Input((6,)), layers.Dense(5, activation="selu", kernel_initializer="lecun_normal"),
        layers.Activation("selu"), layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.compile("sgd", "categorical_crossentropy")
    losses = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and [type(layer).__name__ for layer in model.layers] == [
        "Dense", "Activation", "Dense"
    ]  # fmt: skip
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    assert again.layers[0].activation.__name__ == "selu" and np.array_equal(again.predict(X), model.predict(X))
    for name in ("m.npz", "m.keras"):
        model.save(tmp_path / name)
        assert np.allclose(keras.models.load_model(tmp_path / name).predict(X), model.predict(X), atol=1e-6), name


def test_the_rate_is_in_the_logs_of_the_callbacks_after_the_one_that_sets_it(tmp_path):
    seen = []
    before, after = (
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs.get("learning_rate")))
        for _ in range(2)
    )
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[before, halve, after, logger]).history
    assert list(history) == ["accuracy", "loss", "learning_rate"] and history["learning_rate"] == [0.01, 0.005]
    assert seen == [None, 0.01, None, 0.005]
    first, *lines = (tmp_path / "log.csv").read_text().split()
    assert first == "epoch,accuracy,learning_rate,loss" and [line.split(",")[2] for line in lines] == ["0.01", "0.005"]
    slower = keras.callbacks.ReduceLROnPlateau("loss", min_delta=1e9, patience=1)
    compiled().fit(X, Y, epochs=3, verbose=0, callbacks=[slower, after])
    assert seen[-3:] == pytest.approx([0.01, 0.01, 0.001])


def test_a_dropout_of_one_s_own_hears_how_to_drop_in_predictions():
    with pytest.raises(TypeError, match="call would never be called; .*training=True. draws holes in predictions"):
        type("MCDropout", (layers.Dropout,), {"call": lambda self, x: x})


def test_python_s_numbers_become_what_tensorflow_makes_of_them():
    assert tf.constant([1.5]).dtype == np.float32 and tf.constant([1, 2]).dtype == np.int32
    assert ops.convert_to_tensor(np.arange(2)).dtype == np.int64 and tf.constant(True).dtype == bool


def test_epochs_that_see_the_first_rows_alone_are_told():
    with pytest.warns(keras.KerasNote, match="every epoch takes the same first rows"):
        compiled().fit(X, Y, batch_size=10, steps_per_epoch=2, shuffle=False, verbose=0)


def test_rows_are_gathered():
    assert np.array_equal(tf.gather(X, tf.constant([2, 0])), X[[2, 0]])
    assert np.array_equal(tf.gather(X, [1], axis=1).numpy(), X[:, [1]])


@pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
@pytest.mark.parametrize("last, losses, p", [
    ("linear", [0.96449, 2.55398, 2.52368], [1.56532, 1.41306]),
    ("relu", [0.96449, 2.55398, 2.52368], [1.56532, 1.41306]),
    ("tanh", [0.83567, 0.72505, 0.68539], [0.41667, 0.58165]),
])  # fmt: skip
def test_binary_crossentropy_of_what_is_no_probability_is_keras_s(last, losses, p):
    x, yes = np.linspace(-1, 1, 48).reshape(8, 6), np.arange(8) % 3 == 0
    y = np.stack([yes, ~yes], axis=1)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, "tanh"), layers.Dense(2, last)])
    model.set_weights([np.sin(np.arange(w.size) + 1).reshape(w.shape) * 0.8 for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    history = model.fit(x, y.astype("float32"), epochs=3, batch_size=4, shuffle=False, verbose=0)
    assert np.allclose(history.history["loss"], losses, atol=1e-4)  # recorded from Keras 3.15 on TensorFlow
    assert np.allclose(model.predict(x)[0], p, atol=1e-4)


@pytest.mark.parametrize("build", [lambda model: model.fit(X, Y, verbose=0), lambda model: model(X)])
def test_layers_of_a_model_that_its_data_have_built_have_outputs(build):
    model = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    build(model)
    assert [layer.output.shape for layer in model.layers] == [(None, 4), (None, 3)]
    outputs = [layer.output for layer in model.layers]
    assert [found.shape for found in keras.Model(model.input, outputs).predict(X)] == [(50, 4), (50, 3)]


def looked_into():
    symbol = keras.Input((6,))
    hidden = layers.Dense(4, activation="relu", name="hidden")(symbol)
    return symbol, keras.Model(symbol, layers.Dense(3, activation="softmax")(hidden))


def test_a_functional_model_is_looked_into_by_its_own_input():
    symbol, model = looked_into()
    outputs = [layer.output for layer in model.layers[1:]]  # before model.input, as programs write it
    assert [found.shape for found in keras.Model(model.input, outputs).predict(X)] == [(50, 4), (50, 3)]
    model.summary(print_fn=lambda text: None)
    model.compile("sgd", "categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    hidden = model.get_layer("hidden").output
    expected = keras.Model(model.input, hidden).predict(X)
    for inputs in (symbol, model.inputs, model.layers[0].output, model.layers[1].input):
        assert np.array_equal(keras.Model(inputs, hidden).predict(X), expected)
    tail = keras.Model(hidden, model.output)
    assert np.allclose(tail.predict(expected), model.predict(X), atol=1e-6)
    assert np.allclose(keras.Model(symbol, tail.output).predict(X), model.predict(X), atol=1e-6)
