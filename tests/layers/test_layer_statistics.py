"""BatchNorm and Dropout, whose training differs from their prediction, against numbers worked out by hand."""

import numpy as np
import pytest
from layer_table import both_dtypes, both_kernel_sets

from numpycnn import BatchNorm, Dropout, kernels


def build(layer, shape, dtype="float64", seed=0):
    layer.build(shape, np.random.default_rng(seed), dtype)
    return layer


# -- batch normalisation -----------------------------------------------------------------------------


@both_kernel_sets
@both_dtypes
def test_batchnorm_by_hand(kernel_set, dtype):
    # Rows 1, 3, 5, 7: mean 4, biased variance (9 + 1 + 1 + 9) / 4 = 5 (unbiased it would be 20 / 3).
    # epsilon = 4 makes the root sqrt(9) = 3: (x - 4) / 3 = -1, -1/3, 1/3, 1; times gamma 3, plus beta 10: 7, 9, 11, 13.
    layer = build(BatchNorm(momentum=0.75, epsilon=4), (1,), dtype)
    layer.parameters[0].value, layer.parameters[1].value = [3], [10]
    with kernels.using(kernel_set):
        y = layer.forward([[1], [3], [5], [7]], training=True)
        np.testing.assert_allclose(y.ravel(), [7, 9, 11, 13], rtol=1e-6)
        # moving = 0.75 * moving + 0.25 * batch, from 0 and 1
        assert layer.moving_mean.tolist() == [1] and layer.moving_variance.tolist() == [0.75 + 1.25]
        # dy = [1 0 0 0]: dgamma = -1, dbeta = 1, dx = gamma / 3 * (dy - 1/4 - xhat * -1/4)
        dx = layer.backward(np.array([[1.0], [0], [0], [0]]))
    expected = [1 - 1 / 4 - 1 / 4, 0 - 1 / 4 - 1 / 12, 0 - 1 / 4 + 1 / 12, 0 - 1 / 4 + 1 / 4]
    np.testing.assert_allclose(dx.ravel(), expected, atol=1e-6)
    np.testing.assert_allclose([p.grad[0] for p in layer.parameters], [-1, 1], rtol=1e-6)
    assert layer.moving_mean.dtype == layer.moving_variance.dtype == dtype


@both_kernel_sets
def test_prediction_uses_the_moving_statistics_and_leaves_them_alone(kernel_set):
    layer = build(BatchNorm(epsilon=1), (2,))
    layer.moving_mean, layer.moving_variance = np.array([1.0, 2.0]), np.array([3.0, 0.0])
    with kernels.using(kernel_set):
        # (x - 1) / sqrt(3 + 1) and (x - 2) / sqrt(0 + 1)
        assert layer.forward([[5, 5], [1, 1]]).tolist() == [[2, 3], [0, -1]]
    assert layer.moving_mean.tolist() == [1, 2] and layer.moving_variance.tolist() == [3, 0]


@both_kernel_sets
def test_images_are_normalised_by_channel_over_batch_and_pixels(kernel_set):
    x = np.random.default_rng(0).normal(5, 3, (4, 5, 6, 2))
    layer = build(BatchNorm(epsilon=1e-9), (5, 6, 2))
    with kernels.using(kernel_set):
        y = layer.forward(x, training=True)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, rtol=1e-8)
    np.testing.assert_allclose(layer.moving_mean, 0.01 * x.mean(axis=(0, 1, 2)))  # Keras's momentum, 0.99
    np.testing.assert_allclose(layer.moving_variance, 0.99 + 0.01 * x.var(axis=(0, 1, 2)))


@both_kernel_sets
def test_no_gradient_along_what_normalisation_removes(kernel_set):
    # y does not change when a constant is added to a channel, nor when the channel is stretched: dx has no part there.
    x, dy = np.random.default_rng(0).normal(5, 3, (2, 4, 5, 6, 2))
    layer = build(BatchNorm(epsilon=1e-12), (5, 6, 2))
    with kernels.using(kernel_set):
        normalised = layer.forward(x, training=True)
        dx = layer.backward(dy)
    np.testing.assert_allclose(dx.sum(axis=(0, 1, 2)), 0, atol=1e-10)
    np.testing.assert_allclose((dx * normalised).sum(axis=(0, 1, 2)), 0, atol=1e-9)


