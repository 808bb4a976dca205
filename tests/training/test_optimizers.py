"""Optimizers against numbers worked out by hand and the papers' algorithms in five lines."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from layer_table import both_dtypes, both_kernel_sets
from small_models import make_images, small_cnn

from numpycnn import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Constant,
    CosineDecay,
    Flatten,
    MeanSquaredError,
    Nadam,
    OneCycle,
    Optimizer,
    PiecewiseConstant,
    RMSprop,
    Schedule,
    Sequential,
    SoftmaxCrossEntropy,
    StepDecay,
    kernels,
)
from numpycnn.optimizers import OPTIMIZERS, get_optimizer, optimizer_from_config

INF, NAN = float("inf"), float("nan")
EVERY = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=1.5),
    Adam(0.1),
    Adam(CosineDecay(0.1, 100), beta1=0.8, beta2=0.9, epsilon=1e-3, global_clipnorm=2.0),
    AdamW(0.1),
    AdamW(OneCycle(0.1, 100), weight_decay=0.3),
    AdamW(0.1, epsilon=1e-7, epsilon_hat=True),
    RMSprop(0.1),
    RMSprop(0.1, rho=0.8, momentum=0.5, epsilon=1e-3, centered=True, global_clipnorm=2.0),
    Adagrad(0.1),
    Adadelta(0.1),
    Adamax(0.1),
    Nadam(0.1),
]
every_optimizer = pytest.mark.parametrize("optimizer", EVERY, ids=repr)


def steps(optimizer, gradients, start, dtype="float64"):
    """Return the weights after each step."""
    weights = np.array(start, dtype)
    path = []
    for gradient in gradients:
        optimizer.step(weights, np.array(gradient, dtype))
        path.append(weights.copy())
    return np.array(path)


def random_gradients(count=50, size=7, seed=0):
    return np.random.default_rng(seed).standard_normal((count, size))


# -- stochastic gradient descent ---------------------------------------------------------------------


@both_kernel_sets
def test_sgd_by_hand(kernel_set):
    with kernels.using(kernel_set):
        # w = 1 - 0.5 * 2 = 0, then 0 - 0.5 * -4 = 2
        assert steps(SGD(0.5), [[2], [-4]], [1]).ravel().tolist() == [0, 2]


@both_kernel_sets
def test_momentum_by_hand(kernel_set):
    # v: 4, then 0.5 * 4 + 4 = 6, then 0.5 * 6 + 0 = 3; w: 0 - 0.25 * 4 = -1, -1 - 1.5 = -2.5, -2.5 - 0.75 = -3.25
    with kernels.using(kernel_set):
        path = steps(SGD(0.25, momentum=0.5), [[4], [4], [0]], [0])
    assert path.ravel().tolist() == [-1, -2.5, -3.25]


@both_kernel_sets
def test_nesterov_by_hand(kernel_set):
    # v as above: 4, 6, 3; the step is along g + 0.5 v: 4 + 2 = 6, 4 + 3 = 7, 0 + 1.5 = 1.5; w: -1.5, -3.25, -3.625
    with kernels.using(kernel_set):
        path = steps(SGD(0.25, momentum=0.5, nesterov=True), [[4], [4], [0]], [0])
    assert path.ravel().tolist() == [-1.5, -3.25, -3.625]


@both_kernel_sets
def test_a_velocity_of_steps_goes_on_as_long_as_they_were(kernel_set):
    # The rate falls from 1/4 to 0. v: 1/4 * 4 = 1, then 0.5 * 1 + 0 = 0.5, then 0.25; nesterov: 1 + 0.5 * 1 = 1.5, ...
    def path(**options):
        sgd = SGD(PiecewiseConstant([0], [0.25, 0.0]), momentum=0.5, **options)
        with kernels.using(kernel_set):
            return steps(sgd, [[4], [4], [4]], [0]).ravel()

    assert path(velocity_of_steps=True).tolist() == [-1, -1.5, -1.75]
    assert path(velocity_of_steps=True, nesterov=True).tolist() == [-1.5, -1.75, -1.875]
    assert path().tolist() == [-1, -1, -1]  # of gradients: where the rate is 0, nothing moves


# -- Adam ----------------------------------------------------------------------------------------------


@both_kernel_sets
def test_the_first_step_of_adam_is_the_learning_rate(kernel_set):
    # Bias correction makes m = g and v = g**2 at step 1, so the step is rate * sign(g) whatever the gradient's size;
    # without it, it would be 0.1 g / sqrt(0.001 g**2) = 3.16 times as long.
    with kernels.using(kernel_set):
        path = steps(Adam(0.125), [[1e-3, -1, 1e3, 0]], [0, 0, 0, 0])
    np.testing.assert_allclose(path, [[-0.125, 0.125, -0.125, 0]], rtol=2e-5)


@both_kernel_sets
def test_epsilon_is_outside_the_root(kernel_set):
    # m = g = 3, v = 9, epsilon = 1: 3 / (sqrt(9) + 1) = 0.75; inside it would be 3 / sqrt(9 + 1) = 0.949.
    # It joins after the correction of v: before, epsilon would be divided by sqrt(1 - beta2), too.
    with kernels.using(kernel_set):
        path = steps(Adam(1.0, beta1=0.5, beta2=0.75, epsilon=1.0), [[3]], [0])
    np.testing.assert_allclose(path, [[-0.75]], rtol=1e-15)


@both_kernel_sets
def test_two_steps_of_adam_by_hand(kernel_set):
    # beta1 = 1/2, beta2 = 3/4; gradients 4 and 0, weights from 0, rate 1.
    # Step 1: the length of 1. Step 2: m = 1/2 * 2 + 0 = 1, corrected by 1 - 1/4: 4/3;
    # v = 3/4 * 4 = 3, corrected by 1 - 9/16: 48/7; the step is (4/3) / sqrt(48/7).
    with kernels.using(kernel_set):
        path = steps(Adam(1.0, beta1=0.5, beta2=0.75, epsilon=1e-30), [[4], [0]], [0])
    np.testing.assert_allclose(path, [[-1], [-1 - (4 / 3) / math.sqrt(48 / 7)]], rtol=1e-15)


def paper(gradients, w, rate, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    """Kingma and Ba, Algorithm 1; with `decay`, Loshchilov and Hutter, Algorithm 2."""
    m, v, path = np.zeros_like(w), np.zeros_like(w), []
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w = w - rate * (m_hat / (np.sqrt(v_hat) + epsilon) + decay * w)
        path.append(w)
    return np.array(path)


@both_kernel_sets
@pytest.mark.parametrize("options", [{}, {"beta1": 0.0, "beta2": 0.5, "epsilon": 0.1}, {"beta1": 0.5, "epsilon": 1e-3}])
def test_fifty_steps_of_adam_as_in_the_paper(kernel_set, options):
    gradients, start = random_gradients(), np.linspace(-1, 1, 7)
    with kernels.using(kernel_set):
        path = steps(Adam(0.03, **options), gradients, start)
    np.testing.assert_allclose(path, paper(gradients, start, 0.03, **options), rtol=1e-12, atol=1e-13)


@both_kernel_sets
def test_fifty_steps_of_adamw_as_in_the_paper(kernel_set):
    gradients, start = random_gradients(), np.linspace(-1, 1, 7)
    with kernels.using(kernel_set):
        path = steps(AdamW(0.03, weight_decay=0.2), gradients, start)
    np.testing.assert_allclose(path, paper(gradients, start, 0.03, decay=0.2), rtol=1e-12, atol=1e-13)


@both_kernel_sets
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta2", [0.999, 0.5])
def test_gradients_whose_squares_vanish_take_no_leap(kernel_set, dtype, beta2):
    # The second moment of such a gradient is less than the smallest number of the format, the first one is not.
    smallest = float(np.sqrt(np.finfo(dtype).tiny))
    with kernels.using(kernel_set):
        for size in 10.0 ** np.arange(-6, 4):
            path = steps(Adam(0.125, beta2=beta2, epsilon=1e-300 if dtype == "float64" else 1e-30),
                         [[size * smallest, -size * smallest]] * 40, [0, 0], dtype)
            lengths = np.diff(path, axis=0, prepend=0) * [-1, 1]
            assert (0 <= lengths).all() and (lengths <= 0.125 * (1 + 1e-4)).all(), size
        np.testing.assert_allclose(lengths, 0.125, rtol=1e-3)  # the largest are as in the paper


@both_kernel_sets
def test_weight_decay_is_decoupled(kernel_set):
    # Without a gradient nothing enters the moments, and each weight shrinks by rate * decay = 5 %. Added to the
    # gradient instead, the decay would be normalised away: steps of the length of the rate.
    with kernels.using(kernel_set):
        path = steps(AdamW(0.5, weight_decay=0.1), [[0, 0]] * 2, [100, -1])
    np.testing.assert_allclose(path, [[95, -0.95], [90.25, -0.9025]], rtol=1e-15)


def test_adamw_without_decay_is_adam():
    gradients, start = random_gradients(), np.linspace(-1, 1, 7)
    assert np.array_equal(steps(AdamW(0.1, weight_decay=0), gradients, start), steps(Adam(0.1), gradients, start))


@both_kernel_sets
def test_float32_follows_float64(kernel_set):
    gradients, start = random_gradients(10).astype("float32"), np.linspace(-1, 1, 7, dtype="float32")
    with kernels.using(kernel_set):
        for optimizer in EVERY:
            single = steps(copy.deepcopy(optimizer), gradients, start, "float32")
            double = steps(copy.deepcopy(optimizer), gradients, start)
            np.testing.assert_allclose(single, double, rtol=0, atol=2e-6)


# -- RMSprop, Adagrad, Adadelta, Adamax, Nadam: the formulas of their docstrings, written anew ------------------------


def keras_adam(gradients, w, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    m, v, path = np.zeros_like(w), np.zeros_like(w), []
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        w = w - rate * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + epsilon)
        path.append(w)
    return path


def rmsprop(gradients, w, rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    v, m, u, path = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w), []
    for g in gradients:
        v, m = rho * v + (1 - rho) * g**2, rho * m + (1 - rho) * g
        u = momentum * u + rate * g / np.sqrt(v - centered * m**2 + epsilon)
        w = w - u
        path.append(w)
    return path


def adagrad(gradients, w, rate, initial_accumulator_value=0.1, epsilon=1e-7):
    sums = initial_accumulator_value + np.cumsum(np.square(gradients), axis=0)
    return w - np.cumsum(rate * gradients / np.sqrt(sums + epsilon), axis=0)


def adadelta(gradients, w, rate, rho=0.95, epsilon=1e-7):
    v, u, path = np.zeros_like(w), np.zeros_like(w), []
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        s = np.sqrt((u + epsilon) / (v + epsilon)) * g
        u = rho * u + (1 - rho) * s**2
        w = w - rate * s
        path.append(w)
    return path


def adamax(gradients, w, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    m, u, path = np.zeros_like(w), np.zeros_like(w), []
    for t, g in enumerate(gradients, start=1):
        m, u = beta1 * m + (1 - beta1) * g, np.maximum(beta2 * u, abs(g))
        w = w - rate / (1 - beta1**t) * m / (u + epsilon)
        path.append(w)
    return path


def nadam(gradients, w, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    m, v, product, path = np.zeros_like(w), np.zeros_like(w), 1.0, []
    for t, g in enumerate(gradients, start=1):
        now, after = (beta1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
        product *= now
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        along = after * m / (1 - product * after) + (1 - now) * g / (1 - product)
        w = w - rate * along / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        path.append(w)
    return path


@both_kernel_sets
@pytest.mark.parametrize(
    ("make", "formula", "options"),
    [
        (RMSprop, rmsprop, {}),
        (RMSprop, rmsprop, {"rho": 0.5, "momentum": 0.8, "epsilon": 0.1}),
        (RMSprop, rmsprop, {"centered": True, "epsilon": 1e-2}),
        (RMSprop, rmsprop, {"centered": True, "momentum": 0.3, "rho": 0.7}),
        (Adagrad, adagrad, {}),
        (Adagrad, adagrad, {"initial_accumulator_value": 0.0, "epsilon": 0.3}),
        (Adadelta, adadelta, {}),
        (Adadelta, adadelta, {"rho": 0.5, "epsilon": 1e-2}),
        (Adamax, adamax, {}),
        (Adamax, adamax, {"beta1": 0.5, "beta2": 0.7, "epsilon": 0.2}),
        (Nadam, nadam, {}),
        (Nadam, nadam, {"beta1": 0.0, "beta2": 0.5, "epsilon": 0.1}),
        (lambda rate, **o: Adam(rate, epsilon_hat=True, **{"epsilon": 1e-7, **o}), keras_adam, {}),
        (lambda rate, **o: Adam(rate, epsilon_hat=True, **o), keras_adam, {"epsilon": 0.1, "beta2": 0.9}),
        (lambda rate, **o: AdamW(rate, weight_decay=0, epsilon_hat=True, **o), keras_adam, {"epsilon": 0.1}),
    ],
)
def test_fifty_steps_as_in_the_formula(kernel_set, make, formula, options):
    gradients, start = random_gradients(), np.linspace(-1, 1, 7)
    with kernels.using(kernel_set):
        path = steps(make(0.03, **options), gradients, start)
    np.testing.assert_allclose(path, formula(gradients, start, 0.03, **options), rtol=1e-12, atol=1e-13)


@both_kernel_sets
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [RMSprop, Adadelta, Adamax, Nadam, lambda rate, **o: Adagrad(rate, 0.0, **o)])
def test_an_epsilon_too_small_for_the_format_takes_no_leap(kernel_set, dtype, make):
    # In float32 1e-60 is 0: without more care the first step is 0 / 0, or a tiny gradient over 0.
    sizes = np.finfo(dtype).tiny ** np.array([0.2, 0.48, 0.5, 0.52, 0.9, 2.0])
    gradients = np.array([[*sizes, 0.0, 1.0]] * 20)
    with kernels.using(kernel_set):
        path = steps(make(0.125, epsilon=1e-60), gradients, np.zeros(8), dtype)
    lengths = -np.diff(path, axis=0, prepend=0)
    assert (lengths >= 0).all() and (lengths <= 0.125 * 3.2).all()  # RMSprop's first is 1 / sqrt(1 - rho) rates long
    assert not path[:, -2].any() and path[-1, -1] < 0


@both_kernel_sets
def test_a_variance_that_rounding_makes_negative_is_none(kernel_set):
    # Of equal gradients v and m**2 are the same number, up to rounding, which is far more than epsilon here.
    with kernels.using(kernel_set):
        path = steps(RMSprop(1e-3, centered=True), np.full((200, 3), [1e3, 33333.0, 7.7]), np.zeros(3), "float32")
    assert np.isfinite(path).all()


@both_kernel_sets
@every_optimizer
def test_nan_stays_visible(kernel_set, optimizer):
    weights, optimizer = np.ones(3), copy.deepcopy(optimizer)
    optimizer.global_clipnorm = None  # it would spread the NaN
    with kernels.using(kernel_set):
        for gradient in ([1.0, NAN, 1.0], [1.0, 1.0, 1.0]):
            optimizer.step(weights, np.array(gradient))
    assert np.isnan(weights).tolist() == [False, True, False]
    memories = [slot for name, slot in optimizer.get_state().items() if name != "steps" and slot[0] != 0]
    assert memories and all(np.isnan(slot).tolist() == [False, True, False] for slot in memories)


# -- every optimizer -------------------------------------------------------------------------------------


def test_every_class_is_among_the_examples():
    assert {type(optimizer) for optimizer in EVERY} == set(OPTIMIZERS.values())


@every_optimizer
@both_dtypes
def test_steps_happen_in_place_and_leave_the_gradient_alone(optimizer, dtype):
    weights, gradient = np.ones(5, dtype), np.linspace(-9, 9, 5).astype(dtype)
    kept = gradient.copy()
    view = weights[:]
    copy.deepcopy(optimizer).step(weights, gradient)
    assert view[0] > 1 > view[4] and weights.dtype == dtype  # against the gradient
    assert np.array_equal(gradient, kept)


@every_optimizer
def test_a_quadratic_is_minimised(optimizer):
    optimizer = copy.deepcopy(optimizer)
    # RMSprop takes steps of the length of the rate to the end; Adagrad's are soon short, Adadelta's first ones tiny.
    rate = {Adadelta: 50.0, Adagrad: 1.0}.get(type(optimizer), 0.1)
    optimizer.learning_rate = CosineDecay(rate, 300)
    weights = np.array([3.0, -2.0])
    for _ in range(300):
        optimizer.step(weights, weights - 1)  # the minimum is at 1; AdamW's decay keeps it a little below
    assert (abs(weights - 1) < (0.3 if isinstance(optimizer, AdamW) else 0.01)).all()


@every_optimizer
def test_one_optimizer_refuses_a_second_model(optimizer):
    optimizer = copy.deepcopy(optimizer)
    first, second = np.ones(3), np.ones(3)
    optimizer.step(first, np.ones(3))
    with pytest.raises(ValueError, match="already trains another model; make a new one for each model"):
        optimizer.step(second, np.ones(3))
    with pytest.raises(ValueError, match="already trains another model"):
        optimizer.step(first[:2], np.ones(2))  # the same memory, but not all of it
    assert second.tolist() == [1, 1, 1] and optimizer.steps == 1
    optimizer.step(first, np.ones(3))


@every_optimizer
def test_vectors_that_kernels_cannot_work_on_are_refused(optimizer):
    read_only = np.ones(3)
    read_only.flags.writeable = False
    for values in (read_only, np.ones(6)[::2]):
        with pytest.raises(ValueError, match="values: expected a writeable, contiguous vector of float32 or float64"):
            copy.deepcopy(optimizer).step(values, np.ones(3))
    with pytest.raises(ValueError, match="grads: expected a contiguous vector"):
        copy.deepcopy(optimizer).step(np.ones(3), np.ones(6)[::2])


def test_a_gradient_may_be_read_only():
    gradient, weights = np.ones(3), np.ones(3)
    gradient.flags.writeable = False
    SGD(0.5).step(weights, gradient)
    assert weights.tolist() == [0.5] * 3


@every_optimizer
def test_vectors_that_do_not_match_are_refused(optimizer):
    optimizer = copy.deepcopy(optimizer)
    for values, grads in [
        (np.ones(3), np.ones(4)),
        (np.ones(3), np.ones(3, np.float32)),
        (np.ones((3, 1)), np.ones((3, 1))),
        (np.ones(()), np.ones(())),
    ]:
        with pytest.raises(ValueError, match="expected two vectors of one shape and dtype, got float64"):
            optimizer.step(values, grads)
    assert optimizer.steps == 0 and optimizer.get_state() == {"steps": 0}


@every_optimizer
@both_dtypes
def test_going_on_from_a_state_gives_the_same_bits(optimizer, dtype):
    gradients, start = random_gradients(10), np.ones(7)
    straight = copy.deepcopy(optimizer)
    expected = steps(straight, gradients, start, dtype)
    first, second = copy.deepcopy(optimizer), copy.deepcopy(optimizer)
    halfway = steps(first, gradients[:4], start, dtype)[-1]
    state = first.get_state()
    assert set(state) == {"steps", *optimizer.slot_names} and state["steps"] == 4
    first.step(first._values, np.ones(7, dtype))  # the state is a copy: this does not change it
    second.set_state(copy.deepcopy(state))
    assert np.array_equal(steps(second, gradients[4:], halfway, dtype), expected[4:])
    first.set_state(state)  # also into an optimizer that is at work
    first._values[:] = halfway
    for gradient in gradients[4:]:
        first.step(first._values, gradient.astype(dtype))
    assert np.array_equal(first._values, expected[-1])


@every_optimizer
def test_the_state_from_before_the_first_step_is_a_fresh_start(optimizer):
    gradients, start = random_gradients(5), np.ones(7)
    expected = steps(copy.deepcopy(optimizer), gradients, start)
    optimizer = copy.deepcopy(optimizer)
    fresh = optimizer.get_state()
    weights = start.copy()
    optimizer.step(weights, np.full(7, 3.0))
    optimizer.set_state(fresh)
    weights[:] = start
    for gradient in gradients:
        optimizer.step(weights, gradient)
    assert np.array_equal(weights, expected[-1])


def test_a_state_takes_the_dtype_of_the_weights():
    for bound_first in (False, True):
        source, target = Adam(), Adam()
        source.step(np.ones(3), np.ones(3))
        weights = np.ones(3, np.float32)
        if bound_first:
            target.bind(weights)
        target.set_state(source.get_state())
        target.step(weights, np.ones(3, np.float32))
        assert {slot.dtype for name, slot in target.get_state().items() if name != "steps"} == {np.dtype("float32")}


def test_states_that_do_not_fit_are_refused():
    optimizer = SGD()
    weights = np.ones(3)
    optimizer.step(weights, np.ones(3))
    for wrong in ({}, {"velocity": np.ones(3)}, {"steps": 1, "m": np.ones(3)}):
        with pytest.raises(ValueError, match="expected the state steps, velocity; got"):
            optimizer.set_state(wrong)
    with pytest.raises(ValueError, match=r"velocity has shape \(3,\), got \(4,\)"):
        optimizer.set_state({"steps": 1, "velocity": np.ones(4)})
    late = SGD()
    late.set_state({"steps": 1, "velocity": np.ones(4)})
    with pytest.raises(ValueError, match="velocity was saved for 4 parameters, got a model of 3"):
        late.step(weights, np.ones(3))


@every_optimizer
def test_configuration_and_repr_make_an_equal_optimizer(optimizer):
    gradients, start = random_gradients(5), np.ones(7)
    expected = steps(copy.deepcopy(optimizer), gradients, start)
    config = optimizer.get_config()
    for twin in (optimizer_from_config(type(optimizer).__name__, config), eval(repr(optimizer))):
        assert type(twin) is type(optimizer) and twin.get_config() == config
        assert np.array_equal(steps(twin, gradients, start), expected)


@every_optimizer
def test_a_copy_keeps_its_memories_and_finds_its_own_model(optimizer):
    optimizer = copy.deepcopy(optimizer)
    weights = np.ones(3)
    optimizer.step(weights, np.ones(3))
    twin, own = copy.deepcopy(optimizer), weights.copy()
    twin.step(own, np.full(3, 0.5))
    optimizer.step(weights, np.full(3, 0.5))
    assert np.array_equal(own, weights) and twin.steps == 2


@every_optimizer
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_of_any_kind_shares_no_memory(optimizer, duplicate):
    optimizer = copy.deepcopy(optimizer)
    optimizer.step(np.ones(3), np.ones(3))
    expected, twin = optimizer.get_state(), duplicate(optimizer)
    twin.step(np.ones(3), np.full(3, 7.0))
    np.testing.assert_equal(optimizer.get_state(), expected)
    assert twin.steps == 2


def test_an_optimizer_of_ones_own_may_define_step_alone():
    class Plain(Optimizer):
        def step(self, values, grads):
            values -= self.current_rate * grads
            self.count = getattr(self, "count", 0) + 1  # an attribute of its own

    x, y = make_images()
    model = small_cnn(optimizer=Plain(0.1), dtype="float64")
    expected = small_cnn(optimizer=SGD(0.1), dtype="float64")
    for each in (model, expected):
        each.fit(x, y, batch_size=16, verbose=0)
    np.testing.assert_allclose(model.arena.values, expected.arena.values, rtol=1e-12, atol=1e-15)
    assert model.optimizer.count == 3


def test_a_model_without_parameters_takes_many_steps():
    model = Sequential([Flatten()], input_shape=(2, 2))
    model.compile("adam", "mse")
    history = model.fit(np.ones((5, 2, 2)), np.zeros((5, 4)), batch_size=2, epochs=2, verbose=0)
    assert history.history["loss"] == [1, 1] and model.optimizer.steps == 6


# -- attributes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("thing", "name", "hint"), [
    (Adam(), "lr", "did you mean 'learning_rate'?"),
    (Adam(), "beta_1", "did you mean 'beta1'?"),
    (Adam(), "clipnorm", "did you mean 'global_clipnorm'?"),
    (Adam(), "weight_decay", "it has beta1, beta2, current_rate, epsilon, epsilon_hat, global_clipnorm, "),
    (AdamW(), "decay", "did you mean 'weight_decay'?"),
    (SGD(), "nesterow", "did you mean 'nesterov'?"),
    (StepDecay(0.1, 2), "lr", "did you mean 'learning_rate'?"),
    (CosineDecay(0.1, 2), "final_lr", "did you mean 'final_rate'?"),
    (SoftmaxCrossEntropy(), "smoothing", "did you mean 'label_smoothing'?"),
    (MeanSquaredError(), "from_logits", "it has reduction"),
], ids=repr)  # fmt: skip
def test_an_attribute_that_would_do_nothing_is_refused(thing, name, hint):
    before = repr(thing), thing.get_config()
    with pytest.raises(AttributeError, match=f"{type(thing).__name__} has no attribute '{name}'.*{re.escape(hint)}"):
        setattr(thing, name, 0.1)
    assert (repr(thing), thing.get_config()) == before


@pytest.mark.parametrize(("thing", "name", "wrong", "right", "kept"), [
    (Adam(), "beta1", 1.5, 0, 0.0),
    (Adam(), "epsilon", -1e-8, np.float32(0.5), 0.5),
    (Adam(), "global_clipnorm", -1.0, None, None),  # it would turn the gradient around
    (SGD(momentum=0.5), "nesterov", "no", True, True),
    (SoftmaxCrossEntropy(), "label_smoothing", 2.0, 0.1, 0.1),
    (MeanSquaredError(), "reduction", "max", "sum", "sum"),
    (StepDecay(0.1, 2), "step_size", 0, 3, 3),
], ids=repr)  # fmt: skip
def test_an_argument_assigned_later_is_checked_like_one_given(thing, name, wrong, right, kept):
    thing, before = copy.deepcopy(thing), getattr(thing, name)
    with pytest.raises((ValueError, TypeError), match=f"{name}: expected"):
        setattr(thing, name, wrong)
    assert getattr(thing, name) == before
    setattr(thing, name, right)
    assert getattr(thing, name) == kept and thing.get_config().get(name, kept) == kept


def test_a_subclass_may_assign_what_it_likes_to_arguments_of_its_own():
    class Cooling(SGD):
        def __init__(self, factor, momentum=0.9):
            super().__init__(0.1, momentum)
            self.factor = factor

    optimizer = Cooling("slowly")
    optimizer.factor, optimizer.momentum = None, 0.5
    assert (optimizer.factor, optimizer.momentum) == (None, 0.5)
    with pytest.raises(ValueError, match="momentum: expected a number in"):
        optimizer.momentum = 2.0


def test_subclasses_have_attributes_of_their_own():
    class Warm(SGD):
        def __init__(self, warm_steps=3, **options):
            super().__init__(**options)
            self.warm_steps = warm_steps
            self.reset()

        def reset(self):
            self.seen = [n for n in range(self.warm_steps)]

    optimizer = Warm(2, momentum=0.5)
    optimizer.seen = [1]  # it knows the name
    assert copy.copy(optimizer).seen == [1]
    optimizer._note = "of the user's"
    text = "Warm(warm_steps=2, learning_rate=0.01, momentum=0.5, nesterov=False, global_clipnorm=None)"
    assert repr(optimizer) == text
    with pytest.raises(AttributeError, match="did you mean 'warm_steps'"):
        optimizer.warmsteps = 3


# -- the learning rate -----------------------------------------------------------------------------------


def test_what_is_no_rate_is_told_of_schedules():
    for wrong in (CosineDecay, lambda step: 0.1, "0.1"):
        with pytest.raises(TypeError, match="learning_rate: expected a number or a schedule such as CosineDecay"):
            SGD(wrong)


def test_the_rate_follows_its_schedule_and_can_be_set():
    optimizer = SGD(StepDecay(1.0, step_size=2, factor=0.5))
    # rates 1, 1, 1/2, 1/2, 1/4
    assert steps(optimizer, [[1]] * 5, [10]).ravel().tolist() == [9, 8, 7.5, 7, 6.75]
    assert optimizer.current_rate == 0.25  # of the sixth step
    optimizer.learning_rate = 2
    optimizer.step(optimizer._values, np.ones(1))
    assert optimizer._values.tolist() == [4.75] and optimizer.current_rate == 2
    assert SGD(Constant(0.5)).current_rate == 0.5


class Given(Schedule):
    """A schedule of the user's, which may return anything."""

    def __init__(self, value):
        self.value = value

    def __call__(self, step):
        return self.value


