"""Kinks: where ReLU cuts and maxima tie, no slope is right; they are found, counted, and excuse nothing else."""

import numpy as np
import pytest
from reports import rejected

from numpycnn import (
    Dense,
    Layer,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fusion,
    gradcheck,
    layers,
)
from numpycnn.bug_zoo import image_with_a_tie
from numpycnn.bug_zoo import mistakes as zoo
from numpycnn.bug_zoo import window_mistakes as windows
from numpycnn.gradcheck import GradientError, assert_gradients, cases, check_layer, check_model
from numpycnn.gradcheck.methods import SMOOTH_CLASSES, recorder


def test_a_tie_is_skipped_and_judged_by_the_sum():
    report = check_layer(MaxPool2D(2), x=image_with_a_tie())
    assert report.passed and report["dx"].skipped == 2
    assert report["sum of dx"].passed


def test_crediting_every_tied_maximum_is_rejected():
    layer = windows.MaxPoolCreditsAllTies(2)
    assert check_layer(layer, (8, 8, 2)).passed  # without ties it is right
    report = check_layer(layer, x=image_with_a_tie())
    assert list(rejected(report)) == ["sum of dx"]
    assert "tied" in report["sum of dx"].hint


class UnknownReLU(ReLU):
    """Has a forward of its own and does not say what it chooses: its kinks are found from its values."""

    def forward(self, x, training=False):
        return super().forward(x, training)


@pytest.mark.parametrize("layer", [ReLU(), UnknownReLU()], ids=str)
def test_a_kink_is_excused_wherever_it_lies_between_the_two_points(layer):
    for distance in np.linspace(-1, 1, 41):
        x = cases.clear_of_kinks((3, 50), np.random.default_rng(0))
        x[1, 7] = distance * gradcheck.STEP
        report = check_layer(layer, x=x)
        assert report.passed
        # Exactly at an end both points lie on one branch; the mask of a 0 is that of a negative number.
        between = abs(distance) < 0.999 if type(layer) is UnknownReLU else distance > -0.999
        assert report["dx"].skipped == between


@pytest.mark.parametrize("step", [2.0**-17, 2.0**-10])
def test_recorded_choices_show_kinks_that_values_hide(step):
    """Two ReLUs that undo each other: y = relu(x) - relu(x) has no kink in its values, yet both masks change."""
    model = Sequential([Dense(2), ReLU(), Dense(1)], input_shape=(1,), seed=0, dtype="float64")
    model.set_weights([np.ones((1, 2)), np.zeros(2), np.array([[1.0], [-1.0]]), np.zeros(1)])
    report = check_model(model, [[1.0], [step / 2]], [[0.5], [0.5]], MeanSquaredError(), step=step)
    assert report["dx"].skipped == 1


def test_every_layer_and_block_of_the_package_tells_its_choices():
    steps = [layer for layer, _ in cases.layer_cases()] + cases.block_cases()
    known = {getattr(layers, name) for name in layers.__all__} - {Layer} | {block for _, block in fusion.RULES}
    assert {type(step) for step in steps} == known
    assert all(recorder([step]) for step in steps)
    assert recorder([ReLU(), UnknownReLU()]) is None


def test_choices_count_only_where_they_speak_of_the_forward_that_runs():
    class OwnBackward(ReLU):
        def backward(self, dy, need_dx=True):
            return super().backward(dy)

    class OwnForwardAndChoices(UnknownReLU):
        def choices(self):
            return [self.saved[0] > 0]

    class OwnDense(Dense):
        def forward(self, x, training=False):
            return np.abs(super().forward(x, training))

    for layer in (OwnBackward(), OwnForwardAndChoices()):
        layer.build((2,))
        layer.forward([[1, -1]], training=True)
        (mask,) = recorder([layer])()
        assert mask.tolist() == [[True, False]]
    assert recorder([OwnDense(2)]) is None


@pytest.mark.parametrize("block", cases.block_cases(), ids=lambda block: type(block).__name__)
def test_a_blocks_choices_change_where_its_layers_do(block):
    """Where a step changes a choice of the plain layers that reaches the output, the block's record changes, too."""
    x = cases.clear_of_kinks((1, *block.input_shape), np.random.default_rng(0))
    direction = np.random.default_rng(1).standard_normal(x.shape)
    recorded, seen = recorder([block]), set()
    for distance in np.linspace(0, 20, 9):
        block.forward(x + distance * direction, training=True)
        seen.add(tuple(choice.tobytes() for choice in recorded()))
    smooth = type(block.layers[-1]) in SMOOTH_CLASSES  # a block of a convolution alone, or before a smooth curve
    assert seen == {()} if smooth else len(seen) > 1


def test_a_kink_excuses_no_wrong_gradient_beside_it():
    x = cases.clear_of_kinks((3, 50), np.random.default_rng(0))
    x[1, 7] = 0
    report = check_layer(zoo.ReLUWithoutMask(), x=x)
    assert not report["dx"].passed and report["dx"].skipped == 1
    assert report["dx"].error > 0.1


def test_a_jump_hides_no_wrong_gradient():
    """Across the jump the central difference is about 1e7; the scale of the errors must not become that."""

    class Jump(Layer):
        def forward(self, x, training=False):
            return self.slope * x + 100 * (x > 0)

        def backward(self, dy, need_dx=True):
            return dy

    x = cases.clear_of_kinks((3, 50), np.random.default_rng(0))
    x[1, 7] = 0
    layer = Jump()
    for layer.slope in (1, 1.001):
        report = check_layer(layer, x=x)
        assert report["dx"].skipped == 1
        assert report["dx"].passed == (layer.slope == 1)


def test_more_than_two_percent_of_kinks_fail():
    x = cases.clear_of_kinks((2, 100), np.random.default_rng(0))
    x[0, :4] = 0
    assert check_layer(ReLU(), x=x).passed  # 4 of 200
    x[0, 4] = 0
    report = check_layer(ReLU(), x=x)
    row = report["dx"]
    assert not report.passed and row.skipped == 5 and row.error < 1e-7
    with pytest.raises(GradientError, match="5 of 200 elements sit on a kink.*expected at most 2%"):
        assert_gradients(report)


def test_an_array_of_kinks_alone_fails():
    assert not check_layer(ReLU(), x=np.zeros((1, 1))).passed


def test_kinks_inside_a_model_are_counted():
    model = Sequential([Dense(6), ReLU(), Dense(4)], input_shape=(3,), seed=0, dtype="float64")
    x = np.random.default_rng(1).standard_normal((4, 3))
    assert check_model(model, x, [0, 1, 2, 3], SoftmaxCrossEntropy())["layers[0].bias.grad"].skipped == 0
    model.layers[0].parameters[1].value[2] -= model.layers[0].forward(x)[1, 2]  # now exactly 0 before ReLU
    report = check_model(model, x, [0, 1, 2, 3], SoftmaxCrossEntropy())
    assert report["layers[0].bias.grad"].skipped == 1
    assert report["layers[0].bias.grad"].error < 1e-7
    assert report["dx"].skipped == 3 and not report["dx"].passed  # 3 of 12
