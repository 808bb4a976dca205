"""Sheets of several digits: lines and boxes are where they were drawn, and what is no digit is left out."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from own_pictures import enlarged

from numpycnn import Dense, Flatten, Reading, Sequential, load_synthetic_digits, prepare_digit, read_digits
from numpycnn.data.own_digit.ink import components, resample
from numpycnn.data.own_digit.sheet import _lines, _middle, _Piece, as_mnist

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
IMAGES, LABELS = load_synthetic_digits(400, seed=5)


class Nearest:
    """A model without training: the label of the nearest of a few known digits, surer the nearer it is."""

    input_shape, output_shape, input_format = (28, 28, 1), (10,), None

    def __init__(self):
        self.known = np.stack([prepare_digit(image).image.ravel() for image in IMAGES])

    def predict(self, x):
        x = x.reshape(len(x), -1)
        away = (x**2).sum(axis=1)[:, None] + (self.known**2).sum(axis=1) - 2 * x @ self.known.T
        shares = np.exp(-np.stack([away[:, LABELS == digit].min(axis=1) for digit in range(10)], axis=1) / 3)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return Nearest()


def sheet(lines, side=56, slope=0.0):
    """Write these digits, numbers of IMAGES, in lines; return the picture and where each digit's field is."""
    height, width = 20 + 90 * len(lines), 60 + 70 * max(map(len, lines))
    ink = np.zeros((height, width), np.float32)
    places = []
    for row, line in enumerate(lines):
        for column, number in enumerate(line):
            top, left = 20 + 90 * row + round(slope * column), 30 + 70 * column
            ink[top : top + side, left : left + side] = resample(IMAGES[number].astype(np.float32) / 255, side, side)
            places.append((top, left))
    return 0.9 - 0.7 * ink, places


LINES = [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11]]
TEXTS = ["".join(str(LABELS[number]) for number in line) for line in LINES]


@pytest.mark.parametrize("change", [
    lambda sheet: sheet, lambda sheet: 1 - sheet, lambda sheet: np.kron(sheet, np.ones((3, 3))),
    lambda sheet: sheet * (1 - 0.5 * (np.mgrid[: sheet.shape[0], : sheet.shape[1]].sum(axis=0) > 330)),
    lambda sheet: sheet + np.random.default_rng(0).normal(0, 0.01, sheet.shape),
], ids=["plain", "inverted", "large", "shadow", "noise"])
def test_lines_and_digits(model, change):
    picture, places = sheet(LINES)
    readings = read_digits(np.clip(change(picture), 0, 1), model)
    assert [reading.text for reading in readings] == TEXTS
    factor = 3 if change(picture).shape != picture.shape else 1
    for box, (top, left) in zip([box for reading in readings for box in reading.boxes], places):
        assert factor * top <= box[0] < box[2] <= factor * (top + 56)
        assert factor * left <= box[1] < box[3] <= factor * (left + 56)
    for reading in readings:
        assert isinstance(reading, Reading) and reading.probabilities.shape == (len(reading.text), 10)
        assert reading.text == "".join(map(str, reading.probabilities.argmax(axis=1)))


def test_a_line_may_rise(model):
    assert [reading.text for reading in read_digits(sheet(LINES[:1], slope=4)[0], model)] == TEXTS[:1]
    assert [reading.text for reading in read_digits(sheet(LINES[:2], slope=-4)[0], model)] == TEXTS[:2]


def test_dots_borders_and_rules_are_left_out(model):
    picture, _ = sheet(LINES[:2])
    picture[30:36, 100:106] = picture[:, :4] = 0.1  # a dot between two digits, a table at the left
    readings = read_digits(picture, model)
    assert [reading.text for reading in readings] == TEXTS[:2]
    assert readings[0].notes == readings[1].notes == ("small or long pieces left out: 1",)
    picture[88:90] = picture[198:200] = 0.5
    readings = read_digits(picture, model)
    assert [reading.text for reading in readings] == TEXTS[:2]
    assert "the paper's lines left out" in readings[0].notes


def test_a_bar_that_does_not_touch_belongs_to_its_digit(model):
    picture = np.full((100, 300), 0.9)
    picture[20:80, 40:48] = picture[30:80, 150:160] = 0.1
    picture[20:26, 150:180] = 0.1  # 4 pixels above
    assert [reading.boxes for reading in read_digits(picture, model)] == [((20, 40, 80, 48), (20, 150, 80, 180))]


def test_halves_of_a_digit_are_one(model):
    picture = np.full((100, 400), 0.9)
    for left in (40, 110, 180, 250):
        picture[20:80, left : left + 10] = 0.1
    picture[12:88, 180:190] = 0.1
    picture[49:52, 180:190] = 0.9  # a printed line went through it, and was taken away with what it covered
    (reading,) = read_digits(picture, model)
    assert reading.boxes == ((20, 40, 80, 50), (20, 110, 80, 120), (12, 180, 88, 190), (20, 250, 80, 260))


