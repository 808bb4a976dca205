"""Any picture of a digit becomes what MNIST has: what comes out, what is noticed, what is refused."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from own_pictures import difference, enlarged

import numpycnn
from numpycnn import PreparedDigit, load_synthetic_digits, prepare_digit
from numpycnn.data.own_digit import ink
from numpycnn.data.own_digit.picture import reduced

needs_mnist = pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST to prepare"
)
IMAGES, LABELS = load_synthetic_digits(200, seed=3)
numbers_of_images = st.integers(0, len(IMAGES) - 1)


def photograph(image, seed=0, noise=0.02, light=0.5, shadow=0.4):
    """Return dark ink on paper that is lit from one side and half in the shade, with noise: 0 to 1."""
    strokes = enlarged(image)
    y, x = np.mgrid[: len(strokes), : len(strokes)] / len(strokes)
    paper = 0.9 * (1 - light * (0.7 * x + 0.3 * y)) * (1 - shadow / (1 + np.exp(-30 * (x - 0.3 * y - 0.35))))
    grain = np.random.default_rng(seed).normal(0, noise, strokes.shape)
    return np.clip(paper * (1 - 0.75 * strokes) + grain, 0, 1)


def assert_valid(prepared):
    image = prepared.image
    assert isinstance(prepared, PreparedDigit)
    assert image.shape == (28, 28) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() <= 1
    assert prepared.empty == (image.max() == 0) == (prepared.components == 0)
    if not prepared.empty:
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) < 20
        for axis, places in ((1, rows), (0, columns)):
            mass = image.sum(axis=axis, dtype=np.float64)
            centred = 13.99 < (mass * (np.arange(28) + 0.5)).sum() / mass.sum() < 15.01
            assert centred or places[0] == 0 or places[-1] == 27  # where the image ends, centring does


# -- what comes out


@given(numbers_of_images)
@settings(deadline=None)
def test_a_picture_from_mnist_stays_as_it_is(k):
    prepared = prepare_digit(IMAGES[k])
    assert_valid(prepared)
    if prepared.specks == 0:
        assert difference(prepared.image, IMAGES[k] / 255) < 0.01


@needs_mnist
def test_mnist_itself_stays_as_it_is():
    _, (images, _) = numpycnn.load_mnist()
    images = images[:300]
    prepared = np.stack([prepare_digit(image).image for image in images])
    changed = abs(prepared - images / 255).max(axis=(1, 2)) > 0.06
    assert changed.mean() < 0.02  # a speck was left out


@given(numbers_of_images, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None)
def test_place_and_margins_do_not_matter(k, top, left, bottom, right):
    expected = prepare_digit(IMAGES[k])
    shifted = prepare_digit(np.pad(IMAGES[k], ((top, bottom), (left, right))))
    np.testing.assert_allclose(shifted.image, expected.image, atol=2e-3)  # margins weigh in the paper's estimate
    assert shifted.box == tuple(np.add(expected.box, (top, left, top, left)))


@given(numbers_of_images, st.floats(0.1, 1), st.floats(0, 1))
@settings(deadline=None)
def test_polarity_brightness_and_contrast_do_not_matter(k, contrast, darkest):
    expected = prepare_digit(IMAGES[k])
    picture = (1 - contrast) * darkest + contrast * IMAGES[k] / 255
    for image, inverted in ((picture, False), (1 - picture, True)):
        prepared = prepare_digit(image)
        np.testing.assert_allclose(prepared.image, expected.image, atol=1e-3)
        assert prepared.inverted is inverted
        assert prepared.contrast == pytest.approx(contrast * expected.contrast, abs=0.02)
        assert (prepared.components, prepared.box) == (expected.components, expected.box)


@given(numbers_of_images, st.integers(2, 12))
@settings(deadline=None, max_examples=15)
def test_size_does_not_matter(k, factor):
    expected = prepare_digit(IMAGES[k])
    prepared = prepare_digit(np.kron(IMAGES[k], np.ones((factor, factor), np.uint8)))
    assert_valid(prepared)
    assert difference(prepared.image, expected.image) < 0.07
    np.testing.assert_allclose(prepared.box, factor * np.array(expected.box), atol=2 * factor)


def test_kinds_of_numbers_and_channels_do_not_matter():
    image = IMAGES[0]
    expected = prepare_digit(image)
    shares = image / 255
    opaque = np.full_like(image, 255)
    pictures = [
        shares, shares.astype(np.float32), shares * 255, image.astype(np.int64), image.tolist(), image[..., None],
        np.round(shares * 65535).astype(np.uint16), image.astype(">u2"), np.dstack([image] * 3),
        np.dstack([image, opaque]), np.dstack([image] * 3 + [opaque]), np.dstack([shares] * 3 + [np.ones_like(shares)]),
        image[:, ::-1][:, ::-1],
    ]
    for picture in pictures:
        np.testing.assert_allclose(prepare_digit(picture).image, expected.image, atol=2e-5)
    np.testing.assert_allclose(prepare_digit(shares.astype(np.float16)).image, expected.image, atol=1e-2)
    assert difference(prepare_digit(image > 127).image, expected.image) < 0.1


@pytest.mark.parametrize("colour", [0, 255])
def test_strokes_on_a_transparent_background(colour):
    strokes = np.full((*IMAGES[0].shape, 3), colour, np.uint8)
    prepared = prepare_digit(np.dstack([strokes, IMAGES[0]]))
    np.testing.assert_allclose(prepared.image, prepare_digit(IMAGES[0]).image, atol=1e-6)
    assert prepared.inverted == (colour == 0)


def test_proportions_are_kept():
    bar = np.zeros((100, 100))
    bar[10:90, 40:60] = 1
    prepared = prepare_digit(bar)
    rows, columns = np.nonzero(prepared.image)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 5)


@pytest.mark.parametrize("k", range(20))
def test_uneven_light_shadow_and_noise_are_removed(k):
    expected, prepared = prepare_digit(enlarged(IMAGES[k])), prepare_digit(photograph(IMAGES[k], seed=k))
    assert_valid(prepared)
    assert prepared.inverted and not prepared.empty
    assert difference(prepared.image, expected.image) < 0.05
    unprepared = 1 - reduced(photograph(IMAGES[k], seed=k)[..., None], 8)[..., 0]
    assert difference(unprepared, expected.image) > 0.3  # the photograph is a hard one


def test_a_small_digit_in_a_large_picture_is_looked_at_closely():
    picture = np.zeros((3000, 4000), np.uint8)
    picture[2000:2028, 1000:1028] = IMAGES[0]
    expected, prepared = prepare_digit(IMAGES[0]), prepare_digit(picture)
    assert abs(prepared.image - expected.image).max() < 0.15
    assert prepared.box == tuple(np.add(expected.box, (2000, 1000, 2000, 1000)))


def test_thin_strokes_become_white():
    picture = np.zeros((400, 400))
    picture[40:360, 199:201] = picture[40:42, 100:300] = 1
    prepared = prepare_digit(picture)
    assert np.sort(prepared.image, axis=None)[-10:].min() > 0.7


@given(st_numpy.arrays(
    st.sampled_from([np.uint8, np.bool_, np.uint16]), st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=40)
))
@settings(deadline=None, max_examples=40)
def test_anything_that_is_a_picture_passes(picture):
    assert_valid(prepare_digit(picture))


# -- what is noticed


def test_a_plain_digit_gets_no_notes():
    bar = np.zeros((60, 60))
    bar[10:50, 25:35] = 1
    assert prepare_digit(bar).notes == []


rng = np.random.default_rng(0)
ramp = np.linspace(0, 1, 100)


@pytest.mark.parametrize("picture", [
    np.zeros((28, 28)), np.full((300, 200), 255, np.uint8), np.full((9, 9), 0.3), [[7]], np.zeros((50, 50, 4)),
    np.tile(ramp, (80, 1)), np.outer(ramp, ramp), 0.8 - 0.5 * np.add.outer((ramp - 0.5) ** 2, (ramp - 0.5) ** 2),
    np.clip(rng.normal(0.5, 0.1, (200, 200)), 0, 1), rng.random((60, 60)), rng.integers(0, 256, (600, 500), np.uint8),
    0.5 + 0.01 * IMAGES[0] / 255,
], ids=lambda picture: str(np.shape(picture)))
def test_empty_pictures(picture):
    prepared = prepare_digit(picture)
    assert_valid(prepared)
    assert prepared.empty and prepared.box == (0, 0, 0, 0) and prepared.contrast == 0
    assert prepared.notes == ["empty: nothing stands out from the background"]


def notes_of(picture):
    return "\n".join(prepare_digit(picture).notes)


def test_dark_on_light_is_seen_and_too_usual_for_a_note():
    assert prepare_digit(255 - IMAGES[0]).inverted and notes_of(255 - IMAGES[0]) == notes_of(IMAGES[0])


def test_touches_the_border():
    picture = np.zeros((60, 60))
    picture[20:60, 0:5] = 1
    prepared = prepare_digit(picture)
    assert prepared.touches_border and "touches the border (left, bottom)" in notes_of(picture)
    assert not prepare_digit(np.pad(picture, 1)).touches_border


def test_two_components_and_specks():
    picture = np.zeros((100, 200))
    picture[20:80, 40:50] = picture[20:80, 140:150] = 1
    prepared = prepare_digit(picture)
    assert prepared.components == 2 and "2 separate pieces: taken as one digit" in notes_of(picture)
    assert prepared.box == (20, 40, 80, 150)
    picture[20:80, 140:150] = 0
    picture[5, 190] = picture[90, 100] = 1
    prepared = prepare_digit(picture)
    assert (prepared.components, prepared.specks) == (1, 2) and "2 small spots left out" in notes_of(picture)
    assert prepared.box == (20, 40, 80, 50)


@pytest.mark.parametrize("share, kept", [(0.015, False), (0.04, True), (0.06, True), (0.12, True), (0.2, True)])
def test_a_short_stroke_beside_a_long_one_is_no_dirt(share, kept):
    picture = np.zeros((100, 100))
    picture[10:90, 30:40] = 1  # 800 pixels
    picture[40:44, 60 : 60 + round(800 * share / 4)] = 1
    prepared = prepare_digit(picture)
    assert (prepared.components, prepared.specks) == ((2, 0) if kept else (1, 1))
    assert prepared.box == (10, 30, 90, 60 + round(800 * share / 4) if kept else 40)


@pytest.mark.parametrize("size, width", [(60, 2), (255, 2), (256, 3), (512, 4)])
@pytest.mark.parametrize("pale", range(7))
def test_the_pale_edge_of_a_stroke_belongs_to_it_and_what_lies_further_does_not(size, width, pale):
    """The edge is wider in a larger picture."""
    picture = np.zeros((size, size))
    picture[20:40, 20:30] = 1
    picture[20:40, 30 : 30 + pale] = 0.2
    assert prepare_digit(picture).box == (20, 20, 40, 30 + min(pale, width))


def test_faint_small_and_uneven():
    assert "faint: the digit differs from its background by 8%" in notes_of(0.4 + 0.1 * IMAGES[0] / 255)
    dot = np.zeros((50, 50))
    dot[20:26, 20:23] = 1
    assert "small: the digit is 6 x 3 pixels and was enlarged" in notes_of(dot)
    assert "uneven background" in notes_of(photograph(IMAGES[0]))


# -- what is refused


@pytest.mark.parametrize("picture, error, fragment", [
    (None, TypeError, "expected an array of numbers, a Pillow image, .* got a NoneType"),
    ({}, TypeError, "got a dict"),
    (np.array([["a"]]), TypeError, "got an array of <U1"),
    (np.array([[None]]), TypeError, "got an array of object"),
    (np.ones((3, 3), complex), TypeError, "got an array of complex128"),
    ([[1, 2], [3]], TypeError, "rows of the same length"),
    (np.zeros(784), ValueError, r"shape \(784,\)"),
    (3, ValueError, r"shape \(\)"),
    (np.zeros((1, 28, 28, 1)), ValueError, r"shape \(1, 28, 28, 1\); take one image"),
    (np.zeros((28, 28, 5)), ValueError, r"shape \(28, 28, 5\)"),
    (np.zeros((0, 5)), ValueError, "at least one pixel, got 5 x 0"),
    (np.full((9, 9), np.nan), ValueError, "got nan to nan"),
    (np.array([[0, np.inf]]), ValueError, "got 0.0 to inf"),
    (-np.ones((3, 3)), ValueError, "got -1.0 to -1.0; undo a normalisation"),
    (np.broadcast_to(np.uint8(0), (8000, 8000)), ValueError, "at most 50 million pixels, got 8000 x 8000"),
])
def test_bad_arrays(picture, error, fragment):
    with pytest.raises(error, match=fragment):
        prepare_digit(picture)


def test_the_argument_is_left_alone():
    image = IMAGES[0].copy()
    image.flags.writeable = False
    prepared = prepare_digit(image)
    assert np.array_equal(image, IMAGES[0])
    prepared.image[:] = 0  # the caller's own
    assert prepare_digit(image).image.any()


# -- the tools


@given(st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12)))
@settings(deadline=None)
def test_components_against_flood_fill(mask):
    labels, count = ink.components(mask)
    assert np.array_equal(labels > 0, mask) and set(labels[mask]) == set(range(1, count + 1))
    expected, pieces = np.zeros(mask.shape, int), 0
    for start in zip(*np.nonzero(mask)):
        if expected[start]:
            continue
        pieces += 1
        stack = [start]
        while stack:
            y, x = stack.pop()
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and not expected[y, x]:
                expected[y, x] = pieces
                stack += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert count == pieces
    assert len(set(zip(labels[mask], expected[mask]))) == pieces  # one name for each


def test_otsu_separates_two_heaps():
    values = np.concatenate([rng.normal(0.2, 0.03, 900), rng.normal(0.7, 0.03, 100)])
    assert 0.3 < ink.otsu(values) < 0.6
    assert 0.4 < ink.otsu(np.array([0.0] * 50 + [1.0] * 5)) < 0.6  # in the middle of a gap


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None)
def test_resample_keeps_what_it_should(height, width, new):
    image = rng.random((height, width)).astype(np.float32)
    np.testing.assert_allclose(ink.resample(image, height, width), image, rtol=1e-6)
    np.testing.assert_allclose(ink.resample(np.full((height, width), 0.5, np.float32), new, new), 0.5, rtol=1e-5)
    scaled = ink.resample(image, new, new)
    assert image.min() - 1e-6 <= scaled.min() and scaled.max() <= image.max() + 1e-6


def test_reduced_is_the_mean_of_squares():
    pixels = rng.integers(0, 256, (7, 9, 3), np.uint8)
    expected = [[pixels[y : y + 2, x : x + 2].mean(axis=(0, 1)) for x in (0, 2, 4, 6)] for y in (0, 2, 4)]
    np.testing.assert_allclose(reduced(pixels, 2), expected)
    assert reduced(pixels[:1], 4).shape == (1, 2, 3)


def test_widened_is_the_square_around():
    mask = np.zeros((9, 9), bool)
    mask[4, 1] = True
    assert np.array_equal(np.argwhere(ink.widened(mask, 2)), [(y, x) for y in range(2, 7) for x in range(0, 4)])


@pytest.mark.parametrize("difference", [1e-40, 1e-12, 1e-3])
def test_differences_that_nobody_sees_are_no_ink(difference):
    picture = np.full((30, 30), 0.5)
    picture[5:9, 8:20] += difference
    assert prepare_digit(picture).empty
    assert prepare_digit(picture * difference / 0.5).empty  # all but black


def test_the_border_tells_what_paper_is_white():
    """A stroke over a seventh of a narrow strip, at its edge: an eighth of each side is border, and mostly paper."""
    grey = np.full((150, 27), 0.8, np.float32)
    grey[86:, 15:26] = 0.1
    assert abs(ink._surface(grey) - 0.8).max() < 1e-5
