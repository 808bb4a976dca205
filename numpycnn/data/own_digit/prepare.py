"""Your own digit, made to look as MNIST's do.

A network knows only what it was trained on: bright strokes on black, in a box of 20 x 20 pixels, centred by mass in
28 x 28. Give it a photograph instead and it answers all the same, wrongly. `prepare_digit` does to a picture what
MNIST's makers did to theirs (LeCun et al. 1998, section III-A), and says what it saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ink import Ink, at_border, boxes, components, find_ink, resample, sizes_of, widened
from .lines import without_lines
from .picture import HUES, Box, Picture, read_picture

SIZE = 28  # pixels of an MNIST image's side
BOX = 20  # pixels of the longer side of the digit in it
WORK = 512  # pixels of the longer side that larger pictures are reduced to
CLOSE_UP = 64  # a digit smaller than this in a reduced picture is looked at again, closer
SPECK = 0.03  # a piece with less than this share of the largest piece's pixels is dirt
PALE = 0.02  # less ink than this counts as paper
BRIGHT, WHITE = 10, 0.9  # so many pixels of each MNIST image, at least, are as bright as this
LOW_CONTRAST = 0.15  # below this it is worth a note
CLEARER = 2.0  # a contrast of colours that is so many times that of brightness is taken instead
# Dirt at the border: beside a piece inside that is longer than this share of the picture's shorter side, pieces that
# are further from it than this share of its length, and reach no deeper into the picture than that.
MAIN, FAR, SHALLOW = 0.2, 0.15, 0.3


@dataclass(frozen=True, eq=False)
class PreparedDigit:
    """What `prepare_digit` made of a picture, and what it saw.

    Attributes
    ----------
    image : ndarray of float32, shape (28, 28)
        The digit as MNIST has it, 0 (background) to 1; all 0 if the picture is empty. For one image,
        ``model.predict(prepared.image[None, :, :, None])``.
    empty : bool
        Whether nothing stands out from the background.
    inverted : bool
        Whether the digit was darker than its background.
    touches_border : bool
        Whether the digit reaches the edge of the picture: a part of it may be missing.
    components : int
        How many unconnected pieces the digit has; more than one may mean more than one digit. Specks do not count.
    specks : int
        How many small pieces were left out.
    box : tuple of int
        Where the digit is in the picture: top, left, bottom, right, the last two exclusive; zeros if it is empty.
    contrast : float
        Difference between digit and background, black to white being 1.
    notes : list of str
        What may have gone wrong, in sentences. A dark digit on a light background is the usual case and gets none.
    """

    image: NDArray[np.float32]
    empty: bool = False
    inverted: bool = False
    touches_border: bool = False
    components: int = 0
    specks: int = 0
    box: Box = (0, 0, 0, 0)
    contrast: float = 0.0
    notes: list[str] = field(default_factory=list)


def prepare_digit(image: Any) -> PreparedDigit:
    """Turn any picture of one digit into what a network trained on MNIST expects.

    The background is removed, uneven light and shadows too; dark strokes become bright ones; the digit is cut out,
    scaled to 20 x 20 pixels with its proportions kept, and its centre of mass put at the centre of 28 x 28 pixels. A
    picture from MNIST stays as it is.

    Parameters
    ----------
    image : array_like, PIL.Image.Image, path, bytes or binary file
        The picture, of any size up to 50 million pixels. As an array: (H, W), or (H, W, C) with C = 1 (grey), 2 (grey,
        alpha), 3 (RGB) or 4 (RGBA); whole numbers go from 0 (black) to 255 or 65535, floats to 1 or 255. As an image of
        Pillow's, of any mode. As the path of a file (PNG, JPEG, GIF, BMP, TIFF, WebP and a few more that Pillow reads),
        as its content (bytes, such as an upload), or as a file that is open in binary mode, which is read from its
        beginning and stays open. An image that Pillow opened, a file or its content is turned as its EXIF orientation
        says; of an animation the first picture is taken.

    Returns
    -------
    prepared : PreparedDigit
        The image, float32 (28, 28), and what was seen. An empty picture is no error: its `empty` is true and its image
        all 0.

    Raises
    ------
    TypeError
        `image` is none of these, has rows of several lengths, or is a file in text mode.
    ValueError
        The array has another shape, no pixels, NaN, negative numbers or too many pixels; the file is no picture, or a
        damaged one.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> picture = np.full((60, 40), 255, np.uint8)  # white paper
    >>> picture[10:50, 18:22] = 0  # a black stroke
    >>> prepared = prepare_digit(picture)
    >>> prepared.image.shape, prepared.inverted, prepared.box
    ((28, 28), True, (10, 18, 50, 22))
    """
    picture = read_picture(image)
    seen = _look(picture, picture.whole)
    if seen is None:
        notes = ["empty: nothing stands out from the background", *picture.notes]
        return PreparedDigit(np.zeros((SIZE, SIZE), np.float32), empty=True, notes=notes)
    touched = seen.touched  # of the whole picture; a close-up has borders of its own
    if seen.factor > 1 and max(seen.digit.shape) < CLOSE_UP:
        seen = _look(picture, _surroundings(seen.box, picture.whole)) or seen
    return PreparedDigit(
        image=as_mnist(seen.digit),
        inverted=seen.ink.dark,
        touches_border=bool(touched),
        components=seen.components,
        specks=seen.specks,
        box=seen.box,
        contrast=seen.ink.contrast,
        notes=[*_notes(seen, touched), *picture.notes],
    )


@dataclass(frozen=True)
class _Sight:
    """The digit as it was found in a part of the picture, on a scale of 1 : factor."""

    ink: Ink
    digit: NDArray[np.float32]  # amount of ink in the box
    box: Box  # in pixels of the whole picture
    touched: list[str]  # sides
    components: int
    specks: int
    factor: int
    notes: list[str]  # of what was left out


def _look(picture: Picture, region: Box) -> _Sight | None:
    """Find the digit in a region of the picture; None if there is nothing."""
    top, left, bottom, right = region
    factor = -(-max(bottom - top, right - left) // WORK)
    ink, notes = _ink(picture, region, factor)
    if ink.contrast == 0:
        return None
    unprinted = without_lines(ink.amount)
    if unprinted is not None:
        ink = replace(ink, amount=unprinted.amount)
        printed = "a box's frame" if unprinted.inside else "the paper's lines"
        notes.append(f"{printed} left out")
    labels, count = components(ink.amount > 0.5)
    if count == 0:
        return None
    kept = _kept(labels, count)
    mask = np.isin(labels, kept)
    edges = {"top": mask[0], "left": mask[:, 0], "bottom": mask[-1], "right": mask[:, -1]}
    # A stroke ends softly: its pale edge belongs to it.
    amount = np.where(widened(mask, 2 + max(mask.shape) // 256), ink.amount, np.float32(0))
    first, start, last, end = inked(amount)
    box = (
        top + first * factor, left + start * factor, min(bottom, top + last * factor), min(right, left + end * factor)
    )  # fmt: skip
    return _Sight(
        ink,
        amount[first:last, start:end],
        box,
        [side for side, edge in edges.items() if edge.any()],
        components=len(kept),
        specks=count - len(kept),
        factor=factor,
        notes=notes,
    )


def inked(amount: NDArray[np.floating]) -> Box:
    """Return the box around all ink (H, W): top, left, bottom, right, the last two exclusive."""
    rows, columns = (np.flatnonzero((amount > PALE).any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _ink(picture: Picture, region: Box, factor: int) -> tuple[Ink, list[str]]:
    """Find what is darker or brighter than the paper or, if that is little, of another colour; and say so."""
    ink, notes = find_ink(picture.shades(region, factor)), []
    if ink.contrast < LOW_CONTRAST:
        for number in range(len(HUES)):
            other = find_ink(picture.shades(region, factor, number))
            if other.contrast > CLEARER * ink.contrast:
                ink, notes = other, ["the digit's colour was looked at: it is about as bright as its background"]
    return ink, notes


def _kept(labels: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the numbers of the pieces that belong to the digit; the others are dirt."""
    found, sizes = boxes(labels, count), sizes_of(labels, count)
    large, outer = sizes >= SPECK * sizes.max(), at_border(found, labels.shape)
    inner = np.flatnonzero(large & ~outer)
    if inner.size:
        main = found[inner[sizes[inner].argmax()]]
        length = (main[2:] - main[:2]).max()
        # How far a piece is from the main one, and how far into the picture it reaches.
        gap = np.maximum(found[:, :2] - main[2:], main[:2] - found[:, 2:]).max(axis=1)
        depth = np.minimum(found[:, 2:], np.array(labels.shape) - found[:, :2]).min(axis=1)
        if length >= MAIN * min(labels.shape):
            large &= ~(outer & (gap >= FAR * length) & (depth <= SHALLOW * length))
    return np.flatnonzero(large) + 1


