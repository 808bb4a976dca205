"""Models in Keras's words: how they are written, trained, looked into, shared and kept."""

import json
import re

import numpy as np
import pytest

from numpycnn import ReLU, keras
from numpycnn.io.keras_file.write import snake_case
from numpycnn.keras import layers, notes

pytestmark = pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
RNG = np.random.default_rng(0)
X = RNG.random((40, 8, 8, 1)).astype(np.float32)
Y = (X.mean(axis=(1, 2, 3)) > 0.5).astype(int) + (X[:, :4].mean(axis=(1, 2, 3)) > 0.5)
ONE_HOT = np.eye(3, dtype=np.float32)[Y]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(5)
    keras.backend.clear_session()
    notes._said.clear()
    yield
    keras.random.set_seed(None)


def small(last="softmax"):
    return keras.Sequential([
        layers.Conv2D(3, 3, activation="relu", input_shape=(8, 8, 1)), layers.Flatten(), layers.Dense(3, last)
    ])  # fmt: skip


def compiled(last="softmax", loss="sparse_categorical_crossentropy", optimizer="adam", metrics=("accuracy",)):
    model = small(last)
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def test_fit_evaluate_and_predict_as_keras_returns_them():
    model = compiled()
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"] and history.epoch == [0, 1]
    assert all(len(figures) == 2 for figures in history.history.values()) and history.model is model
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(X, Y, return_dict=True) == {"loss": loss, "accuracy": accuracy}
    assert model.metrics_names == ["loss", "accuracy"]
    p = model.predict(X, batch_size=7, verbose=0)
    assert p.shape == (40, 3) and np.allclose(p.sum(axis=1), 1) and type(p) is np.ndarray
    assert np.mean(p.argmax(axis=1) == Y) == accuracy and np.allclose(model(X), p, atol=1e-6)
    assert isinstance(compiled(metrics=[]).evaluate(X, Y), float)
    assert model.evaluate(X, Y, batch_size=5, steps=2) == pytest.approx(model.evaluate(X[:10], Y[:10]), rel=1e-6)
    assert len(model.predict(X, batch_size=5, steps=3)) == 15


