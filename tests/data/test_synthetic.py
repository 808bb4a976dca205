"""The digits that the package draws: as MNIST has them, the same for the same seed, readable."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numpycnn
from numpycnn import load_synthetic_digits
from numpycnn.data.synthetic import draw
from numpycnn.data.synthetic.skeletons import SAMPLES, STYLES, Style, pen

needs_mnist = pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST to compare with"
)
every_style = pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.digit}: {style.strokes}")


@pytest.fixture(scope="module")
def digits():
    return load_synthetic_digits(2000, seed=7)


# -- what is returned


def test_has_mnists_types_and_shapes(digits):
    images, labels = digits
    assert images.shape == (2000, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (2000,) and labels.dtype == np.uint8
    none, no_labels = load_synthetic_digits(0)
    assert none.shape == (0, 28, 28) and no_labels.shape == (0,)


def test_all_digits_are_equally_likely(digits):
    counts = np.bincount(digits[1], minlength=10)
    assert counts.size == 10
    chi_square = ((counts - 200) ** 2 / 200).sum()
    assert chi_square < 27.9  # nine degrees of freedom: above it once in a thousand seeds


@pytest.mark.parametrize("arguments, error, fragment", [
    ((-1,), ValueError, "n: expected an integer of at least 0, got -1"),
    ((1, -1), ValueError, "seed: expected an integer of at least 0, got -1"),
    ((1.5,), TypeError, "n: expected an integer of at least 0, got 1.5"),
    (("10",), TypeError, "n: expected an integer of at least 0, got '10'"),
    ((1, None), TypeError, "seed: expected an integer of at least 0, got None"),
])
def test_says_what_is_wrong(arguments, error, fragment):
    with pytest.raises(error, match=fragment.replace(".", r"\.")):
        load_synthetic_digits(*arguments)


def test_numpy_integers_count():
    images, _ = load_synthetic_digits(np.int64(3), np.uint8(2))
    assert np.array_equal(images, load_synthetic_digits(3, 2)[0])


# -- the same seed, the same digits


@settings(max_examples=5, deadline=None)
@given(n=st.integers(1, 1100), seed=st.integers(0, 2**70))
def test_the_first_digits_do_not_depend_on_how_many_follow(n, seed):
    images, labels = load_synthetic_digits(n, seed)
    first_images, first_labels = load_synthetic_digits(n // 2, seed)
    assert np.array_equal(images[: n // 2], first_images) and np.array_equal(labels[: n // 2], first_labels)


def test_seeds_and_blocks_differ():
    n = draw.BLOCK
    images, _ = load_synthetic_digits(2 * n, seed=0)
    others, _ = load_synthetic_digits(n, seed=1)
    assert not np.array_equal(images[:n], images[n:]) and not np.array_equal(images[:n], others)
    assert len(np.unique(images.reshape(2 * n, -1), axis=0)) == 2 * n


def test_leaves_numpys_global_generator_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first, _ = load_synthetic_digits(20)
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    assert np.array_equal(load_synthetic_digits(20)[0], first)


def test_another_process_with_another_number_of_threads_draws_the_same(digits):
    code = (
        "import hashlib; from numpycnn import load_synthetic_digits; "
        "print(hashlib.sha256(load_synthetic_digits(600, 7)[0]).hexdigest())"
    )
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    root = os.path.dirname(os.path.dirname(numpycnn.__file__))
    process = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **threads, "PYTHONPATH": root},
        capture_output=True, text=True, check=True,
    )
    assert process.stdout.strip() == hashlib.sha256(digits[0][:600]).hexdigest()


# -- as MNIST has them


def sizes(images):
    """Return height and width of what is not black, each (N,)."""
    result = []
    for axis in (2, 1):
        inked = (images > 0).any(axis=axis)
        result.append(28 - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1))
    return result


def test_fit_the_box(digits):
    longer = np.maximum(*sizes(digits[0]))
    assert longer.max() <= 20
    assert (longer == 20).mean() > 0.97


def test_are_centred_by_mass(digits):
    images = digits[0].astype(np.float64)
    for axis in (1, 2):
        mass = images.sum(axis=axis)
        centres = (mass * (np.arange(28) + 0.5)).sum(axis=1) / mass.sum(axis=1)
        # As MNIST: in the pixel 14, from 14 to 15 counted from the edge; shades are rounded after centring.
        assert ((centres > 13.99) & (centres < 15.01)).mean() > 0.995
        assert centres.mean() == pytest.approx(14.5, abs=0.05)


def test_are_white_on_black_with_grey_edges(digits):
    images = digits[0]
    assert (images.reshape(len(images), -1).max(axis=1) >= 200).all()  # thin strokes are white, too
    inked = images[images > 0]
    assert 0.15 < len(inked) / images.size < 0.25
    grey = (inked > 20) & (inked < 235)
    assert 0.25 < grey.mean() < 0.65


@needs_mnist
def test_have_mnists_amount_of_ink(digits):
    (real, _), _ = numpycnn.load_mnist()
    for share in (10, 50, 90):
        drawn, found = (np.percentile(a[:2000].mean(axis=(1, 2)), share) for a in (digits[0], real))
        assert drawn == pytest.approx(found, rel=0.15)


def class_means(images, labels):
    return np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])


def nearest(means, images):
    """Return the digit whose mean image points most nearly in the direction of each image."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    return (flat @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)


