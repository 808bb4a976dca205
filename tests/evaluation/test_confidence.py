"""Top-k accuracy, calibration and the most confident mistakes: by hand, properties, brute force and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycnn.metrics import accuracy, calibration, fit_confidence, most_confident_mistakes, top_k_accuracy

# Five examples of three classes, and how they rank the true class:
#   0.7 0.2 0.1, true 0: first   | 0.7 0.2 0.1, true 1: second | 0.1 0.3 0.6, true 0: third
#   0.4 0.4 0.2, true 0: first, being the first of two equals  | the same, true 1: second
SCORES = [[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.4, 0.4, 0.2], [0.4, 0.4, 0.2]]
TRUE = [0, 1, 0, 0, 1]


@st.composite
def predictions(draw, tied=True):
    """Labels (N,) and probabilities (N, K); coarse ones, if `tied`, of which many are equal."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.integers(1, 4, (n, k)) if tied else rng.random((n, k)) ** 4 + 1e-9
    return rng.integers(0, k, n), weights / weights.sum(axis=1, keepdims=True)


# ---------------------------------------------------------------- top k


def test_top_k_of_the_hand_worked_example():
    assert [top_k_accuracy(TRUE, SCORES, k) for k in (1, 2, 3)] == [2 / 5, 4 / 5, 1]
    one_hot = np.eye(3)[TRUE]
    assert top_k_accuracy(one_hot, SCORES, k=2) == 4 / 5
    assert top_k_accuracy([6], [np.arange(10)]) == 1  # five by default: 9, 8, 7, 6, 5
    assert top_k_accuracy([4], [np.arange(10)]) == 0


@given(predictions())
@settings(max_examples=60, deadline=None)
def test_top_k_properties(case):
    labels, probs = case
    shares = [top_k_accuracy(labels, probs, k) for k in range(1, probs.shape[1] + 1)]
    assert shares[0] == accuracy(labels, probs)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    # Only the order of the scores counts: logits and probabilities agree. (Times 4 ties stay ties.)
    assert shares == [top_k_accuracy(labels, 4 * probs - 2, k) for k in range(1, probs.shape[1] + 1)]
    for k, share in enumerate(shares, start=1):
        best = [sorted(range(len(row)), key=lambda j: (-row[j], j))[:k] for row in probs]
        assert share == np.mean([label in classes for label, classes in zip(labels, best)])


@pytest.mark.parametrize(
    ("labels", "scores", "k", "message"),
    [
        ([0, 1], [0, 1], 1, r"y_pred: expected a score for each class, shape \(N, K\), got shape \(2,\)"),
        ([0, 1], np.eye(2), 3, "k: expected an integer of at most 2, got 3"),
        ([0, 2], np.eye(2), 1, "y_true: .*whole numbers from 0 to 1, got 2 at row 1"),
        ([0], np.eye(2), 1, "got 1 labels in y_true and 2 predictions"),
        ([0, 1], [[0.5, np.nan], [0, 1]], 1, "NaN in 1 of 2 rows"),
    ],
)
def test_bad_input_to_top_k_gets_a_clear_error(labels, scores, k, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(labels, scores, k)


# ---------------------------------------------------------------- calibration


def test_calibration_of_a_hand_worked_example():
    # Confidences 0.6 (wrong), 0.7 (right), 0.75 (right), 0.9 (right), 1.0 (wrong); four bins, so up to 0.25, 0.5, 0.75
    # and 1. Bin 3 holds three of them, confidence 2.05 / 3, accuracy 2 / 3; bin 4 two, 0.95 and 1 / 2.
    confidence = np.array([0.6, 0.7, 0.75, 0.9, 1.0])
    probs = np.stack([confidence, 1 - confidence], axis=1)
    result = calibration([1, 0, 0, 0, 1], probs, bins=4)
    np.testing.assert_array_equal(result.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(result.count, [0, 0, 3, 2])
    np.testing.assert_allclose(result.confidence, [np.nan, np.nan, 2.05 / 3, 0.95], rtol=1e-14)
    np.testing.assert_allclose(result.accuracy, [np.nan, np.nan, 2 / 3, 1 / 2], rtol=1e-14)
    assert result.expected_error == pytest.approx((abs(2 - 2.05) + abs(1 - 1.9)) / 5, rel=1e-14)


def test_calibration_of_models_that_are_honest_and_of_one_that_is_not():
    ten = np.arange(10)
    # Sure and right; ten guesses of which one in ten is right; sure and always wrong.
    assert calibration(ten, np.eye(10)).expected_error == 0
    assert calibration(ten, np.full((10, 10), 0.1)).expected_error == pytest.approx(0, abs=1e-15)
    assert calibration(ten, np.roll(np.eye(10), 1, axis=1)).expected_error == 1


@given(predictions(), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_calibration_properties(case, bins):
    labels, probs = case
    result = calibration(labels, probs, bins)
    filled = result.count > 0
    assert result.count.sum() == len(labels)
    assert len(result.edges) == bins + 1
    assert len(result.confidence) == len(result.accuracy) == len(result.count) == bins
    assert not np.isnan(result.confidence[filled]).any() and np.isnan(result.confidence[~filled]).all()
    np.testing.assert_array_equal(np.isnan(result.accuracy), ~filled)
    # The bins together are the whole.
    overall = (result.count[filled] * result.accuracy[filled]).sum() / len(labels)
    assert overall == pytest.approx(accuracy(labels, probs), abs=1e-12)
    sure = (result.count[filled] * result.confidence[filled]).sum() / len(labels)
    assert sure == pytest.approx(probs.max(axis=1).mean(), abs=1e-12)
    assert (result.confidence[filled] > result.edges[:-1][filled] - 1e-12).all()
    assert (result.confidence[filled] <= result.edges[1:][filled] + 1e-12).all()
    # One bin hides what several show: errors of opposite sign cancel in it.
    assert abs(overall - sure) - 1e-12 <= result.expected_error <= 1


@given(predictions(tied=False), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_calibration_equals_brute_force(case, bins):
    labels, probs = case
    members = {}
    for label, row in zip(labels, probs):
        top = float(row.max())
        members.setdefault(math.ceil(top * bins), []).append((top, bool(row.argmax() == label)))
    expected = 0.0
    for pairs in members.values():
        gap = sum(top for top, _ in pairs) / len(pairs) - sum(right for _, right in pairs) / len(pairs)
        expected += len(pairs) / len(labels) * abs(gap)
    assert calibration(labels, probs, bins).expected_error == pytest.approx(expected, abs=1e-12)


def test_probabilities_rounded_in_float32_are_calibrated_too():
    probs = np.array([[1 + 1e-6, 0], [0, 1]], np.float32)
    result = calibration([0, 1], probs)
    assert result.count[-1] == 2 and result.expected_error == pytest.approx(0, abs=1e-6)


# ---------------------------------------------------------------- mistakes


def test_mistakes_come_in_the_order_of_confidence():
    probs = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4], [0.2, 0.8]]
    found = most_confident_mistakes([0, 0, 0, 1, 0], probs)  # 0 is right; 2 and 4 are equally sure
    np.testing.assert_array_equal(found, [2, 4, 1, 3])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(most_confident_mistakes([0, 0, 0, 1, 0], probs, most=2), [2, 4])
    assert most_confident_mistakes([0, 1], np.eye(2)).shape == (0,)


@given(predictions())
@settings(max_examples=60, deadline=None)
def test_mistakes_are_all_the_wrong_ones_and_in_order(case):
    labels, probs = case
    found = most_confident_mistakes(labels, probs)
    assert sorted(found) == list(np.flatnonzero(probs.argmax(axis=1) != labels))
    keys = [(-probs[i].max(), i) for i in found]
    assert keys == sorted(keys)
    np.testing.assert_array_equal(most_confident_mistakes(np.eye(probs.shape[1])[labels], probs, 3), found[:3])


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("function", [calibration, most_confident_mistakes])
@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        ([0, 1], [0, 1], r"probabilities: .*shape \(N, K\)"),
        ([0, 1], [[2.0, -1.0], [0, 1]], "logits become probabilities by a softmax"),
        ([0, 1], [[np.nan, 1.0], [0, 1]], "a sum of 1"),
        ([0], np.eye(2), "got 1 labels"),
        ([0, 2], np.eye(2), "whole numbers from 0 to 1, got 2 at row 1"),
        ([0.5, 1], np.eye(2), "whole numbers"),
    ],
)
def test_bad_input_gets_a_clear_error(function, labels, probs, message):
    with pytest.raises(ValueError, match=message):
        function(labels, probs)


