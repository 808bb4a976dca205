"""What is like none of the classes: the distance of features, on cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycnn.metrics import ClassDistance, Confidence, fit_class_distance, fit_confidence
from numpycnn.metrics.distance import SHRINKAGE

DIRECTIONS = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0.6, 0.8, 0]])


def three_classes(count, seed, spread=0.05):
    """Return labels and features around three points."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    return labels, DIRECTIONS[labels] + rng.normal(0, spread, (count, 4))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 10**6))
def test_it_is_the_mahalanobis_distance(classes, size, seed):
    rng = np.random.default_rng(seed)
    labels, features, new = rng.integers(classes, size=40), rng.normal(1, 1, (40, size)), rng.normal(1, 1, (9, size))
    found = fit_class_distance(labels, features, new)
    means = {c: features[labels == c].mean(axis=0) for c in set(labels.tolist())}
    around = features - np.array([means[c] for c in labels.tolist()])
    covariance = around.T @ around / 40
    inverse = np.linalg.inv(covariance + max(SHRINKAGE * np.trace(covariance) / size, 1e-12) * np.eye(size))
    expected = [min(np.sqrt((f - m) @ inverse @ (f - m)) for m in means.values()) for f in new]
    largest = np.sqrt(np.linalg.eigvalsh(inverse)[-1])  # arrays in single precision are off by so much times a bit
    np.testing.assert_allclose(found(new), expected, rtol=1e-5, atol=1e-5 * largest)
    assert found.limit == pytest.approx(np.quantile(found(new), 0.99))


def test_what_is_like_no_class_lies_beyond_the_limit():
    (labels, features), (_, held_out), (_, fresh) = (three_classes(4000, seed) for seed in range(3))
    found = fit_class_distance(labels, features, held_out, refused=0.02)
    assert (found(held_out) > found.limit).mean() == pytest.approx(0.02, abs=0.001)
    assert (found(fresh) > found.limit).mean() == pytest.approx(0.02, abs=0.01)
    strange = [[0, 0, 0, 1], [-1, 0, 0, 0], [0.7, 0.7, 0, 0], [0, 0, 0, 0]]
    assert (found(strange) > found.limit).all() and (found(DIRECTIONS) < found.limit / 3).all()
    assert np.array_equal(fit_class_distance(np.eye(3)[labels], features, held_out, 0.02).means, found.means)


def test_features_without_any_spread_are_no_trouble():
    found = fit_class_distance([0, 0, 4], [[1.0, 0.0]] * 3, [[1.0, 0.0]])
    assert found.means.shape == (2, 2) and found.limit == pytest.approx(0, abs=1e-3)
    assert (found([[0.0, 1.0], [0.0, 0.0]]) > 1e3).all()


def test_the_verdict_looks_at_both():
    distance = fit_class_distance(*three_classes(500, 0), three_classes(500, 1)[1])
    shares = np.array([[0.98, 0.01, 0.01], [0.6, 0.2, 0.2], [0.4, 0.3, 0.3]])
    confidence = fit_confidence([0, 0, 0], shares, distance=distance)
    confidence = Confidence(1.0, 0.9, 0.01, confidence.answered, confidence.distance)
    assert confidence.judge(shares) == ["sure", "not sure", "none of them?"]
    assert confidence.judge(shares, DIRECTIONS) == ["sure", "not sure", "none of them?"]
    assert confidence.judge(shares, -DIRECTIONS) == ["none of them?"] * 3
    assert confidence.judge(shares, DIRECTIONS * np.nan) == ["none of them?"] * 3
    for rows in DIRECTIONS[:1], [*DIRECTIONS, DIRECTIONS[0]]:  # one row stood for all
        with pytest.raises(ValueError, match="features: expected a row for each of 3 answers, got"):
            confidence.judge(shares, rows)
    assert "sure from 90.000% on" in str(confidence) and "beyond the distance" in str(confidence)
    assert str(Confidence(2.0, float("inf"), 0.01, 0.0)).startswith("never sure (temperature 2)")


EYE = np.eye(2, dtype=np.float32)


@pytest.mark.parametrize(("whitening", "means", "limit"), [
    (EYE, EYE[:, :1], 1.0), (EYE[:1], EYE, 1.0), (EYE, EYE[0], 1.0), (EYE, EYE[:0], 1.0), (EYE + np.nan, EYE, 1.0),
    (EYE, EYE + np.inf, 1.0), (EYE, EYE, -1.0), (EYE, EYE, float("nan")),
])  # fmt: skip
def test_arrays_that_are_no_distance_are_refused(whitening, means, limit):
    with pytest.raises(ValueError, match="expected"):
        ClassDistance(whitening, means, limit)


def test_numbers_that_are_no_confidence_are_refused():
    for numbers in (0.0, 0.9, 0.01, 1.0), (1.0, -0.1, 0.01, 1.0), (1.0, 0.9, 1.1, 1.0), (1.0, 0.9, 0.01, float("nan")):
        with pytest.raises(ValueError, match="expected"):
            Confidence(*numbers)
    with pytest.raises(TypeError, match="distance: expected a ClassDistance or None"):
        Confidence(1.0, 0.9, 0.01, 1.0, EYE)
