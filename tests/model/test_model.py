"""Sequential: building, computing, weights, single steps."""

import copy

import numpy as np
import pytest
from small_models import (
    make_images,
    make_vectors,
    reference_cnn,
    small_cnn,
    small_mlp,
    small_stateful_cnn,
    weights_equal,
)

from numpycnn import (
    SGD,
    Adam,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    to_categorical,
)

# -- building and the summary -----------------------------------------------------------------


def deep_cnn():
    layers = [
        Conv2D(32, 3), ReLU(), MaxPool2D(2), Conv2D(64, 3), ReLU(), MaxPool2D(2), Conv2D(64, 3), ReLU(),
        Flatten(), Dense(64), ReLU(), Dense(10),
    ]  # fmt: skip
    return Sequential(layers, input_shape=(28, 28, 1))


def mlp():
    layers = [Flatten(), Dense(300), ReLU(), Dense(200), ReLU(), Dense(100), ReLU(), Dense(10)]
    return Sequential(layers, input_shape=(28, 28))


def printed_summary(model):
    lines = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)


def test_summary_of_the_reference_cnn_by_hand():
    # A 3x3 filter over 1 channel and a bias: 32 * (9 + 1) = 320; 64 * (9 * 32 + 1) = 18,496;
    # 5 * 5 * 64 = 1,600 inputs: 128 * 1,601 = 204,928; 10 * 129 = 1,290.
    model = reference_cnn()
    text = printed_summary(model)
    for figure in (" 320 ", " 18,496 ", " 204,928 ", " 1,290 ", "225,034 (879.04 KB)", "(N, 5, 5, 64)", "(N, 10)"):
        assert figure in text
    assert [sum(p.value.size for p in layer.parameters) for layer in model.layers if layer.parameters] == [
        320, 18_496, 204_928, 1_290
    ]  # fmt: skip
    assert model.count_params() == 225_034
    assert "225,034 (1,758.08 KB)" in printed_summary(reference_cnn(dtype="float64"))


@pytest.mark.parametrize("make, total", [(deep_cnn, 93_322), (mlp, 316_810)])
def test_parameters_of_other_networks(make, total):
    model = make()
    assert model.count_params() == total
    assert f"{total:,}" in printed_summary(model)


def test_summary_is_plain_text_in_any_environment(monkeypatch, capsys):
    class Loud(ReLU):
        def __repr__(self):
            return "[bold]Loud[/bold]"

    monkeypatch.setenv("FORCE_COLOR", "1")  # as continuous integration often sets it
    model = Sequential([Loud()], input_shape=(3,))
    assert model.summary() is None
    text = capsys.readouterr().out
    assert "\x1b" not in text and "[bold]Loud[/bold]" in text


def test_building_step_by_step_equals_building_at_once():
    at_once = Sequential([Conv2D(4, 3), Flatten(), Dense(2)], input_shape=(6, 6, 1), seed=7)
    model = Sequential(seed=7)
    for layer in (Conv2D(4, 3), Flatten(), Dense(2)):
        model.add(layer)
    assert not model.built
    model.build((6, 6, 1))
    assert model.built and model.input_shape == (6, 6, 1) and model.output_shape == (2,)
    assert weights_equal(model, at_once)


def test_fit_builds_a_model_without_an_input_shape():
    x, y = make_images()
    model = Sequential([Flatten(), Dense(4)], seed=1)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.input_shape == (12, 12, 1)


def test_seed_fixes_the_starting_values():
    assert weights_equal(small_cnn(seed=3), small_cnn(seed=np.int64(3)))
    assert not weights_equal(small_cnn(seed=3), small_cnn(seed=4))
    assert not weights_equal(small_cnn(seed=None), small_cnn(seed=None))


def test_a_build_that_failed_leaves_no_trace():
    model = Sequential([Conv2D(4, 3), Dropout(0.5), MaxPool2D(2), Conv2D(4, 3), Flatten(), Dense(2)], seed=5)
    with pytest.raises(ValueError, match="window of 3x3 does not fit"):
        model.build((6, 6, 1))  # the first layers fit, the second convolution does not
    assert not model.built
    model.build((8, 8, 1))
    layers = [Conv2D(4, 3), Dropout(0.5), MaxPool2D(2), Conv2D(4, 3), Flatten(), Dense(2)]
    fresh = Sequential(layers, input_shape=(8, 8, 1), seed=5)
    assert weights_equal(model, fresh)
    x = np.ones((2, 8, 8, 1))
    assert np.array_equal(model.forward(x, training=True), fresh.forward(x, training=True))  # Dropout's generator


