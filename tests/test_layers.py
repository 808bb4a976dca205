"""The contract of a layer: every layer in every mode.

``layer_table.py`` lists the layers and configurations; a layer of the package that is missing there fails here.
"""

import inspect

import numpy as np
import pytest
from layer_table import LAYERS, assert_same_bits, both_dtypes, both_kernel_sets, built, data, every_layer, step

import numpycnn
from numpycnn import BatchNorm, Conv2D, Dense, Dropout, kernels
from numpycnn.workspace import Workspace


def test_every_layer_is_in_the_table():
    assert {cls.__name__ for cls in LAYERS} == set(numpycnn.layers.__all__) - {"Layer"}


# -- shapes and dtypes ---------------------------------------------------------------------------


@every_layer
@both_dtypes
@both_kernel_sets
def test_shapes_and_dtypes(make, shape, dtype, kernel_set):
    layer = make()
    output_shape = layer.build(shape, np.random.default_rng(0), dtype)
    x, dy = data(layer, dtype=dtype)
    with kernels.using(kernel_set):
        assert layer.forward(x).shape == (3, *output_shape)
        y, dx, *grads = step(layer, x, dy)
    assert y.shape == (3, *output_shape) and dx.shape == x.shape
    assert [g.shape for g in grads] == [p.value.shape for p in layer.parameters]
    assert {a.dtype for a in (y, dx, *grads, *(p.value for p in layer.parameters))} == {np.dtype(dtype)}
    assert layer.input_shape == shape and layer.output_shape == output_shape and layer.dtype == dtype


@every_layer
@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", ">i2", "int64", "float16", "float64"])
def test_other_dtypes_are_cast_to_the_layers(make, shape, kind):
    layer = built(make, shape)
    x, dy = (np.abs(a).astype(kind) for a in data(layer))
    expected = step(layer, x.astype("float32"), dy.astype("float32"))
    assert_same_bits(step(built(make, shape), x, dy), expected)


@pytest.mark.parametrize("dtype", ["int32", "float16", ">f4", "complex64", "nonsense", None, object])
def test_build_takes_float32_and_float64_only(dtype):
    with pytest.raises(TypeError, match='expected "float32" or "float64", got'):
        Dense(2).build((3,), dtype=dtype)


def test_build_takes_every_way_of_writing_a_dtype():
    for dtype in ("float64", np.float64, np.dtype("float64"), float):
        layer = Dense(2)
        layer.build((3,), dtype=dtype)
        assert layer.dtype == layer.parameters[0].value.dtype == np.float64


# -- arguments stay as they are --------------------------------------------------------------------


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


STRANGE_MEMORY = {
    "read-only": read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "Fortran order": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "nested list": lambda a: a.tolist(),
}


@every_layer
@pytest.mark.parametrize("memory", STRANGE_MEMORY)
def test_any_memory_gives_the_same_bits_and_is_left_alone(make, shape, memory):
    layer = built(make, shape)
    x, dy = data(layer)
    expected = step(layer, x.copy(), dy.copy())
    strange_x, strange_dy = STRANGE_MEMORY[memory](x), STRANGE_MEMORY[memory](dy)
    assert_same_bits(step(built(make, shape), strange_x, strange_dy), expected)
    assert np.array_equal(strange_x, x) and np.array_equal(strange_dy, dy)


@every_layer
@both_dtypes
@both_kernel_sets
def test_input_and_gradient_are_not_written_to(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, dtype=dtype)
    x_before, dy_before = x.copy(), dy.copy()
    with kernels.using(kernel_set):
        layer.forward(x)
        step(layer, x, dy)
    assert_same_bits([x, dy], [x_before, dy_before])


@every_layer
def test_what_the_caller_got_does_not_change_at_the_next_call(make, shape):
    layer = built(make, shape)
    first = step(layer, *data(layer, seed=1))
    kept = [a.copy() for a in first]
    step(layer, *data(layer, seed=5))
    assert_same_bits(first, kept)


# -- the same again ----------------------------------------------------------------------------------