def test_evaluate_prints_one_line_unless_told(capsys):
    model = compiled()
    model.fit(X, Y, verbose=0)
    for given, steps in (({}, 2), ({"verbose": 1}, 2), ({"verbose": 2, "batch_size": 10}, 4), ({"steps": 1}, 1)):
        loss, accuracy = model.evaluate(X, Y, **given)
        line = rf"{steps}/{steps} 0s [\d.]+ms/step - accuracy: {accuracy:.4f} - loss: {loss:.4f}\n"
        assert re.fullmatch(line, capsys.readouterr().out)
    model.evaluate(Numbered())
    assert capsys.readouterr().out.startswith("4/4 0s ")
    model.evaluate(X, Y, verbose=0), model.test_on_batch(X, Y), model.evaluate_generator(Numbered())
    whole = model.predict_generator(Numbered(), 4, verbose=0)
    assert np.array_equal(model.predict_generator(generator=Numbered(), steps=2, verbose=0), whole[: len(whole) // 2])
    assert model.evaluate_generator(generator=Numbered(), steps=4) == model.evaluate_generator(Numbered())
    assert capsys.readouterr().out == ""


def test_the_softmax_is_a_layer_until_the_loss_has_one():
    model = small()
    before = model.predict(X)
    weights = model.get_weights()
    model.compile("sgd", "mse")
    assert np.allclose(model.predict(X), before, atol=1e-6)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert [type(each).__name__ for each in model.core_model().layers][-1] == "Dense"
    assert np.allclose(model.predict(X), before, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights, strict=True))
    assert np.allclose(np.asarray(model.layers[-1](np.asarray(keras.Model(model.input, model.layers[1].output)(X)))),
                       before, atol=1e-6)  # fmt: skip


def test_losses_that_do_not_suit_the_end_say_what_to_do():
    with pytest.raises(ValueError, match='ends in Dense.*end it in activation="softmax", or .*from_logits=True'):
        compiled(last=None)
    with pytest.warns(keras.KerasNote, match='activation="sigmoid".*counts as 0 or 1 and teaches nothing, as in Keras'):
        compiled("tanh", loss="binary_crossentropy")
    assert compiled("tanh", loss="mse").evaluate(X, ONE_HOT)[1] <= 1  # the accuracy with any loss
    logits = compiled(None, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert logits.predict(X).min() < 0
    with pytest.warns(keras.KerasNote, match="from_logits=True after Softmax"):
        both = compiled(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.allclose(both.predict(X).sum(axis=1), 1)
    with pytest.warns(keras.KerasNote, match="after Sigmoid.*loss of what it gives, as logits.*TensorFlow's takes"):
        compiled("sigmoid", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for reduction in ("none", None):  # Keras trains on the sum then, and shows the mean
        with pytest.raises(ValueError, match="'none' trains on the sum.*give reduction='sum', or leave it out"):
            compiled(loss=keras.losses.SparseCategoricalCrossentropy(reduction=reduction))


def test_sums_are_taken_over_batches_of_rows_held_out_as_of_others():
    given, split = (compiled(loss=keras.losses.CategoricalCrossentropy(reduction="sum")) for _ in range(2))
    given.set_weights(split.get_weights())
    words = {"batch_size": 7, "shuffle": False, "verbose": 0}
    weights = np.arange(40.0)
    history = split.fit(X, ONE_HOT, validation_split=0.4, sample_weight=weights, **words).history
    held_out = X[24:], ONE_HOT[24:], weights[24:]
    expected = given.fit(X[:24], ONE_HOT[:24], validation_data=held_out, sample_weight=weights[:24], **words).history
    assert history == expected and set(expected) == {"accuracy", "loss", "val_accuracy", "val_loss"}


def test_losses_and_metrics_by_themselves():
    p, k = small().predict(X), keras.losses
    expected = -np.log(p[np.arange(40), Y])
    assert np.allclose(k.sparse_categorical_crossentropy(Y, p), expected, atol=1e-5)
    assert np.allclose(k.CategoricalCrossentropy()(ONE_HOT, p).numpy(), expected.mean(), atol=1e-5)
    assert np.isclose(k.get("mse")(ONE_HOT, p), np.mean((ONE_HOT - p) ** 2), atol=1e-6)
    for loss in k.mean_squared_error, k.MeanSquaredError(reduction="sum"), k.MeanSquaredError(reduction=None):
        assert loss(np.array([1, 2, 3, 4]), np.zeros(4)).numpy() == 7.5  # numbers in a row are one row, as in Keras
    assert k.MeanSquaredError()([1, 2], [0, 0], [1, 3]) == 5 and k.SparseCategoricalCrossentropy()(0, p[0]).shape == ()
    assert np.allclose(k.CategoricalCrossentropy(reduction=None)(ONE_HOT, p), expected, atol=1e-5)
    assert np.isclose(k.BinaryCrossentropy()([[1], [0]], [[0.9], [0.2]]), -np.log([0.9, 0.8]).mean(), atol=1e-6)
    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(Y, p)
    assert metric.result().numpy() == np.float32(np.mean(p.argmax(1) == Y))
    answers, targets = [0.75, 0.25, 1.0, 0.5], [0, 1, 1, 1]
    for name, expected in (("MeanSquaredError", 0.34375), ("MeanAbsoluteError", 0.5), ("BinaryAccuracy", 0.25),
                           ("Precision", 0.5), ("Recall", 1 / 3)):  # as Keras says
        assert np.isclose(getattr(keras.metrics, name)()(targets, answers), expected), name
    assert np.isclose(keras.metrics.BinaryAccuracy()(targets, answers, [0, 1, 2, 3]), 1 / 3)
    assert np.isclose(keras.metrics.AUC()([0, 1, 1, 0], [-2, 3, 0.5, 0.7]), 0.75)  # below 0 is 0, above 1 is 1
    mean = keras.metrics.Mean()
    assert mean([1, 2]) == 1.5 and mean([3]) == 2 and (mean.reset_state(), mean(7))[1] == 7


def test_shares_whose_sum_is_not_one_are_divided_by_it():
    rows = [[2.0, 3.0, 5.0], [0.1, 0.1, 0.1]]
    loss = keras.losses.CategoricalCrossentropy(reduction="none")
    assert loss([[0, 0, 1.0], [0, 1, 0]], rows).numpy() == pytest.approx(np.log([2, 3]), abs=1e-5)
    metric = keras.metrics.CategoricalCrossentropy()
    assert float(metric([[0, 0, 1.0], [0, 1, 0]], rows)) == pytest.approx(np.log([2, 3]).mean(), abs=1e-5)


@pytest.mark.parametrize("name, expected", [  # Keras's
    ("mean_squared_error", [[0.5, 2.5]]), ("mean_absolute_error", [[0.5, 1.5]]), ("huber", [[0.25, 1.0]]),
    ("binary_crossentropy", [[-np.log(0.5) / 2, 0]]), ("sparse_categorical_crossentropy", [[np.log(2), 0]]),
])  # fmt: skip
def test_the_losses_of_images_are_those_of_their_pixels(name, expected):
    outputs, targets = np.array([[[0.0, 1], [2, 1]]]), np.zeros((1, 2, 2))
    if "entropy" in name:
        outputs, targets = np.array([[[0.5, 1], [0, 1]]]), np.array([[[1, 1], [0, 1]]])
    if "sparse" in name:
        outputs, targets = np.array([[[0.5, 0.5], [0, 1]]]), np.array([[1, 1]])
    loss = getattr(keras.losses, name)
    assert loss(targets, outputs).numpy() == pytest.approx(np.array(expected), abs=1e-5)
    whole = loss.loss_class(reduction="sum")
    assert float(whole(targets, outputs)) == pytest.approx(np.sum(expected), abs=1e-5)
    for weight in 2, [2], [[2]], [[2, 2]]:
        assert float(whole(targets, outputs, weight)) == pytest.approx(2 * np.sum(expected), abs=1e-5)


def test_metrics_by_name_object_and_function():
    def right(y_true, y_pred):
        return keras.backend.mean(keras.backend.equal(y_true.reshape(-1), keras.backend.argmax(y_pred)))

    names = ["acc", "sparse_top_k_categorical_accuracy", keras.metrics.SparseCategoricalAccuracy(name="mine"), right]
    model = compiled(metrics=names)
    figures = model.evaluate(X, Y, len(X), return_dict=True)
    assert [each.name for each in model.metrics] == model.metrics_names[1:]
    assert list(figures) == ["acc", "loss", "mine", "right", "sparse_top_k_categorical_accuracy"]
    assert figures["acc"] == figures["mine"] == figures["right"]
    history = model.fit(X, Y, verbose=0).history
    assert history["acc"] and "accuracy" not in history
    with pytest.warns(keras.KerasNote, match="'val_acc' is the old name"):
        assert compiled().fit(X, Y, validation_split=0.2, verbose=0).history["val_acc"]


def test_weights_of_rows_and_classes():
    weights = RNG.uniform(0.5, 2, 40)
    a, b = compiled(optimizer="sgd"), compiled(optimizer="sgd")
    b.set_weights(a.get_weights())
    a.fit(X, Y, sample_weight=np.array([1.0, 3.0, 2.0])[Y], shuffle=False, verbose=0)
    b.fit(X, Y, class_weight={0: 1, 1: 3, 2: 2}, shuffle=False, verbose=0)
    assert all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights()))
    per_row = keras.losses.sparse_categorical_crossentropy(Y, a.predict(X))
    assert np.isclose(a.evaluate(X, Y, sample_weight=weights)[0], np.mean(per_row * weights), atol=1e-5)


def batches(size=10):
    while True:
        for i in range(0, 40, size):
            yield X[i : i + size], Y[i : i + size]


class Numbered(keras.utils.Sequence):
    def __init__(self):
        self.ended, self.seen = 0, []

    def __len__(self):
        return 4

    def __getitem__(self, i):
        self.seen.append(i)
        return X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]

    def on_epoch_end(self):
        self.ended += 1


def test_batches_from_anything():
    from numpycnn.keras import tf

    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10).prefetch(tf.data.AUTOTUNE)
    arrays, losses = compiled(optimizer="sgd"), []
    start = arrays.get_weights()
    losses.append(arrays.fit(X, Y, batch_size=10, shuffle=False, epochs=2, verbose=0).history["loss"])
    numbered = Numbered()
    for source, steps in ((batches(), 4), (dataset, None), (numbered, None)):
        model = compiled(optimizer="sgd")
        model.set_weights(start)
        given = {} if steps is None else {"steps_per_epoch": steps}
        history = model.fit(source, epochs=2, verbose=0, shuffle=False, validation_data=dataset, **given).history
        losses.append(history["loss"])
    assert np.allclose(losses, losses[0], atol=1e-6) and numbered.ended == 2
    numbered.seen.clear()
    model.fit(numbered, epochs=3, verbose=0)  # the first is looked at before, too
    epochs = [numbered.seen[-4 * k - 4 :][:4] for k in range(3)]
    assert all(sorted(each) == [0, 1, 2, 3] for each in epochs) and epochs != [[0, 1, 2, 3]] * 3
    assert np.allclose(model.evaluate(dataset), model.evaluate(X, Y), atol=1e-6)
    assert np.allclose(model.predict(dataset), model.predict(X), atol=1e-6)
    with pytest.warns(keras.KerasNote, match="fit_generator is an old name"):
        model.fit_generator(batches(), steps_per_epoch=2, epochs=1, verbose=0, workers=4)


