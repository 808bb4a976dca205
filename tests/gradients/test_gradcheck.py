"""The gradient check itself: it rejects what is wrong, by name, and accepts what is right."""

import copy

import numpy as np
import pytest
from reports import rejected

from numpycnn import (
    BatchNorm,
    BinaryCrossEntropy,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Rescale,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    SoftmaxCrossEntropy,
    Tanh,
    fusion,
    gradcheck,
    kernels,
)
from numpycnn.bug_zoo import mistakes as zoo
from numpycnn.bug_zoo import window_mistakes as windows
from numpycnn.gradcheck import GradientError, Report, assert_gradients, cases, check_layer, check_loss, check_model

LOGITS, LABELS = np.random.default_rng(0).standard_normal((5, 4)), np.array([1, 0, 3, 2, 2])


def test_a_model_is_checked_by_the_call_that_trains():
    class WrongWithoutDx(Dense):
        def backward(self, dy, need_dx=True):
            dx = super().backward(dy, need_dx)
            if not need_dx:
                self.parameters[0].grad *= 1.5
            return dx

    model = Sequential([WrongWithoutDx(4)], input_shape=(3,), seed=0, dtype="float64")
    report = check_model(model, LOGITS[:, :3], LABELS, SoftmaxCrossEntropy())
    assert rejected(report) == {"layers[0].weight.grad": "right but for a factor: scaled by 1.5"}


def test_a_dx_that_adds_to_the_one_before_is_rejected_in_a_model_too():
    class Accumulates(Layer):
        total = 0

        def forward(self, x, training=False):
            return x

        def backward(self, dy, need_dx=True):
            self.total = self.total + dy if need_dx else 0
            return self.total

    model = Sequential([Accumulates(), Dense(4)], input_shape=(3,), seed=0, dtype="float64")
    report = check_model(model, LOGITS[:, :3], LABELS, SoftmaxCrossEntropy())
    assert rejected(report) == {"dx": "doubled: added to the gradient of an earlier backward, or counted twice?"}


# Layers of a user