@every_layer
@both_dtypes
@both_kernel_sets
def test_twice_the_same_result(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, dtype=dtype)
    state = layer.get_state()
    with kernels.using(kernel_set):
        assert_same_bits([layer.forward(x)], [layer.forward(x)])
        first = step(layer, x, dy)
        layer.set_state(state)  # Dropout's random numbers from the start again
        again = step(layer, x, dy)
    assert_same_bits(again, first)


@every_layer
@both_dtypes
@both_kernel_sets
def test_gradients_are_overwritten_and_need_dx_changes_none(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, dtype=dtype)
    with kernels.using(kernel_set):
        _, dx, *expected = step(layer, x, dy)
        for parameter in layer.parameters:
            parameter.grad = np.full(parameter.grad.shape, np.nan)
        assert layer.backward(dy, need_dx=False) is None
        assert_same_bits([p.grad for p in layer.parameters], expected)
        assert_same_bits([layer.backward(dy, need_dx=True)], [dx])
    assert_same_bits([p.grad for p in layer.parameters], expected)


@every_layer
@both_dtypes
@both_kernel_sets
def test_a_batch_equals_its_halves(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, 5, dtype)
    with kernels.using(kernel_set):
        assert_same_bits([np.concatenate([layer.forward(x[:2]), layer.forward(x[2:])])], [layer.forward(x)])
        if isinstance(layer, (BatchNorm, Dropout)):
            return  # in training, rows depend on each other or on the random numbers before them
        whole, first, second = step(layer, x, dy), step(layer, x[:2], dy[:2]), step(layer, x[2:], dy[2:])
    assert_same_bits([np.concatenate(pair) for pair in zip(first[:2], second[:2])], whole[:2])  # y and dx
    # Multiples of 1/8: no sum rounds, so the gradient of the sum is exactly the sum of the gradients.
    assert_same_bits([a + b for a, b in zip(first[2:], second[2:])], whole[2:])


@pytest.mark.skipif(kernels.jit_disabled(), reason="NumPy's BLAS sums in an order that depends on the batch size")
@every_layer
@both_dtypes
def test_a_batch_equals_its_halves_where_sums_round(make, shape, dtype):
    layer = built(make, shape, dtype)
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(dtype)
    assert_same_bits([np.concatenate([layer.forward(x[:2]), layer.forward(x[2:])])], [layer.forward(x)])


@every_layer
def test_a_reused_workspace_changes_no_bit(make, shape):
    alone, in_model = built(make, shape), built(make, shape)
    in_model._workspace = Workspace(reuse=True)
    for batch in (4, 1, 6, 4):  # smaller and larger ones after another, predictions between
        x, dy = data(alone, batch, seed=batch)
        assert_same_bits([in_model.forward(x)], [alone.forward(x)])
        assert_same_bits(step(in_model, x, dy), step(alone, x, dy))


@every_layer
def test_same_seed_same_start(make, shape):
    def start(seed):
        layer = make()
        layer.build(shape, np.random.default_rng(seed))
        return [p.value for p in layer.parameters]

    assert_same_bits(start(3), start(3))
    for parameter, other in zip(start(3), start(4)):
        assert parameter.ndim == 1 or not np.array_equal(parameter, other)  # biases, gamma and beta are not random


def test_layers_built_from_one_generator_differ():
    rng = np.random.default_rng(0)
    first, second, third, fourth = Dense(8), Dense(8), Dropout(0.5), Dropout(0.5)
    for layer in (first, second, third, fourth):
        layer.build((8,), rng)
    assert not np.array_equal(first.parameters[0].value, second.parameters[0].value)
    x = np.ones((4, 8), np.float32)
    assert not np.array_equal(third.forward(x, training=True), fourth.forward(x, training=True))


# -- NaN ---------------------------------------------------------------------------------------------


@every_layer
@both_dtypes
@both_kernel_sets
def test_nan_stays_visible(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, dtype=dtype)
    x[:, ...] = np.abs(x) + 1  # positive: ReLU lets everything through
    with kernels.using(kernel_set):
        layer.forward(x, training=True)
        dx = layer.backward(np.full_like(dy, np.nan))
        assert np.isnan(dx).any()
        assert all(np.isnan(p.grad).all() for p in layer.parameters if p.name != "weight")
        assert all(np.isnan(p.grad).any() for p in layer.parameters)
        x[0] = np.nan
        assert np.isnan(layer.forward(x)[0]).any()
        assert np.isnan(layer.forward(x, training=True)[0]).any()