def test_a_model_that_is_built_by_its_data():
    model = keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])
    assert not model.built
    lines = []
    model.summary(print_fn=lines.append)
    assert re.search(r"dense \(Dense\) +\? +0 \(unbuilt\)\n.*\n.*Total params: 0 \(0.00 B\)", lines[0])
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches_of_one_hot(), steps_per_epoch=2, verbose=0)
    assert model.count_params() == 64 * 3 + 3


def batches_of_one_hot():
    while True:
        yield X[:10], ONE_HOT[:10]


def test_functional_models_and_what_is_inside():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    x = keras.activations.relu(x)
    outputs = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    model = keras.Model(inputs=inputs, outputs=outputs)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", "Conv2D", "Activation", "Flatten", "Dense"]
    assert model.get_layer("conv").output.shape == (None, 6, 6, 3) and model.output_shape == (None, 3)
    assert model.get_input_shape_at(0) == (None, 8, 8, 1) and model.layers[1].get_output_shape_at(0) == (None, 6, 6, 3)
    again = keras.Model.from_config(model.get_config())
    assert [type(layer).__name__ for layer in again.layers] == kinds and again.output_shape == (None, 3)
    inside = keras.Model(model.input, model.get_layer("conv").output)
    several = keras.Model(model.input, [layer.output for layer in model.layers[1:3]])
    first, second = several.predict(X)
    (once,) = keras.backend.function([model.input, keras.backend.learning_phase()], [model.layers[1].output])([X, 0])
    assert np.array_equal(once, first)
    assert np.array_equal(first, inside.predict(X)) and np.array_equal(second, np.maximum(first, 0))
    with pytest.raises(ValueError, match="no layer 'cnv'; did you mean 'conv'"):
        model.get_layer("cnv")
    with pytest.raises(ValueError, match="chains, without branches"):
        layers.Dense(3)([inputs, inputs])
    with pytest.raises(ValueError, match="do not come from these inputs"):
        keras.Model(keras.Input((8, 8, 1)), outputs)
    with pytest.raises(TypeError, match="has no values"):
        np.asarray(outputs)


