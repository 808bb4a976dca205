"""Which pass is wrong? Where backward is right for a layer of its class, the message blames forward."""

import numpy as np
import pytest

from numpycnn import AvgPool2D, BatchNorm, Conv2D, Dense, Dropout, Layer, MaxPool2D, ReLU, Sigmoid, Tanh
from numpycnn.bug_zoo import window_mistakes as windows
from numpycnn.gradcheck import check_layer, suspects
from numpycnn.kernels import reference


def hints(layer, shape, **options):
    """Return {array: hint} of the rows that failed."""
    return {row.name: row.hint for row in check_layer(layer, shape, **options).rows if not row.passed}


# Subclasses of the package's layers, with a wrong forward and the right backward.


class ForwardOfAnother:
    """A forward that keeps for backward what the right one keeps, and returns something else."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return self.otherwise(self.check_input(x), y)


def plain_convolution(layer, x):
    plain = Conv2D(layer.filters, layer.kernel_size)
    plain.build(x.shape[1:], dtype="float64")
    for mine, theirs in zip(plain.parameters, layer.parameters):
        mine.value = theirs.value
    return plain.forward(x)


class DilationForgotten(ForwardOfAnother, Conv2D):
    def otherwise(self, x, y):
        return plain_convolution(self, x)[:, : y.shape[1], : y.shape[2]]


class HeightWidthSwapped(ForwardOfAnother, Conv2D):
    def otherwise(self, x, y):
        return plain_convolution(self, x.swapaxes(1, 2))


class BiasTwice(ForwardOfAnother, Dense):
    def otherwise(self, x, y):
        return y + self.parameters[1].value


class NotTransposed(ForwardOfAnother, Dense):
    def otherwise(self, x, y):
        return x @ self.parameters[0].value.T + self.parameters[1].value


class MeanForMaximum(ForwardOfAnother, MaxPool2D):
    def otherwise(self, x, y):
        mean = np.zeros_like(y)
        reference.avgpool_forward(x, *self.pool_size, *self.strides, 0, 0, mean)
        return mean


class MaximumOfTheNext(ForwardOfAnother, MaxPool2D):
    """Windows begin one pixel too far to the right."""

    def otherwise(self, x, y):
        rolled = np.roll(x, -1, axis=2)
        return np.maximum(rolled[:, :, ::2], rolled[:, :, 1::2])  # windows of 1 x 2


class PaddedCellsCount(ForwardOfAnother, AvgPool2D):
    def otherwise(self, x, y):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return windows.mean(axis=(-2, -1))


class NotCentred(ForwardOfAnother, BatchNorm):
    def otherwise(self, x, y):
        gamma, beta = (p.value for p in self.parameters)
        return gamma * x / np.sqrt(x.var(axis=0) + self.epsilon) + beta


class NotSquashed(ForwardOfAnother, Sigmoid):
    def otherwise(self, x, y):
        return x / (1 + x * x)


class NotScaled(ForwardOfAnother, Dropout):
    def otherwise(self, x, y):
        return y * (1 - self.rate)


FORWARD_IS_WRONG = [
    (windows.ConvForwardFlipped(3, 3), (6, 5, 2), "Conv2D", "filters flipped"),
    (windows.ConvForwardFlipped(3, (3, 2), strides=2, padding="same"), (7, 6, 2), "Conv2D", "filters flipped"),
    (windows.ConvForwardStrideForgotten(3, 3, strides=2), (7, 7, 2), "Conv2D", "the stride is forgotten"),
    (DilationForgotten(2, 2, dilation_rate=2), (6, 5, 2), "Conv2D", "the dilation is forgotten"),
    (HeightWidthSwapped(2, (3, 2)), (5, 5, 2), "Conv2D", ""),
    (BiasTwice(3), (4,), "Dense", ""),
    (NotTransposed(4), (4,), "Dense", ""),
    (MeanForMaximum(2), (6, 5, 2), "MaxPool2D", ""),
    (MaximumOfTheNext((1, 2)), (3, 8, 2), "MaxPool2D", ""),
    (PaddedCellsCount(3, 1, 1), (8, 9, 2), "AvgPool2D", ""),
    (NotCentred(), (4,), "BatchNorm", ""),
    (NotSquashed(), (4,), "Sigmoid", ""),
    (NotScaled(0.4), (6,), "Dropout", ""),
]
EVERY_WRONG_FORWARD = pytest.mark.parametrize(
    ("layer", "shape", "name", "mistake"), FORWARD_IS_WRONG, ids=[type(case[0]).__name__ for case in FORWARD_IS_WRONG]
)


def assert_blames_forward(found, name, mistake):
    assert found
    for array, hint in found.items():
        assert hint.startswith(f"backward is right for {name}: forward is what is wrong"), (array, hint)
    if mistake:
        assert f"({mistake}" in found["dx"]


@EVERY_WRONG_FORWARD
def test_a_wrong_forward_is_blamed_and_not_a_right_backward(layer, shape, name, mistake):
    assert_blames_forward(hints(layer, shape), name, mistake)


@EVERY_WRONG_FORWARD
@pytest.mark.parametrize("options", [{"max_elements": 12}, {"directions": 3}], ids=str)
def test_also_from_a_part_of_the_elements(layer, shape, name, mistake, options):
    assert_blames_forward(hints(layer, shape, **options), name, mistake)


def test_also_by_complex_steps():
    for layer, shape, name, mistake in FORWARD_IS_WRONG[:1]:
        assert_blames_forward(hints(layer, shape, method="complex"), name, mistake)


# Layers that derive from Layer alone: their arguments' names tell what they are.


class Convolution(Layer):
    """Right where `flip` and `step` are; backward is right in any case."""

    def __init__(self, kernel_size=3, strides=1, flip=False, step=None, wrong_dx=1.0):
        self.kernel_size, self.strides, self.flip, self.step, self.wrong_dx = kernel_size, strides, flip, step, wrong_dx

    def setup(self, rng):
        self.right = Conv2D(2, self.kernel_size, self.strides)
        shape = self.right.build(self.input_shape, rng, self.dtype)
        self.add_parameter("w", self.right.parameters[0].value.shape, "glorot_uniform", rng)
        return shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        w = self.parameters[0].value
        self.right.parameters[0].value = w
        self.right.forward(x, training)
        self.save_for_backward(training, len(x), x)
        k, step, w = self.kernel_size, self.step or self.strides, w[::-1, ::-1] if self.flip else w
        y = np.zeros((len(x), *self.output_shape))
        for i, j in np.ndindex(self.output_shape[:2]):
            patch = x[:, i * step : i * step + k, j * step : j * step + k]
            y[:, i, j] = np.tensordot(patch, w, 3)
        return y

    def backward(self, dy, need_dx=True):
        dx = self.right.backward(dy)
        self.parameters[0].grad = self.right.parameters[0].grad
        return self.wrong_dx * dx


def test_a_layer_that_only_has_the_arguments_of_a_convolution():
    assert not hints(Convolution(), (5, 6, 2)) and not hints(Convolution(2, strides=2), (6, 6, 2))
    assert_blames_forward(hints(Convolution(flip=True), (5, 6, 2)), "Conv2D", "filters flipped")
    assert_blames_forward(hints(Convolution(2, strides=2, step=1), (6, 6, 2)), "Conv2D", "the stride is forgotten")


class Pooling(Layer):
    """The mean of two neighbours at a time, forwards of those one pixel further on."""

    pool_size, strides = (1, 2), (1, 2)

    def setup(self, rng):
        height, width, channels = self.input_shape
        return height, width // 2, channels

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        x = np.roll(x, -1, axis=2)
        return (x[:, :, ::2] + x[:, :, 1::2]) / 2

    def backward(self, dy, need_dx=True):
        return np.repeat(dy, 2, axis=2) / 2


class Affine(Layer):
    def setup(self, rng):
        self.add_parameter("w", (self.input_shape[0], 3), "glorot_uniform", rng)
        return (3,)

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x), x)
        return 1.5 * x @ self.parameters[0].value

    def backward(self, dy, need_dx=True):
        (x,) = self.saved
        self.parameters[0].grad = x.T @ dy
        return dy @ self.parameters[0].value.T


def test_a_layer_that_only_has_the_arguments_of_a_pooling_or_the_parameters_of_a_dense_layer():
    assert_blames_forward(hints(Pooling(), (3, 6, 2)), "AvgPool2D", "")
    assert set(hints(Affine(), (4,))) == {"dx", "w.grad"}
    assert_blames_forward(hints(Affine(), (4,)), "Dense", "")


# What must not be said.


def test_a_wrong_backward_is_still_blamed():
    class Slower(Dense):
        def backward(self, dy, need_dx=True):
            return 0.5 * super().backward(dy)

    assert hints(Slower(3), (4,)) == {"dx": "right but for a factor: scaled by 0.5"}
    assert hints(Convolution(wrong_dx=-1), (5, 6, 2)) == {"dx": "the sign is flipped"}


@pytest.mark.parametrize("error", [1e-3, 1e-6])
def test_hardly_wrong_is_not_taken_for_right(error):
    """A gradient wrong by 1e-6 nearly equals the right one, and that of a forgotten stride of 1: no hint says so."""
    found = hints(Convolution(wrong_dx=1 + error), (5, 6, 2))
    assert list(found) == ["dx"] and "forward" not in found["dx"] and "forgotten" not in found["dx"]


def test_both_passes_wrong_blame_neither():
    class Both(Conv2D):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

        def backward(self, dy, need_dx=True):
            dx = super().backward(dy)
            self.parameters[0].grad *= 2
            self.parameters[1].grad *= 2
            return 3 * dx

    assert hints(Both(2, 3), (5, 6, 2)) == {"dx": "right but for a factor: scaled by 1.5"}


class OtherMeaning(Layer):
    """Its arguments have the names of a pooling's and are something else."""

    def __init__(self, pool_size="large", strides=None, epsilon="small"):
        self.pool_size, self.strides, self.epsilon = pool_size, strides, epsilon

    def forward(self, x, training=False):
        self.save_for_backward(training, len(x))
        return x**3

    def backward(self, dy, need_dx=True):
        return dy


