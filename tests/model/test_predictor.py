"""A predictor gives what `predict` gave when it was made: for every layer, in every thread, whatever comes later."""

import copy
import pickle
import threading

import numpy as np
import pytest
from layer_table import both_dtypes, every_layer, numbers

import numpycnn as nc
from numpycnn import predictor as module
from numpycnn.kernels import jit_disabled

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
# Runs of layers that execute as one block, or whose normalisation goes into the weights.
STACKS = {
    "normalised": ((9, 8, 32), lambda: [
        nc.Conv2D(32, 3, use_bias=False), nc.BatchNorm(), nc.ReLU(), nc.MaxPool2D(2), nc.Flatten(), nc.Dense(5),
        nc.BatchNorm(scale=False), nc.ReLU(),
    ]),
    "folded": ((7, 7, 4), lambda: [
        nc.Conv2D(6, 3, 2, "same", groups=2), nc.BatchNorm(center=False), nc.BatchNorm(), nc.Tanh(), nc.BatchNorm(),
        nc.Dropout(0.5), nc.GlobalAvgPool2D(), nc.Dense(3, use_bias=False), nc.BatchNorm(),
    ]),
    "pooled": ((12, 11, 1), lambda: [
        nc.Conv2D(8, 3), nc.ReLU(), nc.MaxPool2D(2), nc.Conv2D(32, 3, padding="same"), nc.ReLU(), nc.ReLU(),
        nc.MaxPool2D(2), nc.Flatten(), nc.Dense(4), nc.ReLU(), nc.Dropout(0.1), nc.Dense(3),
    ]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def on_threads(monkeypatch):
    """Small work, too, runs the builds that everything else here compiles."""
    monkeypatch.setattr(module, "SMALL_STEP", 0)


def varied(layers, shape, dtype="float32", fused=True):
    """Return a model in which no weight and no statistic is what it starts as."""
    model = nc.Sequential(layers, input_shape=shape, dtype=dtype, seed=0, fused=fused)
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0.1, 0.4, w.shape) for w in model.get_weights()])
    return model


def dense(loss="sparse_categorical_crossentropy", units=4, **options):
    model = varied([nc.Dense(6), nc.ReLU(), nc.Dense(units)], (5,), **options)
    model.compile("adam", loss)
    return model


def check(model, predictor):
    for seed, rows in enumerate((3, 3, 1)):  # a plan, the plan again, another one
        x = numbers((rows, *model.input_shape), seed, model.dtype)
        expected, found = model.predict(x), predictor(x)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        assert np.abs(found - expected).max() <= TOLERANCE[model.dtype.name] * max(1, np.abs(expected).max())


@every_layer
@both_dtypes
def test_every_layer(make, shape, dtype):
    model = varied([make()], shape, dtype)
    check(model, model.predictor())


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("fused", [True, False])
@both_dtypes
def test_runs_of_layers(name, fused, dtype):
    shape, make = STACKS[name]
    model = varied(make(), shape, dtype, fused)
    check(model, model.predictor())


def grouped(**options):
    return nc.Conv2D(4, 1, groups=2, **options)


# What one would not find by the bits of random numbers: outputs that are the same for all of them, or NaN, and a bias
# that is lost beside large sums; with no kernel to write, or add, the last of it.
HIDDEN = {
    "zeros": (lambda: [grouped(kernel_initializer="zeros"), nc.ReLU(), grouped()], {}),
    "nothing but zeros": (lambda: [grouped(kernel_initializer="zeros")], {}),
    "NaN": (lambda: [grouped(), grouped()], {1: np.nan}),
    "a factor of 0": (lambda: [grouped(), nc.BatchNorm(), nc.ReLU(), grouped()], {2: 0.0, 3: 1.0}),
    "a bias beside large sums": (lambda: [nc.DepthwiseConv2D(1), nc.Flatten()], {0: 1e15, 1: 1.0}),
    "too large": (lambda: [grouped(), nc.BatchNorm(), grouped()], {5: np.inf}),
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("fused", [True, False])
def test_what_random_numbers_do_not_show(name, fused):
    layers, set_to = HIDDEN[name]
    model = nc.Sequential([*layers(), nc.Flatten(), nc.Dense(3)], input_shape=(4, 4, 4), seed=0, fused=fused)
    model.set_weights([np.full_like(w, set_to[i]) if i in set_to else w for i, w in enumerate(model.get_weights())])
    predictor = model.predictor()
    for x in np.zeros((2, 4, 4, 4)), np.ones((2, 4, 4, 4)), np.ones((1, 4, 4, 4)):
        np.testing.assert_allclose(predictor(x), model.predict(x), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(jit_disabled(), reason="NUMBA_DISABLE_JIT is set")
@pytest.mark.parametrize("rows", [1, 64])
def test_winograds_filters_are_transformed_once(rows):
    layers = [nc.Conv2D(32, 3), nc.Conv2D(32, 3), nc.ReLU(), nc.Conv2D(32, 3), nc.ReLU(), nc.MaxPool2D(2)]
    model = varied(layers, (20, 20, 16))
    predictor, x = model.predictor(), numbers((rows, 20, 20, 16))
    predictor(x)
    pairs = [pair for call in predictor._plan(rows).calls for pair in zip(call.args, call.args[1:])]
    kept = [(room, done) for room, done in pairs if isinstance(done, np.ndarray) and done.dtype == bool]
    assert len(kept) == 3 and all(done[0] for _, done in kept)
    found = predictor(x)
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-4, atol=1e-4)
    for room, _ in kept:
        room[...] = 0
    assert not np.allclose(predictor(x), found)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "mse", "binary_crossentropy"])