def test_the_input_may_be_looked_at_as_other_layers_are():
    symbol = keras.Input((8, 8, 1))
    model = keras.Model(symbol, layers.Conv2D(2, 3)(symbol))
    x = X[:3].astype("float32")
    shown = [keras.Model(model.input, layer.output).predict(x, verbose=0) for layer in model.layers]
    assert np.array_equal(shown[0], x) and np.array_equal(shown[1], model.predict(x, verbose=0))


def test_in_a_frozen_model_nothing_learns_whatever_its_layers_say():
    model = compiled(optimizer="sgd")
    model.trainable, model.layers[0].trainable = False, True  # as in Keras, a trap: the other way round it would learn
    before = model.get_weights()
    with pytest.warns(UserWarning, match="frozen"):
        model.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, before, model.get_weights())) and not model.trainable_weights
    assert len(model.non_trainable_weights) == len(before)
    model.trainable, model.layers[0].trainable = True, False
    model.fit(X, Y, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
    assert not any(changed[:2]) and all(changed[2:]) and len(model.trainable_weights) == len(before) - 2


def test_arithmetic_with_numbers_is_a_layer():
    x, array = keras.Input((8, 8, 1)), 200 * X
    for y, expected in ((x / 255.0, array / 255), (x * 2 - 1, 2 * array - 1), (np.float32(0.5) * x, array / 2),
                        (1 - x, 1 - array), (3 + x + 1, array + 4)):  # fmt: skip
        assert np.allclose(keras.Model(x, y).predict(array), expected, atol=1e-4)
    assert isinstance((x / 255).chain[0], layers.Rescaling)
    h = layers.ReLU()(x)
    for wrong in (lambda: x + h, lambda: h * x, lambda: np.ones(3) * h, lambda: h**2, lambda: 1 / h, lambda: h[:, 0],
                  lambda: -h, lambda: abs(h), lambda: h @ h, lambda: h + "1"):  # fmt: skip
        with pytest.raises(TypeError, match=r"a chain of layers here, without branches: .*\(Rescaling\)"):
            wrong()


def test_layers_that_two_models_share_learn_in_both():
    base = compiled(optimizer="sgd")
    base.fit(X, Y, verbose=0)
    tail = keras.Sequential([*base.layers[:-1], layers.Dense(2, activation="softmax", name="new")])
    assert np.array_equal(tail.layers[0].get_weights()[0], base.layers[0].get_weights()[0])
    tail.compile("sgd", "sparse_categorical_crossentropy")
    before = base.predict(X)
    tail.fit(X, Y > 0, verbose=0)
    assert not np.allclose(base.predict(X), before)  # as in Keras: the weights are the same
    tail.layers[0].trainable = False
    kept = base.layers[0].get_weights()[0]
    tail.fit(X, Y > 0, verbose=0)
    assert np.array_equal(tail.layers[0].get_weights()[0], kept)
    tail.layers[0].trainable = True
    tail.fit(X, Y > 0, verbose=0)
    assert not np.allclose(tail.layers[0].get_weights()[0], kept)
    nested = keras.Sequential([base, layers.Dense(2)])
    assert np.allclose(nested.predict(X), np.asarray(nested.layers[1](base.predict(X))), atol=1e-6)
    assert len(nested.weights) == 6 and nested.trainable_weights[0].name == "kernel"


def test_a_class_of_layers_may_be_frozen():
    class Fixed(layers.Dense):
        trainable = False

    model = keras.Sequential([layers.Input((4,)), Fixed(3), layers.Dense(2)])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)
    assert [np.array_equal(a, b) for a, b in zip(before, model.get_weights())] == [True, True, False, False]
    assert len(model.trainable_weights) == 2 and not model.layers[0].get_config()["trainable"]