def _surroundings(box: Box, whole: Box) -> Box:
    """Return the box with a margin as wide as the box, cut off at the picture's edges."""
    top, left, bottom, right = box
    margin = max(bottom - top, right - left)
    return max(top - margin, 0), max(left - margin, 0), min(bottom + margin, whole[2]), min(right + margin, whole[3])


def as_mnist(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale ink, (H, W), and place it as MNIST's makers did: (28, 28)."""
    return _centred(_boxed(digit))


def _boxed(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale so that the longer side is 20 pixels, and brighten thin strokes, which scaling makes pale."""
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    boxed = resample(digit, height, width)
    brightest = np.sort(boxed, axis=None)[-BRIGHT:].mean()
    return np.minimum(boxed * max(1, WHITE / brightest), 1)


def _centred(boxed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Place in 28 x 28 pixels with the centre of mass in the pixel at (14, 14), as in every image of MNIST."""
    image = np.zeros((SIZE, SIZE), np.float32)
    start = []
    for axis, length in enumerate(boxed.shape):
        mass = boxed.sum(axis=1 - axis)
        centre = float((mass * (np.arange(length) + 0.5)).sum() / mass.sum())
        start.append(min(max(math.ceil(SIZE / 2 - centre), 0), SIZE - length))
    top, left = start
    image[top : top + boxed.shape[0], left : left + boxed.shape[1]] = boxed
    return image


def _notes(seen: _Sight, touched: list[str]) -> list[str]:
    """Say in sentences what was seen."""
    notes = list(seen.notes)
    if touched:
        notes.append(f"touches the border ({', '.join(touched)}): a part of the digit may be missing")
    if seen.components > 1:
        notes.append(
            f"{seen.components} separate pieces: taken as one digit; if they are several digits, cut out one of them"
        )
    if seen.specks:
        notes.append(f"{seen.specks} small spot{'s' * (seen.specks > 1)} left out as dirt")
    if seen.ink.uneven:
        notes.append("uneven background: shadows were removed")
    if seen.ink.contrast < LOW_CONTRAST:
        notes.append(f"faint: the digit differs from its background by {seen.ink.contrast:.0%} of black to white")
    height, width = seen.box[2] - seen.box[0], seen.box[3] - seen.box[1]
    if max(height, width) < BOX // 2:
        notes.append(f"small: the digit is {height} x {width} pixels and was enlarged")
    return notes