def test_the_labels_are_right(digits):
    images, labels = digits
    others, other_labels = load_synthetic_digits(1000, seed=8)
    assert (nearest(class_means(others, other_labels), images) == labels).mean() > 0.5  # by chance: 0.1


@needs_mnist
def test_look_like_mnist(digits):
    (real, real_labels), _ = numpycnn.load_mnist()
    real, real_labels = real[:3000], real_labels[:3000]
    by_synthetic = (nearest(class_means(*digits), real) == real_labels).mean()
    by_real = (nearest(class_means(real, real_labels), real) == real_labels).mean()
    assert by_synthetic > by_real - 0.15  # even MNIST's own means recognise 82 % only


# -- skeletons


@every_style
def test_styles_are_well_formed(style):
    assert 0 <= style.digit <= 9 and style.weight > 0
    numbers = {number for stroke in style.stroke_points() for number, _ in stroke}
    assert {len(shape) for shape in style.shapes} == {len(numbers)} and numbers == set(range(len(numbers)))
    assert all(len(stroke) >= 2 for stroke in style.stroke_points())
    for shape in np.array(style.shapes):
        height, width = np.ptp(shape[:, 1]), np.ptp(shape[:, 0])
        assert 0.85 < height < 1.15 and width < 1.35


def test_every_digit_has_a_style():
    assert {style.digit for style in STYLES} == set(range(10))


@every_style
def test_pens_move_with_the_points(style):
    matrix = pen(style)
    points = np.array(style.shapes[0])
    assert matrix.shape == (SAMPLES, len(points))
    np.testing.assert_allclose(matrix.sum(axis=1), 1)  # shifting the points shifts the curve
    path = matrix @ points
    assert path.min() > -0.4 and path.max() < 1.6  # no piece shoots off
    for number, point in enumerate(points):
        assert np.hypot(*(path - point).T).min() < 0.06, number  # the curve passes through its points


def test_pen_keeps_straight_lines_straight_and_corners_sharp():
    line = Style(1, 1, "0 1 2", (((0, 0), (0.5, 0.5), (1, 1)),))
    path = pen(line) @ np.array(line.shapes[0])
    np.testing.assert_allclose(path[:, 0], path[:, 1])
    assert (np.diff(path[:, 0]) > 0).all()

    corner = Style(7, 1, "0 1! 2", (((0, 0), (1, 0), (1, 1)),))
    x, y = (pen(corner) @ np.array(corner.shapes[0])).T
    np.testing.assert_allclose(np.minimum(abs(y), abs(x - 1)), 0, atol=1e-12)  # on one of two straight lines

    curve = Style(7, 1, "0 1 2", corner.shapes)
    x, y = (pen(curve) @ np.array(curve.shapes[0])).T
    assert np.minimum(abs(y), abs(x - 1)).max() > 0.05


def test_pen_lifts_between_strokes():
    cross = Style(4, 1, "0 1, 2 3", (((0, 0.5), (1, 0.5), (0.5, 0), (0.5, 1)),))
    path = pen(cross) @ np.array(cross.shapes[0])
    np.testing.assert_allclose(np.minimum(abs(path[:, 0] - 0.5), abs(path[:, 1] - 0.5)), 0, atol=1e-12)
    assert cross.ends().all()
