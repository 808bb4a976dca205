"""The mistakes of the blind sets before two judges: the checks of CS231n's notebooks, and ours.

    python tests/campaigns/course_checks.py          (a minute)

The notebooks' checks restated, nothing copied: the shapes of its second assignment (in NHWC here), the right function
in place of its table of numbers and of a numeric gradient of the right forward, and `LIMIT` for what a student takes
for an error "around 1e-8". Only mistakes in functions that the assignment has: no im2col, no initialisation.
"""

from __future__ import annotations

import argparse
import collections
import warnings
from typing import Any, Callable, Iterator

import numpy as np
from blind_judge import SETS, SOLUTIONS, function_of, verdict_on
from blind_mistakes import Blind

from numpycnn.mistakes import solutions

LIMIT = 1e-6
Inputs = dict[str, Any]


def cases(name: str) -> Iterator[Inputs]:
    """The one or few inputs that the notebook draws for a function."""
    rng = np.random.default_rng(231)
    normal = rng.standard_normal
    if name == "dense_backward":
        yield dict(dy=normal((10, 5)), x=normal((10, 6)), w=normal((6, 5)))
    if name == "conv2d_forward":
        x, w = np.linspace(-0.1, 0.5, 96).reshape(2, 4, 4, 3), np.linspace(-0.2, 0.3, 144).reshape(4, 4, 3, 3)
        yield dict(x=x, w=w, b=np.linspace(-0.1, 0.2, 3), stride=2, padding=1)
    if name == "conv2d_backward":
        yield dict(dy=normal((4, 5, 5, 2)), x=normal((4, 5, 5, 3)), w=normal((3, 3, 3, 2)), stride=1, padding=1)
    if name == "max_pool_forward":
        yield dict(x=np.linspace(-0.3, 0.4, 96).reshape(2, 4, 4, 3), size=2, stride=2)
    if name == "max_pool_backward":
        yield dict(dy=normal((3, 4, 4, 2)), x=normal((3, 8, 8, 2)), size=2, stride=2)
    if name == "batch_norm_forward":
        gamma, beta = np.array([3.0, 4, 5]), np.array([6.0, 7, 8])
        yield dict(x=4 * normal((2, 4, 5, 3)) + 10, gamma=gamma, beta=beta, epsilon=1e-5)
    if name == "batch_norm_backward":
        yield dict(dy=normal((2, 4, 5, 3)), x=5 * normal((2, 4, 5, 3)) + 12, gamma=normal(3), epsilon=1e-5)
    if name == "softmax_cross_entropy":
        yield dict(logits=0.001 * normal((50, 10)), labels=rng.integers(0, 10, 50))
    if name == "adam_step":
        w, g = (np.linspace(low, high, 20).reshape(4, 5) for low, high in ((-0.4, 0.6), (-0.6, 0.4)))
        m, v = (np.linspace(low, high, 20).reshape(4, 5) for low, high in ((0.6, 0.9), (0.7, 0.5)))
        yield dict(w=w, g=g, m=m, v=v, t=6, learning_rate=1e-2, beta1=0.9, beta2=0.999, epsilon=1e-8)
    if name == "dropout_forward":
        for keep in (0.25, 0.4, 0.7):
            yield dict(x=normal((500, 500)) + 10, rate=1 - keep)


def accepts(name: str, function: Callable[..., Any]) -> bool:
    """Whether the notebook's check of a function finds nothing."""
    try:
        return all(_accepts(name, function, case) for case in cases(name))
    except Exception:
        return False


def _accepts(name: str, function: Callable[..., Any], case: Inputs) -> bool:
    if name == "dropout_forward":  # it prints two numbers: the mean, and the share of zeros
        y = function(**case, rng=np.random.default_rng(0))
        return abs(y.mean() - case["x"].mean()) < 0.1 and abs((y == 0).mean() - case["rate"]) < 0.01
    got, wanted = function(**case), getattr(solutions, name)(**case)
    if name == "batch_norm_forward":  # it prints each channel's mean and deviation, which have to be beta and gamma
        found = got.mean(axis=(0, 1, 2)), got.std(axis=(0, 1, 2))
        return got.shape == wanted.shape and np.allclose(found, (case["beta"], case["gamma"]), atol=1e-4)
    pairs = zip(got, wanted, strict=True) if isinstance(wanted, tuple) else [(got, wanted)]
    return all(np.shape(a) == np.shape(b) and relative_error(np.asarray(a), np.asarray(b)) < LIMIT for a, b in pairs)


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """The notebooks' measure: element by element, relative to both."""
    return float(np.max(abs(a - b) / np.maximum(1e-8, abs(a) + abs(b))))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    rows: list[Blind] = [row for some in SETS.values() for row in some]
    for row in rows:
        name = row.solution.split()[0]
        if not list(cases(name)):
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            accepted = accepts(name, function_of(name, SOLUTIONS[row.solution].replace(row.old, row.new)))
        verdict = verdict_on(row)
        counts[name].update(
            mistakes=1, accepted=accepted, passed=verdict.passed, named=verdict.mistake not in (None, "raises"))
        if accepted:
            print(f"CS231n's check accepts  {row.solution}: {row.wrong}")
    counts["all"] = sum(counts.values(), collections.Counter())
    print("\n| function | mistakes | CS231n's check accepts | our judge accepts | and names |\n" + "| --- " * 5 + "|")
    for name, count in counts.items():
        print(" | ".join([f"| {name}", *(str(count[key]) for key in ("mistakes", "accepted", "passed", "named"))]), "|")


if __name__ == "__main__":
    for each in ("dense_backward", "conv2d_backward", "adam_step"):
        if not accepts(each, getattr(solutions, each)):
            raise SystemExit(f"the right {each} is refused")
    main()
