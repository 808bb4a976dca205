"""Inputs that do not suit a layer; what its arguments refuse stands in ``bad_inputs_table.py``."""

import numpy as np
import pytest

from numpycnn import (
    L2,
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
    Sequential,
)
from numpycnn.layers.window import Window


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
        ((3, 3, 1, "valid"), (1, 0)),  # just fits
    ],
)
def test_where_windows_lie_by_hand(arguments, expected):
    size, kernel, stride, padding = arguments
    pair = padding if isinstance(padding, str) else (padding, 0)
    window = Window.on((size, 9), (kernel, 2), (stride, 1), pair)
    assert (window.count[0], window.before[0]) == expected
    pair = padding if isinstance(padding, str) else (0, padding)
    window = Window.on((9, size), (2, kernel), (1, stride), pair)
    assert (window.count[1], window.before[1]) == expected


def test_a_window_that_does_not_fit_is_refused():
    for image in ((2, 9), (9, 2)):
        with pytest.raises(ValueError, match="a window of 3x3 does not fit"):
            Window.on(image, (3, 3), (1, 1), "valid")
        assert Window.on(image, (3, 3), (1, 1), (1, 1)).count == image


def test_what_a_window_knows_by_hand():
    # Rows: 3 elements, every second pixel: 5 pixels; from row -1 on, 3 apart: -1..3, 2..6, 5..9 of 9 rows.
    # Columns: 2 elements side by side, 2 apart, from column -2 on: -2..-1, 0..1, 2..3, 4..5, 6..7 of 6 columns.
    window = Window.on((9, 6, 4), (3, 2), (3, 2), (1, 2), (2, 1))
    assert window == Window(kernel=(3, 2), strides=(3, 2), dilation=(2, 1), before=(1, 2), count=(3, 5))
    assert window.extent == (5, 2)
    assert window.reach == (11, 10)
    assert window.padded((9, 6, 4)) == (11, 10)  # a row above and below, two columns left and right
    assert window.padded((20, 20, 4)) == (21, 22)
    with pytest.raises(AttributeError):
        window.kernel = (1, 1)


# -- building ---------------------------------------------------------------------------------------


def test_an_initializer_of_ones_own():
    layer = Dense(2, kernel_initializer=lambda shape, rng, dtype: np.arange(6).reshape(shape))
    layer.build((3,))
    weight = layer.parameters[0].value
    assert weight.dtype == np.float32 and weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    wrong = Dense(2, kernel_initializer=lambda shape, rng, dtype: np.zeros(6))
    with pytest.raises(ValueError, match=r"expected starting values of shape \(3, 2\) for weight, got \(6,\)"):
        wrong.build((3,))


def test_building_again_for_inputs_of_another_shape():
    layer = Dense(4)
    layer.build((3,))
    assert layer.build((5,)) == (4,) and layer.forward(np.ones((1, 5))).shape == (1, 4)
    assert layer.parameters[0].value.shape == (5, 4) and len(layer.parameters) == 2
    assert ReLU().parameters == () == Layer.parameters


def test_flatten_keeps_images_without_a_channel_axis():
    layer = Flatten()
    assert layer.build((2, 3)) == (6,)
    assert layer.forward(np.arange(6).reshape(1, 2, 3)).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_arguments_are_fixed_once_a_layer_is_built_but_numbers_with_a_point():
    dense, dropout = Dense(3), Dropout(0.5)
    dense.units = 4
    model = Sequential([Conv2D(2, 3, padding="same"), Flatten(), dense, dropout], input_shape=(5, 5, 1), seed=0)
    for layer, name, value in ((dense, "units", 1000), (dense, "kernel_regularizer", L2(0.1)),
                               (model.layers[0], "strides", (2, 2)), (model.layers[0], "padding", "valid")):
        before = getattr(layer, name)
        with pytest.raises(AttributeError, match=f"{name} is fixed once it is built; put a new one in its place"):
            setattr(layer, name, value)
        assert getattr(layer, name) == before
    dropout.rate = 0.25
    for wrong in (2.0, -1, "a", np.nan, 1):
        with pytest.raises((ValueError, TypeError), match="rate: expected a number"):
            dropout.rate = wrong
    assert dropout.rate == 0.25
    dense.trainable = False
    assert model.predict(np.ones((1, 5, 5, 1))).shape == (1, 4)

    class Counting(Layer):
        """A layer from outside, which changes what it was given."""

        def __init__(self, calls=0):
            self.calls = calls

        def forward(self, x, training=False):
            self.calls += 1
            return self.check_input(x)

    counting = Counting()
    Sequential([counting], input_shape=(2,)).predict(np.ones((1, 2)))
    assert counting.calls == 1