def test_a_batch_of_one_row_gives_beta():
    layer = build(BatchNorm(), (2,))
    assert layer.forward([[5, -5]], training=True).tolist() == [[0, 0]]  # x equals its own mean; variance 0
    assert layer.backward(np.ones((1, 2))).tolist() == [[0, 0]]


def test_a_large_mean_does_not_drown_the_variance():
    # Mean of squares minus square of the mean would give 1e8 - 1e8: nothing is left in float32.
    layer = build(BatchNorm(), (1,), "float32")
    y = layer.forward(np.array([[9999], [10001]]), training=True)
    np.testing.assert_allclose(y.ravel(), [-1, 1], rtol=1e-3)


def test_moving_statistics_of_a_wrong_shape_are_refused_before_compiled_code_reads_them():
    layer = build(BatchNorm(), (3,))
    layer.moving_variance = np.ones(2)
    with pytest.raises(ValueError, match=r"moving_variance of shape \(3,\), got \(2,\)"):
        layer.forward(np.zeros((1, 3)))


@pytest.mark.parametrize(("momentum", "mean"), [(0, 4), (1, 0)])
def test_momentum_0_forgets_and_1_never_learns(momentum, mean):
    layer = build(BatchNorm(momentum=momentum), (1,))
    layer.forward([[3], [5]], training=True)
    assert layer.moving_mean.tolist() == [mean]


# -- dropout -------------------------------------------------------------------------------------------


@both_dtypes
def test_dropout_zeroes_at_its_rate_and_scales_the_rest(dtype):
    layer = build(Dropout(0.25), (1000,), dtype)
    y = layer.forward(np.full((100, 1000), 3), training=True)
    assert set(np.unique(y)) == {0, np.dtype(dtype).type(3) / np.dtype(dtype).type(0.75)}  # 3 / (1 - 0.25) = 4
    # Of 100,000 elements 25,000 are expected to fall, with a standard deviation of sqrt(100000 * 0.25 * 0.75) = 137.
    assert abs((y == 0).sum() - 25_000) < 5 * 137
    # No row and no column is spared or lost: each has its own share, again within six deviations.
    assert abs((y == 0).mean(axis=1) - 0.25).max() < 6 * np.sqrt(0.25 * 0.75 / 1000)
    assert abs((y == 0).mean(axis=0) - 0.25).max() < 6 * np.sqrt(0.25 * 0.75 / 100)


def test_the_gradient_has_the_same_holes_and_scale():
    layer = build(Dropout(0.5), (50,))
    y = layer.forward(np.ones((4, 50)), training=True)
    dx = layer.backward(np.full((4, 50), 10.0))
    assert np.array_equal(dx, 10 * y) and set(np.unique(dx)) == {0, 20}


def test_holes_are_new_at_each_step_and_the_same_for_the_same_seed():
    first, second, third = (build(Dropout(0.5), (50,), seed=seed) for seed in (1, 1, 2))
    x = np.ones((4, 50))
    holes = [first.forward(x, training=True) for _ in range(3)]
    assert not np.array_equal(holes[0], holes[1]) and not np.array_equal(holes[1], holes[2])
    assert all(np.array_equal(second.forward(x, training=True), y) for y in holes)
    assert not np.array_equal(third.forward(x, training=True), holes[0])


def test_prediction_drops_nothing_and_uses_no_random_numbers():
    layer, twin = (build(Dropout(0.5), (50,)) for _ in range(2))
    x = np.random.default_rng(0).standard_normal((4, 50))
    for _ in range(3):
        assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.forward(x, training=True), twin.forward(x, training=True))


def test_rate_0_drops_nothing():
    layer = build(Dropout(0.0), (50,))
    x = np.ones((4, 50))
    assert np.array_equal(layer.forward(x, training=True), x)
    assert np.array_equal(layer.backward(x), x)
