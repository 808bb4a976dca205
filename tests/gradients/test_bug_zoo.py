"""Every bug of the zoo is rejected by name, for the right reason; what is right beside it passes."""

import functools

import numpy as np
import pytest

from numpycnn import Dense, Flatten, Loss, Sequential, SoftmaxCrossEntropy
from numpycnn.bug_zoo import BUGS, LABELS, LOGITS, ONE_HOT
from numpycnn.bug_zoo import mistakes as wrong
from numpycnn.bug_zoo import window_mistakes as windows
from numpycnn.gradcheck import GradientError, assert_gradients, check_layer, check_loss, check_model, hints

EVERY_BUG = pytest.mark.parametrize("bug", BUGS.values(), ids=list(BUGS))

# Classes that the wrong ones are made from; these are right.
CONTROLS = [
    (windows.ConvWithOwnDx(3, 3, strides=2, padding=1, dilation_rate=2), (7, 6, 2)),
    (windows.ConvWithOwnDx(2, (2, 3), strides=(2, 1), padding="same"), (5, 6, 2)),
    (windows.MaxPoolWithOwnDx(3, strides=2, padding=1), (7, 6, 2)),
    (windows.DepthwiseWithOwnDx((2, 3), strides=2, padding=1, depth_multiplier=2), (5, 6, 3)),
    (wrong.BatchNormWithOwnDx(), (4, 3, 2)),
    (wrong.LayerNormWithOwnDx(), (4, 3, 5)),
]


@functools.cache
def checked(name):
    """Return the report on a bug; some take a second."""
    return BUGS[name].check()


@EVERY_BUG
def test_a_bug_is_rejected_by_name_and_the_message_says_what_is_wrong(bug):
    report = checked(bug.name)
    failed = [row for row in report.rows if not row.passed]
    assert {row.name for row in failed} == set(bug.found)  # these arrays, and no other
    with pytest.raises(GradientError) as caught:
        assert_gradients(report)
    for row in failed:
        assert bug.found[row.name] in row.hint
        line = next(text for text in str(caught.value).splitlines() if f" {row.name}" in text)
        assert repr(bug.subject) in line and row.hint in line
        if row.index is not None:
            place = f"{row.name}{list(row.index)}"
            assert f"{place} is wrong: analytic {row.analytic:.10g}, numeric {row.numeric:.10g}" in line
    assert bug.is_found_in(report)


def package_class(subject):
    """The class of the package that a wrong one is made from."""
    return next(c for c in type(subject).__mro__ if c.__module__.startswith(("numpycnn.layers.", "numpycnn.losses")))


@EVERY_BUG
def test_the_right_class_beside_each_wrong_one_passes(bug):
    right = package_class(bug.subject)(**bug.subject.get_config())
    if isinstance(right, Loss):
        step = 2.0**-27 if bug.name == "softmax-global-maximum" else None  # logits far apart, the curve is not wider
        assert_gradients(check_loss(right, *bug.data, step=step))
    elif isinstance(bug.data, np.ndarray):
        assert_gradients(check_layer(right, x=bug.data))
    else:
        assert_gradients(check_layer(right, bug.data))


@pytest.mark.parametrize(("layer", "shape"), CONTROLS, ids=str)
def test_the_formulas_that_the_bugs_are_made_from_are_right(layer, shape):
    assert_gradients(check_layer(layer, shape))


def test_the_zoo_is_large_and_every_wrong_class_is_in_it():
    assert len(BUGS) >= 20 and all(bug.found and bug.kind and bug.mistake for bug in BUGS.values())
    shown = {type(bug.subject) for bug in BUGS.values()}
    members = [(module, c) for module in (wrong, windows) for c in vars(module).values()]
    classes = {c for module, c in members if isinstance(c, type) and c.__module__ == module.__name__}
    assert classes - shown == {wrong.Remembers, *(type(layer) for layer, _ in CONTROLS)}


def test_every_hint_is_shown_somewhere():
    seen = {hint for bug in BUGS.values() for row in checked(bug.name).rows if not row.passed for hint in [row.hint]}
    for function in hints.HINTS:
        assert any(hint_says(function, text) for text in seen), function.__name__


def hint_says(function, text):
    """Whether a message comes from this hint: its words stand in the function."""
    constants = [c for c in function.__code__.co_consts if isinstance(c, str) and len(c) > 12]
    return any(c.strip() in text for c in constants) or function is hints.suspected and "forgotten in one" in text


def test_a_wrong_layer_in_a_model_is_rejected_with_its_place():
    model = Sequential([Flatten(), Dense(4), wrong.DenseAccumulates(3)], input_shape=(2, 3), seed=0, dtype="float64")
    report = check_model(model, LOGITS[:4, :3].reshape(2, 2, 3), [0, 2], SoftmaxCrossEntropy())
    assert {row.name for row in report.rows if not row.passed} == {"layers[2].weight.grad", "layers[2].bias.grad"}
    with pytest.raises(GradientError, match=r"DenseAccumulates.*: layers\[2\]\.bias\.grad\[\d\] is wrong.*doubled"):
        assert_gradients(report)


@pytest.mark.parametrize("targets", [LABELS, ONE_HOT], ids=["classes", "one-hot"])
def test_a_wrong_loss_is_wrong_for_either_kind_of_labels(targets):
    assert not check_loss(wrong.CrossEntropyNotAveraged(), LOGITS, targets).passed
