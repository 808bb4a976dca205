"""One-hot labels."""

import numpy as np
import pytest

from numpycnn.data import to_categorical


@pytest.mark.parametrize(
    "y",
    [
        [2, 0],
        (2.0, 0.0),
        [[2], [0]],
        np.array([2, 0], dtype=np.uint8),
        np.array([2, 0], dtype=">i8"),
        np.array([2, 0], dtype=np.uint64),
        np.array([2, 0], dtype=np.float16),
    ],
)
def test_to_categorical_by_hand(y):
    one_hot = to_categorical(y, 4)
    assert one_hot.dtype == np.float32
    assert one_hot.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert to_categorical(y).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_to_categorical_of_booleans():
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]


def test_to_categorical_is_undone_by_argmax():
    y = np.random.default_rng(0).integers(0, 10, size=1000)
    one_hot = to_categorical(y, 10)
    assert np.array_equal(one_hot.argmax(axis=1), y)
    assert np.array_equal(one_hot.sum(axis=1), np.ones(1000))


@pytest.mark.parametrize("y", [[], np.zeros((0, 1), dtype=int)])
def test_to_categorical_of_nothing(y):
    assert to_categorical(y, 3).shape == (0, 3)
    with pytest.raises(ValueError, match="expected num_classes"):
        to_categorical(y)


@pytest.mark.parametrize(
    "y, num_classes, error, message",
    [
        ([0, 1.5], None, ValueError, "y: expected classes, whole numbers from 0 .* got 1.5 at row 1"),
        ([0.0, np.nan], 3, ValueError, "got nan at row 1"),
        ([np.inf], None, ValueError, "got inf at row 0"),
        ([3, -1], 5, ValueError, "from 0 to 4, got -1 at row 1"),
        ([0, 1, 3], 3, ValueError, "from 0 to 2, got 3 at row 2; correct the label or raise num_classes"),
        (np.array([2**64 - 1], dtype=np.uint64), 10, ValueError, "got 18446744073709551615"),
        (3, None, ValueError, r"class numbers \(N,\) or \(N, 1\); one-hot rows are what this makes, got \(\)"),
        ([[0, 1]], 2, ValueError, r"got \(1, 2\)"),
        ([0], 0, ValueError, "num_classes: expected an integer of at least 1, got 0"),
        ([0], 2.5, TypeError, "integer"),
        (["0"], 2, TypeError, "got dtype <U1"),
        ([1j], 2, TypeError, "complex128"),
        ([None], 2, TypeError, "object"),
    ],
)
def test_to_categorical_refuses(y, num_classes, error, message):
    with pytest.raises(error, match=message):
        to_categorical(y, num_classes)


def test_only_a_number_that_was_given_can_be_raised():
    with pytest.raises(ValueError) as caught:
        to_categorical([-1])
    assert "raise num_classes" not in str(caught.value)
