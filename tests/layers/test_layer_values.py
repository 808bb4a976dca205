"""Layers against numbers worked out by hand, and convolution and pooling against loops that cannot be misread."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_table import both_dtypes, both_kernel_sets, numbers

from numpycnn import (
    ELU,
    GELU,
    AvgPool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    ZeroPad2D,
    kernels,
)
from numpycnn.layers import conv
from numpycnn.testing.case import expect_same, step

INF, NAN = float("inf"), float("nan")
quick = settings(max_examples=60, deadline=None, database=None)


def build(layer, shape, *values, dtype="float64"):
    """Build the layer and set its parameters."""
    layer.build(shape, np.random.default_rng(0), dtype)
    for parameter, value in zip(layer.parameters, values):
        parameter.value = np.reshape(value, parameter.value.shape)
    return layer


def image(rows):
    """One image with one channel."""
    return np.array(rows, float)[None, :, :, None]


def rows_of(batch):
    """The first channel of the first image as a list of rows."""
    return batch[0, :, :, 0].tolist()


# -- convolution -----------------------------------------------------------------------------------


@both_kernel_sets
class TestConv2D:
    X = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])

    def run(self, kernel_set, layer, weight, dy=None):
        with kernels.using(kernel_set):
            build(layer, (3, 3, 1), weight)
            y = layer.forward(self.X, training=True)
            return rows_of(y) if dy is None else (rows_of(y), rows_of(layer.backward(image(dy))))

    def test_valid_and_not_flipped(self, kernel_set):
        # Top left: 1*1 + 2*2 + 4*3 + 5*4 = 37; a flipped filter would give 1*4 + 2*3 + 4*2 + 5*1 = 23.
        assert self.run(kernel_set, Conv2D(1, 2), [1, 2, 3, 4]) == [[37, 47], [67, 77]]

    def test_bias_is_added_once_an_output(self, kernel_set):
        with kernels.using(kernel_set):
            layer = build(Conv2D(2, 2), (3, 3, 1), np.zeros((2, 2, 1, 2)), [10, 20])
            assert layer.forward(self.X).tolist() == [[[[10, 20]] * 2] * 2]
            layer.forward(self.X, training=True)
            layer.backward(np.arange(8.0).reshape(1, 2, 2, 2))
        assert layer.parameters[1].grad.tolist() == [0 + 2 + 4 + 6, 1 + 3 + 5 + 7]

    def test_stride_two(self, kernel_set):
        # A 1x1 filter of 10 with stride 2 sees the corners, and only they get a gradient.
        y, dx = self.run(kernel_set, Conv2D(1, 1, strides=2), [10], dy=[[1, 2], [3, 4]])
        assert y == [[10, 30], [70, 90]]
        assert dx == [[10, 0, 20], [0, 0, 0], [30, 0, 40]]

    def test_rectangular_strides(self, kernel_set):
        assert self.run(kernel_set, Conv2D(1, 1, strides=(2, 1)), [1]) == [[1, 2, 3], [7, 8, 9]]

    def test_same_puts_the_odd_pixel_at_the_bottom_and_right(self, kernel_set):
        # A 2x2 filter needs one zero a direction. Its lower right element is 1: with the zero after the last pixel it
        # picks the neighbour below and to the right; with the zero before, the image itself would come back.
        assert self.run(kernel_set, Conv2D(1, 2, padding="same"), [0, 0, 0, 1]) == [[5, 6, 0], [8, 9, 0], [0, 0, 0]]

    def test_same_with_stride_two(self, kernel_set):
        # ceil(3 / 2) = 2 outputs; (2 - 1) * 2 + 3 - 3 = 2 zeros, one on each side: windows centred on the corners.
        # 1+2+4+5 = 12, 2+3+5+6 = 16, 4+5+7+8 = 24, 5+6+8+9 = 28
        assert self.run(kernel_set, Conv2D(1, 3, strides=2, padding="same"), np.ones(9)) == [[12, 16], [24, 28]]

    def test_padding_wider_than_the_filter(self, kernel_set):
        # Two zeros around a 3x3 image under a 1x1 filter: a frame of zeros.
        y = self.run(kernel_set, Conv2D(1, 1, padding=(2, 0)), [1])
        assert y == [[0, 0, 0], [0, 0, 0], [1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 0], [0, 0, 0]]

    def test_dilation(self, kernel_set):
        # Taps two pixels apart: 1*1 + 3*10 + 7*100 + 9*1000; the gradient goes back to the four corners.
        y, dx = self.run(kernel_set, Conv2D(1, 2, dilation_rate=2), [1, 10, 100, 1000], dy=[[2]])
        assert y == [[9731]]
        assert dx == [[2, 0, 20], [0, 0, 0], [200, 0, 2000]]

    def test_overlapping_patches_add_up(self, kernel_set):
        # All-ones 2x2 filter, dy all ones: each pixel gets one for every window that holds it.
        _, dx = self.run(kernel_set, Conv2D(1, 2), np.ones(4), dy=[[1, 1], [1, 1]])
        assert dx == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]

    def test_weight_gradient(self, kernel_set):
        # dw[ky, kx] = sum of x[i + ky, j + kx] * dy[i, j] with dy = [[1, 0], [0, -1]]: x[ky, kx] - x[ky + 1, kx + 1].
        with kernels.using(kernel_set):
            layer = build(Conv2D(1, 2), (3, 3, 1))
            layer.forward(self.X, training=True)
            layer.backward(image([[1, 0], [0, -1]]))
        assert layer.parameters[0].grad.ravel().tolist() == [1 - 5, 2 - 6, 4 - 8, 5 - 9]

    def test_groups_do_not_see_each_other(self, kernel_set):
        # Two channels, two filters, two groups: filter 0 sees channel 0 only, times 2; filter 1 channel 1, times 3.
        with kernels.using(kernel_set):
            layer = build(Conv2D(2, 1, groups=2), (1, 1, 2), [2, 3])
            assert layer.parameters[0].value.shape == (1, 1, 1, 2)
            assert layer.forward(np.array([5.0, 7.0]).reshape(1, 1, 1, 2), training=True).ravel().tolist() == [10, 21]
            assert layer.backward(np.array([1.0, 10.0]).reshape(1, 1, 1, 2)).ravel().tolist() == [2, 30]
        assert layer.parameters[0].grad.ravel().tolist() == [5, 70]

    def test_filters_are_height_width_in_out(self, kernel_set):
        # Only w[0, 1, 1, 0] is set: output channel 0 is input channel 1, one pixel to the right.
        weight = np.zeros((1, 2, 2, 3))
        weight[0, 1, 1, 0] = 1
        x = numbers((1, 2, 3, 2), dtype="float64")
        with kernels.using(kernel_set):
            y = build(Conv2D(3, (1, 2)), (2, 3, 2), weight).forward(x)
        assert np.array_equal(y[..., 0], x[:, :, 1:, 1]) and not y[..., 1:].any()


def naive_convolution(x, w, b, strides, dilations, pads, groups, out):
    """Seven loops: image, output row, output column, filter, filter row, filter column, channel."""
    images, height, width, _ = x.shape
    kernel_h, kernel_w, channels, filters = w.shape
    y = np.zeros((images, *out, filters))
    for n, i, j, f in itertools.product(range(images), range(out[0]), range(out[1]), range(filters)):
        y[n, i, j, f] = b[f]
        first_channel = f // (filters // groups) * channels
        for ky, kx, c in itertools.product(range(kernel_h), range(kernel_w), range(channels)):
            row = i * strides[0] + ky * dilations[0] - pads[0]
            column = j * strides[1] + kx * dilations[1] - pads[1]
            if 0 <= row < height and 0 <= column < width:
                y[n, i, j, f] += x[n, row, column, first_channel + c] * w[ky, kx, c, f]
    return y


def tensorflow_same(size, window, stride):
    """Number of outputs, and zeros before, in the words of TensorFlow's documentation."""
    zeros = max(window - stride if size % stride == 0 else window - size % stride, 0)
    return -(-size // stride), zeros // 2


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@both_kernel_sets
@quick
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    channels=st.integers(1, 3),
    filters=st.integers(1, 3),
    groups=st.integers(1, 2),
    window=pairs,
    strides=pairs,
    dilations=pairs,
    padding=st.sampled_from(["valid", "same", (0, 1), (3, 2), (4, 4)]),
)
def test_convolution_equals_seven_loops(
    kernel_set, size, channels, filters, groups, window, strides, dilations, padding
):
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilations)]
    if padding == "same":
        (out_h, top), (out_w, left) = (tensorflow_same(size[i], reach[i], strides[i]) for i in range(2))
    else:
        top, left = (0, 0) if padding == "valid" else padding
        out_h, out_w = ((size[i] + 2 * (top, left)[i] - reach[i]) // strides[i] + 1 for i in range(2))
    layer = Conv2D(filters * groups, window, strides, padding, dilation_rate=dilations, groups=groups)
    shape = (*size, channels * groups)
    if out_h < 1 or out_w < 1:
        with pytest.raises(ValueError, match="does not fit"):
            layer.build(shape)
        return
    w = numbers((*window, channels, filters * groups), 1, "float64")
    b = numbers((filters * groups,), 2, "float64")
    x = numbers((2, *shape), 3, "float64")
    expected = naive_convolution(x, w, b, strides, dilations, (top, left), groups, (out_h, out_w))
    with kernels.using(kernel_set):
        build(layer, shape, w, b)
        y = layer.forward(x, training=True)
        assert np.array_equal(y, expected)  # multiples of 1/64: nothing is rounded
        # The gradients are adjoint to the forward: <dy, conv(x, w)> = <dx, x> = <dw, w>, again without rounding.
        dy = numbers(y.shape, 4, "float64")
        dx = layer.backward(dy)
    without_bias = (dy * (y - b)).sum()
    assert (dx * x).sum() == without_bias == (layer.parameters[0].grad * w).sum()
    assert np.array_equal(layer.parameters[1].grad, dy.sum(axis=(0, 1, 2)))


@both_kernel_sets
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_in_blocks_of_images(kernel_set, groups, monkeypatch):
    # Patches are made for as many images as fit into the cache; here for 1, for 2 (so the last has fewer), for all 5.
    shape, x, dy = (5, 4, 2), numbers((5, 5, 4, 2), 1, "float64"), numbers((5, 4, 3, 4), 2, "float64")
    image_bytes = 4 * 3 * (2 * 2 * 2 // groups) * 8  # OH * OW patches of 2 * 2 pixels
    results = []
    for block_bytes in (1, 2 * image_bytes, 10**9):
        monkeypatch.setattr(conv, "BLOCK_BYTES", block_bytes)
        layer = build(Conv2D(4, 2, groups=groups), shape, numbers((2, 2, 2 // groups, 4)), [1, 2, 3, 4])
        assert [len(x[block]) for block in layer._blocks(5)] == {1: [1] * 5, 10**9: [5]}.get(block_bytes, [2, 2, 1])
        layer.join_model()
        with kernels.using(kernel_set):
            results.append({name: array.copy() for name, array in step(layer, x, dy).items()})
    for found in results[1:]:
        expect_same(found, results[0], "in blocks of another size")


# -- pooling -----------------------------------------------------------------------------------------


@both_kernel_sets
@both_dtypes
class TestMaxPool2D:
    def run(self, kernel_set, dtype, layer, x, dy):
        with kernels.using(kernel_set):
            build(layer, x.shape[1:], dtype=dtype)
            return rows_of(layer.forward(x, training=True)), rows_of(layer.backward(image(dy)))

    def test_ties_go_to_the_first_in_row_major_order(self, kernel_set, dtype):
        # 5 three times: the first in reading order is at the top right, before the one below and to the left.
        y, dx = self.run(kernel_set, dtype, MaxPool2D(2), image([[1, 5], [5, 5]]), [[3]])
        assert y == [[5]] and dx == [[0, 3], [0, 0]]

    def test_overlapping_windows_add(self, kernel_set, dtype):
        # The 9 wins all four windows and gets 1 + 2 + 3 + 4.
        x = image([[1, 2, 3], [4, 9, 5], [6, 7, 8]])
        y, dx = self.run(kernel_set, dtype, MaxPool2D(2, strides=1), x, [[1, 2], [3, 4]])
        assert y == [[9, 9], [9, 9]] and dx == [[0, 0, 0], [0, 10, 0], [0, 0, 0]]

    def test_windows_that_do_not_reach_the_end_leave_it_alone(self, kernel_set, dtype):
        x = image([[1, 2, 9], [4, 3, 9], [9, 9, 9]])
        assert self.run(kernel_set, dtype, MaxPool2D(2), x, [[1]]) == ([[4]], [[0, 0, 0], [1, 0, 0], [0, 0, 0]])

    @pytest.mark.parametrize("padding", ["same", 1])
    def test_padded_cells_never_win(self, kernel_set, dtype, padding):
        # A padded zero would beat -1; and the gradient stays inside the image.
        x = image([[-1, -2], [-3, -4]])
        y, dx = self.run(kernel_set, dtype, MaxPool2D(3, strides=1, padding=padding), x, [[1, 2], [3, 4]])
        assert y == [[-1, -1], [-1, -1]] and dx == [[10, 0], [0, 0]]

    def test_not_even_over_minus_infinity(self, kernel_set, dtype):
        x = image([[-INF, -INF], [-INF, -INF]])
        y, dx = self.run(kernel_set, dtype, MaxPool2D(2, strides=2, padding=1), x, [[1, 2], [3, 4]])
        assert y == [[-INF, -INF], [-INF, -INF]] and dx == [[1, 2], [3, 4]]

    def test_nan_wins_and_the_first_of_several(self, kernel_set, dtype):
        x = image([[9, NAN, INF, 9], [NAN, 9, 9, 9]])
        y, dx = self.run(kernel_set, dtype, MaxPool2D(2), x, [[1, 2]])
        assert np.isnan(y[0][0]) and y[0][1] == INF
        assert dx == [[0, 1, 2, 0], [0, 0, 0, 0]]

    def test_channels_are_pooled_one_by_one(self, kernel_set, dtype):
        x = np.array([[[1, 8], [2, 7]], [[3, 6], [4, 5]]], float)[None]  # channel 0: 1 2 3 4, channel 1: 8 7 6 5
        with kernels.using(kernel_set):
            layer = build(MaxPool2D(2), (2, 2, 2), dtype=dtype)
            assert layer.forward(x, training=True).ravel().tolist() == [4, 8]
            dx = layer.backward(np.array([10.0, 20.0]).reshape(1, 1, 1, 2))
        assert dx[0].tolist() == [[[0, 20], [0, 0]], [[0, 0], [10, 0]]]


@both_kernel_sets
@both_dtypes
class TestAvgPool2D:
    def run(self, kernel_set, dtype, layer, x, dy):
        with kernels.using(kernel_set):
            build(layer, x.shape[1:], dtype=dtype)
            return rows_of(layer.forward(x, training=True)), rows_of(layer.backward(image(dy)))

    def test_mean_of_each_window(self, kernel_set, dtype):
        y, dx = self.run(kernel_set, dtype, AvgPool2D(2), image([[1, 2, 5, 7], [3, 6, 6, 10]]), [[4, 8]])
        assert y == [[3, 7]] and dx == [[1, 1, 2, 2], [1, 1, 2, 2]]

    def test_padded_cells_do_not_count(self, kernel_set, dtype):
        # One zero around four 8s: each window of four holds one pixel, and its mean is 8, not 2.
        x = image([[8, 8], [8, 8]])
        y, dx = self.run(kernel_set, dtype, AvgPool2D(2, padding=1), x, [[1, 2], [3, 4]])
        assert y == [[8, 8], [8, 8]] and dx == [[1, 2], [3, 4]]

    def test_same_counts_the_pixels_at_the_bottom_and_right(self, kernel_set, dtype):
        # 2x2 windows at each pixel of [[1, 3], [5, 7]]: of 4, 2, 2 and 1 pixels.
        y, dx = self.run(kernel_set, dtype, AvgPool2D(2, 1, "same"), image([[1, 3], [5, 7]]), [[4, 2], [2, 1]])
        assert y == [[4, 5], [6, 7]]
        assert dx == [[1, 2], [2, 4]]  # bottom right: 4/4 + 2/2 + 2/2 + 1/1

    def test_global(self, kernel_set, dtype):
        layer = build(GlobalAvgPool2D(), (2, 2, 2), dtype=dtype)
        x = np.array([[[1, 10], [2, 20]], [[3, 30], [6, 60]]], float)[None]
        assert layer.forward(x, training=True).tolist() == [[3, 30]]
        assert layer.backward(np.array([[4.0, 8.0]]))[0].tolist() == [[[1, 2], [1, 2]]] * 2


@both_kernel_sets
@quick
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    window=pairs,
    strides=pairs,
    padding=st.sampled_from(["valid", "same", (0, 0), (1, 0), (0, 2), (2, 2)]),
)
def test_pooling_equals_loops_over_the_windows(kernel_set, size, window, strides, padding):
    if padding == "same":
        (out_h, top), (out_w, left) = (tensorflow_same(size[i], window[i], strides[i]) for i in range(2))
    else:
        top, left = (0, 0) if padding == "valid" else (min(padding[i], window[i] - 1) for i in range(2))
        padding = padding if padding == "valid" else (top, left)
        out_h, out_w = ((size[i] + 2 * (top, left)[i] - window[i]) // strides[i] + 1 for i in range(2))
    x = numbers((2, *size, 3), 1, "float64")
    for cls, reduce in ((MaxPool2D, np.max), (AvgPool2D, np.mean)):
        layer = cls(window, strides, padding)
        if out_h < 1 or out_w < 1:
            with pytest.raises(ValueError, match="does not fit"):
                layer.build((*size, 3))
            continue
        assert layer.build((*size, 3), dtype="float64") == (out_h, out_w, 3)
        with kernels.using(kernel_set):
            y = layer.forward(x, training=True)
            dx = layer.backward(y)
        for i, j in itertools.product(range(out_h), range(out_w)):
            rows, columns = i * strides[0] - top, j * strides[1] - left
            cells = x[:, max(rows, 0) : rows + window[0], max(columns, 0) : columns + window[1]]
            np.testing.assert_allclose(y[:, i, j], reduce(cells, axis=(1, 2)), rtol=1e-14, atol=1e-14)
        # Linear as long as no winner changes: <dx, x> = <dy, y>, and dy is y.
        assert (dx * x).sum() == pytest.approx((y * y).sum(), rel=1e-13)


# -- dense and activations --------------------------------------------------------------------------


@both_kernel_sets
def test_dense(kernel_set):
    # [1 2] [[1 2 3] [4 5 6]] + [10 20 30] = [19 32 45]
    with kernels.using(kernel_set):
        layer = build(Dense(3), (2,), [1, 2, 3, 4, 5, 6], [10, 20, 30])
        assert layer.forward([[1, 2], [0, 0]], training=True).tolist() == [[19, 32, 45], [10, 20, 30]]
        assert layer.backward(np.array([[1.0, 0, 0], [0, 0, 2]])).tolist() == [[1, 4], [6, 12]]
    assert layer.parameters[0].grad.tolist() == [[1, 0, 0], [2, 0, 0]]
    assert layer.parameters[1].grad.tolist() == [1, 0, 2]


@both_kernel_sets
@both_dtypes
def test_relu(kernel_set, dtype):
    layer = build(ReLU(), (6,), dtype=dtype)
    with kernels.using(kernel_set):
        y = layer.forward([[-2, -0.0, 0, 3, INF, NAN]], training=True)[0]
        dx = layer.backward(np.full((1, 6), 7.0))[0]
    assert y[:5].tolist() == [0, 0, 0, 3, INF] and np.isnan(y[5])
    assert dx.tolist() == [0, 0, 0, 7, 7, 7]  # the derivative at 0 is 0; NaN stays in the game


@both_dtypes
def test_other_activations(dtype):
    x, dy = np.array([[-1000, -2, 0, 2, 1000, NAN]]), np.full((1, 6), 10.0)
    layer = build(LeakyReLU(0.5), (6,), dtype=dtype)
    assert layer.forward(x, training=True)[0, :5].tolist() == [-500, -1, 0, 2, 1000]
    assert layer.backward(dy)[0, :5].tolist() == [5, 5, 5, 10, 10]
    layer = build(Sigmoid(), (6,), dtype=dtype)
    y = layer.forward(x, training=True)  # no overflow, which would be a warning and so an error here
    assert y[0, [0, 2, 4]].tolist() == [0, 0.5, 1] and np.isnan(y[0, 5])
    assert y[0, 1] + y[0, 3] == pytest.approx(1) and y[0, 3] == pytest.approx(0.8807970779778823)
    assert layer.backward(dy)[0, [0, 2, 4]].tolist() == [0, 2.5, 0]
    layer = build(Tanh(), (6,), dtype=dtype)
    y = layer.forward(x, training=True)
    assert y[0, [0, 2, 4]].tolist() == [-1, 0, 1] and y[0, 3] == pytest.approx(0.9640275800758169)
    assert layer.backward(dy)[0, [0, 2, 4]].tolist() == [0, 10, 0]
    assert np.isnan(y[0, 5])


@both_kernel_sets
@both_dtypes
@pytest.mark.parametrize(
    ("layer", "y_of_plus_and_minus_2", "limit_below", "slope_at_0"),
    [  # 2 * sigmoid(2); 2 * (1 + erf(sqrt(2))) / 2; u = sqrt(2 / pi) * (2 + 8 * 0.044715), 2 * (1 + tanh(u)) / 2
        (ELU(0.5), (2, 0.5 * (0.1353352832366127 - 1)), -0.5, 0.5),
        (SiLU(), (2 * 0.8807970779778823, -2 * 0.11920292202211755), 0, 0.5),
        (GELU(), (2 * 0.9772498680518208, -2 * 0.022750131948179195), 0, 0.5),
        (GELU(approximate=True), (1.9545976940877752, -0.04540230591222475), 0, 0.5),
    ],
    ids=str,
)
def test_curved_activations(kernel_set, dtype, layer, y_of_plus_and_minus_2, limit_below, slope_at_0):
    layer = build(layer, (8,), dtype=dtype)
    with kernels.using(kernel_set):
        y = layer.forward([[2, -2, 0, 1000, -1000, INF, -INF, NAN]], training=True)[0]
        dx = layer.backward(np.full((1, 8), 10.0))[0]
    assert y[:2] == pytest.approx(y_of_plus_and_minus_2, rel=1e-6 if dtype == "float32" else 1e-14)
    assert y[2:7].tolist() == pytest.approx([0, 1000, limit_below, INF, limit_below], abs=1e-12) and np.isnan(y[7])
    assert dx[2:7].tolist() == pytest.approx([10 * slope_at_0, 10, 0, 10, 0], abs=1e-12) and np.isnan(dx[7])


# -- the other layers: by hand ------------------------------------------------------------------------


@both_kernel_sets
def test_depthwise_channels_do_not_see_each_other(kernel_set):
    # Channel 0 is 1 and 2, times 10 and 20; channel 1 is 3 and 4, times 30 and 40. Windows of 1 x 2, one each.
    x = np.array([[[1.0, 3], [2, 4]]])[None]  # (1, 1, 2, 2)
    with kernels.using(kernel_set):
        layer = build(DepthwiseConv2D((1, 2)), (1, 2, 2), [[[[10], [30]], [[20], [40]]]], [5, 7])
        assert layer.forward(x, training=True).tolist() == [[[[10 + 40 + 5, 90 + 160 + 7]]]]
        assert layer.backward(np.array([[[[1.0, 2]]]])).tolist() == [[[[10, 60], [20, 80]]]]
    assert layer.parameters[0].grad.ravel().tolist() == [1, 6, 2, 8]
    assert layer.parameters[1].grad.tolist() == [1, 2]


@both_kernel_sets
def test_depthwise_outputs_are_ordered_by_channel_then_filter(kernel_set):
    x = np.array([1.0, 10]).reshape(1, 1, 1, 2)
    with kernels.using(kernel_set):
        layer = build(DepthwiseConv2D(1, depth_multiplier=2), (1, 1, 2), [1, 2, 3, 4])
        assert layer.forward(x).ravel().tolist() == [1, 2, 30, 40]


@both_kernel_sets
def test_separable_is_depthwise_and_then_a_full_convolution_of_one_pixel(kernel_set):
    x, shape = numbers((2, 5, 6, 3), dtype="float64"), (5, 6, 3)
    with kernels.using(kernel_set):
        layer = build(SeparableConv2D(4, 3, strides=2, padding="same", depth_multiplier=2), shape)
        first = build(DepthwiseConv2D(3, 2, "same", 2, use_bias=False), shape, layer.parameters[0].value)
        second = build(Conv2D(4, 1), first.output_shape, *(p.value for p in layer.parameters[1:]))
        np.testing.assert_allclose(layer.forward(x), second.forward(first.forward(x)), rtol=1e-12)


def test_depthwise_is_a_convolution_with_a_group_for_each_channel():
    x, shape = numbers((2, 7, 6, 4), dtype="float64"), (7, 6, 4)
    grouped = build(Conv2D(8, (3, 2), (2, 1), "same", groups=4), shape)
    layer = build(DepthwiseConv2D((3, 2), (2, 1), "same", 2), shape)
    weight = grouped.parameters[0].value  # (3, 2, 1, 8): filters c * 2 + k see channel c
    layer.parameters[0].value = weight.reshape(3, 2, 4, 2)
    assert np.allclose(layer.forward(x), grouped.forward(x), rtol=1e-13)


@both_kernel_sets
@both_dtypes
def test_global_max_pooling(kernel_set, dtype):
    x = np.array([[[1, 10], [7, 20]], [[7, NAN], [6, 60]]], float)[None]  # 7 twice: the first wins; NaN wins
    with kernels.using(kernel_set):
        layer = build(GlobalMaxPool2D(), (2, 2, 2), dtype=dtype)
        y = layer.forward(x, training=True)
        assert y[0, 0] == 7 and np.isnan(y[0, 1])
        assert layer.backward(np.array([[4.0, 8.0]]))[0].tolist() == [[[0, 0], [4, 0]], [[0, 8], [0, 0]]]


@both_kernel_sets
def test_layers_that_move_numbers(kernel_set):
    x = np.arange(4.0).reshape(1, 2, 2, 1)
    with kernels.using(kernel_set):
        layer = build(ZeroPad2D(((0, 1), (2, 0))), (2, 2, 1))
        assert rows_of(layer.forward(x, training=True)) == [[0, 0, 0, 1], [0, 0, 2, 3], [0, 0, 0, 0]]
        assert rows_of(layer.backward(np.arange(12.0).reshape(1, 3, 4, 1))) == [[2, 3], [6, 7]]
        assert repr(ZeroPad2D(((1, 1), (2, 2)))) == "ZeroPad2D(padding=(1, 2))"
    layer = build(Reshape((4, -1)), (2, 2, 1))
    assert layer.forward(x, training=True).tolist() == [[[0], [1], [2], [3]]] and layer.output_shape == (4, 1)
    assert layer.backward(np.arange(4.0).reshape(1, 4, 1)).tolist() == x.tolist()
    for shape in ((3,), (3, -1), (5, 1)):
        with pytest.raises(ValueError, match=r"expected inputs of \d elements.* got \(2, 2, 1\), which are 4"):
            build(Reshape(shape), (2, 2, 1))


def test_rescaling_and_layer_normalisation():
    assert build(Rescale(0.5), (3,)).forward([[0, 2, 4]]).tolist() == [[0, 1, 2]]  # nothing is added unless told
    layer = build(Rescale(0.5, -1), (3,))
    assert layer.forward([[0, 2, 4]], training=True).tolist() == [[-1, 0, 1]]
    assert layer.backward(np.array([[2.0, 4, 6]])).tolist() == [[1, 2, 3]]
    # Mean 3, variance 4, epsilon 12: (x - 3) / 4, times gamma plus beta.
    layer = build(LayerNorm(epsilon=12), (2,), [2, 4], [1, 0])
    assert layer.forward([[1, 5], [5, 1]]).tolist() == [[0, 2], [2, -2]]


@both_dtypes
def test_softmax(dtype):
    layer = build(Softmax(), (3,), dtype=dtype)
    y = layer.forward([[0, 0, 0], [1000, -1000, 0]], training=True)
    assert np.allclose(y[0], 1 / 3) and y[1].tolist() == [1, 0, 0]
    # dy - sum(dy * y) = [3, 0, 0] - 1, times 1/3
    assert np.allclose(layer.backward(np.array([[3.0, 0, 0], [5, 5, 5]])), [[2 / 3, -1 / 3, -1 / 3], [0, 0, 0]])