class Swish(Layer):
    """y = x * sigmoid(slope * x) with a slope for each feature, times `factor` in the slope's gradient."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def setup(self, rng):
        self.add_parameter("slope", self.input_shape, "ones", rng)
        return self.input_shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        s = 1 / (1 + np.exp(-self.parameters[0].value * x))
        self.save_for_backward(training, len(x), x, s)
        return x * s

    def backward(self, dy, need_dx=True):
        x, s = self.saved
        slope = self.parameters[0]
        slope.grad = self.factor * (dy * x * x * s * (1 - s)).sum(axis=0)
        return dy * (s + slope.value * x * s * (1 - s))


class Noise(Layer):
    """Adds random numbers; whether it says so in state_names is up to the test."""

    def setup(self, rng):
        self.generator = np.random.default_rng(0)
        return self.input_shape

    def forward(self, x, training=False):
        return self.check_input(x) + self.generator.standard_normal(x.shape)

    def backward(self, dy, need_dx=True):
        return dy


def test_a_right_layer_of_ones_own_passes():
    for report in (
        check_layer(Swish(), (4, 3)),
        check_layer(Swish(), x=LOGITS),
        check_layer(Swish(), x=LOGITS.astype("float32").tolist(), seed=5),
    ):
        assert_gradients(report)
        assert [row.name for row in report.rows] == ["dx", "slope.grad"]
        assert 0 < max(row.error for row in report.rows) < 1e-8
        assert "slope.grad is right" in str(report)


def test_a_wrong_one_is_rejected_even_when_it_is_hardly_wrong():
    assert list(rejected(check_layer(Swish(factor=1 + 1e-6), (4, 3)))) == ["slope.grad"]


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_the_size_of_the_outputs_makes_no_difference(size):
    class Scaled(Layer):
        def forward(self, x, training=False):
            self.x = x
            return size * x**2

        def backward(self, dy, need_dx=True):
            return 2 * size * self.x * dy * self.factor

    layer = Scaled()
    layer.factor = 1
    assert_gradients(check_layer(layer, (4, 3)))
    for layer.factor in (0, 1 + 1e-6, -1):
        assert list(rejected(check_layer(layer, (4, 3)))) == ["dx"]


def test_inputs_of_any_size_pass():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 2))
    for x in (pixels, pixels / 255, pixels * 1e6, pixels + 1e5):
        assert_gradients(check_layer(BatchNorm(), x=x))
        assert_gradients(check_layer(Conv2D(2, 3), x=x))


def test_a_sharply_curved_layer_passes():
    class Sine(Layer):
        def forward(self, x, training=False):
            self.x = x
            return np.sin(100 * x)

        def backward(self, dy, need_dx=True):
            return 100 * np.cos(100 * self.x) * dy

    assert_gradients(check_layer(Sine(), (4, 3)))


def test_a_sharp_curve_excuses_no_wrong_element_as_a_kink():
    """Halving the step changes the slope by a tenth of the mistake, as it would not at a kink."""
    class Sine(Layer):
        def forward(self, x, training=False):
            self.x = x
            return np.sin(100 * x)

        def backward(self, dy, need_dx=True):
            dx = 100 * np.cos(100 * self.x) * dy
            dx[1, 2] += 1e-6 * abs(dx).max()
            return dx

    x = np.linspace(-1, 1, 12).reshape(4, 3)
    x[1, 2] = 0  # where the slope curves most
    report = check_layer(Sine(), x=x)
    assert rejected(report).keys() == {"dx"} and report["dx"].skipped == 0 and report["dx"].index == (1, 2)


@pytest.mark.parametrize("slope", [1e-7, 1e-6, 1e-5])
def test_a_small_slope_on_a_large_constant_is_more_than_rounding(slope):
    class Sloping(Layer):
        def forward(self, x, training=False):
            return 1 + slope * x

        def backward(self, dy, need_dx=True):
            return self.factor * slope * dy

    layer = Sloping()
    for layer.factor in (1, 0, 1.1, -1):
        report = check_layer(layer, (4, 3), tolerance=1e-2)
        assert list(rejected(report)) == ([] if layer.factor == 1 else ["dx"])


def test_randomness_has_to_be_named_in_state_names():
    with pytest.raises(ValueError, match=r"Noise\(\): expected the same outputs from the same input.*state_names"):
        check_layer(Noise(), (4,))

    class NamedNoise(Noise):
        state_names = ("generator",)

    assert_gradients(check_layer(NamedNoise(), (4,)))


def test_a_dx_of_another_shape_is_named():
    class Summed(ReLU):
        def backward(self, dy, need_dx=True):
            return super().backward(dy).sum(axis=0)

    report = check_layer(Summed(), (4,))
    assert rejected(report) == {"dx": "expected a gradient of shape (3, 4), got shape (4,)"}
    assert report["dx"].error == np.inf


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_a_gradient_never_pass(value):
    class NotFinite(Dense):
        def backward(self, dy, need_dx=True):
            dx = super().backward(dy)
            self.parameters[0].grad[1, 2] = value
            return dx

    report = check_layer(NotFinite(3), (4,))
    assert rejected(report) == {"weight.grad": "backward gives NaN or infinity"}
    assert report["weight.grad"].index == (1, 2) and report["weight.grad"].error == np.inf


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_an_output_never_pass(value):
    x = LOGITS.copy()
    x[2, 1] = value
    report = check_layer(ReLU(), x=x)
    says = "the forward gives NaN or infinity near this input. Does it take some numbers only? Then give check_layer "
    assert rejected(report) == {"dx": f"{says}an x of such"}
    assert rejected(check_layer(Dense(3), x=x)).keys() >= {"weight.grad"}


# Complex steps, random directions


def test_complex_steps_are_right_to_the_last_digits():
    for layer, shape in ((BatchNorm(), (4, 3)), (Conv2D(2, 3), (5, 5, 2)), (Dropout(0.4), (6,)), (ReLU(), (5,))):
        report = check_layer(layer, shape, method="complex")
        assert_gradients(report)
        assert {row.tolerance for row in report.rows} == {1e-13}
        assert max(row.error for row in report.rows) < 1e-14


def test_complex_steps_see_what_differences_cannot():
    """A factor of 1 + 1e-11 drowns in the rounding of a difference."""
    assert check_layer(Swish(factor=1 + 1e-11), (4, 3)).passed
    report = check_layer(Swish(factor=1 + 1e-11), (4, 3), method="complex")
    assert list(rejected(report)) == ["slope.grad"]


def test_directions_take_the_gradient_as_a_whole():
    report = check_layer(Conv2D(8, 3), (28, 28, 3), batch_size=16, method="complex", directions=2)
    assert_gradients(report)
    assert [(row.elements, row.index) for row in report.rows] == [(2, None)] * 3
    for method in gradcheck.METHODS:
        wrong = check_layer(windows.ConvWeightScaled(8, 3), (8, 8, 3), method=method, directions=2)
        assert rejected(wrong) == {"weight.grad": "right but for a factor: scaled by 1.01"}
        assert "weight.grad is wrong: analytic" in str(wrong)


@pytest.mark.parametrize("method", gradcheck.METHODS)
def test_directions_of_a_model(method):
    model = Sequential([Conv2D(3, 3), ReLU(), Flatten(), Dense(4)], input_shape=(6, 5, 1), seed=0, dtype="float64")
    x, loss = np.random.default_rng(0).standard_normal((4, 6, 5, 1)), SoftmaxCrossEntropy()
    assert_gradients(check_model(model, x, [0, 1, 2, 3], loss, method=method, directions=5))
    model.layers[3].__class__ = zoo.DenseAveragedTwice
    wrong = check_model(model, x, [0, 1, 2, 3], loss, method=method, directions=5)
    assert rejected(wrong).keys() == {"layers[3].weight.grad", "layers[3].bias.grad"}


def test_what_complex_steps_cannot_do_says_so():
    class Real(ReLU):
        def forward(self, x, training=False):
            return super().forward(x, training).real

    with pytest.raises(TypeError, match="expected a forward that computes in complex numbers, got float64"):
        check_layer(Real(), (4,), method="complex")
    with pytest.raises(ValueError, match="method: expected one of .difference., .complex., got 'exact'"):
        check_layer(ReLU(), (4,), method="exact")
    with pytest.raises(ValueError, match="directions: expected an integer of at least 1, got 0"):
        check_layer(ReLU(), (4,), directions=0)


# What is checked, and what is left alone


def test_a_layer_is_left_as_it_is():
    x = LOGITS.copy()
    layer = BatchNorm()
    check_layer(layer, x=x)
    assert not layer.built
    layer.build((4,), dtype="float64")
    before = copy.deepcopy(vars(layer))
    check_layer(layer, x=x)
    np.testing.assert_array_equal(x, LOGITS)
    for p, q in zip(layer.parameters, before.pop("parameters")):
        np.testing.assert_array_equal(p.value, q.value)
        np.testing.assert_array_equal(p.grad, q.grad)
    np.testing.assert_equal({k: v for k, v in vars(layer).items() if k != "parameters"}, before)


def test_a_built_layer_is_checked_at_its_values():
    """Doubling W with 100 for W: dx = 2 dy W; an unbuilt layer would be given other values."""
    layer = Dense(3)
    layer.build((4,), dtype="float64")
    layer.parameters[0].value = np.full((4, 3), 100.0)
    assert abs(check_layer(layer)["dx"].numeric) > 50
    assert abs(check_layer(Dense(3), (4,))["dx"].numeric) < 10


def test_a_float32_layer_is_checked_in_float64_at_its_values():
    layer = BatchNorm()
    layer.build((4,))
    layer.parameters[0].value = [1, 2, 3, 4000]
    report = check_layer(layer)
    assert_gradients(report)
    assert max(row.error for row in report.rows) > 0
    assert abs(report["dx"].numeric) > 100
    assert layer.dtype == np.float32 and layer.parameters[0].value.dtype == np.float32


def test_a_float32_block_asks_for_a_float64_model():
    model = Sequential([ReLU(), MaxPool2D(2)], input_shape=(4, 4, 1))
    with pytest.raises(ValueError, match='expected float64, got float32; build its model with dtype="float64"'):
        check_layer(model.plan[0])


def test_a_wrong_fused_block_is_rejected():
    class Wrong(fusion.PoolReLU):
        def backward(self, dy, need_dx=True):
            return -super().backward(dy)

    model = Sequential([ReLU(), MaxPool2D(2)], input_shape=(4, 4, 1), dtype="float64")
    report = check_layer(Wrong(*model.plan[0].layers))
    assert rejected(report) == {"dx": "the sign is flipped"}


def test_a_layer_in_a_model_can_be_checked_alone():
    model = Sequential([Conv2D(3, 3), ReLU()], input_shape=(5, 5, 2), seed=0, dtype="float64")
    values = model.arena.values.copy()
    assert_gradients(check_layer(model.layers[0]))
    np.testing.assert_array_equal(model.arena.values, values)
    assert not model.arena.grads.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_is_left_as_it_is(dtype):
    layers = [Conv2D(2, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.5), Dense(4)]
    model = Sequential(layers, input_shape=(6, 7, 1), seed=0, dtype=dtype)
    x = np.random.default_rng(0).standard_normal((3, 6, 7, 1))
    weights, state = model.get_weights(), model.layers[5].get_state()
    with pytest.raises(ValueError, match="expected a loss"):
        check_model(model, x, [0, 1, 2])
    model.compile("sgd", SoftmaxCrossEntropy())
    report = check_model(model, x, [0, 1, 2])
    assert_gradients(report)  # the convolution's bias has no effect before BatchNorm: both gradients are rounding
    assert report["layers[0].bias.grad"].error == 0 and abs(report["layers[0].bias.grad"].numeric) < 1e-9
    assert len(report.rows) == 7
    assert model.dtype == dtype and not model.arena.grads.any() and model.layers[5].get_state() == state
    for before, after in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(before, after)


def test_a_sample_of_the_elements():
    report = check_layer(Dense(20), (30,), max_elements=50)
    assert {row.name: row.elements for row in report.rows} == {"dx": 50, "weight.grad": 50, "bias.grad": 20}
    assert str(report) == str(check_layer(Dense(20), (30,), max_elements=50))
    assert str(report) != str(check_layer(Dense(20), (30,), max_elements=50, seed=1))
    scaled = check_layer(windows.ConvWeightScaled(8, 3), (6, 6, 4), max_elements=10)
    assert rejected(scaled) == {"weight.grad": "right but for a factor: scaled by 1.01"}
    assert check_loss(SoftmaxCrossEntropy(), LOGITS, LABELS, max_elements=7).rows[0].elements == 7
    model = Sequential([Dense(4)], input_shape=(4,), seed=0)
    assert check_model(model, LOGITS, LABELS, SoftmaxCrossEntropy(), max_elements=3)["dx"].elements == 3


def test_step_and_tolerance_can_be_given():
    assert not check_layer(Swish(), (4, 3), step=10).passed
    assert check_layer(Swish(), (4, 3), step=10, tolerance=1).passed

    class Scaled(SoftmaxCrossEntropy):
        def value_and_gradient(self, *arguments):
            loss, gradient = super().value_and_gradient(*arguments)
            return loss, gradient * (1 + 1e-8)

    assert check_loss(Scaled(), LOGITS, LABELS).passed
    assert not check_loss(Scaled(), LOGITS, LABELS, tolerance=1e-9).passed


def test_multilinear_layers_are_checked_to_1e_12_but_not_their_subclasses():
    assert check_layer(Dense(2), (3,))["dx"].tolerance == 1e-12
    assert check_layer(zoo.DenseAccumulates(2), (3,))["dx"].tolerance == 1e-7


def test_what_cannot_be_checked_says_so():
    with pytest.raises(ValueError, match="is not built; give input_shape"):
        check_layer(Dense(3))
    with pytest.raises(TypeError, match="expected a layer, got .*check_model"):
        check_layer(Sequential([Dense(3)], input_shape=(4,)))
    with pytest.raises(RuntimeError, match="the model is not built"):
        check_model(Sequential([Dense(3)]), LOGITS, LABELS, SoftmaxCrossEntropy())
    with pytest.raises(KeyError, match="no array 'dw'; there are dx, weight.grad, bias.grad"):
        check_layer(Dense(3), (4,))["dw"]


def test_nothing_checked_is_no_pass():
    assert issubclass(GradientError, AssertionError)
    with pytest.raises(GradientError, match="nothing was checked"):
        assert_gradients(Report("nothing", ()))


def test_a_report_stays_as_it_is():
    with pytest.raises(AttributeError, match="cannot assign"):
        Report("a layer", ()).rows = ()


@pytest.mark.parametrize("shape", [(1,), (2, 3), (7, 5, 3), (4, 9, 9, 8)])
def test_inputs_are_clear_of_kinks(shape):
    x = cases.clear_of_kinks(shape, np.random.default_rng(0))
    assert x.shape == shape
    ordered = np.sort(x.ravel())
    assert abs(ordered).min() >= 1.9 / (x.size + 1) and abs(ordered).max() <= 2
    assert np.diff(ordered).min(initial=4) >= 3.9 / (x.size + 1) > 4 * gradcheck.STEP


@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set")
def test_the_number_of_threads_is_as_before(monkeypatch):
    seen = []
    monkeypatch.setattr(Dense, "forward", lambda self, x, training=False: seen.append(kernels.get_num_threads()) or x)
    before = kernels.get_num_threads()
    with kernels.using("compiled"), pytest.raises(RuntimeError):  # backward misses its forward
        check_layer(Dense(4), (4,))
    assert seen[0] == 1 and kernels.get_num_threads() == before


@pytest.mark.parametrize("part", [0, 1])
def test_a_softmax_that_overflows_in_one_of_its_results_is_rejected(part):
    class Overflows(SoftmaxCrossEntropy):
        def value_and_gradient(self, logits, labels, weights=None):
            results = list(super().value_and_gradient(logits, labels, weights))
            if logits.max() > 500:
                results[part] = results[part] * np.nan
            return tuple(results)

    assert "exp overflows" in check_loss(Overflows(), LOGITS, LABELS)["doutputs at outputs + 1000"].hint


def test_what_is_right_needs_no_hint():
    assert [row.hint for row in check_layer(Dense(3), (4,)).rows] == [""] * 3


@pytest.mark.parametrize("scale", [1, 255])  # pixels that nobody divided by 255
@pytest.mark.parametrize("layers", [
    [DepthwiseConv2D((3, 1)), Flatten(), Dense(3)],
    [Conv2D(3, 2), Sigmoid(), Conv2D(2, 2), SiLU(), Flatten(), Dense(3)],
    [Rescale(1 / 255), Tanh(), Flatten(), Dense(4), Softmax(), Dense(3)],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossEntropy(), SoftmaxCrossEntropy()], ids=str)
def test_a_measurement_is_not_trusted_beyond_what_it_can_tell(layers, scale, loss):
    """Slopes far smaller than the loss, or of sharp curves: one step errs by more than the tolerance, many by less."""
    model = Sequential(copy.deepcopy(layers), input_shape=(6, 6, 17), seed=0, dtype="float64")
    x = np.random.default_rng(0).standard_normal((3, 6, 6, 17)) * scale
    y = [0, 2, 1] if isinstance(loss, SoftmaxCrossEntropy) else np.eye(3)
    assert_gradients(check_model(model, x, y, loss, max_elements=20))


@pytest.mark.parametrize("factor", [1 + 1e-5, 1.01, -1, 0])
def test_no_wrong_gradient_is_excused_by_a_tiny_slope(factor):
    class Wrong(Dense):
        def backward(self, dy, need_dx=True):
            dx = super().backward(dy, need_dx)
            self.parameters[0].grad *= factor
            return dx

    model = Sequential([Rescale(1 / 255), Wrong(3)], input_shape=(5,), seed=0, dtype="float64")
    report = check_model(model, np.random.default_rng(0).standard_normal((3, 5)), 30 * np.eye(3), MeanSquaredError())
    assert list(rejected(report)) == ["layers[1].weight.grad"]


def test_kinks_near_by_leave_enough_to_measure():
    """Of 700 outputs before ReLU some lie within a step of 0, whichever weight moves; within a shorter step none."""
    layers = [Conv2D(8, (2, 3)), ReLU(), Flatten(), Dense(3)]
    model = Sequential(layers, input_shape=(11, 9, 1), seed=0, dtype="float64")
    x = np.random.default_rng(0).standard_normal((4, 11, 9, 1)) * 2000
    assert_gradients(check_model(model, x, [0, 2, 1, 1], SoftmaxCrossEntropy(), max_elements=20))


@pytest.mark.parametrize("result", [
    None, 1.0, (np.ones((5, 4)), 1.0), (np.ones(5), np.ones((5, 4))), (1.0, np.ones((5, 4)), 2), (1.0, None),
], ids=lambda result: type(result).__name__)  # fmt: skip
def test_a_loss_that_returns_something_else_is_told_what_to_return(result):
    with pytest.raises(TypeError, match="expected two results, the loss .one number. and a gradient"):
        check_loss(lambda outputs, targets: result, LOGITS, LABELS)