def test_weights_one_by_one():
    both = layers.SeparableConv2D(2, 3)
    both.build((None, 5, 5, 1))
    assert [weight.name for weight in both.weights] == ["depthwise_kernel", "pointwise_kernel", "bias"]
    assert both.get_config()["kernel_size"] == (3, 3)
    model = small()
    kernel = model.layers[0].kernel
    for dtype in ("float32", "float64"):
        copied = np.asarray(kernel, None if dtype == "float32" else dtype)
        assert copied.dtype == dtype and np.array_equal(copied, kernel.numpy()) and copied.any()
    kernel.assign(np.zeros((3, 3, 1, 3)))
    assert not model.predict(X)[:, 0].std() and kernel.shape == (3, 3, 1, 3) and kernel.dtype == "float32"
    assert [w.name for w in model.layers[2].weights] == ["kernel", "bias"]
    with pytest.raises(ValueError, match="expected arrays of shapes"):
        model.set_weights(model.get_weights()[:-1])


@pytest.mark.parametrize("suffix", [".h5", ".npz", ""])
def test_files(tmp_path, suffix):
    pytest.importorskip("h5py")
    model = compiled()
    model.fit(X, Y, verbose=0)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    again = keras.models.load_model(path)
    assert np.allclose(again.predict(X), model.predict(X), atol=1e-6)
    assert type(again.optimizer) is keras.optimizers.Adam and again.metrics_names == ["loss", "accuracy"]
    again.fit(X, Y, verbose=0)
    model.load_weights(path)
    clone = keras.models.clone_model(model)
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    rebuilt = keras.models.model_from_json(model.to_json(indent=1))
    rebuilt.set_weights(model.get_weights())
    assert np.allclose(rebuilt.predict(X), model.predict(X), atol=1e-6) and json.loads(model.to_json())
    assert len(keras.Sequential([layers.Dense(3)]).get_config()["layers"]) == 1  # also before it knows its input
    with pytest.raises(FileExistsError):
        model.save(path, overwrite=False)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_yes_or_no_question_comes_back_from_a_file(tmp_path, suffix):
    pytest.importorskip("h5py")
    model = keras.Sequential([layers.Flatten(input_shape=(8, 8, 1)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / f"model{suffix}")
    again = keras.models.load_model(tmp_path / f"model{suffix}")
    assert again.metrics_names == ["loss", "accuracy"]
    assert np.allclose(again.predict(X), model.predict(X), atol=1e-6)
    assert again.evaluate(X, Y > 1) == pytest.approx(model.evaluate(X, Y > 1), rel=1e-5)


def test_what_is_compiled_before_it_knows_its_input_is_compiled_in_its_file(tmp_path):
    model = keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.build((None, 8, 8, 1))
    model.save(tmp_path / "model.npz")
    assert type(keras.models.load_model(tmp_path / "model.npz").optimizer) is keras.optimizers.Adam


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name, given", [
    ("SparseCategoricalCrossentropy", {}), ("CategoricalCrossentropy", {}),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1, "from_logits": True}),
    ("SparseCategoricalCrossentropy", {"reduction": "mean_with_sample_weight"}),
])  # fmt: skip
def test_a_loss_and_its_accuracy_come_back_from_a_file(name, given, suffix, tmp_path):
    accuracy = snake_case(name).replace("crossentropy", "accuracy")
    loss, last = getattr(keras.losses, name)(**given), None if given.get("from_logits") else "softmax"
    compiled(last, loss, metrics=[accuracy]).save(tmp_path / f"model{suffix}")
    read = keras.models.load_model(tmp_path / f"model{suffix}")
    assert type(read.loss) is type(loss) and {**read.loss.config, **given} == read.loss.config
    assert read.metrics_names == ["loss", accuracy]
    read.save(tmp_path / f"again{suffix}")
    assert type(keras.models.load_model(tmp_path / f"again{suffix}").loss) is type(loss)


def test_penalties_come_back_from_a_file(tmp_path):
    penalty = keras.regularizers.l2(0.5)
    model = keras.Sequential([
        layers.DepthwiseConv2D(3, depthwise_regularizer=penalty, input_shape=(8, 8, 1)), layers.Flatten(),
        layers.Dense(3, activation="softmax", kernel_regularizer="l1", bias_regularizer=penalty),
    ])  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.npz")
    again = keras.models.load_model(tmp_path / "model.npz")
    assert again.core_model().penalty() == pytest.approx(model.core_model().penalty())
    assert again.evaluate(X, Y) == pytest.approx(model.evaluate(X, Y), rel=1e-6)


def test_summary(capsys):
    inputs = keras.Input((8, 8, 1), name="images")
    assert inputs.root.output_shape == inputs.shape == (None, 8, 8, 1)  # before any model has it
    model = keras.Model(inputs, layers.Dense(3)(layers.BatchNormalization()(layers.Flatten()(inputs))), name="net")
    model.summary()
    text = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[-1] for line in text.splitlines()[4:7]}
    assert "Model: \"net\"" in text and rows == {"images": "0", "flatten": "0", "batch_normalization": "256"}
    assert "images (InputLayer)" in text and "Total params: 451" in text and "Non-trainable params: 128" in text
    model.layers[-1].trainable = False
    lines = []
    model.summary(print_fn=lines.append, show_trainable=True)
    assert "Trainable params: 128 " in lines[0] and " N\n" in lines[0]
    with pytest.warns(keras.KerasNote, match="line_length does nothing"):
        model.summary(line_length=100, print_fn=lines.append)
    with pytest.raises(ValueError, match="all layers are shown"):
        model.summary(layer_range=["flatten", "dense"])


