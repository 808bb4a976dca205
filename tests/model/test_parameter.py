"""Parameters and the arena that they are views of; the arrays that layers keep; starting values."""

import copy
import math
import threading

import numpy as np
import pytest

from numpycnn import Dense, Parameter, initializers
from numpycnn.initializers import INITIALIZERS, get_initializer
from numpycnn.memory import Arena, Workspace


def two_parameters(dtype="float32"):
    weight = Parameter("weight", np.arange(6, dtype=dtype).reshape(2, 3))
    bias = Parameter("bias", np.array([7, 8], dtype))
    return weight, bias


# -- parameters ------------------------------------------------------------------------------------


def test_a_parameter_starts_with_a_gradient_of_zeros():
    weight, _ = two_parameters("float64")
    assert weight.grad.tolist() == [[0, 0, 0], [0, 0, 0]] and weight.grad.dtype == np.float64
    assert repr(weight) == "Parameter('weight', shape=(2, 3), dtype=float64)"


@pytest.mark.parametrize("name", ["value", "grad"])
def test_every_way_of_writing_keeps_the_array(name):
    weight, _ = two_parameters()
    array = getattr(weight, name)
    array[...] = 1
    setattr(weight, name, [[1, 2, 3], [4, 5, 6]])
    assert getattr(weight, name) is array and array.tolist() == [[1, 2, 3], [4, 5, 6]]
    if name == "value":
        weight.value -= 1
    else:
        weight.grad -= 1
    assert getattr(weight, name) is array and array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("name", ["value", "grad"])
@pytest.mark.parametrize("wrong", [0, [1, 2, 3], np.zeros((3, 2)), np.zeros((1, 2, 3))])
def test_another_shape_is_refused_not_broadcast(name, wrong):
    weight, _ = two_parameters()
    before = getattr(weight, name).copy()
    with pytest.raises(ValueError, match=r"of parameter 'weight': expected shape \(2, 3\), got"):
        setattr(weight, name, wrong)
    assert np.array_equal(getattr(weight, name), before)


# -- the arena ---------------------------------------------------------------------------------------


def test_parameters_become_views_of_the_arena_in_order():
    weight, bias = two_parameters()
    weight.grad, bias.grad = np.full((2, 3), 5), [6, 6]
    arena = Arena(iter([weight, bias]), np.dtype("float32"))
    assert arena.values.tolist() == [0, 1, 2, 3, 4, 5, 7, 8] and arena.grads.tolist() == [5] * 6 + [6] * 2
    arena.values += 10
    arena.grads[6] = 0
    assert weight.value.tolist() == [[10, 11, 12], [13, 14, 15]] and bias.value.tolist() == [17, 18]
    assert bias.grad.tolist() == [0, 6]
    weight.value = np.zeros((2, 3))
    bias.grad[...] = 1
    assert arena.values.tolist() == [0] * 6 + [17, 18] and arena.grads.tolist() == [5] * 6 + [1, 1]


def test_a_layer_computes_with_what_is_in_the_arena():
    layer = Dense(1)
    layer.build((2,), dtype="float64")
    arena = Arena(layer.parameters, layer.dtype)
    arena.values[:] = [1, 10, 100]
    assert layer.forward([[2, 3]], training=True).tolist() == [[132]]  # 2 * 1 + 3 * 10 + 100
    layer.backward(np.array([[1.0]]))
    assert arena.grads.tolist() == [2, 3, 1]
    assert np.shares_memory(layer.parameters[0].value, arena.values)


def test_an_arena_of_nothing_is_empty():
    arena = Arena([], np.dtype("float64"))
    assert arena.values.shape == arena.grads.shape == (0,) and arena.values.dtype == np.float64


# -- the work space ------------------------------------------------------------------------------------


def test_a_work_space_without_reuse_gives_new_arrays():
    space = Workspace()
    first, second = (space.array("y", (2, 3), np.float32) for _ in range(2))
    assert first.shape == (2, 3) and first.dtype == np.float32 and not np.shares_memory(first, second)