def test_inputs_are_left_alone():
    labels, probs = np.array([0, 1]), np.array([[0.5, 0.5], [0.9, 0.1]], np.float32)
    labels.flags.writeable = probs.flags.writeable = False
    top_k_accuracy(labels, probs, 1)
    calibration(labels, probs)
    np.testing.assert_array_equal(most_confident_mistakes(labels, probs), [1])


def test_agrees_with_scikit_learn():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(3)
    for n, k, bins in ((40, 3, 5), (2000, 10, 15)):
        scores = rng.normal(0, 2, (n, k))  # no ties, of which scikit-learn takes the last first
        labels = np.where(rng.random(n) < 0.5, scores.argmax(axis=1), rng.integers(0, k, n))
        for top in range(1, k):
            expected = sklearn_metrics.top_k_accuracy_score(labels, scores, k=top, labels=np.arange(k))
            assert top_k_accuracy(labels, scores, top) == pytest.approx(expected, rel=1e-12)
        probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        # Its curve is for two classes: here "right" and "wrong", and it leaves out empty bins.
        right = probs.argmax(axis=1) == labels
        share, confidence = calibration_curve(right, probs.max(axis=1), n_bins=bins)
        result = calibration(labels, probs, bins)
        np.testing.assert_allclose(result.accuracy[result.count > 0], share, rtol=1e-12)
        np.testing.assert_allclose(result.confidence[result.count > 0], confidence, rtol=1e-12)


def test_a_temperature_and_a_threshold_are_found():
    """Two classes; the model says 0.99 where 0.8 is right, and 0.9999 where it is always right."""
    labels = np.array([0] * 80 + [1] * 20 + [0] * 100)
    shares = np.repeat([[0.99, 0.01], [0.9999, 0.0001]], 100, axis=0)
    found = fit_confidence(labels, shares)
    assert found.temperature > 1.5 and found.answered == 0.5 and found.error == 0.01
    assert found.judge([[0.9999, 0.0001], [0.99, 0.01], [0.5, 0.5]]) == ["sure", "not sure", "not sure"]
    assert found.judge([[0.34, 0.33, 0.33]]) == ["none of them?"]
    assert fit_confidence(labels, shares, error=0.1).answered == 1
    nothing = fit_confidence(1 - labels, shares)
    assert nothing.answered == 0 and nothing.judge(shares[-1:]) == ["not sure"]
