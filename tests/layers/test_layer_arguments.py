"""Inputs that do not suit a layer (arguments: ``test_bad_inputs.py``), and how a layer of one's own is written."""

import numpy as np
import pytest

from numpycnn import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    Layer,
    MaxPool2D,
    ReLU,
)
from numpycnn.layers.window import output_size


def test_numpy_numbers_are_numbers():
    layer = Conv2D(np.int64(4), (np.uint8(3), 3), padding=np.int32(1))
    assert repr(layer) == "Conv2D(filters=4, kernel_size=(3, 3), padding=(1, 1))"
    assert repr(Dropout(np.float64(0.5))) == "Dropout(rate=0.5)"


def test_pairs_are_vertical_then_horizontal():
    layer = MaxPool2D((3, 2), strides=[2, 1])
    assert layer.build((9, 4, 1)) == (4, 3, 1)  # (9 - 3) // 2 + 1 and (4 - 2) // 1 + 1


BAD_SHAPES = [
    (Conv2D(1, 5), (4, 9, 1), "a window of 5x5 does not fit images of 4x9"),
    (Conv2D(1, 3, dilation_rate=4), (8, 9, 1), "a window of 9x9 does not fit images of 8x9"),
    (Conv2D(1, 5, padding=(2, 0)), (4, 4, 1), r"a window of 5x5 does not fit images of 4x4 with padding \(2, 0\)"),
    (MaxPool2D(3), (9, 2, 1), 'a window of 3x3 does not fit .* use padding="same", a smaller window or larger images'),
    (AvgPool2D((1, 3)), (9, 2, 1), "a window of 1x3 does not fit images of 9x2"),
    (Conv2D(4, 1, groups=2), (5, 5, 3), "expected a multiple of groups=2 channels, got 3"),
    (Conv2D(4, 3), (28, 28), r"expected an input shape \(height, width, channels\), got \(28, 28\); grey images need"),
    (MaxPool2D(), (28, 28), r"expected an input shape \(height, width, channels\), got \(28, 28\)"),
    (MaxPool2D(), (2**16, 2**16, 1), "expected at most 2147483647 pixels, got images of 65536x65536"),
    (AvgPool2D(), (28,), r"expected an input shape \(height, width, channels\), got \(28,\)"),
    (GlobalAvgPool2D(), (2, 3, 4, 5), r"expected an input shape \(height, width, channels\), got \(2, 3, 4, 5\)"),
    (Dense(3), (4, 5), r"expected an input shape \(features,\), got \(4, 5\); put Flatten\(\) before it"),
    (Dense(3), (), r"expected an input shape \(features,\), got \(\)"),
    (BatchNorm(), (), r"expected an input shape with channels last, got \(\)"),
    (Conv2D(8, 3), (1, 28, 28), r"if the channels come first, put them last: x.transpose\(0, 2, 3, 1\)"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), BAD_SHAPES)
def test_inputs_that_do_not_suit_the_layer(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)
    assert not layer.built


def test_same_padding_fits_a_window_larger_than_the_image():
    for layer in (Conv2D(1, 5, padding="same"), MaxPool2D(5, 1, "same"), AvgPool2D(5, 1, "same")):
        assert layer.build((2, 3, 1)) == (2, 3, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    # size, window, stride, padding -> number of windows, zeros before the first pixel
    [
        ((5, 3, 1, "valid"), (3, 0)),
        ((6, 3, 2, "valid"), (2, 0)),  # the last pixel stays unread
        ((5, 3, 1, "same"), (5, 1)),
        ((5, 2, 1, "same"), (5, 0)),  # one zero, and it goes after the last pixel
        ((5, 4, 2, "same"), (3, 1)),  # (3 - 1) * 2 + 4 - 5 = 3 zeros: 1 before, 2 after
        ((4, 1, 3, "same"), (2, 0)),  # (2 - 1) * 3 + 1 - 4 = 0 zeros
        ((5, 1, 3, "same"), (2, 0)),  # -1 zeros means none
        ((5, 3, 1, 4), (11, 4)),
        ((2, 3, 1, "valid"), (0, 0)),  # does not fit
    ],
)
def test_output_size_by_hand(arguments, expected):
    assert output_size(*arguments) == expected


# -- a layer of one's own ------------------------------------------------------------------------------


class Scale(Layer):
    """y = factor * gain * x, with one gain a channel."""

    def __init__(self, factor, start="ones"):
        self.factor = factor
        self.start = start

    def _build(self, rng):
        self.add_parameter("gain", self.input_shape[-1:], self.start, rng)
        return self.input_shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x), x)
        return self.factor * self.parameters[0].value * x

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        (x,) = self._saved
        gain = self.parameters[0]
        gain.grad = self.factor * (dy * x).sum(axis=tuple(range(dy.ndim - 1)))
        return self.factor * gain.value * dy if need_dx else None


def test_a_layer_of_ones_own():
    layer = Scale(2.0)
    assert layer.build((2,), dtype="float64") == (2,)
    layer.parameters[0].value = [1, 3]
    assert layer.forward([[1, 1], [2, 0]], training=True).tolist() == [[2, 6], [4, 0]]
    assert layer.backward(np.array([[1, 1], [1, 1]])).tolist() == [[2, 6], [2, 6]]
    assert layer.parameters[0].grad.tolist() == [6, 2]  # 2 * (1 + 2), 2 * (1 + 0)
    assert repr(layer) == "Scale(factor=2.0)" and layer.get_config() == {"factor": 2.0, "start": "ones"}


def test_what_a_layer_must_define_is_named():
    layer = Layer()
    layer.build((3,))
    with pytest.raises(NotImplementedError, match=r"Layer has to define forward\(x, training=False\)"):
        layer.forward(np.zeros((1, 3)))
    with pytest.raises(NotImplementedError, match=r"Layer has to define backward\(dy, need_dx=True\)"):
        layer.backward(np.zeros((1, 3)))


def test_an_initializer_of_ones_own():
    layer = Dense(2, kernel_initializer=lambda shape, rng, dtype: np.arange(6).reshape(shape))
    layer.build((3,))
    weight = layer.parameters[0].value
    assert weight.dtype == np.float32 and weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    wrong = Dense(2, kernel_initializer=lambda shape, rng, dtype: np.zeros(6))
    with pytest.raises(ValueError, match=r"expected starting values of shape \(3, 2\) for weight, got \(6,\)"):
        wrong.build((3,))


def test_building_again_starts_again():
    layer = Dense(4)
    layer.build((3,), np.random.default_rng(0))
    first = layer.parameters[0].value.copy()
    assert layer.build((5,), np.random.default_rng(0)) == (4,)
    assert layer.parameters[0].value.shape == (5, 4) and len(layer.parameters) == 2
    layer.build((3,), np.random.default_rng(0))
    assert np.array_equal(layer.parameters[0].value, first)
    assert ReLU().parameters == () == Layer.parameters


def test_flatten_keeps_images_without_a_channel_axis():
    layer = Flatten()
    assert layer.build((2, 3)) == (6,)
    assert layer.forward(np.arange(6).reshape(1, 2, 3)).tolist() == [[0, 1, 2, 3, 4, 5]]