def test_a_bad_rate_of_a_schedule_is_refused():
    numbers = [(value, ValueError) for value in (-1, NAN, INF)]
    for value, error in (*numbers, (None, TypeError), ("0.1", TypeError), ([0.1], TypeError), (True, TypeError)):
        with pytest.raises(error, match="Given: the rate at step 0: expected a (finite )?number"):
            SGD(Given(value)).step(np.ones(1), np.ones(1))
    for value in (0.5, np.float32(0.5), np.array(0.5)):
        assert type(SGD(Given(value)).current_rate) is float and SGD(Given(value)).current_rate == 0.5


def test_a_bad_rate_is_refused_later_too():
    optimizer = Adam(0.5)
    with pytest.raises(ValueError, match="learning_rate"):
        optimizer.learning_rate = -1
    assert optimizer.learning_rate == 0.5


# -- clipping ----------------------------------------------------------------------------------------------


def test_a_long_gradient_is_scaled_to_the_norm_over_all_parameters():
    # |(3, 4, 12)| = 13; scaled to 6.5 it is halved, direction kept.
    assert steps(SGD(1.0, global_clipnorm=6.5), [[3, 4, 12]], [0, 0, 0]).tolist() == [[-1.5, -2, -6]]


@both_dtypes
def test_a_short_gradient_is_left_alone(dtype):
    for clip in (13, 13.1, 1e9):
        assert steps(SGD(1.0, global_clipnorm=clip), [[3, 4, 12]], [0, 0, 0], dtype).tolist() == [[-3, -4, -12]]


