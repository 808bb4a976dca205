"""Freezing: ``trainable = False`` keeps a layer's parameters to the bit, and changes nothing about the others."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_images, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Callback,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    MeanSquaredError,
    Optimizer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    TerminateOnNaN,
    gradcheck,
    training,
)
from numpycnn.kernels import ops

OPTIMIZERS = {
    "SGD": lambda: SGD(0.05), "momentum": lambda: SGD(0.05, momentum=0.9),
    "Nesterov": lambda: SGD(0.05, momentum=0.9, nesterov=True), "Adam": Adam,
    "AdamW": lambda: AdamW(0.01, weight_decay=0.1), "clipped": lambda: AdamW(0.01, global_clipnorm=0.5),
}  # fmt: skip
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
fused_or_not = pytest.mark.parametrize("fused", [True, False])


def frozen_arrays(model):
    """The parameters of frozen layers, BatchNorm's statistics, and what the optimizer remembers of them, as bytes."""
    arrays = [w.tobytes() for layer in model.layers if not layer.trainable for w in arrays_of(layer)]
    frozen = np.ones(model.arena.values.size, bool)
    for part in model.trained_parts():
        frozen[part] = False
    slots = [s[frozen].tobytes() for s in model.optimizer.get_state().values() if isinstance(s, np.ndarray)]
    return arrays + slots


def arrays_of(layer):
    state = layer.get_state().values()
    return [*(p.value for p in layer.parameters), *(s for s in state if isinstance(s, np.ndarray))]


def trainable_layers(model):
    return [layer for layer in model.layers if layer.parameters]


# -- what is frozen stays, to the bit -------------------------------------------------------------


@every_optimizer
@fused_or_not
def test_frozen_parameters_keep_their_bits_after_momentum_was_gathered(make, fused):
    x, y = make_images(24)
    for frozen in range(4):  # Conv2D, BatchNorm, Conv2D, Dense
        model = small_stateful_cnn(optimizer=make(), fused=fused)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)  # now moments and momentum are not 0
        layer = trainable_layers(model)[frozen]
        layer.trainable = False
        before, others = frozen_arrays(model), [p.value.copy() for p in model.parameters]
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        assert len(before) >= 2 and frozen_arrays(model) == before
        still = [np.array_equal(p.value, old) for p, old in zip(model.parameters, others)]
        assert sum(still) == len(layer.parameters)


@settings(max_examples=30, deadline=None, database=None)
@given(st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=4), st.sampled_from(list(OPTIMIZERS)), st.booleans())
def test_any_layers_frozen_and_freed_step_after_step(choices, optimizer, fused):
    x, y = make_images(8)
    model = small_cnn(optimizer=OPTIMIZERS[optimizer](), fused=fused)
    for frozen in choices:
        for i, layer in enumerate(trainable_layers(model)):
            layer.trainable = i not in frozen
        before = frozen_arrays(model)
        model.train_on_batch(x, y)
        assert frozen_arrays(model) == before
        for layer in trainable_layers(model):
            assert layer.trainable or not any(p.grad.any() for p in layer.parameters)


# -- and the others train as if it were not there ---------------------------------------------------------


@every_optimizer
@fused_or_not
def test_a_frozen_front_is_a_fixed_preprocessing(make, fused):
    x, y = make_images(24)
    front = lambda: [Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dense(9)]  # noqa: E731
    head = lambda: [ReLU(), Dense(8), ReLU(), Dense(4)]  # noqa: E731
    whole = Sequential([*front(), *head()], x.shape[1:], seed=0, dtype="float64", fused=fused)
    whole.layers[1].moving_mean = np.linspace(-1, 1, 4)
    for layer in whole.layers[:6]:
        layer.trainable = False
    alone = Sequential(head(), (9,), seed=1, dtype="float64", fused=fused)
    weights = whole.get_weights()
    alone.set_weights(weights[-4:])
    for model, images in ((whole, x), (alone, whole.activations(x)[5])):
        model.compile(make(), SoftmaxCrossEntropy())
        model.fit(images, y, batch_size=7, epochs=3, seed=5, verbose=0)
    assert weights_equal(whole.get_weights()[:-4], weights[:-4])
    for found, expected in zip(whole.get_weights()[-4:], alone.get_weights()):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@fused_or_not
