"""Which arrays the model keeps and which belong to the caller: the arena, results, copies, threads."""

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_images, reference_cnn, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LambdaCallback,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    Tanh,
)
from numpycnn.kernels import jit_disabled

needs_compiled_kernels = pytest.mark.skipif(
    jit_disabled(), reason="the JIT is disabled: NumPy's BLAS promises no bits across batches and threads"
)


# -- what a caller receives -------------------------------------------------------------------


LAST_LAYERS = [
    Dense(3), ReLU(), LeakyReLU(), ELU(), GELU(), SiLU(), Sigmoid(), Tanh(), Dropout(0.5), BatchNorm(), Conv2D(2, 1),
    MaxPool2D(), AvgPool2D(), Flatten(),
]  # fmt: skip


@pytest.mark.parametrize("last", LAST_LAYERS, ids=repr)
@pytest.mark.parametrize("training", [True, False])
def test_what_a_caller_receives_is_the_callers(last, training):
    last = copy.copy(last)
    first = [] if isinstance(last, (Conv2D, MaxPool2D, AvgPool2D)) else [Flatten()]
    model = Sequential([*first, last], input_shape=(4, 4, 1), seed=0)
    x, other = np.random.default_rng(0).standard_normal((2, 5, 4, 4, 1)).astype(np.float32)
    y = model.forward(x, training)
    kept, x_kept = y.copy(), x.copy()
    model.forward(other, training)
    assert np.array_equal(y, kept)  # a second forward does not write over the first one's result
    y[...] = 7
    assert np.array_equal(x, x_kept)  # the output is no view of the input
    if training:
        dx = model.backward(y, need_dx=True)
        kept = dx.copy()
        model.forward(x, training)
        model.backward(np.ones_like(y), need_dx=True)
        assert np.array_equal(dx, kept)


def test_finite_differences_work_on_the_model():
    model = small_cnn(dtype="float64")
    x, y = make_images(5)
    loss = SoftmaxCrossEntropy()
    model.backward(loss(model.forward(x, training=True), y)[1])
    weight = model.layers[0].parameters[0]
    steepest = np.unravel_index(np.abs(weight.grad).argmax(), weight.grad.shape)
    above, below = weight.value.copy(), weight.value.copy()
    above[steepest] += 1e-6
    below[steepest] -= 1e-6
    outputs = []
    for value in (above, below):
        weight.value = value
        outputs.append(model.forward(x))
    numeric = (loss(outputs[0], y)[0] - loss(outputs[1], y)[0]) / 2e-6
    assert abs(numeric) > 1e-4  # not two views of one array
    assert weight.grad[steepest] == pytest.approx(numeric, rel=1e-6)


# -- the arena --------------------------------------------------------------------------------


def subtract(p, new):
    p.value -= p.value - new


def fill(p, new):
    p.value[...] = new


def assign(p, new):
    p.value = new


@pytest.mark.parametrize("write", [subtract, fill, assign])
@pytest.mark.parametrize("fused", [True, False])
def test_parameters_are_views_and_writing_takes_effect_at_the_next_forward(write, fused):
    model, target = small_cnn(seed=0, fused=fused), small_cnn(seed=1, fused=fused)
    x, _ = make_images()
    model.forward(x)  # so that anything that is kept between calls exists
    for layer, other in zip(model.layers, target.layers):
        for p, q in zip(layer.parameters, other.parameters):
            write(p, q.value.round(2))  # rounded: then `subtract` is exact enough, too
            q.value = q.value.round(2)
            assert np.shares_memory(p.value, model.arena.values) and np.shares_memory(p.grad, model.arena.grads)
    np.testing.assert_allclose(model.forward(x), target.forward(x), rtol=1e-4, atol=1e-5)
    model.arena.values[...] = 0
    assert not model.forward(x).any()


def test_arena_is_all_parameters_in_order():
    model = small_stateful_cnn()
    assert np.array_equal(model.arena.values, np.concatenate([p.value.ravel() for p in model.parameters]))
    assert [p.name for p in model.parameters] == ["weight", "bias", "gamma", "beta", "weight", "bias", "weight", "bias"]
    assert all(p.grad.shape == p.value.shape for p in model.parameters)


def test_a_parameter_refuses_another_shape():
    p = small_cnn().layers[0].parameters[1]
    for attribute in ("value", "grad"):
        before = getattr(p, attribute).copy()
        for wrong in (np.zeros(5), np.zeros((6, 1)), 1.0):
            with pytest.raises(ValueError, match=r"parameter 'bias': expected shape \(6,\), got"):
                setattr(p, attribute, wrong)
        assert np.array_equal(getattr(p, attribute), before)