def test_the_norm_is_summed_without_overflow():
    # (1e30)**2 is beyond float32, whose largest number is 3e38.
    path = steps(SGD(1.0, global_clipnorm=1.0), [[3e30, 4e30]], [0, 0], "float32")
    np.testing.assert_allclose(path, [[-0.6, -0.8]], rtol=1e-6)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@both_dtypes
def test_a_gradient_that_is_not_finite_stays_visible(bad, dtype):
    path = steps(SGD(1.0, global_clipnorm=1.0), [[1, bad]], [0, 0], dtype)
    assert np.isnan(path[0, 1])
    assert np.isfinite(path[0, 0])  # and it does not spread


# -- names -------------------------------------------------------------------------------------------------


def test_optimizers_by_name():
    assert type(get_optimizer("sgd")) is SGD and type(get_optimizer("Adam")) is Adam
    assert type(get_optimizer("adamw")) is AdamW
    assert get_optimizer("adam") is not get_optimizer("adam")  # no object shared by two models
    assert (SGD().learning_rate, Adam().learning_rate, AdamW().weight_decay) == (0.01, 1e-3, 0.01)
    optimizer = Adam()
    assert get_optimizer(optimizer) is optimizer
    assert {type(get_optimizer(name)) for name in ("RMSprop", "adagrad", "Adadelta", "adamax", "nadam")} == {
        RMSprop, Adagrad, Adadelta, Adamax, Nadam,
    }
    with pytest.raises(ValueError, match='optimizer: expected one of "sgd", "adam", .*"nadam", or an optimizer, got'):
        get_optimizer("lamb")
    with pytest.raises(TypeError, match=r"write it with parentheses: Adam\(\)"):
        get_optimizer(Adam)