def test_a_frozen_middle_passes_the_gradient_on(fused):
    x, dy = np.random.default_rng(0).standard_normal((5, 12, 12, 1)), np.random.default_rng(1).standard_normal((5, 4))
    model = small_cnn(dtype="float64", fused=fused)
    model.forward(x, training=True)
    dx = model.backward(dy, need_dx=True)
    grads = model.arena.grads.copy()
    middle = trainable_layers(model)[1:3]
    for layer in middle:
        layer.trainable = False
    model.forward(x, training=True)
    np.testing.assert_array_equal(model.backward(dy, need_dx=True), dx)
    (first, last) = model.trained_parts()
    for part in (first, last):
        np.testing.assert_array_equal(model.arena.grads[part], grads[part])
    assert not model.arena.grads[first.stop : last.start].any() and last.start - first.stop > 100


def test_what_no_trainable_layer_needs_is_not_computed():
    calls = []

    class Watched(Dense):
        def backward(self, dy, need_dx=True):
            calls.append((self.units, need_dx))
            return super().backward(dy, need_dx)

    model = Sequential([Watched(6), ReLU(), Watched(5), Watched(4), Watched(3)], input_shape=(2,), seed=0)
    x, dy = np.ones((7, 2)), np.ones((7, 3))
    for frozen, expected in [
        ((), [(3, True), (4, True), (5, True), (6, False)]), ((0,), [(3, True), (4, True), (5, False)]),
        ((0, 2, 3), [(3, False)]), ((2,), [(3, True), (4, True), (5, True), (6, False)]), ((0, 2, 3, 4), []),
    ]:  # fmt: skip
        model.trainable = True
        for i in frozen:
            model.layers[i].trainable = False
        calls.clear()
        model.forward(x, training=True)
        assert model.backward(dy) is None
        assert calls == expected
    assert model.backward(dy, need_dx=True).any() and len(calls) == 4


def test_clipping_counts_what_is_trained_alone():
    model = Sequential([Dense(3), Dense(3)], input_shape=(2,), seed=0, dtype="float64")
    model.layers[0].trainable = False
    model.arena.grads[:9] = 1e6  # as a layer of one's own may leave them, which does not look whether it is frozen
    model.arena.grads[9:] = np.arange(12)
    before = model.arena.values.copy()
    SGD(1.0, global_clipnorm=2.0).step(model.arena.values, model.arena.grads, model.trained_parts())
    expected = 2 * np.arange(12) / np.sqrt((np.arange(12) ** 2).sum())
    np.testing.assert_allclose((before - model.arena.values)[9:], expected, rtol=1e-12, atol=1e-15)
    assert np.array_equal(before[:9], model.arena.values[:9])


# -- BatchNorm, Dropout ---------------------------------------------------------------------------------


def test_a_frozen_batchnorm_uses_its_moving_statistics_in_training_too():
    rng = np.random.default_rng(0)
    layer = BatchNorm()
    layer.build((4, 3), dtype="float64")
    layer.moving_mean, layer.moving_variance = rng.standard_normal(3), rng.random(3) + 0.5
    layer.parameters[0].value, layer.parameters[1].value = rng.random(3) + 1, rng.standard_normal(3)
    x, dy = rng.standard_normal((2, 5, 4, 3)) * 3
    layer.trainable = False
    before = copy.deepcopy(layer.get_state())
    y = layer.forward(x, training=True)
    gamma, beta = (p.value for p in layer.parameters)
    scale = gamma / np.sqrt(before["moving_variance"] + layer.epsilon)
    np.testing.assert_allclose(y, (x - before["moving_mean"]) * scale + beta, rtol=1e-12)
    np.testing.assert_array_equal(y, layer.forward(x))
    layer.forward(x, training=True)
    np.testing.assert_allclose(layer.backward(dy), dy * scale, rtol=1e-12)
    assert all(np.array_equal(layer.get_state()[name], before[name]) for name in before)
    assert not any(p.grad.any() for p in layer.parameters)
    layer.trainable = True
    assert not np.allclose(layer.forward(x, training=True), y)
    assert not np.array_equal(layer.moving_mean, before["moving_mean"])


@pytest.mark.parametrize("then", [True, False])
def test_a_batchnorm_frozen_or_freed_between_forward_and_backward_differentiates_its_forward(then):
    x, dy = np.random.default_rng(0).standard_normal((2, 5, 3))
    results = []
    for changes in (False, True):
        layer = BatchNorm()
        layer.build((3,), dtype="float64")
        layer.trainable = not then
        layer.forward(x, training=True)
        layer.trainable = then if changes else not then
        results.append(layer.backward(dy))
    np.testing.assert_array_equal(*results)