def test_a_layer_whose_arguments_mean_something_else_is_checked_all_the_same():
    for arguments in ({}, {"pool_size": 2, "strides": (1, 2, 3)}, {"pool_size": 99}, {"pool_size": 2, "strides": 1}):
        assert list(hints(OtherMeaning(**arguments), (4, 5, 2))) == ["dx"]


def test_a_subclass_with_other_arguments_is_checked_all_the_same():
    class Odd(ReLU):
        def backward(self, dy, need_dx=True):
            return dy

    class Renamed(Tanh):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

    class WithoutItsArguments(Dropout):
        def __init__(self):
            self.share = 0.5

        def setup(self, rng):
            self.rate = 0.5
            return super().setup(rng)

        def backward(self, dy, need_dx=True):
            return 2 * super().backward(dy)

    assert hints(Odd(), (4, 3)) == {"dx": "wrong only where the output does not move: is a mask missing?"}
    assert_blames_forward(hints(Renamed(), (4,)), "Tanh", "")
    assert hints(WithoutItsArguments(), (4,))["dx"].startswith("doubled")


@pytest.mark.parametrize("images", [1, 9])
def test_the_gradient_that_is_compared_with_is_right_for_any_number_of_images(images):
    layer = MaxPool2D(2, strides=1, padding=1)
    layer.build((4, 5, 2), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((images, 4, 5, 2))
    dy = np.random.default_rng(2).standard_normal(layer.forward(x, training=True).shape)
    assert np.allclose(suspects.maxpool_dx(layer, x, dy), layer.backward(dy), atol=1e-5)  # float32


class Elementwise(Layer):
    """A layer of somebody's own, who writes a function and its derivative."""

    function = slope = None

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.save_for_backward(training, len(x), x)
        return self.function(x)

    def backward(self, dy, need_dx=True):
        return self.check_output_gradient(dy) * self.slope(self.saved[0])


def elementwise(f, d):
    return type("Own", (Elementwise,), {"function": staticmethod(f), "slope": staticmethod(d)})()


@pytest.mark.parametrize("f", [np.abs, np.exp, np.square])
def test_a_forgotten_derivative_is_not_taken_for_elu_s(f):
    assert "ELU" not in hints(elementwise(f, np.ones_like), (4,))["dx"]


@pytest.mark.parametrize("shape", [(4,), (2,), (8,), (5,)])
@pytest.mark.parametrize(
    ("f", "slope"),
    [(np.round, np.zeros_like), (lambda x: np.clip(x, -1, 1), lambda x: (abs(x) < 1) * 1.0),
     (lambda x: np.maximum(x, 0.5), lambda x: (x > 0.5) * 1.0), (lambda x: x // 0.25, np.zeros_like)],
)  # fmt: skip
def test_the_usual_point_is_off_the_places_where_functions_have_kinks_and_jumps(f, slope, shape):
    assert check_layer(elementwise(f, slope), shape).passed


def test_single_precision_within_a_layer_is_told_from_kinks():
    own = elementwise(lambda x: (x.astype("float32") ** 2).astype(x.dtype), lambda x: 2 * x)
    for shape in (4,), (2,), (30,):
        assert "outputs are numbers of float32" in str(check_layer(own, shape).rows[0])
    x = np.float32([[0.3, 0.4], [-0.1, 7]])
    assert "float32" not in hints(elementwise(np.negative, np.ones_like), (2,), x=x)["dx"]


def test_a_layer_that_takes_positive_numbers_only_is_given_some():
    own = elementwise(lambda x: np.log(x), lambda x: 1 / x)
    with np.errstate(invalid="ignore"):
        assert "give check_layer an x of such" in hints(own, (4,))["dx"]
    assert check_layer(own, x=np.linspace(0.5, 3, 12).reshape(3, 4)).passed