def test_arguments_that_cannot_be_honoured_are_refused():
    calls = {
        "one input": lambda: keras.Sequential([layers.Dense(3), layers.Dense]),
        "kernel_constraint": lambda: layers.Dense(3, kernel_constraint="max_norm"),
        "clipvalue": lambda: keras.optimizers.SGD(clipvalue=0.5),
        "amsgrad": lambda: keras.optimizers.Adam(amsgrad=True),
        "loss of your own": lambda: compiled(loss=lambda y, p: 0),
        "axis": lambda: layers.BatchNormalization(axis=1).ensure((8, 8, 1)),
        "unknown loss": lambda: compiled(loss="hinge"),
        "unknown metric": lambda: compiled(metrics=["cosine_similarity"]),
        "unknown optimizer": lambda: compiled(optimizer="ftrl"),
        "softplus": lambda: layers.Dense(3, activation="softplus"),
        "max_value": lambda: layers.ReLU(max_value=6.0),
        "fixed input shape": lambda: keras.Input((None, None, 1)),
        "would never be called": lambda: type("Mine", (layers.Layer,), {"call": lambda self, x: x}),
        "your own with call": lambda: type("Mine", (keras.Model,), {"call": lambda self, x: x}),
        "a layer 'a' already": lambda: keras.Sequential([layers.Flatten(name="a"), layers.Dense(3, name="a")]),
        "baseline": lambda: compiled().fit(X, Y, validation_split=0.5, verbose=0,
                                           callbacks=[keras.callbacks.EarlyStopping(baseline=1)]),
    }  # fmt: skip
    for text, call in calls.items():
        with pytest.raises((ValueError, TypeError), match=text.replace("one input", "got a class")
                           .replace("unknown loss", "unknown loss 'hinge'")):  # fmt: skip
            call()


def test_usual_mistakes_say_what_to_write():
    def fit(*callbacks, **words):
        return compiled().fit(X, Y, verbose=0, callbacks=list(callbacks), **words)

    calls = {
        "expected the shape as one tuple": lambda: keras.Input(28, 28, 1),
        "strides: expected an integer.*got 'same'": lambda: layers.Conv2D(3, 3, "same"),
        r"rate: expected a number in \[0, 1\), got 1.5": lambda: layers.Dropout(1.5),
        "pool_size: expected an integer": lambda: layers.MaxPooling2D("2"),
        "unknown initializer 'he'": lambda: layers.Dense(3, kernel_initializer="he"),
        "expected an array of rows, got None": lambda: small().predict(None),
        "class_weight: expected numbers by the numbers of classes": lambda: fit(class_weight="balanced"),
        "names 'epochs'; there is epoch, accuracy": lambda: fit(keras.callbacks.ModelCheckpoint("{epochs}.keras")),
        "the schedule returns None": lambda: fit(keras.callbacks.LearningRateScheduler(lambda epoch: None)),
        "a target for each of 40 predictions": lambda: keras.losses.SparseCategoricalCrossentropy()(ONE_HOT, ONE_HOT),
        "did you mean 'MaxPooling2D'": lambda: layers.Maxpooling2D(2),
        "a numpycnn.Layer goes into a numpycnn.Sequential": lambda: keras.Sequential([ReLU()]),
    }  # fmt: skip
    for text, call in calls.items():
        with pytest.raises((ValueError, TypeError, AttributeError), match=text):
            call()
    with pytest.warns(keras.KerasNote, match="mode='higher': expected 'auto', 'min' or 'max'"):
        fit(keras.callbacks.EarlyStopping("loss", mode="higher"))
    with pytest.warns(keras.KerasNote, match="the third argument is loss_weights since Keras 3"):
        model = compiled()
        model.compile("adam", "sparse_categorical_crossentropy", "accuracy")
    assert model.metrics_names == ["loss", "accuracy"]


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.npz", "m.weights.h5", "model"])
def test_what_a_file_has_no_words_for_is_left_out_and_told(name, tmp_path):
    augmented = keras.Sequential([keras.Input((8, 8, 1)), layers.RandomFlip(), *small().layers])
    augmented.compile("adam", "categorical_crossentropy", metrics=[keras.metrics.AUC(name="area"), "accuracy"])
    augmented.fit(X, ONE_HOT, verbose=0)
    with pytest.warns(keras.KerasNote, match="the Random... layers are not in the file"):
        getattr(augmented, "save_weights" if "weights" in name else "save")(tmp_path / name)
    plain = keras.Sequential([keras.Input((8, 8, 1)), *small().layers])
    if "weights" in name:
        plain.load_weights(tmp_path / name)
    else:
        plain = keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(plain.predict(X), augmented.predict(X), rtol=1e-5)


