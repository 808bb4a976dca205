"""Judging what draws random numbers: by statistics, so that every right way to draw passes."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[], NDArray]  # calls the function once more


@dataclasses.dataclass(frozen=True)
class Chance:
    """How to look at a function that takes a generator.

    Attributes
    ----------
    observe : callable (results, case) -> ndarray
        Statistics of four results: two from the same seed, two from others. Each is scaled such that chance moves it
        by far less than TOLERANCE.
    names : tuple of str
        What each statistic is, for messages.
    result : str
        Name of what is returned.
    draws : int
        How often to run a known mistake: where one mask is drawn for many numbers chance moves some statistics far.
    moved : tuple of int
        Which statistics these are.
    """

    observe: Callable[[Sequence[NDArray], dict[str, Any]], NDArray]
    names: tuple[str, ...]
    result: str
    draws: int = 1
    moved: tuple[int, ...] = ()

    def first_wrong(self, mine: NDArray, wanted: NDArray) -> str:
        """Say which statistic is wrong, or the shape."""
        if wanted.dtype.kind in "iu":
            return f"{self.result} has shape {tuple(mine.tolist())}; expected {tuple(wanted.tolist())}"
        i = int(np.argmax(~(abs(mine - wanted) <= TOLERANCE)))
        return f"{self.names[i]} is {mine[i]:.3g}; it should be about {wanted[i]:.3g}"


TOLERANCE = 0.06


def _repeats(first: NDArray, again: NDArray, other: NDArray) -> list[bool]:
    return [bool(np.array_equal(first, again)), first.shape == other.shape and bool((first != other).any())]


REPEATS = "whether the same seed gives the same numbers (1 if it does)", "whether another seed gives others (1 if so)"


def _observe_weights(results: Sequence[NDArray], case: dict[str, Any]) -> NDArray:
    first, again, other, _ = results
    w = first.astype(float)
    moments = [(y.mean(dtype=float), y.std(dtype=float), np.linalg.norm(y) / np.sqrt(y.size)) for y in results]
    varies = (np.ptp(moments, axis=0) > 1e-6 * w.std()).all()
    fan_in = np.prod(case["shape"][:-1])
    deviation = w.std()
    z = (w - w.mean()) / deviation
    along_units = (w.std(axis=-1) > 1e-9 * deviation).mean()  # a mean of equals is rounded
    statistics = [
        np.log(deviation * np.sqrt(fan_in / 2)), w.mean() / deviation, (z**4).mean() / 10, 3 * (abs(z) > 2).mean(),
        np.clip((abs(z) > 2.4).mean() * 60, 0, 0.5), along_units, varies,
        *_repeats(first, again, other),
    ]
    return np.array(statistics)


weights_chance = Chance(_observe_weights, (
    "the logarithm of the deviation over sqrt(2 / fan_in)", "the mean over the deviation",
    "a tenth of the mean of z**4 (0.3 for normal numbers, 0.18 for uniform ones)",
    "three times the share of numbers beyond two deviations", "whether there are numbers far from the mean",
    "the share of rows in which the units differ",
    "whether mean and deviation vary from call to call, as chance has it (1 if they do)", *REPEATS,
), "w")  # fmt: skip


def _observe_dropout(results: Sequence[NDArray], case: dict[str, Any]) -> NDArray:
    first, again, other, _ = results
    x, rate = case["x"], case["rate"]
    kept = first != 0
    factors = first[kept] / x[kept]
    factor = np.median(factors) if factors.size else np.nan
    repeats = _repeats(first, again, other)
    if rate == 0:
        repeats[1] = True  # nothing is dropped, so nothing differs
    varies = rate == 0 or any(abs((y == 0).sum() - rate * x.size) >= 1 for y in results)
    middle, rounding = tuple(range(1, x.ndim - 1)), 1e-9 if first.dtype == float else 1e-5
    return np.array([
        factor, 1 - kept.mean(), factors.size > 0 and bool(np.ptp(factors) < rounding),
        factors.size > 0 and bool(np.allclose(factors, 1 / (1 - rate))), kept.var(axis=0).mean(),
        kept.var(axis=middle).mean() if middle else 0, kept.var(axis=tuple(range(1, x.ndim))).mean(),
        min(kept.var(axis=axis).mean() for axis in range(1, x.ndim)), len(np.unique(kept, axis=0)) / len(kept),
        varies, *repeats,
    ])  # fmt: skip


dropout_chance = Chance(_observe_dropout, (
    "what the kept numbers are multiplied by", "the share that is dropped",
    "whether all kept numbers are multiplied by the same (1 if they are)",
    "whether that is 1 / (1 - rate) exactly (1 if it is)", "how much the images' masks differ (their variance)",
    "how much the mask varies over an image", "how much the mask varies within an image, channels included",
    "how much the mask varies along one axis", "the share of images with masks of their own",
    "whether the number that is dropped varies, as chance has it (1 if it does)", *REPEATS,
), "y", 16, (1, 4, 5, 6, 7, 9))  # fmt: skip
