"""Telling the ink from the paper.

The paper is what the border of a picture shows. If it has one shade, that shade is taken; if not, a smooth surface is
laid through it, and where that is not enough (shadows), what remains when everything as narrow as a stroke is wiped
out. What differs from the paper, on the side that differs more, is ink. All arrays are small, (H, W), floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.floating]  # float32 throughout

SAME = 0.05  # shades that differ by less than this share of all shades are taken for one
MOSTLY = 0.6  # a border that has one shade to this share shows paper of one shade
SHADOW = 0.15  # shadows that make less difference than this share of the ink are left alone
FAINT = 0.03  # less contrast than this, black to white being 1, is taken for paper without ink
SEPARATE = 3.6  # contrast over spread: normal noise that is cut in two has 2.7, uniform noise 3.5
STROKE = 0.3  # strokes are narrower than this share of the picture's shorter side
MIXED = 0.08  # a border with at least this share of both sides may be mostly ink
PATCH = 0.02  # what has less than this share of the pixels of a side's largest piece does not count as a piece
FULL = 0.7  # ink takes no more of a picture than this
NOISY = 0.12  # paper whose noise is more than this share of the contrast is smoothed
BLACK = 0.15  # paper darker than this shows no shadows
DARK = np.float32(0.1)  # in deeper shadow than this, differences are not enlarged any more


@dataclass(frozen=True)
class Ink:
    """Where the ink is, and how it differs from the paper.

    Attributes
    ----------
    amount : ndarray, shape (H, W)
        0 (paper) to 1 (ink); all 0 if nothing stands out.
    contrast : float
        Ink minus paper, black to white being 1; 0 if nothing stands out.
    dark : bool
        Whether the ink is darker than the paper.
    uneven : bool
        Whether the paper was estimated place by place.
    noise : float
        Standard deviation of the paper, as a share of the contrast.
    """

    amount: Grey
    contrast: float
    dark: bool
    uneven: bool
    noise: float


def find_ink(grey: Grey, window: int | None = None) -> Ink:
    """Separate ink from paper in shades (H, W) from 0 to 1.

    With a window, odd and wider than any stroke, in pixels, the border is not asked: the picture is full of small
    strokes, and all that is broader is paper, whatever its shade.
    """
    if window is not None:
        away = (grey - _mean(grey, window)) ** 3
        sign = np.float32(-1 if away.sum() < 0 else 1)
        paper = sign * _without_strokes(sign * grey, window)
        difference = sign * (grey - paper) * (paper.mean() / np.maximum(paper, DARK))
        amount, contrast, noise = _levels(difference)
        return Ink(amount, contrast, dark=bool(sign < 0), uneven=True, noise=noise)
    seen, bright = _against_the_border(grey), _bright_ink(grey)
    if bright is None:
        return seen
    paper = np.median(grey[(grey > otsu(grey)) != bright])
    in_doubt = seen.uneven and bright and paper < BLACK  # there are no shadows on black
    if seen.contrast > 0 and seen.dark != bright and not in_doubt:  # else the border shows more ink than paper
        return seen
    amount, contrast, noise = _clear_levels(grey - paper if bright else paper - grey)
    return Ink(amount, contrast, dark=not bright, uneven=False, noise=noise)


def _against_the_border(grey: Grey) -> Ink:
    """Take for paper what the border shows."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    shade = np.median(border)
    even = (abs(border - shade) <= SAME * np.ptp(grey)).mean() >= MOSTLY  # the rest may be ink that reaches it
    paper = np.full_like(grey, shade) if even else _surface(grey)
    sign = np.float32(-1 if ((grey - paper) ** 3).sum() < 0 else 1)  # noise lies on both sides of the paper, ink on one
    shadowed = not even and _has_shadows(sign * (grey - paper))
    if shadowed:
        paper = sign * _without_strokes(sign * grey, odd_window(grey))
    difference = sign * (grey - paper)
    if not even:  # where there is half the light, ink and paper differ by half as much
        difference *= paper.mean() / np.maximum(paper, DARK)
    amount, contrast, noise = _clear_levels(difference)
    return Ink(amount, contrast, dark=bool(sign < 0), uneven=shadowed, noise=noise)