class Upright(Nearest):
    """Is sure of strokes and of nothing else."""

    def __init__(self):
        pass

    def predict(self, x):
        wide = (x.max(axis=1)[..., 0] > 0.5).sum(axis=1)
        return np.stack([np.where(wide < 9, 0.99, 0.3), *np.zeros((8, len(x))), np.where(wide < 9, 0.01, 0.7)], axis=1)


@pytest.mark.parametrize("column", [1, 2])
def test_a_small_piece_is_not_cut_at_its_edge(column):
    ink = np.ones((12, 14), np.float32)
    ink[:, column] = 0
    lines = _lines(_Piece(ink, (0, 0, 12, 14)))
    assert (column in [line.column for line in lines]) == (column == 2)


def test_narrow_digits_that_touch_are_cut():
    picture = np.full((100, 200), 0.9)
    picture[20:80, 40:48] = picture[20:80, 66:74] = picture[48:54, 48:66] = 0.1  # 34 wide, 60 high
    (reading,) = read_digits(picture, Upright())
    assert reading.text == "00"
    assert reading.boxes[0][:2] == (20, 40) and reading.boxes[1][2:] == (80, 74)
    picture[48:54, 48:66] = 0.9
    assert [reading.boxes for reading in read_digits(picture, Upright())] == [((20, 40, 80, 48), (20, 66, 80, 74))]


def test_digits_that_touch_are_cut(model):
    left, right = (enlarged(IMAGES[LABELS == digit][0], 2)[:, 4:-4] for digit in (0, 8))
    left, right = (ink[:, (ink > 0.5).any(axis=0)] for ink in (left, right))
    ink = np.zeros((56, left.shape[1] + right.shape[1] - 3))
    ink[:, : left.shape[1]] = left
    ink[:, -right.shape[1] :] = np.maximum(ink[:, -right.shape[1] :], right)
    ink[27:30, left.shape[1] - 15 : left.shape[1] + 12] = 1  # a stroke that joins them
    picture = np.pad(ink, 30)
    assert components(picture > 0.5)[1] == 1
    (reading,) = read_digits(1 - picture, model)
    assert len(reading.text) == 2  # the stroke changes what they look like
    assert abs(reading.boxes[0][3] - 30 - left.shape[1]) < 9 and abs(reading.boxes[1][1] - reading.boxes[0][3]) < 9


@pytest.mark.parametrize("picture", [
    np.zeros((30, 30)), np.full((300, 200), 255, np.uint8), np.random.default_rng(0).random((80, 90)), [[7]],
    np.tile(np.linspace(0, 1, 90), (70, 1)),
], ids=lambda picture: str(np.shape(picture)))
def test_an_empty_sheet_has_no_lines(model, picture):
    assert read_digits(picture, model) == []


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"expected one that takes \(28, 28, 1\) and gives \(10,\), got"):
        read_digits(np.zeros((9, 9)), Sequential([Flatten()], input_shape=(28, 28, 1)))
    with pytest.raises(TypeError, match="expected an array of numbers"):
        read_digits(None, Nearest())
    diverged = Sequential([Flatten(), Dense(10)], input_shape=(28, 28, 1), seed=0)
    diverged.layers[1].parameters[1].value[:] = np.nan
    strokes = np.full((120, 400), 255, np.uint8)
    strokes[30:90, 60:70] = strokes[30:90, 200:210] = 0
    with pytest.raises(ValueError, match="got NaN in 2 of 2 rows, first at row 0; the model has probably diverged"):
        read_digits(strokes, diverged)


def test_as_mnist_leaves_what_is_so_already():
    image = prepare_digit(IMAGES[0]).image
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    again = as_mnist(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    np.testing.assert_allclose(again, image, atol=1e-6)


def test_composed_sheets_hold_what_they_say(model):
    sys.path.append(str(BENCHMARKS))
    try:
        bench = importlib.import_module("bench_sheets")
    finally:
        sys.path.remove(str(BENCHMARKS))
    picture, texts, touching = bench.composed(np.random.default_rng(3), IMAGES, LABELS)
    assert picture.dtype == np.uint8 and np.ptp(picture) > 60 and len(texts) >= 3 and touching < sum(map(len, texts))
    right, expected, read, whole, lines = bench.count([(picture, texts)], model)
    assert (expected, lines) == (sum(map(len, texts)), len(texts))
    assert right >= 0.6 * expected and abs(read - expected) <= 0.2 * expected and whole <= lines
    assert bench.matched("1234", "12934") == 4 and bench.matched("1234", "134") == 3 and bench.matched("12", "") == 0


def test_the_middle_of_values_that_weigh_differently():
    for values, weights, middle in (([3, 1, 2], [1, 1, 1], 2), ([3, 1, 2], [5, 1, 1], 3), ([5, 1, 9], [2, 4, 5], 5)):
        assert _middle(np.array(values), np.array(weights)) == middle
