"""What sets the cases that fail apart from those that pass: a stride, padding, images that are not square."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .exercises import Case


def _images(case: Case) -> Any:
    return case["x"].shape if "x" in case and case["x"].ndim == 4 else None


def _kernel(case: Case) -> Any:
    if "size" in case:
        return case["size"], case["size"]
    if "kernel_h" in case:
        return case["kernel_h"], case["kernel_w"]
    return case["w"].shape[:2] if "stride" in case else None


def _overlaps(case: Case) -> bool:
    return _kernel(case) is not None and max(_kernel(case)) > case["stride"]


def _remains(case: Case) -> bool:
    if _kernel(case) is None:
        return False
    sizes = zip(_images(case)[1:3], _kernel(case))
    return any((size + 2 * case.get("padding", 0) - kernel) % case["stride"] for size, kernel in sizes)


def _ties(case: Case) -> bool:
    return "size" in case and len(np.unique(case["x"])) < case["x"].size


CONDITIONS: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("the stride is above 1", lambda case: case.get("stride", 1) > 1),
    ("there is padding", lambda case: case.get("padding", 0) > 0),
    ("windows overlap", _overlaps),
    ("pixels are left over at the end of a row or column", _remains),
    ("numbers are equal", _ties),
    ("the image is not square", lambda case: _images(case) is not None and _images(case)[1] != _images(case)[2]),
    ("the filter is not square", lambda case: _kernel(case) is not None and len(set(_kernel(case))) > 1),
    ("there is more than one image", lambda case: _images(case) is not None and _images(case)[0] > 1),
    ("there is more than one channel", lambda case: _images(case) is not None and _images(case)[3] > 1),
    ("there is more than one row", lambda case: any(np.ndim(v) == 2 and len(v) > 1 for v in case.values())),
    ("w is not square", lambda case: np.ndim(case.get("w", 0)) == 2 and len(set(case["w"].shape)) > 1),
    ("logits are large", lambda case: "logits" in case and abs(case["logits"]).max() > 700),
    ("logits are apart by hundreds", lambda case: "logits" in case and np.ptp(case["logits"]) > 100),
    ("t is above 1", lambda case: case.get("t", 1) > 1),
    ("the rate is 0", lambda case: case.get("rate", 1) == 0),
    ("epsilon is not tiny", lambda case: case.get("epsilon", 0) > 1e-4),
)


def condition(cases: Sequence[Case], right: Sequence[bool], fails: str = "It is wrong") -> str:
    """Return in words what is true of all cases that fail and of none that passes, or the number of both."""
    if not any(right):
        return f". {fails} in all cases"
    for words, holds in CONDITIONS:
        found = [bool(holds(case)) for case in cases]
        if found == [not fine for fine in right]:
            return f". {fails} just where {words}"
        if found == list(right):
            return f". {fails} everywhere but where {words}"
    failing = [case for case, fine in zip(cases, right) if not fine]
    passing = [case for case, fine in zip(cases, right) if fine]
    common = [(sum(map(bool, map(holds, passing))), words) for words, holds in CONDITIONS if all(map(holds, failing))]
    others, words = min(common, default=(len(passing), ""), key=lambda found: found[0])  # the rarest says most
    said = f"; what these have in common: {words}" if len(failing) > 1 and others < len(passing) else ""
    return f". {fails} in {len(failing)} of {len(cases)} cases{said}"


def pattern(pairs: Sequence[tuple[NDArray, NDArray]]) -> str:
    """Return in words where the wrong elements of (came, right) lie, in all cases, and what stands there."""
    if any(mine.shape != wanted.shape or wanted.size < 2 for mine, wanted in pairs):
        return ""
    wrong = [~(abs(a - b) <= 1e-8 * float(abs(b[np.isfinite(b)]).max(initial=0))) for a, b in pairs]
    matches = [[np.array_equal(place, bad) for _, place in _places(b)] for (_, b), bad in zip(pairs, wrong)]
    words = [words for words, _ in _places(pairs[0][1])]
    said = next((words for words, *held in zip(words, *matches) if all(held)), "")
    there = {f"{value:g}" for (mine, _), bad in zip(pairs, wrong) for value in mine[bad]}
    stands = f"there stands {there.pop()}" if len(there) == 1 and sum(map(np.sum, wrong)) > 4 else ""
    parts = [f"What is wrong is just what is {said}" if said else "", stands and f"Wherever it is wrong {stands}"]
    return "".join(f". {part}" for part in parts if part)


def _places(wanted: NDArray) -> Iterator[tuple[str, NDArray]]:
    """Sets of elements that may be wrong together; those of single indices first, then what is left of them."""
    yield "negative in the right one", wanted < 0
    yield "positive in the right one", wanted > 0
    yield "0 in the right one", wanted == 0
    where = np.indices(wanted.shape)
    single = [
        (f"at the {word} index of axis {axis}", where[axis] == index % length)
        for axis, length in enumerate(wanted.shape) for word, index in (("first", 0), ("last", -1))
    ]  # fmt: skip
    yield from single
    yield from ((f"not {words}", ~place) for words, place in single)
    for (one, first), (two, second) in itertools.combinations(single, 2):
        yield f"{one}, or {two}", first | second
        yield f"{one}, and {two}", first & second
    if wanted.ndim == 4:
        inner = np.zeros(wanted.shape, bool)
        inner[:, 1:-1, 1:-1] = True
        yield "on the border of the image", ~inner


def described(case: Case) -> str:
    """Return the arguments of a case in words: numbers as they are, arrays by their shape or, if small, in full."""
    parts = []
    for name, value in case.items():
        if name == "rng":
            parts.append(f"rng np.random.default_rng({value})")
        elif isinstance(value, np.ndarray):
            small = value.size <= 6 and value.ndim <= 2
            parts.append(f"{name} {(np.round(value, 6) + 0).tolist() if small else f'of shape {value.shape}'}")
        else:
            parts.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)


def first_wrong(name: str, mine: NDArray, wanted: NDArray) -> str:
    """Return in words the first element that is wrong, and what it should be; or that the shape is wrong."""
    if mine.shape != wanted.shape:
        return f"{name} has shape {mine.shape}; expected {wanted.shape}"
    gaps = np.where(np.isfinite(mine), abs(mine - wanted), np.inf)
    scale = float(abs(wanted[np.isfinite(wanted)]).max(initial=0))
    index = np.unravel_index(int(np.argmax(gaps > 1e-8 * scale)), wanted.shape)
    count = f" ({int((gaps > 1e-8 * scale).sum())} of {wanted.size} are wrong)" if wanted.size > 1 else ""
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    digits = next((d for d in (6, 10) if f"{mine[index]:.{d}g}" != f"{wanted[index]:.{d}g}"), 17)
    return f"{place} is {mine[index]:.{digits}g}; it should be {wanted[index]:.{digits}g}{count}"
