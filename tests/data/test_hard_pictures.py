"""Pictures as they come: a digit in a box, on ruled paper, half in the shade, ... looks as it does on white paper."""

import importlib
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from own_pictures import difference

from numpycnn import load_synthetic_digits, prepare_digit
from numpycnn.data.own_digit.ink import boxes, components
from numpycnn.data.own_digit.lines import run_lengths, without_lines

IMAGES, _ = load_synthetic_digits(60, seed=3)
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def hard():
    sys.path.append(str(BENCHMARKS))
    try:
        return importlib.import_module("hard_pictures")
    finally:
        sys.path.remove(str(BENCHMARKS))


KINDS = [
    "in a box", "in a row of boxes", "squared paper", "squared paper, dark lines", "ruled paper",
    "ruled paper, dark lines", "half in the shade", "as bright as its paper", "dirt at the border",
]  # fmt: skip
EMPTY = ["empty box", "empty squared paper, dark", "empty ruled paper, dark"]


@pytest.mark.parametrize("kind", KINDS)
def test_looks_as_on_white_paper(hard, kind):
    for k in range(2):
        digit = hard.enlarged(IMAGES[k], 120)
        expected = prepare_digit(1 - digit).image
        prepared = prepare_digit(hard.KINDS[kind](digit, np.random.default_rng(k)))
        assert not prepared.empty
        assert difference(prepared.image, expected) < 0.04


@pytest.mark.parametrize("kind", EMPTY)
def test_nothing_was_written(hard, kind):
    for k in range(2):
        assert prepare_digit(hard.EMPTY[kind](np.zeros((120, 120)), np.random.default_rng(k))).empty


def test_a_shadow_s_edge_at_the_border_is_dirt(hard):
    digit = hard.enlarged(IMAGES[0], 120)
    prepared = prepare_digit(hard.KINDS["half in the shade"](digit, np.random.default_rng(9)))
    assert difference(prepared.image, prepare_digit(1 - digit).image) < 0.04


def test_thick_strokes_on_squared_paper_stay_and_crumbs_of_lines_do_not(hard):
    """A line is as thick as most of what crosses its band; a few thick strokes may have more pixels in it."""
    amount = np.zeros((200, 200), np.float32)
    amount[20::45] = amount[:, 20::45] = 0.3
    amount[60:150, 70:150] = 1
    assert (without_lines(amount).amount[60:150, 70:150] == 1).all()
    empty = hard.lines((400, 400), 120, 1, np.random.default_rng(8), squared=True).astype(np.float32)
    assert without_lines(empty).amount.max() == 0


def test_every_kind_is_drawn_in_range_and_the_same_every_time(hard):
    mnist = load_synthetic_digits(60, seed=3)
    drawn, again = (list(islice(hard.hard_pictures(np.random.default_rng(0), mnist), 16)) for _ in range(2))
    assert list(dict.fromkeys(kind for kind, _, _ in drawn)) == [*hard.KINDS, *hard.EMPTY]
    assert {*KINDS, *EMPTY} <= {*hard.KINDS, *hard.EMPTY}
    for (kind, _, picture), (_, _, same) in zip(drawn, again):
        assert picture.min() >= 0 and picture.max() <= 1, kind
        assert np.array_equal(picture, same)


def test_what_was_left_out_is_said(hard):
    digit = hard.enlarged(IMAGES[0], 120)
    for kind, note in {
        "in a box": "a box's frame left out", "ruled paper": "the paper's lines left out",
        "as bright as its paper": "the digit's colour was looked at: it is about as bright as its background",
        "dirt at the border": "1 small spot left out as dirt",
    }.items():  # fmt: skip
        assert note in prepare_digit(hard.KINDS[kind](digit, np.random.default_rng(1))).notes, kind
    assert prepare_digit(1 - digit).notes == []


def test_a_digit_has_no_printed_lines():
    """Cut out tightly and enlarged: bars and stems reach from side to side."""
    for image in IMAGES:
        rows, columns = (np.flatnonzero((image > 127).any(axis=axis)) for axis in (1, 0))
        cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
        assert without_lines(cut) is None and without_lines(np.kron(cut, np.ones((4, 4), np.float32))) is None


def test_a_digit_that_fills_its_picture_is_its_ink():
    """Most of the border may be ink; what is one piece, and cuts the rest into several, is the digit."""
    for image in IMAGES[[0, *range(9, 60, 10), 20, 34, 43, 48, 57]]:
        rows, columns = (np.flatnonzero((image > 127).any(axis=axis)) for axis in (1, 0))
        cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        bright, dark = prepare_digit(cut), prepare_digit(255 - cut)
        assert (bright.inverted, dark.inverted, bright.empty, dark.empty) == (False, True, False, False)
        np.testing.assert_allclose(bright.image, dark.image, atol=1e-5)


def test_a_piece_at_the_border_may_belong_to_the_digit():
    picture = np.zeros((100, 100))
    picture[20:80, 40:50] = 1
    picture[:4, 30:60] = 1
    assert prepare_digit(picture).box == (20, 40, 80, 50)  # far from it and shallow
    picture[4:14, 30:40] = 1
    assert prepare_digit(picture).box == (0, 30, 80, 60)  # near


def test_boxes_and_run_lengths():
    mask = np.zeros((6, 7), bool)
    mask[1:4, 2] = mask[3, 2:5] = mask[5, 6] = True
    labels, count = components(mask)
    assert boxes(labels, count).tolist() == [[1, 2, 4, 5], [5, 6, 6, 7]]
    assert run_lengths(mask)[:, 2].tolist() == [0, 3, 3, 3, 0, 0] and run_lengths(mask)[3, 4] == 1
