"""The check rejects every wrong gradient of the zoo, by name, and says why where it can."""

import numpy as np
import pytest
import wrong_gradients as zoo

from numpycnn import Dense, Flatten, Sequential, SoftmaxCrossEntropy
from numpycnn import _gradcheck_hints as hints
from numpycnn.gradcheck import GradientError, assert_gradients, check_layer, check_loss, check_model

LAYER_NAMES = [type(layer).__name__ for layer, _, _ in zoo.LAYERS]
LOGITS, LABELS = np.random.default_rng(0).standard_normal((5, 4)), np.array([1, 0, 3, 2, 2])


def rejected(report):
    """Return {array: hint} of the rows that failed."""
    return {row.name: row.hint for row in report.rows if not row.passed}


@pytest.mark.parametrize(("layer", "shape", "expected"), zoo.LAYERS, ids=LAYER_NAMES)
def test_a_wrong_layer_is_rejected_by_name(layer, shape, expected):
    report = check_layer(layer, shape)
    assert rejected(report).keys() == expected.keys()  # these arrays, and no other
    with pytest.raises(GradientError) as caught:
        assert_gradients(report)
    for name, key in expected.items():
        row, hint = report[name], report[name].hint
        assert zoo.HINTS[key] in hint if key else hint == ""
        line = next(text for text in str(caught.value).splitlines() if f" {name}" in text)
        assert repr(layer) in line and hint in line
        if row.index is not None:
            assert f"{name}{list(row.index)} is wrong: analytic {row.analytic:.10g}, numeric {row.numeric:.10g}" in line


@pytest.mark.parametrize(("loss", "key"), zoo.LOSSES, ids=[type(loss).__name__ for loss, _ in zoo.LOSSES])
def test_a_wrong_loss_is_rejected_by_name(loss, key):
    targets = np.eye(4)[LABELS]
    report = check_loss(loss, LOGITS, targets)
    assert rejected(report).keys() == {"doutputs"}
    assert zoo.HINTS[key] in report["doutputs"].hint
    with pytest.raises(GradientError, match=type(loss).__name__):
        assert_gradients(report)


def package_class(layer):
    """The class of the package that a wrong layer is made from."""
    return next(c for c in type(layer).__mro__ if c.__module__.startswith("numpycnn."))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(package_class(layer)(**layer.get_config()), shape) for layer, shape, _ in zoo.LAYERS] + zoo.CONTROLS,
    ids=str,
)
def test_the_right_layer_beside_each_wrong_one_passes(layer, shape):
    assert_gradients(check_layer(layer, shape))


def test_every_hint_is_shown_somewhere():
    texts = [hint for layer, shape, _ in zoo.LAYERS for hint in rejected(check_layer(layer, shape)).values()]
    texts += [hint for loss, _ in zoo.LOSSES for hint in rejected(check_loss(loss, LOGITS, np.eye(4)[LABELS])).values()]
    unseen = [name for name, text in zoo.HINTS.items() if not any(text in hint for hint in texts)]
    assert unseen == ["not_finite"]  # below
    assert {hint.__name__ for hint in hints.HINTS} <= set(zoo.HINTS)


def test_a_wrong_layer_in_a_model_is_rejected_with_its_place():
    model = Sequential([Flatten(), Dense(4), zoo.DenseAccumulates(3)], input_shape=(2, 3), seed=0, dtype="float64")
    report = check_model(model, LOGITS[:4, :3].reshape(2, 2, 3), [0, 2], SoftmaxCrossEntropy())
    assert rejected(report).keys() == {"layers[2].weight.grad", "layers[2].bias.grad"}
    with pytest.raises(GradientError, match=r"DenseAccumulates.*: layers\[2\]\.bias\.grad\[\d\] is wrong.*doubled"):
        assert_gradients(report)
