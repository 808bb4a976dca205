"""Reading a sheet: finding the lines and the digits on it, and asking a network about each.

What is connected is a piece. Pieces that lie above each other are one digit (the bar of a five that does not touch it),
digits that touch are one piece, which is cut where there is little ink to cut and the network is sure of the parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...checks import check_predicted_classes
from .ink import Grey, at_border, boxes, components, find_ink, odd_window, sizes_of, widened
from .lines import without_lines
from .picture import Box, Picture, read_picture
from .prepare import as_mnist, inked

WORK = 1024  # pixels of the longer side that larger pictures are reduced to
WINDOW = 1 / 10  # strokes, and what they enclose, are narrower than this share of the picture's shorter side
LOW, TALL = 0.3, 3.0  # digits are at least so high, and at most, in heights of the middle one
NEAR = 0.25  # pieces of one digit are no further from each other than this share of its height
BAR = 0.5  # what is lower than this, in heights of the middle digit, may be a bar that another piece lacks
HALVES = 1.3  # pieces above each other that are no higher together may be one digit that a printed line broke
NARROW, TOO_WIDE = 0.35, 1.45  # a piece of this width, in its own heights, may be several digits; a wider one is
HIGH = 0.5  # digits that touch are at least so high, in heights of both together
FEWEST = 8  # pixels of a digit
SLANTS = -0.4, -0.2, 0.0, 0.2, 0.4  # of cuts, columns a row
MOST_LINES, APART = 10, 0.07  # along which a piece may be cut; how far apart they are, in heights
LEAST = 1e-3  # doubts smaller than this are none
BESIDE = 0.3  # digits of one line share at least this part of the lower one's height


@dataclass(frozen=True, eq=False)
class Reading:
    """One line of digits, as `read_digits` read it.

    Attributes
    ----------
    text : str
        The digits, from left to right.
    boxes : tuple of (int, int, int, int)
        Where each is in the picture: top, left, bottom, right, the last two exclusive.
    probabilities : ndarray of float32, shape (digits, 10)
        What the network gives each digit.
    notes : tuple of str
        What may have gone wrong, in sentences.
    """

    text: str
    boxes: tuple[Box, ...]
    probabilities: NDArray[np.float32]
    notes: tuple[str, ...] = ()


@dataclass
class _Piece:
    """A digit or a part of one: the amount of ink in its box, (bottom - top, right - left)."""

    ink: Grey
    box: Box

    @property
    def height(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[1]


@dataclass(frozen=True)
class _Line:
    """A line along which a piece may be cut: its column in the middle row, columns a row, and the ink on it."""

    column: int
    slant: float
    ink: float


def read_digits(picture: Any, model: Any) -> list[Reading]:
    """Read all digits in a picture of several: a sheet of paper, a number, a form.

    Parameters
    ----------
    picture : array_like, PIL.Image.Image, path, bytes or binary file
        As `prepare_digit` takes it.
    model : Sequential
        Trained on images as MNIST has them: takes (28, 28, 1), 0 to 1, and gives probabilities of ten classes.

    Returns
    -------
    list of Reading
        The lines from top to bottom; none if the sheet is empty. What is not as high as a third of the digits, such as
        the dot of an i, or reaches the picture's border, is left out.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        As in `prepare_digit`; also if the model takes other inputs or gives other outputs, or NaN.

    Examples
    --------
    >>> from numpycnn.architectures import mlp
    >>> sheet = np.full((120, 400), 255, np.uint8)  # white paper
    >>> sheet[30:90, 60:70] = sheet[30:90, 200:210] = 0  # two strokes
    >>> model = mlp(seed=0)
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> [reading.boxes for reading in read_digits(sheet, model)]
    [((30, 60, 90, 70), (30, 200, 90, 210))]
    """
    if not hasattr(model, "input_shape"):
        raise TypeError(f"model: expected a Sequential, got {type(model).__name__}")
    if tuple(model.input_shape) != (28, 28, 1) or tuple(model.output_shape) != (10,):
        raise ValueError(f"model: expected one that takes (28, 28, 1) and gives (10,), got {tuple(model.input_shape)} "
                         f"and {tuple(model.output_shape)}; train one on MNIST")
    seen = read_picture(picture)
    pieces, notes, factor = _pieces(seen)
    digits = _cut(_joined(pieces), model)
    if not digits:
        return []
    probabilities = _ask(model, digits)
    readings = []
    for line in _in_lines(digits):
        shares = probabilities[line]
        text = "".join(str(number) for number in shares.argmax(axis=1))
        found = tuple(_in_picture(digits[k].box, factor, seen) for k in line)
        readings.append(Reading(text, found, shares, tuple(notes)))
    return readings


def _in_picture(box: Box, factor: int, seen: Picture) -> Box:
    top, left, bottom, right = (factor * side for side in box)
    return top, left, min(bottom, seen.height), min(right, seen.width)


def _ask(model: Any, digits: list[_Piece]) -> NDArray[np.float32]:
    """Return the probabilities (N, 10)."""
    scale = 1.0 if getattr(model, "input_format", None) is None else 255 * model.input_format.scale
    shares = model.predict(np.stack([as_mnist(digit.ink) for digit in digits])[..., None] * np.float32(scale))
    check_predicted_classes(shares, "probabilities")
    return shares


def _pieces(seen: Picture) -> tuple[list[_Piece], list[str], int]:
    """Find what is connected and as large as a digit or a part of one, on a scale of 1 : factor; say what was not."""
    factor = -(-max(seen.height, seen.width) // WORK)
    grey = seen.shades(seen.whole, factor)
    ink = find_ink(grey, odd_window(grey, WINDOW))
    notes = list(seen.notes)
    if ink.contrast == 0:
        return [], notes, factor
    unprinted = without_lines(ink.amount, sheet=True)
    amount = ink.amount if unprinted is None else unprinted.amount
    if unprinted is not None:
        notes.append("the paper's lines left out")
    labels, count = components(amount > 0.5)
    found = boxes(labels, count)
    height, width = (found[:, 2:] - found[:, :2]).T
    inside = ~at_border(found, labels.shape)
    if not inside.any():
        return [], notes, factor
    usual = _middle(height[inside], (sizes_of(labels, count) * (height > 2))[inside])
    kept = inside & (height <= TALL * usual) & (np.maximum(height, width) >= LOW * usual)
    pieces = []
    for number in np.flatnonzero(kept):
        top, left, bottom, right = (found[number] + (-2, -2, 2, 2)).tolist()
        part = slice(max(0, top), bottom), slice(max(0, left), right)
        near = widened(labels[part] == number + 1, 2) & ((labels[part] == number + 1) | (labels[part] == 0))
        pieces.append(_trimmed(np.where(near, amount[part], np.float32(0)), max(0, top), max(0, left)))
    if inside.sum() > len(pieces):
        notes.append(f"small or long pieces left out: {inside.sum() - len(pieces)}")
    return pieces, notes, factor


def _middle(values: NDArray[np.intp], weights: NDArray[np.intp]) -> float:
    """Return the median, each value counted as often as it weighs."""
    order = np.argsort(values, kind="stable")
    heaped = weights[order].cumsum()
    return float(values[order][np.searchsorted(heaped, heaped[-1] / 2)])


def _trimmed(ink: Grey, top: int, left: int) -> _Piece:
    """Cut off empty rows and columns."""
    first, start, last, end = inked(ink)
    return _Piece(ink[first:last, start:end], (top + first, left + start, top + last, left + end))


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Join pieces of one digit: one above the other, near, and one a bar, or both together as high as a digit."""
    pieces = sorted(pieces, key=lambda piece: -piece.height)
    if not pieces:
        return []
    usual = float(np.median([piece.height for piece in pieces]))
    digits: list[_Piece] = []
    for piece in pieces:
        home = [k for k, digit in enumerate(digits) if _belongs(piece, digit, usual)]
        if home:
            digits[home[0]] = _union(digits[home[0]], piece)
        else:
            digits.append(piece)
    return [digit for digit in digits if digit.height >= LOW * usual]