def test_dropout_drops_on():
    layer = Dropout(0.5)
    layer.build((100,), np.random.default_rng(0))
    layer.trainable = False
    y = layer.forward(np.ones((1, 100)), training=True)
    assert 20 < np.count_nonzero(y) < 80 and not layer.learns


# -- gradients by finite differences ------------------------------------------------------------------------


@fused_or_not
def test_gradcheck_judges_what_is_trained(fused):
    x, y = make_images(3)
    model = small_stateful_cnn(dtype="float64", fused=fused)
    for i in (0, 1, 4, 6):
        for layer in model.layers:
            layer.trainable = layer is not model.layers[i]
        report = gradcheck.check_model(model, x, y, max_elements=20)
        assert report.passed
        names = {row.name.rpartition(".")[0].rpartition(".")[0] for row in report.rows} - {""}
        assert names == {f"layers[{k}]" for k in (0, 1, 4, 6) if k != i}
    model = small_stateful_cnn(dtype="float32", fused=fused)  # its copy in float64 is as frozen as it is
    model.trainable = False
    assert [row.name for row in gradcheck.check_model(model, x, y, max_elements=20).rows] == ["dx"]


@pytest.mark.parametrize("layer, shape", [(Dense(3), (4,)), (Conv2D(3, 2), (4, 5, 2)), (BatchNorm(), (4, 3))], ids=str)
def test_gradcheck_of_a_frozen_layer_is_of_dx_alone(layer, shape):
    layer = copy.copy(layer)
    layer.trainable = False
    report = gradcheck.check_layer(layer, shape)
    assert report.passed and [row.name for row in report.rows] == ["dx"]


# -- when it takes effect -----------------------------------------------------------------------------------


class Unfreeze(Callback):
    """Free the first layer after the first epoch, and note its weights after each."""

    def on_train_begin(self, logs=None):
        self.weights = [self.model.get_weights()[0]]

    def on_epoch_end(self, epoch, logs):
        self.weights.append(self.model.get_weights()[0])
        self.model.layers[0].trainable = True


def test_it_takes_effect_at_the_next_step_without_compile():
    x, y = make_images(16)
    model, callback = small_cnn(), Unfreeze()
    model.layers[0].trainable = False
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])
    assert np.array_equal(callback.weights[0], callback.weights[1])
    assert not np.array_equal(callback.weights[1], callback.weights[2])


def test_before_build_it_is_the_same_as_after():
    x, y = make_images(16)
    models = []
    for before in (True, False):
        layers = [Flatten(), Dense(5), ReLU(), Dense(4)]
        layers[1].trainable = not before
        model = Sequential(layers, seed=0)
        if not before:
            model.build(x.shape[1:])
            layers[1].trainable = False
        model.compile("adamw", SoftmaxCrossEntropy())
        model.fit(x, y, verbose=0)
        models.append(model)
    assert weights_equal(*models) and not models[0].layers[1].trainable


def test_the_model_sets_all_its_layers():
    model = small_cnn()
    assert model.trainable and model.trained_parts() == [slice(0, model.count_params())]
    model.layers[3].trainable = False
    assert not model.trainable
    model.trainable = False
    assert not any(layer.trainable for layer in model.layers) and model.trained_parts() == []
    assert model.first_trained() == len(model.plan)
    model.trainable = True
    assert all(layer.trainable for layer in model.layers)


def test_at_most_one_large_layer_is_in_a_part(monkeypatch):
    """Two threads take the halves of a part: those of a large layer are to be theirs in its products, too."""
    monkeypatch.setattr("numpycnn.memory.weights.LARGE", 30)
    layers = [Dense(8), Dense(2), Dense(40), Dense(1), Dense(1)]  # 40, 18, 120, 41 and 2 parameters
    model = Sequential(layers, input_shape=(4,), seed=0)
    assert model.trained_parts() == [slice(0, 58), slice(58, 178), slice(178, 221)]
    layers[1].trainable = False
    assert model.trained_parts() == [slice(0, 40), slice(58, 178), slice(178, 221)]
    layers[1].trainable, layers[3].trainable = True, False
    assert model.trained_parts() == [slice(0, 58), slice(58, 178), slice(219, 221)]


def test_a_list_of_parts_that_changed_is_checked_again():
    optimizer, values, parts = SGD(0.1), np.ones(4), [slice(0, 2)]
    optimizer.step(values, np.ones(4), parts)
    parts.append(slice(1, 4))
    before = values.copy()
    with pytest.raises(ValueError, match="in order within 4 parameters"):
        optimizer.step(values, np.ones(4), parts)
    assert np.array_equal(values, before) and optimizer.steps == 1


