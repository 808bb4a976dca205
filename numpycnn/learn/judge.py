"""The judge: is a function right, and if not, which known mistake gives just what it gives?

It runs the function on drawn inputs and compares with the right solution: shapes first, then values, output by output.
Where they differ, it compares with every entry of the library of mistakes, then with what can be seen of the arrays (a
factor, a transposition), then with two entries at once. Only what agrees in every case is named. Else it says where.
"""

from __future__ import annotations

import itertools
import re
import warnings
from typing import Callable, Iterator

import numpy as np

from ..checks import check_choice, check_count, check_positive
from ..mistakes import Mistake, in_other_styles, systematic
from .bench import Bench, cases_of, outcome_of
from .chance import TOLERANCE
from .conditions import condition, described, first_wrong, pattern
from .exercises import EXERCISES, Case, Exercise
from .observations import along, observe, same
from .running import Outcome, TooSlow, other_order, run_cases, within
from .verdict import Verdict

TIME_LIMIT = 20.0  # seconds; a solution with a loop for each index takes less than one


def check(name: str, function: Callable, *, seed: int = 0, time_limit: float = TIME_LIMIT) -> Verdict:
    """Judge a function written for an exercise.

    Parameters
    ----------
    name : str
        Of the exercise: ``"conv2d_backward"``; ``python -m numpycnn.learn`` lists them.
    function : callable
        It is called with NHWC arrays in float64, in the order of the exercise's arguments.
    seed : int
        Draws the inputs; any other draws others.
    time_limit : float
        Seconds. A function that runs for longer is told to stop.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError, TypeError
        There is no such exercise, or the function cannot be called.
    """
    exercise = EXERCISES[check_choice(name, "name", EXERCISES)]
    return judge(exercise, function, check_count(seed, "seed", minimum=0), check_positive(time_limit, "time_limit"))


def judge(exercise: Exercise, function: Callable, seed: int, time_limit: float) -> Verdict:
    """Run and compare; see ``check``."""
    if not callable(function):
        raise TypeError(f"function: expected a function to call, got {function!r}")
    try:
        cases = cases_of(exercise, seed)
        *got, again = within(time_limit, lambda: run_cases(exercise, function, [*cases, cases[-1]]))
    except TooSlow:
        return _verdict(exercise, "too-slow", f"it does not end within {time_limit:g} seconds; is there a loop without "
                        "an end? (loops over each index in Python take less than one second here)")
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # mistakes divide by zero
        warnings.simplefilter("ignore")
        verdict = Judgement(Bench(exercise, seed), got, again).verdict()
    says = "" if verdict.passed else other_order(exercise, function)
    return _verdict(exercise, "arguments-order", says) if says else verdict