def test_names_that_a_file_does_not_keep_are_told(tmp_path):
    small().save(tmp_path / "m.npz")  # theirs are made anew
    with pytest.warns(keras.KerasNote, match="files keep no names of layers"):
        keras.Sequential([keras.Input((4,)), layers.Dense(2, name="head")]).save(tmp_path / "m.npz")


def test_a_layer_keeps_its_weights_for_inputs_of_another_size():
    conv, dense = layers.Conv2D(2, 3), layers.Dense(2)
    conv(np.zeros((1, 8, 8, 1), np.float32)), dense(np.zeros((1, 4), np.float32))
    kernels = conv.get_weights(), dense.get_weights()
    assert conv(np.zeros((1, 9, 9, 1), np.float32)).shape == (1, 7, 7, 2)
    with pytest.raises(ValueError, match=r"dense.*: expected inputs of shape \(4,\), which its.* got \(5,\)"):
        dense(np.zeros((1, 5), np.float32))
    assert all(map(np.array_equal, conv.get_weights(), kernels[0]))
    assert all(map(np.array_equal, dense.get_weights(), kernels[1])) and dense.input_shape == (None, 4)
    model = keras.Sequential([keras.Input((8, 8, 1)), conv])
    assert conv.get_output_at(0) is conv.output and model.get_input_at(0).shape == (None, 8, 8, 1)
    assert all(map(np.array_equal, model.get_weights(), kernels[0]))


def test_a_structure_that_a_file_does_not_keep_is_told(tmp_path):
    inputs = keras.Input((4,))
    models = keras.Model(inputs, layers.Dense(2)(inputs)), keras.Sequential([keras.Sequential([layers.Dense(2)])])
    models[1].build((None, 4))
    for model in models:
        notes._said.clear()
        with pytest.warns(keras.KerasNote, match="load_model gives a Sequential, without InputLayer and models within"):
            model.save(tmp_path / "model.keras")


def test_metrics_and_losses_that_keras_files_do_not_know_do_not_stop_a_save(tmp_path):
    for loss, metrics, says in (("categorical_crossentropy", ["precision"], "the metrics are not in the file"),
                                ("binary_crossentropy", [], "loss, optimizer and metrics are not in the file")):
        model = compiled(loss=loss, metrics=metrics)
        with pytest.warns(keras.KerasNote, match=says):
            model.save(tmp_path / "m.keras")
        loaded = keras.models.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-5)


def test_weighted_metrics_have_names_of_their_own():
    model = small()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    figures = model.evaluate(X, Y, sample_weight=1.0 * Y, return_dict=True)
    assert list(figures) == ["accuracy", "loss", "weighted_accuracy"] and model.metrics_names[0] == "loss"
    assert figures["accuracy"] != figures["weighted_accuracy"]


def test_a_layer_stands_once_in_a_chain_and_clones_are_plain():
    dense, start = layers.Dense(4), keras.Input((4,))
    with pytest.raises(ValueError, match="stands twice in the chain"):
        keras.Model(start, dense(dense(start)))
    with pytest.raises(ValueError, match="clone_model: clone_function="):
        keras.models.clone_model(small(), clone_function=lambda layer: layer)


@pytest.mark.parametrize("name", ["he_normal", "glorot_normal", "lecun_normal", "variance_scaling", "truncated_normal"])
def test_normal_initializers_are_cut_off_at_two_deviations(name):
    weights = np.asarray(keras.initializers.get(name)((200, 300)))
    assert 1.9 < np.abs(weights).max() / (weights.std() / 0.87962566) < 2.1


@pytest.mark.parametrize("name, given, rates", [  # Keras's, at steps 0, 5, 8 and 20
    ("ExponentialDecay", (2.5, 0.5), (0.1, 0.025, 0.01088188, 0.000390625)),
    ("ExponentialDecay", (7.5, 0.5, True), (0.1, 0.1, 0.05, 0.025)),
    ("InverseTimeDecay", (2.5, 0.5), (0.1, 0.05, 0.03846154, 0.02)),
    ("PolynomialDecay", (7.5, 0.01), (0.1, 0.04, 0.01, 0.01)),
    ("CosineDecay", (7.5, 0.1), (0.1, 0.0325, 0.01, 0.01)),
])  # fmt: skip
def test_schedules_of_steps_that_are_not_whole(name, given, rates, tmp_path):
    schedule = getattr(keras.optimizers.schedules, name)(0.1, *given)
    assert [schedule(step) for step in (0, 5, 8, 20)] == pytest.approx(rates)
    model = small()
    model.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy")
    for file in ("model.npz", "model.keras"):
        model.save(tmp_path / file)
        read = keras.models.load_model(tmp_path / file).optimizer.core.learning_rate
        assert [read(step) for step in (0, 5, 8, 20)] == pytest.approx(rates)