@every_optimizer
def test_training_in_parts_is_training_of_the_whole(make, monkeypatch):
    x, y = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32), np.arange(40) % 3
    models = []
    for large, parts in (10, 3), (10**6, 1):
        monkeypatch.setattr("numpycnn.memory.weights.LARGE", large)
        model = Sequential([Dense(16), ReLU(), Dense(16), ReLU(), Dense(3)], input_shape=(6,), seed=0)
        model.compile(make(), SoftmaxCrossEntropy())
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        assert len(model.trained_parts()) == parts
        models.append(model)
    for one, other in zip(*(model.get_weights() for model in models)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)  # a norm is summed part by part


def test_a_block_is_frozen_as_its_layers_are():
    model = small_cnn()
    block = model.plan[0]
    assert block.learns and block.trainable
    model.layers[1].trainable = False  # its ReLU, which has nothing to learn
    assert block.learns
    model.layers[0].trainable = False
    assert not block.learns and not block.trainable
    block.trainable = True
    assert model.layers[0].trainable and block.learns


@pytest.mark.parametrize("wrong", [None, 0, 1, "no", [False], np.ones(2)], ids=str)
def test_only_true_and_false_are_taken(wrong):
    model = small_cnn()
    with pytest.raises(TypeError, match=r"Conv2D\.trainable: expected True or False"):
        model.layers[0].trainable = wrong
    with pytest.raises(TypeError, match=r"Sequential\.trainable: expected True or False"):
        model.trainable = wrong
    assert model.trainable is True
    model.layers[0].trainable = np.False_
    assert model.layers[0].trainable is False


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_as_frozen_and_independent(twin_of):
    model = small_cnn()
    model.layers[3].trainable = False
    twin = twin_of(model)
    assert [layer.trainable for layer in twin.layers] == [layer.trainable for layer in model.layers]
    twin.trainable = True
    assert not model.layers[3].trainable and len(twin.trained_parts()) == 1 and len(model.trained_parts()) == 2


def test_a_layer_of_ones_own_that_knows_nothing_of_it_keeps_its_parameters():
    class Scale(Dense):
        def backward(self, dy, need_dx=True):
            self.parameters[0].grad[...] = np.inf
            return np.ones((len(dy), 4))

    model = Sequential([Dense(4), Scale(4)], input_shape=(3,), seed=0)
    model.layers[1].trainable = False
    before = model.get_weights()
    training.train_step(model, MeanSquaredError(), AdamW(0.1, weight_decay=0.5), np.ones((2, 3)), np.zeros((2, 4)))
    assert weights_equal(model.get_weights()[2:], before[2:]) and not weights_equal(model.get_weights(), before)


def test_nothing_to_learn_is_a_warning():
    x, y = make_images(16)
    model = small_cnn()
    model.trainable = False
    before = model.get_weights()
    with pytest.warns(UserWarning, match="every layer is frozen; set trainable = True"):
        history = model.fit(x, y, epochs=2, verbose=0)
    assert weights_equal(model.get_weights(), before)
    assert np.ptp(history.history["loss"]) < 1e-6  # the same rows in another order


def test_a_gradient_from_before_the_freezing_is_no_longer_looked_at():
    x, y = make_images(16)
    model, callback = small_cnn(), TerminateOnNaN()
    model.arena.grads[:3] = np.nan
    model.layers[0].trainable = False
    model.fit(x, y, verbose=0, callbacks=[callback])
    assert callback.stopped is None


# -- the optimizer's step -------------------------------------------------------------------------------------


@every_optimizer
def test_parts_of_a_vector_move_as_in_the_whole(make):
    rng = np.random.default_rng(0)
    clipped = make().global_clipnorm is not None  # then the norm is another
    for parts in ([slice(0, 5)], [slice(3, 40), slice(44, 100)], [slice(0, 100)], [slice(0, 50), slice(50, 100)], []):
        whole, partly = rng.standard_normal((2, 100)), None
        partly = whole[0].copy()
        start, first, second = whole[0].copy(), make(), make()
        for _ in range(3):
            grads = rng.standard_normal(100)
            first.step(whole[0], grads)
            second.step(partly, grads, parts)
        moved = np.zeros(100, bool)
        for part in parts:
            moved[part] = True
        assert np.array_equal(partly[~moved], start[~moved]) and first.steps == second.steps == 3
        if not clipped or moved.all():
            np.testing.assert_allclose(partly[moved], whole[0][moved], rtol=1e-13, atol=1e-15)
        for name, slot in second.get_state().items():
            assert name == "steps" or not slot[~moved].any()