def test_a_layer_belongs_to_one_model():
    layer = Dense(3)
    with pytest.raises(ValueError, match="in a model already"):
        Sequential([layer, layer])
    first, second = Sequential([layer]), Sequential([layer])  # neither is built: nobody knows of the other yet
    first.build((3,))
    with pytest.raises(ValueError, match="in a built model already"):
        second.build((3,))
    with pytest.raises(ValueError, match="in a model already"):
        Sequential([layer])
    assert first.forward(np.ones((1, 3))).shape == (1, 3)


def test_the_list_of_layers_is_the_callers():
    model = Sequential([Dense(3), Dense(2)], input_shape=(3,))
    layers = model.layers
    layers.pop()
    model.layers.append(Dense(4))
    assert len(model.layers) == 2 and model.predict(np.ones((1, 3))).shape == (1, 2)
    with pytest.raises(AttributeError, match="layers"):
        model.layers = layers


def test_what_is_no_layer():
    with pytest.raises(TypeError, match="expected a layer, got <class .*ReLU'>; write it with parentheses"):
        Sequential([ReLU])
    with pytest.raises(TypeError, match="expected a layer, got 'relu'"):
        Sequential(["relu"])
    with pytest.raises(ValueError, match="expected at least one layer"):
        Sequential([], input_shape=(3,))
    model = Sequential([Dense(3)], input_shape=(3,))
    with pytest.raises(RuntimeError, match="add layers before build"):
        model.add(Dense(3))
    with pytest.raises(RuntimeError, match="built already"):
        model.build((3,))


def test_unbuilt_and_uncompiled_models_say_what_to_call():
    unbuilt = Sequential([Dense(3)])
    x, y = np.ones((2, 3)), [0, 1]
    for call in (
        lambda: unbuilt.forward(x), lambda: unbuilt.backward(x), lambda: unbuilt.predict(x), unbuilt.get_weights,
        lambda: unbuilt.set_weights([]), unbuilt.summary, unbuilt.count_params, lambda: unbuilt.save("model.npz"),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="not built; give input_shape, or call build"):
            call()
    for call in (unbuilt.fit, unbuilt.evaluate, unbuilt.train_on_batch):
        with pytest.raises(RuntimeError, match="not compiled; call compile"):
            call(x, y)
    unbuilt.compile("adam", "sparse_categorical_crossentropy")
    for call in (unbuilt.evaluate, unbuilt.train_on_batch):
        with pytest.raises(RuntimeError, match="not built"):
            call(x, y)


