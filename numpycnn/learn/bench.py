"""The inputs of an exercise for a seed, and what the right solution and every edit of it give for them; all is kept."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from ..mistakes import Mistake, edited
from .chance import TOLERANCE
from .exercises import Case, Exercise
from .observations import same
from .running import Outcome, run_cases, run_own


class Bench:
    """The cases of an exercise for a seed, and what the solution and every edit of it give."""

    def __init__(self, exercise: Exercise, seed: int) -> None:
        self.exercise, self.seed = exercise, seed
        self.cases = cases_of(exercise, seed)
        self.right = self.outcomes()
        self.tolerance = TOLERANCE if exercise.chance else None

    def outcomes(self, *mistakes: Mistake) -> list[Outcome]:
        """Return what the solution gives in each case, with these mistakes in it."""
        return [outcome_of(self.exercise, self.seed, case, *mistakes) for case in range(len(self.cases))]

    def same(self, a: NDArray, b: NDArray) -> bool:
        """Whether two outputs are equal as far as it matters here."""
        return same(a, b, self.tolerance)


@functools.lru_cache(500)
def cases_of(exercise: Exercise, seed: int) -> list[Case]:
    """Return the inputs that a seed draws; nothing may write to them."""
    cases = list(exercise.cases(np.random.default_rng(seed)))
    for case in cases:
        for value in case.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
    return cases


@functools.lru_cache(50_000)
def outcome_of(exercise: Exercise, seed: int, case: int, *mistakes: Mistake, draw: int = 0) -> Outcome:
    """Return what the solution gives in a case, with these mistakes in it."""
    inputs, function = cases_of(exercise, seed)[case], edited(exercise.solution, *mistakes)
    if exercise.chance:
        inputs = {**inputs, "rng": inputs["rng"] + 2 * draw}
    outcome = run_cases(exercise, function, [inputs])[0] if exercise.chance else run_own(exercise, function, inputs)
    if exercise.course is None or outcome.problem:
        return outcome
    return dataclasses.replace(outcome, values=exercise.course.arrange(outcome.values, inputs))
