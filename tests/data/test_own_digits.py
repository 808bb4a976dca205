"""The benchmark of digits that are not MNIST's: its pictures are what it says, and its table counts right."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from numpycnn import load_synthetic_digits, prepare_digit
from numpycnn.data.own_digit.turned import seem_turned

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    sys.path.append(str(BENCHMARKS))
    try:
        return importlib.import_module("bench_own_digits")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def pictures(bench):
    return list(bench.pictures(np.random.default_rng(0), load_synthetic_digits(300, seed=0)))


def test_each_kind_shows_each_digit_in_range(pictures):
    kinds = list(dict.fromkeys(kind for kind, _, _ in pictures))
    assert len(kinds) == 12 and len(pictures) == 120
    assert [(kind, digit) for kind, digit, _ in pictures] == [(kind, digit) for digit in range(10) for kind in kinds]
    for kind, _, picture in pictures:
        assert picture.ndim == 2 and picture.min() >= 0 and picture.max() <= 1, kind
        assert np.ptp(picture) > 0.2, kind


def test_pictures_are_the_same_every_time(bench, pictures):
    again = bench.pictures(np.random.default_rng(0), load_synthetic_digits(300, seed=0))
    assert all(np.array_equal(old[2], new[2]) for old, new in zip(pictures[:24], again))


def test_every_picture_has_a_digit_to_prepare(bench, pictures):
    for kind, digit, picture in pictures[::7]:  # every kind, every digit
        assert not prepare_digit(bench.as_bytes(picture)).empty, (kind, digit)


def test_own_fonts_have_digits_that_differ(bench):
    fonts = bench.own_fonts()
    assert len(fonts) >= 20 and "DejaVuSans" in {font.stem for font in fonts}
    for font in fonts:
        shapes = {bench.in_the_middle(digit, font, 20).tobytes() for digit in range(10)}
        assert len(shapes) == 10, font


def test_table_counts_each_group_and_all(bench, capsys):
    class Model:
        """Says 1 to what is bright and 0 to what is dark."""

        def predict(self, x):
            bright = x.mean(axis=(1, 2, 3))
            return np.stack([1 - bright, bright], axis=1)

    dark, bright = np.zeros((28, 28)), np.ones((28, 28))
    groups = {"a": ([0, 1], [dark, bright], [bright, dark], [dark, dark]),
              "b": ([1, 1], [bright, dark], [dark, bright], [bright, bright])}
    bench.table("kind", groups, {"plain": (Model(), 1), "inverted": (Model(), 2), "prepared": (Model(), 3)})
    rows = [line.split() for line in capsys.readouterr().out.strip().splitlines()]
    assert rows == [
        ["kind", "pictures", "plain", "inverted", "prepared"],
        ["a", "2", "100.00%", "0.00%", "50.00%"],
        ["b", "2", "50.00%", "50.00%", "100.00%"],
        ["all", "4", "75.00%", "25.00%", "75.00%"],
    ]


def test_what_the_network_is_sure_of_when_turned_may_lie_on_its_side():
    """The network here knows upright strokes alone."""
    images = np.zeros((5, 28, 28, 1), np.float32)
    images[0, 4:24, 13:15] = images[1, 13:15, 4:24] = images[2, 10:18, 10:18] = 1  # upright, lying, a square; empty
    images[4] = np.pad(np.eye(20, dtype=np.float32), 4)[..., None]  # lies by 45 degrees
    asked = []

    def is_upright(x):
        asked.append(len(x))
        tall, wide = (x.max(axis=axis)[..., 0].sum(axis=1) for axis in (2, 1))
        return tall > 5 * wide

    assert seem_turned(images, ~is_upright(images), is_upright).tolist() == [1, 4]
    assert asked == [5, 21]  # neither of what looks like a digit nor of what is empty
    assert seem_turned(images[:1], ~is_upright(images[:1]), is_upright).tolist() == [] and asked[-1] == 1