def test_the_loss_has_the_last_word(loss):
    model = dense(loss, units=1 if loss == "binary_crossentropy" else 4)
    check(model, model.predictor())


def test_what_happens_to_the_model_does_not_change_it():
    model, x = dense(), numbers((8, 5))
    predictor = model.predictor()
    before = predictor(x)
    model.fit(x, np.arange(8) % 4, epochs=1, verbose=0)
    model.loss.predict_logits = True
    assert np.array_equal(predictor(x), before) and not np.allclose(model.predict(x), before)
    check(model, model.predictor())


class Scaled(nc.Layer):
    """A layer of a user's: NumPy alone, and it may do something else with other numbers."""

    def forward(self, x, training=False):
        x = self.check_input(x)
        return 2 * x if x.max() > 1 else x

    def backward(self, dy, need_dx=True):
        raise NotImplementedError


def test_layers_of_ones_own_run_as_they_are():
    model = varied([nc.Dense(4), Scaled(), nc.ReLU(), nc.Dense(3)], (5,))
    predictor = model.predictor()
    check(model, predictor)
    for scale in (0.01, 100):
        x = scale * numbers((3, 5))
        np.testing.assert_allclose(predictor(x), model.predict(x), rtol=1e-5)


def test_many_rows_go_through_in_parts():
    model, x = dense(), numbers((600, 5))
    assert np.array_equal(model.predictor()(x), model.predict(x))


def test_every_number_of_rows_has_a_plan_and_few_are_kept():
    model = dense()
    predictor = model.predictor()
    for rows in range(1, 2 * module.MOST_PLANS):
        x = numbers((rows, 5), rows)
        np.testing.assert_allclose(predictor(x), model.predict(x), rtol=1e-6)
        assert len(predictor._plans.kept) <= module.MOST_PLANS


def test_what_it_returned_stays():
    predictor = dense().predictor()
    first = predictor(numbers((2, 5)))
    kept = first.copy()
    predictor(numbers((2, 5), 2))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("x", [np.ones((2, 4)), np.ones(5), np.ones((0, 5)), [["a"] * 5], None])
def test_it_refuses_what_predict_refuses(x):
    model = dense()
    with pytest.raises((TypeError, ValueError)) as of_predict:
        model.predict(x)
    with pytest.raises(type(of_predict.value)) as of_predictor:
        model.predictor()(x)
    assert str(of_predictor.value) == str(of_predict.value)


def test_a_model_without_shapes_is_refused():
    with pytest.raises(RuntimeError, match="predictor: the model is not built"):
        nc.Sequential([nc.Dense(1)]).predictor()


def test_threads_do_not_meet():
    predictor = dense().predictor()
    inputs = [numbers((4, 5), seed) for seed in range(3)]
    expected = [predictor(x) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(20):
            if not np.array_equal(predictor(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_predict_the_same(twin):
    predictor, x = dense().predictor(), numbers((2, 5))
    assert np.array_equal(twin(predictor)(x), predictor(x))


@pytest.mark.skipif(jit_disabled(), reason="NUMBA_DISABLE_JIT is set")
def test_small_work_takes_no_lock(monkeypatch):
    monkeypatch.setattr(module, "SMALL_STEP", 2000)
    model, x = dense(), numbers((3, 5))
    predictor, expected = model.predictor(), model.predict(x)
    predictor(x)
    found = []
    with nc.kernels.threads.lock, model.lock:  # of the kernels on threads, of the model
        thread = threading.Thread(target=lambda: found.append(predictor_of_thread(x)))
        predictor_of_thread = predictor
        thread.start()
        thread.join(60)
    assert len(found) == 1 and np.array_equal(found[0], expected)
