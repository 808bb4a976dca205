"""The drawn digits, and what is cut out of pictures, are what they were: kept in ``digits.json``.

    PYTHONPATH=tests/helpers:tests/data python tests/data/test_digits_recorded.py   # keeps what they are now

An image is kept as the means of its blocks of 4 x 4 pixels. Other tests say why each of these is right.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn import differences, plain

from numpycnn import load_synthetic_digits, prepare_digit, read_digits
from numpycnn.data.own_digit.ink import resample

KEPT = Path(__file__).with_name("digits.json")
IMAGES, LABELS = load_synthetic_digits(400, seed=5)


class Nearest:
    """A model without training: the label of the nearest of a few known digits, surer the nearer it is."""

    input_shape, output_shape, input_format = (28, 28, 1), (10,), None

    def __init__(self):
        self.known = np.stack([prepare_digit(image).image.ravel() for image in IMAGES[:100]])

    def predict(self, x):
        x = x.reshape(len(x), -1)
        away = ((x[:, None] - self.known) ** 2).sum(axis=2)
        shares = np.exp(-np.stack([away[:, LABELS[:100] == digit].min(axis=1) for digit in range(10)], axis=1) / 3)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def blocks(image):
    """Return the means of the blocks of 4 x 4 pixels, from 0 to 255."""
    return np.rint(np.asarray(image, float).reshape(7, 4, 7, 4).mean(axis=(1, 3)))


def cut_out(picture):
    digit = prepare_digit(picture)
    found = {"image": blocks(255 * digit.image), "box": digit.box, "components": digit.components,
             "specks": digit.specks, "contrast": digit.contrast, "notes": digit.notes, "empty": digit.empty,
             "inverted": digit.inverted, "border": digit.touches_border}
    return plain(found)


def pictures():
    """Yield names and pictures: a digit on paper of many kinds."""
    sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    hard = importlib.import_module("hard_pictures")
    sys.path.pop()
    for number, (kind, draw) in enumerate(hard.KINDS.items()):
        yield kind, draw(hard.enlarged(IMAGES[number], 120), np.random.default_rng(number))
    for kind, draw in hard.EMPTY.items():
        yield kind, draw(np.zeros((120, 120)), np.random.default_rng(0))
    ink = resample(IMAGES[11].astype(np.float32) / 255, 90, 70)
    paper = np.pad(ink, ((10, 30), (40, 20)))
    noise = np.random.default_rng(1).normal(0, 1, paper.shape)
    for share in (0.005, 0.02, 0.05, 0.1, 0.15):
        yield f"noise {share}", np.clip(0.9 - 0.7 * paper + share * noise, 0, 1)
    for depth in (0.01, 0.03, 0.06, 0.12):
        yield f"faint {depth}", 0.8 - depth * paper
    specks = paper.copy()
    specks[5:9, 100:104] = specks[100:103, 10:14] = specks[60, 5:7] = 1
    yield "specks", 1 - specks
    yield "at the border", 1 - paper[15:, 45:]
    yield "two", 1 - np.concatenate([paper, paper[:, ::-1]], axis=1)
    yield "thin", 1 - (paper > 0.8).astype(float)
    yield "small", 1 - np.pad(ink[::5, ::5], 60)
    yield "light on dark", 0.1 + 0.5 * paper


def sheets():
    """Yield names and pictures of several digits."""
    for name, gap, slope in (("apart", 70, 0.0), ("close", 52, 0.0), ("touching", 44, 0.0), ("rising", 70, 4.0)):
        ink = np.zeros((230, 330))
        for row, line in enumerate([[0, 1, 2, 3], [5, 6, 7]]):
            for column, number in enumerate(line):
                top, left = 25 + 90 * row + round(slope * column), 30 + gap * column
                field = ink[top : top + 56, left : left + 56]
                np.maximum(field, resample(IMAGES[number].astype(np.float32) / 255, 56, 56), out=field)
        yield name, 0.9 - 0.7 * ink
    yield "with a rule and dots", 0.9 - 0.7 * np.maximum(ink, (np.arange(230) == 100)[:, None])


def found():
    model = Nearest()
    return {
        "drawn": {str(digit): plain(blocks(IMAGES[LABELS == digit].mean(axis=0))) for digit in range(10)},
        "cut out": {name: cut_out(picture) for name, picture in pictures()},
        "sheets": {name: [plain([line.text, line.boxes, line.notes]) for line in read_digits(picture, model)]
                   for name, picture in sheets()},
    }


@pytest.fixture(scope="module")
def both():
    return found(), json.loads(KEPT.read_text())


@pytest.mark.parametrize("what, tolerance", [("drawn", 1.5), ("cut out", 2.5), ("sheets", 1.5)])
def test_is_as_it_was(both, what, tolerance):
    now, kept = both
    assert list(differences(now[what], kept[what], atol=tolerance)) == []


def test_contrast(both):
    now, kept = ({name: one["contrast"] for name, one in each["cut out"].items()} for each in both)
    assert list(differences(now, kept, atol=0.01)) == []


if __name__ == "__main__":
    KEPT.write_text(json.dumps(found(), separators=(",", ":")).replace('},"', '},\n"') + "\n")