# -- order of calls ------------------------------------------------------------------------------------


@every_layer
def test_a_layer_must_be_built_first(make, shape):
    layer = make()
    with pytest.raises(RuntimeError, match="not built: call build"):
        layer.forward(np.zeros((1, *shape)))
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        layer.backward(np.zeros((1, *shape)))


@every_layer
@both_kernel_sets
def test_backward_needs_a_training_forward_right_before_it(make, shape, kernel_set):
    layer = built(make, shape)
    x, dy = data(layer)
    with kernels.using(kernel_set):
        with pytest.raises(RuntimeError, match=r"backward needs a forward\(x, training=True\)"):
            layer.backward(dy)
        layer.forward(x, training=True)
        layer.backward(dy)
        layer.forward(x)  # a prediction: what was kept belongs to another input
        with pytest.raises(RuntimeError, match=r"backward needs a forward\(x, training=True\)"):
            layer.backward(dy)
        layer.forward(x, training=True)
        layer.build(shape)
        with pytest.raises(RuntimeError, match=r"backward needs a forward\(x, training=True\)"):
            layer.backward(dy)


def test_training_is_off_unless_asked_for():
    assert all(inspect.signature(cls.forward).parameters["training"].default is False for cls in LAYERS)
    assert all(inspect.signature(cls.backward).parameters["need_dx"].default is True for cls in LAYERS)


# -- bad input -------------------------------------------------------------------------------------------


@every_layer
def test_inputs_of_another_shape_are_named_with_the_expected_one(make, shape):
    layer = built(make, shape)
    expected = rf"expected shape \(N, {', '.join(map(str, shape))}\), got \("
    for wrong in [(2, *shape, 1), (2, *shape[:-1], shape[-1] + 1), (2, *shape[:-1]), (2, shape[0] + 1, *shape[1:]), ()]:
        with pytest.raises(ValueError, match=expected):
            layer.forward(np.zeros(wrong))
    with pytest.raises(ValueError, match="add the (batch axis: x.None.|channel axis: x)"):
        layer.forward(np.zeros(shape))
    with pytest.raises(ValueError, match="expected at least one row"):
        layer.forward(np.zeros((0, *shape)))


@every_layer
def test_gradients_of_another_shape_are_named_with_the_expected_one(make, shape):
    layer = built(make, shape)
    x, dy = data(layer)
    layer.forward(x, training=True)
    with pytest.raises(ValueError, match=rf"output gradient: expected shape \(N, {', '.join(map(str, dy.shape[1:]))}"):
        layer.backward(dy[..., None])
    with pytest.raises(ValueError, match="expected the 3 rows of the latest forward, got 2"):
        layer.backward(dy[:2])
    layer.backward(dy)  # the mistakes cost nothing


@every_layer
@pytest.mark.parametrize("kind", ["complex64", "U1", "object", "datetime64[s]"])
def test_only_real_numbers_are_taken(make, shape, kind):
    layer = built(make, shape)
    x, dy = data(layer)
    with pytest.raises(TypeError, match="expected an array of real numbers, got dtype"):
        layer.forward(np.zeros(x.shape, int).astype(kind))
    layer.forward(x, training=True)
    with pytest.raises(TypeError, match="expected an array of real numbers, got dtype"):
        layer.backward(np.zeros(dy.shape, int).astype(kind))


def test_ragged_lists_and_missing_channels_get_a_hint():
    layer = built(lambda: Dense(2), (3,))
    with pytest.raises(TypeError, match="expected an array of real numbers, got list"):
        layer.forward([[1, 2, 3], [1, 2]])
    layer = built(lambda: Conv2D(1, 3), (28, 28, 1))
    with pytest.raises(ValueError, match=r"add the channel axis: x\[..., None\]"):
        layer.forward(np.zeros((2, 28, 28)))


@every_layer
@pytest.mark.parametrize("wrong", [28, None, (None, 3), "ab", (0, 4, 4), (-1,), (2.5, 4), (True, 4)])
def test_build_takes_a_tuple_of_positive_integers(make, shape, wrong):
    with pytest.raises((TypeError, ValueError), match="expected an input shape"):
        make().build(wrong)
