"""Taking away what is printed on the paper: rules, squares, a form's boxes.

A printed line is straight, thin and reaches from one side of the picture to the other, or of the box that it is a side
of. Where a stroke crosses it, the ink is thicker than the line, and stays. All masks are small, (H, W), bool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ink import Grey, at_border, boxes, components, sizes_of

Mask = NDArray[np.bool_]

PRINTED = 0.1  # more ink than this may be a printed line, which is paler than a pen's
COARSE = 256  # pixels of the longer side on which lines are looked for
ASKEW = 0.07  # lines may rise by this share of their length, 4 degrees
REACH = 0.9  # a line has ink in this share of its places, from end to end
THIN = 1 / 15  # lines are thinner than this share of their length
BESIDE, PAPER = 5, 0.6  # so many rows above and below a line, at most this share of the places has ink
SMALL = 48  # pixels; there are no lines in anything smaller
LEAST = 0.25  # a line is in the picture for this share of its width, if it leaves at the top or bottom
MARGIN = 2  # pixels that are taken away above and below a line with it
MOST = 3  # so many of the largest pieces may be frames
CRUMB = 6.0  # what is left of the ink and is no longer than so many times a line's thickness is a crumb of it
LINE = 2.0  # and so is, at the border, what is no thicker than so many times that


@dataclass(frozen=True)
class Unprinted:
    """Ink without what was printed.

    Attributes
    ----------
    amount : ndarray, shape (H, W)
        0 (paper) to 1 (ink).
    inside : (int, int, int, int) or None
        The box of a form that the rest lies in: top, left, bottom, right.
    """

    amount: Grey
    inside: tuple[int, int, int, int] | None = None


def without_lines(amount: Grey, sheet: bool = False) -> Unprinted | None:
    """Take ruled lines, or a frame, off the ink (H, W); None if there are none.

    What is outside a frame is taken away with it, unless the picture is a sheet with more on it.
    """
    if min(amount.shape) < SMALL:
        return None
    mask = amount > PRINTED
    across, down = _lines(mask), _lines(mask.T)
    if not (across and down):
        framed = _without_frame(amount, mask, sheet)
        if framed is not None:
            return framed
    return Unprinted(_cleaned(amount, across, down)) if across or down else None


def _without_frame(amount: Grey, mask: Mask, sheet: bool) -> Unprinted | None:
    labels, count = components(mask)
    found, sizes = boxes(labels, count), sizes_of(labels, count)
    for top, left, bottom, right in found[np.argsort(-sizes, kind="stable")[:MOST]].tolist():
        if min(bottom - top, right - left) >= SMALL:
            part = slice(top, bottom), slice(left, right)
            across, down = _lines(mask[part]), _lines(mask[part].T)
            if across and down:
                inside = amount.copy() if sheet else np.zeros_like(amount)
                inside[part] = _cleaned(amount[part], across, down)
                return Unprinted(inside, (top, left, bottom, right))
    return None


def _lines(mask: Mask) -> list[Mask]:
    """Find two lines or more that cross a mask (H, W) from left to right: for each, the places where it is.

    All have one slope, the one along which the ink is heaped up most. Beside a whole one, others may leave the picture
    at the top or at the bottom. A single line may be the bar of a digit that was cut out tightly.
    """
    height, width = mask.shape
    factor = -(-max(height, width) // COARSE)
    coarse = _coarse(mask, factor)
    rows, columns = coarse.shape
    share, shift, first = _heaped(coarse)
    is_line = np.concatenate([[False], share >= REACH, [False]])
    tops, bottoms = np.flatnonzero(is_line[1:] & ~is_line[:-1]), np.flatnonzero(~is_line[1:] & is_line[:-1])
    around = np.pad(share, BESIDE)
    beside = np.maximum(around[tops], around[bottoms + 2 * BESIDE - 1])
    thin = (bottoms - tops <= max(2, THIN * columns)) & (beside <= PAPER)
    edges = np.stack([tops, bottoms], axis=1)[thin] + first
    middles = edges.mean(axis=1)
    whole = (middles + shift.min() >= -2) & (middles + shift.max() <= rows + 2)
    if len(edges) < 2 or not whole.any():
        return []
    places = np.arange(height)[:, None]
    shift = factor * shift.repeat(factor)[:width]
    return [
        (places >= factor * top + shift - MARGIN) & (places < factor * bottom + shift + MARGIN) for top, bottom in edges
    ]


def _coarse(mask: Mask, factor: int) -> Mask:
    """Return whether there is any ink in each square of `factor` x `factor` pixels, or in the one above it."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % factor), (0, -width % factor)))
    coarse: Mask = np.asarray(padded.reshape(padded.shape[0] // factor, factor, -1, factor).any(axis=(1, 3)))
    coarse[1:] |= coarse[:-1].copy()  # a line that falls goes from row to row not where a row of the grid does
    return coarse


def _heaped(coarse: Mask) -> tuple[NDArray[np.floating], NDArray[np.intp], int]:
    """Find the slope along which the ink is heaped up most.

    Returns the share of ink along each line of that slope, by how many rows the line is moved in each column, and the
    row in which the first of these lines crosses the middle, above the picture.
    """
    rows, columns = coarse.shape
    steepest = max(1, round(ASKEW * columns))
    starts = np.arange(-steepest, rows + steepest)[:, None]  # some lines leave at the top or at the bottom
    best, share, shift = -1.0, np.zeros(len(starts)), np.zeros(columns, np.intp)
    for rise in range(-steepest, steepest + 1):
        moved = np.floor(rise * (np.arange(columns) / max(1, columns - 1) - 0.5) + 0.5).astype(np.intp)
        places = starts + moved
        inside = (places >= 0) & (places < rows)
        length = inside.sum(axis=1)
        ink = (coarse[np.clip(places, 0, rows - 1), np.arange(columns)] & inside).sum(axis=1)
        filled = np.where(length >= LEAST * columns, ink / np.maximum(length, 1), 0)
        heaped = float((filled**4 * length).sum())
        if heaped > best:
            best, share, shift = heaped, filled, moved
    return share, shift, -steepest


def _cleaned(amount: Grey, across: list[Mask], down: list[Mask]) -> Grey:
    """Take the lines away where nothing crosses them, and what crumbs remain of them."""
    amount = amount.copy()
    thickest = 1.0
    for lines, ink in ((across, amount), (down, amount.T)):  # the latter a view: both change `amount`
        if lines:
            lengths = run_lengths(ink > PRINTED)
            band = np.logical_or.reduce(lines)
            inside = np.where(band, lengths, 0)
            above = np.pad(inside, ((1, 0), (0, 0)))[:-1]
            thickness = float(np.median(inside[(inside > 0) & (above == 0)]))  # each crossing once, however thick
            thickest = max(thickest, thickness)
            ink[band & (lengths <= 1.5 * thickness + 1)] = 0
    labels, count = components(amount > PRINTED)
    found, sizes = boxes(labels, count), sizes_of(labels, count)
    longer = (found[:, 2:] - found[:, :2]).max(axis=1)
    # At the border, a line that left the picture at the top or at the bottom is a crumb, too.
    crumbs = (longer <= CRUMB * thickest) | at_border(found, amount.shape) & (sizes <= LINE * thickest * longer)
    amount[np.isin(labels, np.flatnonzero(crumbs) + 1)] = 0
    return amount


def run_lengths(mask: Mask) -> NDArray[np.intp]:
    """Return for each place in the mask how many lie above each other there without a gap; 0 outside."""
    height = len(mask)
    rows = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(mask, -1, rows), axis=0)  # the last row outside, at or above
    below = np.minimum.accumulate(np.where(mask, height, rows)[::-1], axis=0)[::-1]
    return np.where(mask, below - above - 1, 0)