class Judgement:
    """The outcomes of one function, and what it gave for the last case once more, held against the right ones."""

    def __init__(self, bench: Bench, got: list[Outcome], again: Outcome) -> None:
        self.bench, self.got, self.again, self.exercise = bench, got, again, bench.exercise
        self.wrong = [name for i, name in enumerate(self.exercise.outputs) if not all(self.equal(i))]
        if self.exercise.chance:
            del self.wrong[1:]  # of a wrong shape there are no statistics
        self.raising = [bool(mine.problem) for mine in got]  # in which cases it gives nothing to compare
        self.seen = [name for name in self.wrong if not self.only_raises(name)]  # what wrong numbers can be seen of

    def equal(self, output: int) -> list[bool]:
        """Whether this output is right, case by case."""
        return [
            not mine.problem and self.bench.same(mine.values[output], right.values[output])
            for mine, right in zip(self.got, self.bench.right)
        ]

    def verdict(self) -> Verdict:
        """Return what to say: the first of these that there is something to say about."""
        looks = [self.of_repetition, self.of_contract, self.of_library, self.of_exceptions, self.of_order]
        looks += [self.of_arrays, self.of_rules, self.of_pairs, self.of_shapes]
        return next((verdict for look in looks if (verdict := look())), None) or self.of_place()

    # -- what needs no numbers --------------------------------------------------------------------------------------

    def of_repetition(self) -> Verdict | None:
        """Other numbers for the same arguments, where no chance is asked for."""
        both = zip(self.again.values, self.got[-1].values)
        if self.exercise.chance or all(self.bench.same(again * 1.0, before * 1.0) for again, before in both):
            return None
        return _verdict(self.exercise, "not-repeated", "called once more with the same arguments it gives other "
                        "numbers: is something kept between the calls, or never written (np.empty)?")

    def of_contract(self) -> Verdict | None:
        """A blank, an exception everywhere, something else than arrays; a right function, but for its manners."""
        problems = {mine.problem for mine in self.got}
        first = self.got[0]
        if len(problems) == 1 and first.problem:
            return _verdict(self.exercise, first.problem, f"{first.says}, for {self.described(0)}")
        for problem in ("blank", "outputs", "no-array"):
            for i, mine in enumerate(self.got):
                if mine.problem == problem:
                    return _verdict(self.exercise, problem, f"{mine.says}, for {self.described(i)}")
        for i, name in enumerate(self.exercise.outputs):
            dtypes = {mine.dtypes[i] for mine in self.got if mine.dtypes}
            fine = not self.wrong or self.is_right_but_for_rounding(i, dtypes)
            if name != "shape" and dtypes != {"float64"} and fine:
                dtype = min(dtypes - {"float64"})
                name = self.exercise.chance.result if self.exercise.chance else name
                return _verdict(self.exercise, "dtype", f"{name} is {dtype}; expected float64, as the arguments are")
        if self.wrong:
            return None
        changed = self.changed()
        if changed:
            return _verdict(self.exercise, "changes-input", f"the numbers are right, but it {changed}")
        return Verdict(True, None, f"{self.exercise.name} is right: {len(self.got)} cases")

    def is_right_but_for_rounding(self, output: int, dtypes: set[str]) -> bool:
        """Whether an output in another type is what the right one is in this type, in all cases that give something."""
        both = zip(self.got, self.bench.right)
        pairs = [(mine.values[output], right.values[output]) for mine, right in both if mine.values]
        return bool(pairs) and bool(dtypes) and all(
            mine.shape == right.shape and same(mine.astype(float), right.astype(mine.dtype).astype(float),
                                               1e-5 * float(abs(right).max(initial=1e-5)))
            for mine, right in pairs
        )

    def changed(self) -> str:
        """What it does to its arguments, in words."""
        names = [name for mine in self.got for name in mine.changed]
        return f"changes {names[0]} in place: work on a copy, or make a new array" if names else ""

    # -- known mistakes ---------------------------------------------------------------------------------------------

    def reproduces(self, output: int, *mistakes: Mistake) -> bool:
        """Whether these edits give what came in this output, wherever something came; somewhere it has to be wrong."""
        told = False
        for i, (mine, right) in enumerate(zip(self.got, self.bench.right)):
            try:
                edit = outcome_of(self.exercise, self.bench.seed, i, *mistakes)
            except ValueError:  # the two edits do not go together
                return False
            if mine.problem:  # it gives nothing here, so nothing that speaks against the edit
                continue
            if edit.problem:
                return False
            equal = self.bench.same(mine.values[output], edit.values[output])
            if not equal and not self.by_chance(i, output, *mistakes):
                return False
            told = told or not self.bench.same(mine.values[output], right.values[output])
        return told

    def by_chance(self, case: int, output: int, *mistakes: Mistake) -> bool:
        """Whether what came is within what these edits give when they are run again and again."""
        chance, mine = self.exercise.chance, self.got[case].values[output]
        if not chance or chance.draws == 1 or self.exercise.outputs[output] == "shape":
            return False
        draws = range(chance.draws)
        runs = [outcome_of(self.exercise, self.bench.seed, case, *mistakes, draw=draw).values[output] for draw in draws]
        if {run.shape for run in runs} != {mine.shape}:
            return False
        moved = np.isin(np.arange(len(mine)), chance.moved)
        low, high = np.min(runs, 0) - TOLERANCE, np.max(runs, 0) + TOLERANCE
        within = moved & (low <= mine) & (mine <= high)
        return any(self.bench.same(np.where(within, 0, mine), np.where(within, 0, run)) for run in runs)

    def alters(self, entry: Mistake, name: str) -> bool:
        """Whether an entry makes this output wrong."""
        i = self.exercise.outputs.index(name)
        for case, right in enumerate(self.bench.right):
            edit = outcome_of(self.exercise, self.bench.seed, case, entry)
            if edit.problem or not self.bench.same(edit.values[i], right.values[i]):
                return True
        return False

    def of_library(self) -> Verdict | None:
        """The entry that explains the first wrong output that any entry explains, and most of the others."""
        return self.first_of(self.exercise.mistakes)

    def of_rules(self) -> Verdict | None:
        """The same for mistakes made by rule, in lines of the solution or of one that is written in another way."""
        if self.exercise.chance:
            return None
        solution = self.exercise.solution
        return self.first_of(systematic(solution), True) or self.first_of(in_other_styles(solution), True)

    def entry_of(self, name: str) -> Mistake | None:
        """The first entry that gives an output."""
        i = self.exercise.outputs.index(name)
        return next((entry for entry in self.exercise.mistakes if self.reproduces(i, entry)), None)

    def first_of(self, entries: list[Mistake], alone: bool = False) -> Verdict | None:
        """The entry that explains most; with `alone` only one that leaves the right outputs as they are."""
        for name in self.seen:
            best: tuple[tuple[float, ...], Mistake, list[str]] | None = None
            for entry in entries:
                if not self.reproduces(self.exercise.outputs.index(name), entry):
                    continue
                explained = [o for o in self.wrong if self.reproduces(self.exercise.outputs.index(o), entry)]
                too_much = [o for o in self.exercise.outputs if o not in self.wrong and self.alters(entry, o)]
                if (alone and too_much) or any(re.search(rf"\b{o}\b", entry.says.partition("`")[0]) for o in too_much):
                    continue  # it speaks of an output that is right
                left = [o for o in self.seen if o not in explained and not self.is_misshapen(o)]
                too_much += [o for o in left if self.alters(entry, o)]  # into something else than came
                rank = (len(explained), -len(too_much), -self.distance(entry))
                if best is None or rank > best[0]:
                    best = rank, entry, explained
            if best:
                return self.named(best[1].name, best[2], best[1].says, _line_hints(best[1]))
        return None

    def distance(self, entry: Mistake) -> float:
        """How far from what an entry gives, where chance blurs it; else 0."""
        if not self.exercise.chance:
            return 0.0
        pairs = zip(self.got, self.bench.outcomes(entry))
        return float(max(np.nan_to_num(abs(mine.values[-1] - e.values[-1])).max(initial=0) for mine, e in pairs))

    def of_order(self) -> Verdict | None:
        """The right outputs in another order."""
        count = len(self.exercise.outputs)
        for order in list(itertools.permutations(range(count)))[1:]:
            pairs = zip(self.got, self.bench.right)
            if all(
                not mine.problem and all(same(mine.values[i], right.values[k]) for i, k in enumerate(order))
                for mine, right in pairs
            ):
                names = ", ".join(self.exercise.outputs[k] for k in order)
                says = f"all numbers are right, but they are returned in the order {names}"
                return self.named("outputs-order", self.wrong, says, ())
        return None

    def of_arrays(self) -> Verdict | None:
        """What can be seen of the first output of which something can be seen."""
        for name in self.seen:
            seen = self.observed(name)
            if seen:
                return self.named(seen[0], [name], seen[1], ())
        return None

    def observed(self, name: str) -> tuple[str, str] | None:
        """What can be seen of an output, where more than half of the cases give one."""
        i = self.exercise.outputs.index(name)
        rows = enumerate(zip(self.got, self.bench.right))
        pairs = [(m.values[i], right.values[i], self.shown(k)) for k, (m, right) in rows if not m.problem]
        return None if self.exercise.chance or 2 * len(pairs) <= len(self.got) else observe(name, pairs)

    def of_exceptions(self) -> Verdict | None:
        """The entry that raises in the same cases, where all others are right."""
        if self.seen:
            return None
        for entry in self.exercise.mistakes:
            edits = self.bench.outcomes(entry)
            rights = zip(edits, self.bench.right)
            if [bool(edit.problem) for edit in edits] == self.raising and all(
                edit.problem or all(map(self.bench.same, edit.values, right.values)) for edit, right in rights
            ):
                says = f"{self.of_place().message}. That comes of this: {entry.says}"
                return _verdict(self.exercise, entry.name, says)
        return None

    def of_shapes(self) -> Verdict | None:
        """The entry of which these wrong shapes come, though the numbers are others."""
        for name in self.seen:
            entry = self.entry_of_shape(name)
            if entry:
                return self.named(entry.name, [name], f"its shape is the one that comes of this: {entry.says}", ())
        return None

    def entry_of_shape(self, name: str) -> Mistake | None:
        """The first entry that gives an output these wrong shapes."""
        if not self.is_misshapen(name) or not all(mine.values for mine in self.got):
            return None
        i = self.exercise.outputs.index(name)
        for entry in self.exercise.mistakes:
            pairs = zip(self.bench.outcomes(entry), self.got)
            if all(e.values and e.values[i].shape == mine.values[i].shape for e, mine in pairs):
                return entry
        return None

    def of_pairs(self) -> Verdict | None:
        """Two entries at once."""
        if self.exercise.chance:
            return None
        for name in self.seen:
            i = self.exercise.outputs.index(name)
            for one, two in self.pairs(name):
                if self.reproduces(i, one, two):
                    says = f"two mistakes at once: {one.says}; and: {two.says}"
                    return self.named(one.name, [name], says, _line_hints(one))
        return None

    def pairs(self, name: str) -> Iterator[tuple[Mistake, Mistake]]:
        """Pairs of entries that make this output wrong."""
        return itertools.combinations([entry for entry in self.exercise.mistakes if self.alters(entry, name)], 2)

    def named(self, mistake: str, explained: list[str], says: str, hints: tuple[str, ...]) -> Verdict:
        """The verdict for a mistake that is known, and a word about what it does not explain."""
        subject = " and ".join(explained) if self.exercise.chance is None else self.exercise.name
        message = f"{subject}: {says}"
        left = [o for o in self.seen if o not in explained]
        if any(self.raising):
            message += f". In other cases {self.first_raised().says}{self.when_it_raises()}"
        if left and self.exercise.chance is None:
            misshapen = next((o for o in left if self.is_misshapen(o)), None)
            other = misshapen or left[0]
            entry = self.entry_of_shape(other) if misshapen else self.entry_of(other)
            if misshapen:  # shapes first: without them numbers cannot be compared
                comes_of = f". That comes of this: {entry.says}" if entry and entry.says != says else ""
                message = f"{self.where(other)}{comes_of}. And {message}"
            else:
                says = entry.says if entry else (self.observed(other) or ("", ""))[1]
                message += f". There is more: {f'{other}: {says}' if says else self.where(other)}"
        if self.changed():
            message += f". Besides, it {self.changed()}"
        return Verdict(False, mistake, message, (f"Look here: {self.where(explained[0])}.", *hints))

    def is_misshapen(self, name: str) -> bool:
        """Whether an output has a wrong shape somewhere."""
        i = self.exercise.outputs.index(name)
        return any(m.values and m.values[i].shape != r.values[i].shape for m, r in zip(self.got, self.bench.right))

    def only_raises(self, name: str) -> bool:
        """Whether an output is right wherever there is one."""
        equal = self.equal(self.exercise.outputs.index(name))
        return all(fine or mine.problem for fine, mine in zip(equal, self.got))

    # -- where ------------------------------------------------------------------------------------------------------

    def of_place(self) -> Verdict:
        """No mistake is known that gives this: say where it is wrong, and stop."""
        if any(self.raising):
            raised = self.first_raised()
            message = f"{raised.says}, for {self.described(self.raising.index(True))}{self.when_it_raises()}"
            return _verdict(self.exercise, raised.problem, message)
        message = self.where(self.wrong[0])
        if self.changed():
            return _verdict(self.exercise, "changes-input", f"it {self.changed()}; {message}")
        return _verdict(self.exercise, None, message)

    def first_raised(self) -> Outcome:
        """The outcome of the first case in which it gives nothing."""
        return self.got[self.raising.index(True)]

    def when_it_raises(self) -> str:
        """Say in which cases that is."""
        return condition(self.bench.cases, [not raising for raising in self.raising], "It does so")

    def where(self, name: str) -> str:
        """Say which element of an output is wrong, in which case, and what it should be."""
        output = self.exercise.outputs.index(name)
        right = self.equal(output)
        shown = [i for i, (fine, mine) in enumerate(zip(right, self.got)) if not fine and not mine.problem]
        if not shown:
            return self.got[right.index(False)].says
        misshapen = [i for i in shown if self.got[i].values[output].shape != self.bench.right[i].values[output].shape]
        i = (misshapen or shown)[0]
        mine, wanted = self.got[i].values[output], self.bench.right[i].values[output]
        chance = self.exercise.chance
        place = chance.first_wrong(mine, wanted) if chance else first_wrong(name, mine, wanted)
        dtype = self.got[i].dtypes[output]
        place += f", in an array of {dtype}" if dtype != "float64" and name != "shape" else ""
        message = f"{place}, for {self.described(i)}{condition(self.bench.cases, right)}"
        pairs = [(self.got[k].values[output], self.bench.right[k].values[output]) for k in shown]
        return message if chance else message + (along(pairs) or pattern(pairs))

    def described(self, i: int) -> str:
        """The arguments of a case, as they were given."""
        return described(self.shown(i))

    def shown(self, i: int) -> Case:
        """The arguments of a case, laid out as they were given."""
        case = self.bench.cases[i]
        return self.exercise.course.shown(case) if self.exercise.course else case


def _line_hints(entry: Mistake) -> tuple[str, ...]:
    if entry.source:
        return ()
    wrong, right = (" ... ".join(edit[i].strip() or "(nothing)" for edit in entry.edits) for i in (1, 0))
    return f"It comes out as if there stood: {wrong}", f"In the right solution there stands: {right}"


def _verdict(exercise: Exercise, mistake: str | None, message: str) -> Verdict:
    return Verdict(False, mistake, message, exercise.hints)