def _bright_ink(grey: Grey) -> bool | None:
    """Whether the brighter side is the ink of a digit that fills the picture; None if its shape does not tell.

    A digit that is cut out tightly reaches the border here and there. It is one piece, not much larger than the paper,
    which it cuts into several.
    """
    if np.ptp(grey) < FAINT:
        return None
    is_bright = grey > otsu(grey)
    border = np.concatenate([is_bright[0], is_bright[-1], is_bright[1:-1, 0], is_bright[1:-1, -1]])
    if not MIXED <= border.mean() <= 1 - MIXED or _levels(grey)[1] == 0:
        return None
    counts = []
    for side in (~is_bright, is_bright):
        sizes = sizes_of(*components(side))
        counts.append(int((sizes >= PATCH * sizes.max()).sum()))
    bright = counts[1] == 1
    ink = is_bright.mean() if bright else 1 - is_bright.mean()
    return bright if min(counts) == 1 < max(counts) and ink <= FULL else None


def _surface(grey: Grey) -> Grey:
    """Fit a quadratic in x and y to the paper: to the border first, then to all that lies near the fit."""
    height, width = grey.shape
    step = max(1, max(grey.shape) // 64)  # a few thousand places are enough for six numbers
    sample = grey[::step, ::step].astype(np.float64)
    terms = _quadratic_terms(np.linspace(-1, 1, height)[::step], np.linspace(-1, 1, width)[::step])
    kept = np.ones(sample.shape, bool)
    inner = [slice(margin, -margin) for margin in (max(1, n // 8) for n in sample.shape)]
    kept[tuple(inner)] = False
    for _ in range(5):
        coefficients = np.linalg.lstsq(terms[kept], sample[kept], rcond=None)[0]
        away = abs(sample - terms @ coefficients)
        kept = away <= max(2.5 * 1.4826 * np.median(away), 0.01)  # 1.4826: from the median to a standard deviation
    return (_quadratic_terms(np.linspace(-1, 1, height), np.linspace(-1, 1, width)) @ coefficients).astype(np.float32)


def _quadratic_terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1, y, x, y^2, xy, x^2 at every place: (H, W, 6)."""
    y, x = np.meshgrid(y, x, indexing="ij")
    return np.stack([np.ones_like(x), y, x, y * y, x * y, x * x], axis=-1)


def _has_shadows(difference: Grey) -> bool:
    """Whether what is broader than a stroke stands out, and not by little against the ink."""
    broad = _without_strokes(difference, odd_window(difference))
    contrast = np.percentile(difference - broad, 99.5)
    return bool(np.ptp(broad) > SHADOW * max(contrast, FAINT))


def odd_window(image: Grey, share: float = STROKE) -> int:
    """Return a length in pixels, odd: this share of the image's shorter side."""
    return max(3, int(share * min(image.shape)) | 1)


def _without_strokes(image: Grey, window: int) -> Grey:
    """Wipe out what is bright and as narrow as a stroke.

    A minimum over a window wider than any stroke wipes strokes out, a maximum over the same window restores what was
    broader, a shadow's sharp edge too (the morphological opening).
    """
    return _mean(_extreme(_extreme(image, window, np.minimum), window, np.maximum), 3)


def _padded(image: NDArray[Any], window: int, axis: int) -> NDArray[Any]:
    """Repeat the border outwards along one axis, so that a window fits around each place."""
    around = [(0, 0), (0, 0)]
    around[axis] = (window // 2, window // 2)
    return np.pad(image, around, mode="edge")


def _extreme(image: NDArray[Any], window: int, function: np.ufunc) -> NDArray[Any]:
    """Minimum, maximum or logical or over the square window (odd) around each place, in steps that double."""
    for axis in (0, 1):
        image = _padded(image, window, axis).swapaxes(0, axis)
        done = 1
        while done < window:
            step = min(done, window - done)
            image = function(image[:-step], image[step:])
            done += step
        image = image.swapaxes(0, axis)
    return image


def _mean(image: Grey, window: int) -> Grey:
    """Mean over the square window around each place."""
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(_padded(image, window, axis), window, axis)
        image = windows.mean(axis=-1, dtype=np.float32)
    return image


def widened(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Add all places at most `pixels` away, along rows, columns or both."""
    return _extreme(mask, 2 * pixels + 1, np.logical_or)


def _levels(difference: Grey) -> tuple[Grey, float, float]:
    """Stretch the ink from 0 to 1; return that, its contrast and the noise relative to it; zeros if there is no ink."""
    nothing = np.zeros_like(difference), 0.0, 0.0
    if np.ptp(difference) < FAINT:
        return nothing
    threshold = otsu(difference)
    is_ink = difference > threshold
    if not is_ink.any() or is_ink.all():
        return nothing
    ink, paper = difference[is_ink], difference[~is_ink]
    contrast = float(ink.mean() - paper.mean())
    spread = float(np.sqrt((ink.var() * ink.size + paper.var() * paper.size) / difference.size))
    if contrast < max(FAINT, SEPARATE * spread):
        return nothing
    # Neighbours on the paper differ by noise alone; the factor makes a standard deviation of it, if it is normal.
    both = ~is_ink[:, 1:] & ~is_ink[:, :-1]
    noise = float(np.median(abs(np.diff(difference, axis=1))[both])) / 0.954 if both.any() else 0.0
    low, high = min(float(np.median(paper)) + 2.5 * noise, threshold), float(np.percentile(ink, 90))
    amount = np.clip((difference - low) / (high - low), 0, 1).astype(np.float32)
    return amount, contrast, noise / contrast


def _clear_levels(difference: Grey) -> tuple[Grey, float, float]:
    """Return the same, from noisy paper once it is smoothed."""
    levels = _levels(difference)
    return _levels(_mean(difference, 3)) if levels[2] > NOISY else levels


def otsu(values: Grey) -> float:
    """Return the threshold that leaves the least variance within the two classes (Otsu 1979); 256 bins."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()[:-1]
    above = counts.sum() - below
    mean_below = (counts * middles).cumsum()[:-1] / np.maximum(below, 1)
    mean_above = ((counts * middles).sum() - mean_below * below) / np.maximum(above, 1)
    between = below.astype(np.float64) * above * (mean_above - mean_below) ** 2
    best = np.flatnonzero(between == between.max())  # a gap between the classes: every threshold in it is as good
    return float(edges[1 + (best[0] + best[-1]) // 2])


def resample(image: Grey, height: int, width: int) -> Grey:
    """Scale to (height, width) without aliasing: each new pixel is a mean weighted by a triangle at least 2 wide."""
    from PIL import Image  # here, because it would slow down `import numpycnn` for everyone

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Number the connected pieces of a mask (H, W), eight neighbours a pixel.

    Returns
    -------
    labels : ndarray of int, shape (H, W)
        0 outside the mask, 1 to count in it.
    count : int
        How many pieces there are.
    """
    places = np.flatnonzero(mask)
    number = np.zeros(mask.shape, np.intp)
    number.flat[places] = np.arange(places.size)
    pairs = [_joined(mask, number, dy, dx) for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))]
    a, b = np.concatenate(pairs, axis=1)
    root = np.arange(places.size)
    while (root[a] != root[b]).any():  # neighbours take the smaller root; then every pixel its root's root
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        np.minimum.at(root, high, low)
        while (root != root[root]).any():
            root = root[root]
    roots, piece = np.unique(root, return_inverse=True)
    labels = np.zeros(mask.shape, np.intp)
    labels.flat[places] = piece + 1
    return labels, roots.size


def _joined(mask: NDArray[np.bool_], number: NDArray[np.intp], dy: int, dx: int) -> NDArray[np.intp]:
    """Return the numbers of all pixels in the mask, and of those `dy` below and `dx` beside them, as (2, pairs)."""
    height, width = mask.shape
    here = slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
    there = slice(dy, height), slice(max(0, dx), width + min(0, dx))
    both = mask[here] & mask[there]
    return np.stack([number[here][both], number[there][both]])


def sizes_of(labels: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return how many pixels each piece has, (count,)."""
    return np.bincount(labels.ravel(), minlength=count + 1)[1:]


def boxes(labels: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the box around each piece: top, left, bottom, right, the last two exclusive; (count, 4)."""
    found = np.tile([*labels.shape, 0, 0], (count + 1, 1))
    for axis, places in enumerate(np.nonzero(labels)):
        pieces = labels[labels > 0]
        np.minimum.at(found[:, axis], pieces, places)
        np.maximum.at(found[:, axis + 2], pieces, places + 1)
    return found[1:]


def at_border(found: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which of these boxes reach the border of a picture of this shape, (count,)."""
    return (found[:, :2] == 0).any(axis=1) | (found[:, 2:] == shape).any(axis=1)