@pytest.mark.parametrize(
    "parts, error",
    [
        (3, TypeError), ([3], TypeError), ("ab", TypeError), (slice(0, 3), TypeError), ([slice(None)], ValueError),
        ([slice(0, 5)], ValueError), ([slice(0, 4, 2)], ValueError), ([slice(2, 4), slice(0, 1)], ValueError),
        ([slice(0, 2), slice(1, 4)], ValueError), ([slice(-2, 4)], ValueError), ([slice(3, 1)], ValueError),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_part_of_the_vector_is_refused(parts, error):
    optimizer, values = SGD(), np.ones(4)
    with pytest.raises(error, match="parts: expected"):
        optimizer.step(values, np.ones(4), parts)
    assert values.tolist() == [1] * 4 and optimizer.steps == 0


@pytest.mark.parametrize("frozen, sizes", [([], [1736]), ([0], [1676]), ([3], [60, 1236]), ([0, 3, 6, 8], [])])
def test_one_pass_over_each_run_of_layers_that_train(frozen, sizes, monkeypatch):
    x, y = make_images(8)
    model = small_cnn()  # of 60, 440, 1168 and 68 parameters
    for i in frozen:
        model.layers[i].trainable = False
    model.train_on_batch(x, y)
    calls, adam = [], ops.adam
    monkeypatch.setattr(ops, "adam", lambda gradient, *rest: (calls.append(gradient.size), adam(gradient, *rest)))
    model.train_on_batch(x, y)
    assert calls == sizes


def test_an_optimizer_of_ones_own_that_takes_no_parts_does_not_move_frozen_layers():
    class Plain(Optimizer):
        def step(self, values, grads):
            values -= self.current_rate

    x, y = make_images(8)
    model = small_cnn(optimizer=Plain(0.1))
    model.train_on_batch(x, y)
    model.layers[0].trainable = False
    before = model.get_weights()
    with pytest.raises(TypeError, match="layers are frozen: expected step"):
        model.train_on_batch(x, y)
    assert weights_equal(model.get_weights(), before)


def test_a_class_of_layers_may_be_frozen():
    class Fixed(Dense):
        trainable = False

    model = Sequential([Fixed(3), Dense(2)], input_shape=(4,), seed=0)
    model.compile(AdamW(0.1), "mse")
    before = model.get_weights()
    model.train_on_batch(np.ones((4, 4)), np.ones((4, 2)))
    assert [np.array_equal(a, b) for a, b in zip(before, model.get_weights())] == [True, True, False, False]
    assert model.trained_parts() == [slice(15, 23)] and not model.layers[0].learns


# -- what is said about it ----------------------------------------------------------------------------------------


def test_the_summary_counts_what_is_trained():
    texts = []
    model = small_stateful_cnn()
    counts = [sum(p.value.size for p in layer.parameters) for layer in model.layers]
    model.summary(texts.append)
    model.layers[0].trainable = model.layers[1].trainable = False
    model.summary(texts.append)
    total = sum(counts)
    assert f"Trainable params: {total:,}" in texts[0] and "Non-trainable params: 10 (moving statistics)" in texts[0]
    frozen = counts[0] + counts[1]
    assert f"Trainable params: {total - frozen:,}" in texts[1]
    assert f"Non-trainable params: {frozen + 10:,} (frozen layers, moving statistics)" in texts[1]
    assert f"Total params: {total + 10:,}" in texts[0] and f"Total params: {total + 10:,}" in texts[1]
    plain = small_cnn()
    plain.layers[0].trainable = False
    plain.summary(texts.append)
    assert "Non-trainable params: 60 (frozen layers)" in texts[2]
    assert model.count_params() == total


def test_the_profile_counts_what_is_computed():
    x, y = make_images(8)
    model = small_cnn()
    rows = model.profile(x, y, repeats=1, print_fn=lambda text: None).rows
    forward = [row.forward_flops for row in rows if row.forward_flops]
    assert [row.backward_flops for row in rows if row.forward_flops] == [forward[0], *(2 * f for f in forward[1:])]
    model.layers[0].trainable = model.layers[6].trainable = False
    rows = model.profile(x, y, repeats=1, print_fn=lambda text: None).rows
    backward = [row.backward_flops for row in rows if row.forward_flops]
    assert backward == [0, forward[1], forward[2], 2 * forward[3]]