# -- copies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_a_copy_goes_on_by_itself(duplicate, make):
    x, y = make_images()
    model = make()
    model.fit(x, y, batch_size=16, verbose=0)
    twin = duplicate(model)
    assert not np.shares_memory(twin.arena.values, model.arena.values)
    assert len(twin.plan) == len(model.plan)
    model.fit(x, y, batch_size=16, verbose=0)
    assert not weights_equal(twin, model)  # independent
    twin.fit(x, y, batch_size=16, verbose=0)
    assert weights_equal(twin, model)  # optimizer, generators and moving statistics went on alike
    assert twin.optimizer.steps == model.optimizer.steps == 6
    twin.layers[0].parameters[0].value[...] = 0  # the copy's parameters are views of the copy's arena
    assert not twin.arena.values[: twin.layers[0].parameters[0].value.size].any()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_learns_on_after_it_was_copied(duplicate):
    x, y = make_images()
    model, alone = small_stateful_cnn(), small_stateful_cnn()
    duplicate(model).fit(x, y, verbose=0)
    for each in (model, alone):
        each.fit(x, y, epochs=2, verbose=0)
    assert weights_equal(model, alone)


def test_what_was_copied_with_a_model_stays_together():
    model = small_cnn()
    twin, optimizer, layer = copy.deepcopy((model, model.optimizer, model.layers[0]))
    assert twin.optimizer is optimizer and twin.layers[0] is layer


def test_copy_of_an_unbuilt_model():
    twin = copy.deepcopy(Sequential([Dense(2)], seed=1))
    twin.build((3,))
    assert weights_equal(twin, Sequential([Dense(2)], input_shape=(3,), seed=1))


# -- nothing leaks between calls --------------------------------------------------------------


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_evaluating_during_training_changes_nothing(make):
    x, y = make_images()
    watched, alone = make(), make()
    before = watched.get_weights()
    watched.evaluate(x, y)
    watched.predict(x)
    assert weights_equal(watched, before)
    look = LambdaCallback(lambda epoch, logs: (watched.evaluate(x, y), watched.predict(x[:3])))
    watched.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[look], validation_data=(x[:7], y[:7]))
    alone.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert weights_equal(watched, alone)


@needs_compiled_kernels
@settings(max_examples=15, deadline=None, database=None)
@given(batch_size=st.integers(1, 45), rows=st.integers(1, 40))
@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_predictions_do_not_depend_on_the_batch_size(make, batch_size, rows):
    model = make()
    x, _ = make_images()
    assert np.array_equal(model.predict(x[:rows], batch_size=batch_size), model.predict(x)[:rows])


def test_another_batch_size_changes_no_more_than_rounding():
    x, _ = make_images(40, (28, 28, 1), classes=10)
    model = reference_cnn(seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    whole = model.predict(x)
    for batch_size in (1, 5, 8, 9, 16, 33):
        found = model.predict(x, batch_size=batch_size)
        assert np.array_equal(found, model.predict(x, batch_size=batch_size))
        np.testing.assert_allclose(found, whole, rtol=0, atol=2e-6)


def run_in_threads(jobs):
    results = [None] * len(jobs)

    def run(i):
        results[i] = jobs[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@needs_compiled_kernels
def test_threads_may_predict_with_one_model():
    model = small_stateful_cnn()
    batches = [make_images(n, seed=n)[0] for n in (5, 40, 17, 64)]
    alone = [model.predict(x) for x in batches]
    together = run_in_threads([lambda x=x: [model.predict(x) for _ in range(20)] for x in batches])
    for expected, results in zip(alone, together):
        assert all(np.array_equal(result, expected) for result in results)


@needs_compiled_kernels
def test_threads_may_train_a_model_each():
    x, y = make_images()

    def train(make, seed):
        model = make(seed=seed)
        model.fit(x, y, batch_size=16, epochs=3, verbose=0)
        return model.get_weights()

    kinds = [(small_cnn, 0), (small_cnn, 1), (small_stateful_cnn, 0), (small_stateful_cnn, 1)]
    alone = [train(*kind) for kind in kinds]
    together = run_in_threads([lambda kind=kind: train(*kind) for kind in kinds])
    assert all(weights_equal(a, b) for a, b in zip(together, alone))