def _belongs(piece: _Piece, digit: _Piece, usual: float) -> bool:
    top, left, bottom, right = piece.box
    above, start, below, end = digit.box
    shared = min(right, end) - max(left, start)
    apart = max(top - below, above - bottom)
    together = max(right, end) - min(left, start)
    low = piece.height < BAR * usual or max(bottom, below) - min(top, above) <= HALVES * usual
    widest = TOO_WIDE * max(usual, digit.height)
    return low and shared >= 0.25 * piece.width and apart <= NEAR * usual and together <= widest


def _union(one: _Piece, other: _Piece) -> _Piece:
    top, left = min(one.box[0], other.box[0]), min(one.box[1], other.box[1])
    bottom, right = max(one.box[2], other.box[2]), max(one.box[3], other.box[3])
    ink = np.zeros((bottom - top, right - left), np.float32)
    for piece in (one, other):
        y, x = piece.box[0] - top, piece.box[1] - left
        part = ink[y : y + piece.height, x : x + piece.width]
        np.maximum(part, piece.ink, out=part)
    return _Piece(ink, (top, left, bottom, right))


def _cut(pieces: list[_Piece], model: Any) -> list[_Piece]:
    """Cut digits that touch, in two and their parts again, as long as parts are likelier than the whole."""
    digits = []
    while pieces:
        ways = [_halves(piece) for piece in pieces]  # of each piece: the two parts of each way to cut it
        halves = [half for way in ways for pair in way for half in pair]
        sure = _ask(model, [*pieces, *halves]).max(axis=1)
        worst = sure[len(pieces) :].reshape(-1, 2).min(axis=1)
        ends = np.cumsum([len(way) for way in ways])
        rest: list[_Piece] = []
        for piece, whole, way, parts in zip(pieces, sure, ways, np.split(worst, ends[:-1])):
            odds = [_odds(piece, float(whole), pair, float(part)) for pair, part in zip(way, parts)]
            if odds and (max(odds) > 0 or piece.width > TOO_WIDE * piece.height):
                rest += way[int(np.argmax(odds))]
            else:
                digits.append(piece)
        pieces = rest
    return digits