def test_what_an_optimizer_of_ones_own_must_define_is_named():
    with pytest.raises(NotImplementedError, match="Optimizer has to define _update"):
        Optimizer(0.1).step(np.ones(1), np.ones(1))
    mine = type("Mine", (Optimizer,), {"_update": lambda self, values, grads, slots, rate: slots["v"]})(0.1)
    with pytest.raises(ValueError, match=r"no memory 'v': list it in the class, slot_names = \('v',\)"):
        mine.step(np.ones(1), np.ones(1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [lambda: Adam(1e-3), lambda: SGD(0.1, momentum=0.9)], ids=["Adam", "SGD"])
def test_memories_that_fade_end_at_zero_and_are_never_denormal(make, dtype):
    tiny = np.finfo(dtype).tiny
    values, grads = np.ones(40, dtype), np.full(40, 50 * tiny, dtype)
    optimizer = make()
    for step in range(120):
        optimizer.step(values, grads)
        grads[:] = 0  # the input has died
        for name, memory in optimizer.get_state().items():
            if name != "steps":
                assert not ((memory != 0) & (abs(memory) < tiny)).any(), f"{name} at step {step}"
    assert all(not memory.any() for name, memory in optimizer.get_state().items() if name != "steps")
    grads[3] = np.nan
    optimizer.step(values, grads)
    assert np.isnan(values[3]) and np.isfinite(np.delete(values, 3)).all()