# -- computing --------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [True, False])
def test_forward_and_backward_are_the_layers_in_order(fused):
    model, plain = small_cnn(dtype="float64", fused=fused), small_cnn(dtype="float64", fused=False)
    x, _ = make_images(5)
    dy = np.random.default_rng(0).standard_normal((5, 4))
    y = x
    for layer in plain.layers:
        y = layer.forward(y, training=True)
    dx = dy
    for layer in reversed(plain.layers):
        dx = layer.backward(dx)
    np.testing.assert_allclose(model.forward(x, training=True), y, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.backward(dy, need_dx=True), dx, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(model.arena.grads, plain.arena.grads, rtol=1e-10, atol=1e-14)
    model.forward(x, training=True)
    assert model.backward(dy) is None


def test_predict_gives_probabilities_for_the_cross_entropy_and_outputs_otherwise():
    x, _ = make_images()
    model = small_cnn()
    logits, probabilities = model.forward(x), model.predict(x)
    exponentials = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(probabilities, exponentials / exponentials.sum(axis=1, keepdims=True), rtol=1e-5)
    model.compile("adam", MeanSquaredError())
    assert np.array_equal(model.predict(x), logits)
    assert np.array_equal(Sequential([Flatten()], input_shape=(12, 12, 1)).predict(x), x.reshape(40, -1))


def as_float64(x):
    return x.astype(np.float64)


def as_list(x):
    return x.tolist()


def as_every_other_row(x):
    return np.repeat(x, 2, axis=0)[::2]


@pytest.mark.parametrize("change", [np.array, np.asfortranarray, as_float64, as_list, as_every_other_row])
def test_input_may_come_in_any_real_form(change):
    model = small_cnn()
    x, y = make_images(6)
    x = np.round(x * 255).astype(np.uint8)  # whole numbers, so that no form of them rounds
    assert np.array_equal(model.predict(change(x.astype(np.float32))), model.predict(x))
    assert model.evaluate(change(x.astype(np.float32)), y.tolist()) == model.evaluate(x, y)


def test_input_is_never_changed():
    model = small_stateful_cnn()
    x, y = make_images()
    x.flags.writeable = y.flags.writeable = False
    before = x.copy()
    model.fit(x, y, verbose=0, augment=lambda images, rng: np.negative(images, out=images))
    model.predict(x)
    assert np.array_equal(x, before)


def test_images_without_a_channel_axis():
    model = Sequential([Flatten(), Dense(4)], input_shape=(12, 12), seed=0)
    with_channel = Sequential([Flatten(), Dense(4)], input_shape=(12, 12, 1), seed=0)
    x, _ = make_images()
    assert np.array_equal(model.predict(x[..., 0]), with_channel.predict(x))


def test_one_image():
    x, y = make_images(1)
    for model in (small_cnn(), small_stateful_cnn()):
        assert model.predict(x).shape == (1, 4)
        assert isinstance(model.train_on_batch(x, y)[0], float)
        assert model.evaluate(x, y)[1] in (0.0, 1.0)


# -- weights ----------------------------------------------------------------------------------


def test_get_and_set_weights():
    source, model = small_stateful_cnn(seed=0), small_stateful_cnn(seed=1)
    x, y = make_images()
    source.fit(x, y, verbose=0)
    weights = source.get_weights()
    assert [w.shape for w in weights[:6]] == [(3, 3, 1, 5)] + 5 * [(5,)]  # ..., gamma, beta, moving mean and variance
    bn = source.layers[1]
    assert np.array_equal(weights[4], bn.moving_mean) and np.array_equal(weights[5], bn.moving_variance)
    model.set_weights(weights)
    assert weights_equal(model, source)
    assert np.array_equal(model.predict(x), source.predict(x))
    weights[0][...] = weights[4][...] = 9  # copies, in both directions
    assert weights_equal(model, source)
    model.set_weights([w.tolist() for w in source.get_weights()])
    assert weights_equal(model, source)


def test_set_weights_takes_all_or_nothing():
    model = small_stateful_cnn()
    before = model.get_weights()
    good = [np.ones_like(w) for w in before]
    bad_shape, text, complex_ = (good[:-1] + [w] for w in (np.ones(5), np.array(list("abcd")), np.ones(4) * 1j))
    for weights, error in ((good[:-1], ValueError), (bad_shape, ValueError), (text, TypeError), (complex_, TypeError)):
        with pytest.raises(error, match="set_weights: expected"):
            model.set_weights(weights)
        assert weights_equal(model, before)


# -- compiling and single steps ---------------------------------------------------------------


def test_keras_names_and_one_hot_labels_mean_the_same():
    x, y = make_images()
    results = []
    for optimizer, loss, labels in (
        (Adam(learning_rate=1e-3), SoftmaxCrossEntropy(), y),
        ("adam", "sparse_categorical_crossentropy", y.astype(float)),
        ("Adam", "categorical_crossentropy", to_categorical(y, 4)), ("adam", "categorical_crossentropy", y[:, None]),
    ):  # fmt: skip
        model = small_cnn()
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        history = model.fit(x, labels, verbose=0)
        results.append((model.get_weights(), history.history, model.evaluate(x, labels)))
    for weights, figures, evaluated in results[1:]:
        assert weights_equal(weights, results[0][0])
        assert (figures, evaluated) == results[0][1:]


def test_metrics_decide_what_is_returned():
    x, y = make_images()
    model = small_cnn()
    for metrics, names in ((None, ["accuracy"]), (["accuracy"], ["accuracy"]), (["acc"], ["acc"]), ([], [])):
        model.compile("adam", "sparse_categorical_crossentropy", metrics)
        pair = bool(names)
        assert isinstance(model.evaluate(x, y), tuple) == isinstance(model.train_on_batch(x, y), tuple) == pair
        history = model.fit(x, y, verbose=0, validation_split=0.5).history
        assert list(history) == [*names, "loss", *[f"val_{name}" for name in names], "val_loss"]
    with pytest.raises(ValueError, match="metrics: expected different names, each once, got"):
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy", "accuracy"])
    model.compile("adam", "mse")
    assert isinstance(model.evaluate(x, to_categorical(y, 4)), float)


def test_a_name_that_would_do_nothing_is_refused():
    model = small_cnn()
    hints = {"learning_rate": "it has", "optimiser": "did you mean 'optimizer'", "stop": "'stop_training'"}
    for name, hint in hints.items():
        with pytest.raises(AttributeError, match=f"Sequential has no attribute '{name}'.*{hint}"):
            setattr(model, name, 1)

    class Named(Sequential):
        def __init__(self, name, **options):
            super().__init__(**options)
            self.name = name

    assert Named("mine").name == "mine"


def test_what_is_read_when_the_model_is_made_cannot_be_assigned_later():
    """The plan, the arena and the generators were made with it: at best it would do nothing."""
    for model in (small_cnn(), Sequential([Dense(2)])):
        for name, value in {"seed": 1, "dtype": "float64", "fused": False}.items():
            before = getattr(model, name)
            with pytest.raises(AttributeError, match=f"Sequential: {name} is fixed; make a new one.*{name}={value!r}"):
                setattr(model, name, value)
            assert getattr(copy.deepcopy(model), name) == before


def test_a_loss_or_an_optimizer_of_another_kind_cannot_be_assigned():
    model, (x, y) = small_cnn(), make_images()
    assert Sequential([Dense(2)]).loss is None and Sequential([Dense(2)]).optimizer is None
    for name, value in {"loss": "mse", "optimizer": "sgd"}.items():
        for wrong in (value, None):
            with pytest.raises(TypeError, match=f"{name}: expected an? {name}, such as"):
                setattr(model, name, wrong)
    model.optimizer = SGD(0.1)
    model.train_on_batch(x, y)
    assert model.optimizer.steps == 1


def test_train_on_batch_returns_the_figures_from_before_its_step():
    x, y = make_images()
    model = small_cnn()
    before = model.evaluate(x, y)
    assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-6)
    assert model.evaluate(x, y)[0] < before[0]
    assert model.optimizer.steps == 1