def _odds(piece: _Piece, whole: float, pair: tuple[_Piece, _Piece], parts: float) -> float:
    """Return the logarithm of the odds that a piece is two digits, from how sure the network is of it and of the parts.

    A logistic regression; its weights were fitted on sheets composed from digits of MNIST's training set.
    """
    doubt, doubt_of_parts = np.log(1 - whole + LEAST), np.log(1 - parts + LEAST)
    wide = min(piece.width / piece.height, 1)
    high = min(part.height for part in pair) / piece.height
    return float(0.8 * doubt - 0.77 * doubt_of_parts + 4.7 * wide + 4.8 * high - 9)


def _halves(piece: _Piece) -> list[tuple[_Piece, _Piece]]:
    """Return the ways to cut a piece in two; none if it is narrow."""
    height, width = piece.ink.shape
    ways = []
    for line in _lines(piece) if width >= NARROW * height else ():
        left = np.arange(width) < line.column + _shift(line.slant, height)  # (H, W)
        halves = [np.where(side, piece.ink, np.float32(0)) for side in (left, ~left)]
        if all((half > 0.5).sum() >= FEWEST for half in halves):
            one, other = (_trimmed(half, piece.box[0], piece.box[1]) for half in halves)
            if min(one.height, other.height) >= HIGH * height:
                ways.append((one, other))
    return ways


def _lines(piece: _Piece) -> list[_Line]:
    """Return lines, upright or slanted, with less ink on them than those near, from left to right."""
    height, width = piece.ink.shape
    margin = max(2, round(APART * height))
    found = []
    for slant in SLANTS:
        columns = np.arange(width) + _shift(slant, height)  # (H, W): where each place would be, were the digits upright
        inside = (columns >= 0) & (columns < width)
        ink = (piece.ink[np.arange(height)[:, None], np.clip(columns, 0, width - 1)] * inside).sum(axis=0)
        smooth = np.convolve(np.pad(ink, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
        around = np.lib.stride_tricks.sliding_window_view(np.pad(smooth, 2, mode="edge"), 5)
        lowest = np.flatnonzero(smooth <= around.min(axis=1))
        found += [_Line(int(x), slant, float(ink[x])) for x in lowest if margin <= x < width - margin]
    kept: list[_Line] = []
    for line in sorted(found, key=lambda line: (line.ink, abs(line.slant))):
        if len(kept) < MOST_LINES and all(abs(line.column - other.column) >= margin for other in kept):
            kept.append(line)
    return sorted(kept, key=lambda line: line.column)


def _shift(slant: float, height: int) -> NDArray[np.intp]:
    """Return by how many columns a slanted line is to the right of where it crosses the middle: (H, 1)."""
    return np.rint(slant * (np.arange(height) - height / 2)).astype(np.intp)[:, None]


def _in_lines(digits: list[_Piece]) -> list[list[int]]:
    """Sort into lines, from top to bottom, each from left to right: the numbers of its digits."""
    order = sorted(range(len(digits)), key=lambda k: digits[k].box[1])
    lines: list[list[int]] = []
    for k in order:
        shares = [max(_beside(digits[k], digits[last]) for last in line[-2:]) for line in lines]
        if shares and max(shares) >= BESIDE:
            lines[int(np.argmax(shares))].append(k)
        else:
            lines.append([k])
    return sorted(lines, key=lambda line: float(np.mean([digits[k].box[0] + digits[k].box[2] for k in line])))


def _beside(one: _Piece, other: _Piece) -> float:
    """Return the part of the lower one's height that both share."""
    shared = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    return shared / min(one.height, other.height)