def test_a_work_space_with_reuse_gives_the_same_memory_by_name():
    space = Workspace(reuse=True)
    large = space.array("y", (4, 3), np.float32)
    small = space.array("y", (2, 3), np.float32)
    assert np.shares_memory(large, small) and small.shape == (2, 3) and small.flags.c_contiguous
    assert not np.shares_memory(large, space.array("dx", (4, 3), np.float32))
    larger = space.array("y", (5, 3), np.float32)
    assert larger.shape == (5, 3) and not np.shares_memory(large, larger)
    assert space.array("y", (2, 3), np.int32).dtype == np.int32
    assert space.array("point", (), np.float32).shape == ()


def test_threads_and_copies_do_not_share_a_work_space():
    space = Workspace(reuse=True)
    arrays = [space.array("y", (3,), np.float32), copy.deepcopy(space).array("y", (3,), np.float32)]
    thread = threading.Thread(target=lambda: arrays.append(space.array("y", (3,), np.float32)))
    thread.start()
    thread.join()
    assert len(arrays) == 3
    assert not any(np.shares_memory(arrays[i], arrays[j]) for i, j in [(0, 1), (0, 2), (1, 2)])
    assert copy.deepcopy(space).reuse


# -- starting values -------------------------------------------------------------------------------------

# Filters (kh, kw, in, out) of (3, 5, 4, 20): fan in 3 * 5 * 4 = 60, fan out 3 * 5 * 20 = 300. Dense (60, 300) is alike.
LIMITS = {"glorot_uniform": math.sqrt(6 / 360), "he_uniform": math.sqrt(6 / 60)}
DEVIATIONS = {
    "glorot_uniform": math.sqrt(2 / 360),  # a uniform distribution in [-a, a] has the deviation a / sqrt(3)
    "glorot_normal": math.sqrt(2 / 360),
    "he_uniform": math.sqrt(2 / 60),
    "he_normal": math.sqrt(2 / 60),
}


def test_every_random_initializer_is_in_the_table():
    assert set(DEVIATIONS) == set(INITIALIZERS) - {"zeros", "ones"}


@pytest.mark.parametrize("name", DEVIATIONS)
@pytest.mark.parametrize("shape", [(3, 5, 4, 20), (60, 300)])
def test_spread_follows_the_fans(name, shape):
    rng = np.random.default_rng(0)
    values = np.stack([INITIALIZERS[name](shape, rng, np.float64) for _ in range(20)])
    # 24,000 values or more: mean and deviation are within five of their own standard errors.
    assert abs(values.mean()) < 5 * DEVIATIONS[name] / math.sqrt(values.size)
    assert values.std() == pytest.approx(DEVIATIONS[name], rel=5 * math.sqrt(0.5 / values.size))
    if name in LIMITS:
        assert 0.999 * LIMITS[name] < abs(values).max() <= LIMITS[name]
    else:
        assert abs(values).max() > 3.5 * DEVIATIONS[name]  # normal: tails beyond any uniform's limit


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (5,), (4, 5), (3, 3, 4, 5)])
def test_shape_dtype_and_seed(name, dtype, shape):
    first, again, other = (INITIALIZERS[name](shape, np.random.default_rng(seed), dtype) for seed in (0, 0, 1))
    assert np.shape(first) == shape and first.dtype == dtype
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name in ("zeros", "ones"))


def test_both_dtypes_start_with_the_same_numbers():
    single, double = (initializers.he_normal((40, 5), np.random.default_rng(0), dtype) for dtype in ("f4", "f8"))
    assert np.array_equal(single, double.astype("f4"))


def test_constant_starting_values():
    rng = np.random.default_rng(0)
    assert initializers.zeros((2,), rng, np.float32).tolist() == [0, 0]
    assert initializers.ones((2,), rng, np.float32).tolist() == [1, 1]


def test_names_and_functions():
    assert get_initializer("he_normal") is initializers.he_normal
    assert get_initializer(initializers.zeros) is initializers.zeros
    with pytest.raises(ValueError, match="initializer: expected one of .*glorot_uniform.* or a function, got 'xavier'"):
        get_initializer("xavier")