def test_evaluate_is_the_mean_over_all_rows():
    x, y = make_images(10)
    model = small_cnn(dtype="float64")
    by_hand = -np.log(model.predict(x)[np.arange(10), y]).mean()
    hits = (model.predict(x).argmax(axis=1) == y).mean()
    for batch_size in (1, 3, 7, 10, 100):  # 3 + 3 + 3 + 1: the last batch must not count as much as the others
        assert model.evaluate(x, y, batch_size=batch_size) == pytest.approx((by_hand, hits), rel=1e-12)


def test_vectors_train_too():
    x, y = make_vectors(60)
    model = small_mlp(optimizer=Adam(0.02))
    model.fit(x, y, epochs=40, verbose=0)
    assert model.evaluate(x, y)[1] > 0.9


def test_layers_before_the_first_trained_one_compute_no_gradient_unless_asked():
    class Watched(Flatten):
        calls = 0

        def backward(self, dy, need_dx=True):
            type(self).calls += 1
            return super().backward(dy, need_dx)

    model = Sequential([Watched(), ReLU(), Dense(4), ReLU(), Dense(3)], input_shape=(2, 3), seed=0)
    x, dy = np.random.default_rng(0).standard_normal((5, 2, 3)), np.ones((5, 3))
    model.forward(x, training=True)
    assert model.backward(dy) is None and Watched.calls == 0
    expected = model.arena.grads.copy()
    assert model.backward(dy, need_dx=True).shape == (5, 2, 3) and Watched.calls == 1
    np.testing.assert_array_equal(model.arena.grads, expected)