def test_a_mode_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="RandomFlip: mode='horizntal'"):
        layers.RandomFlip("horizntal")


def test_what_is_built_does_not_change_by_an_attribute():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Dropout(0.5), *small().layers])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    for thing, word in ((model.layers[0], "rate"), (model.layers[-1], "activation"), (model.optimizer, "momentum")):
        with pytest.raises(AttributeError, match=f"{word} is fixed"):
            setattr(thing, word, 0.0)
    model.layers[0].trainable, model.optimizer.learning_rate = False, 0.5  # these do
    assert model.optimizer.core.learning_rate == 0.5


def test_a_model_of_several_outputs_gives_them_all():
    model = compiled()
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    assert len(every.outputs) == 3
    for called, predicted in zip(every(X[:2]), every.predict(X[:2]), strict=True):
        np.testing.assert_allclose(called, predicted, atol=1e-6)
    x = keras.Input((8, 8, 1))
    chain = keras.models.clone_model(keras.Model(x, layers.Flatten()(x)))
    with pytest.raises(ValueError, match="has 2 layers, and no layer 7"):
        chain.get_layer(index=7)
    first, flat = keras.Model(chain.input, [layer.output for layer in chain.layers]).predict(X)  # its input, too
    assert np.array_equal(first, X.reshape(first.shape)) and np.array_equal(flat, X.reshape(flat.shape))


def test_a_compiled_model_predicts_without_its_last_layer():
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.pop()
    assert model.predict(X).shape == (40, 108)
    model.add(layers.Dense(3, activation="softmax"))
    model.fit(X, Y, verbose=0)
    assert np.allclose(model.predict(X).sum(axis=1), 1)


def written(kind, module="layers", **config):
    """Return an object as Keras 3 writes it into JSON."""
    return {"module": f"keras.{module}", "class_name": kind, "config": config, "registered_name": None}


def test_what_keras_3_writes_as_json_is_read():
    zeros, ones = written("Zeros", "initializers"), written("Ones", "initializers")
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
    starts = {"dtype": policy, "beta_initializer": zeros, "gamma_initializer": ones, "beta_regularizer": None}
    batch_norm = written("BatchNormalization", axis=-1, **starts, moving_mean_initializer=zeros,
                         moving_variance_initializer=ones, renorm=False)  # fmt: skip
    entries = [
        written("InputLayer", batch_shape=[None, 8, 8, 1], dtype="float32", sparse=False, ragged=False, name="input"),
        batch_norm, written("LayerNormalization", axis=-1, **starts, rms_scaling=False),
        written("Flatten", dtype=policy, data_format="channels_last"),
        written("Dense", units=3, dtype=policy, kernel_regularizer=written("L2", "regularizers", l2=0.01),
                activation=written("Activation", activation="tanh", dtype=policy), bias_initializer=zeros),
    ]  # fmt: skip
    text = json.dumps({"class_name": "Sequential", "config": {"name": "it", "layers": entries, "dtype": policy}})
    read = keras.models.model_from_json(text)
    kinds = [repr(each).split("(")[0] for each in read.core_model().layers]
    assert kinds == ["BatchNorm", "LayerNorm", "Flatten", "Dense", "Tanh"]
    again = layers.BatchNormalization.from_config(batch_norm["config"])
    again.ensure((8, 8, 1))
    assert again.gamma.numpy() == 1
    for start in ("zeros", zeros):
        other = layers.BatchNormalization(gamma_initializer=start)
        other.ensure((8, 8, 1))
        assert other.gamma.numpy() == 0
    with pytest.raises(ValueError, match="rms_scaling=True"):
        layers.LayerNormalization(rms_scaling=True)


def test_one_image_needs_a_batch_around_it():
    model, image = compiled(), X[0]
    first = keras.backend.function([model.input], [model.layers[0].output])
    (maps,) = first([[image]])
    assert maps.shape == (1, 6, 6, 3) and np.array_equal(maps, first([X[:1]])[0])
    weights = model.get_weights()
    calls = (lambda x: model.predict(x), lambda x: model.predict([x]), lambda x: first([x]), lambda x: model(x),
             lambda x: model.evaluate(x, Y[:1]), lambda x: model.train_on_batch(x, Y[:1]))  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match=r"got \(8, 8, 1\); add the batch axis: x\[None\]"):
            call(image)
    for wrong, shape in ((X[:, :7, :7, 0], r"\(40, 7, 7\)"), (X[None], r"\(1, 40, 8, 8, 1\)"), (X[:, :7], "40, 7, 8")):
        for call in (model, model.predict):
            with pytest.raises(ValueError, match=rf"expected shape \(N, 8, 8, 1\), got .*{shape}"):
                call(wrong)
    assert np.allclose(model(X[..., 0]), model(X[..., None]))  # an axis of 1 more or less is no matter, as in Keras
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights))  # an error changes nothing
