"""What a layer is besides its arithmetic: its configuration, its state, copies of it."""

import copy
import inspect

import numpy as np
import pytest
from layer_table import assert_same_bits, built, data, every_layer, step

import numpycnn
from numpycnn import BatchNorm, Flatten


@every_layer
def test_configuration_and_repr_make_an_equal_layer(make, shape):
    layer = make()
    for twin in (type(layer)(**layer.get_config()), eval(repr(layer), vars(numpycnn.layers))):
        assert type(twin) is type(layer)
        assert twin.get_config() == layer.get_config() and repr(twin) == repr(layer)
        expected = step(built(lambda: layer, shape), *data(layer))
        assert_same_bits(step(built(lambda: twin, shape), *data(twin)), expected)
    assert set(layer.get_config()) == set(inspect.signature(type(layer)).parameters)


@every_layer
def test_a_copy_of_a_built_layer_is_independent(make, shape):
    layer = built(make, shape)
    x, dy = data(layer)
    twin = copy.deepcopy(layer)
    expected = step(layer, x, dy)
    state = twin.get_state()
    assert_same_bits(step(twin, x, dy), expected)
    for parameter in twin.parameters:
        parameter.value[...] = 7
        parameter.grad[...] = 7
    assert_same_bits([p.grad for p in layer.parameters], expected[2:])
    layer.set_state(state)
    assert_same_bits(step(layer, x, dy), expected)


@every_layer
def test_a_copy_does_not_inherit_the_latest_batch(make, shape):
    layer = built(make, shape)
    x, dy = data(layer)
    layer.forward(x, training=True)
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        copy.deepcopy(layer).backward(dy)


@every_layer
def test_state_goes_to_another_layer(make, shape):
    layer, other = built(make, shape, seed=1), built(make, shape, seed=2)
    x, _ = data(layer)
    layer.forward(x, training=True)  # statistics move, random numbers are used up
    state = layer.get_state()
    assert set(state) == set(layer.state_names)
    other.set_state(copy.deepcopy(state))
    for parameter, source in zip(other.parameters, layer.parameters):
        parameter.value = source.value
    for training in (False, True):
        assert_same_bits([other.forward(x, training)], [layer.forward(x, training)])
    if state:
        after = layer.get_state()
        layer.set_state(state)  # a copy of its own: the training forward has not touched it
        assert str(layer.get_state()) == str(state) != str(after)


def test_a_state_that_does_not_fit_is_rejected():
    layer = built(BatchNorm, (3,))
    with pytest.raises(ValueError, match="expected the state .*moving_mean.*, got"):
        layer.set_state({"moving_mean": np.zeros(3)})
    with pytest.raises(ValueError, match=r"moving_mean has shape \(3,\), got \(2,\)"):
        layer.set_state({"moving_mean": np.zeros(2), "moving_variance": np.ones(3)})
    with pytest.raises(ValueError, match="expected the state"):
        built(Flatten, (3,)).set_state({"rng": 1})
