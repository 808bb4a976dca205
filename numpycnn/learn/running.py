"""Running a function that may do anything: raise, return nothing, change its inputs, never end."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import faulthandler
import inspect
import re
import sys
import threading
import traceback
import warnings
from typing import Any, Callable, Iterator, TypeVar

import numpy as np
from numpy.typing import NDArray

from .exercises import Case, Exercise

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one case gave.

    Attributes
    ----------
    values : tuple of ndarray
        What is compared; empty if there is a `problem`.
    problem : str
        Why there is nothing to compare: ``"raises"``, ``"blank"``, ``"outputs"``, ``"no-array"`` or empty.
    says : str
        The problem in words.
    changed : tuple of str
        The arguments that the function changed in place.
    dtypes : tuple of str
        Of what was returned.
    """

    values: tuple[NDArray, ...] = ()
    problem: str = ""
    says: str = ""
    changed: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()


NOT_OWN = re.compile(r"[/\\]site-packages[/\\]|<__array|\.pyx$")  # files of what a function calls; .pyx: compiled
PATIENCE = 2  # seconds over the limit that a call may take before the process ends
_ends_process = False


class TooSlow(Exception):
    """The function did not end in time."""


@contextlib.contextmanager
def ending_the_process() -> Iterator[None]:
    """Let a call that stops all threads end the process, with its traceback, if it takes longer than it may."""
    global _ends_process
    _ends_process = True
    try:
        yield
    finally:
        _ends_process = False


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """Return what the function returns, from a thread that is told to stop when the time is over.

    Code that runs in Python stops at once; a single call that does not return to Python goes on in the background until
    the process ends. If it does not even let other threads run, as ``sum(range(10**13))``, nothing can stop it but the
    end of the process: in a block of ``ending_the_process`` that is brought about, elsewhere it has to be waited for.

    Raises
    ------
    TooSlow
        It did not end in time.
    BaseException
        Whatever the function raises.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:  # SystemExit, too: a stranger's file may call exit()
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    told = sys.__stderr__ if _ends_process else None
    if told is not None:
        faulthandler.dump_traceback_later(seconds + PATIENCE, exit=True, file=told)
    thread.start()
    thread.join(seconds)
    if told is not None:  # else it might be somebody else's
        faulthandler.cancel_dump_traceback_later()
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TooSlow))
        raise TooSlow(f"it did not end within {seconds:g} seconds")
    if errors:
        raise errors[0]
    return results[0]


def run_cases(exercise: Exercise, function: Callable, cases: list[Case]) -> list[Outcome]:
    """Return the outcome of each case."""
    run = _call if exercise.chance is None else _observe
    before = np.random.get_state()  # a mistaken function may draw from it, and the caller's numbers are not its own
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return [run(exercise, function, case) for case in cases]
        finally:
            np.random.set_state(before)


def other_order(exercise: Exercise, function: Callable) -> str:
    """Say it if the function's arguments, by their names, stand in another order than it is called with."""
    ours = list(inspect.signature(exercise.solution).parameters)
    try:
        mine = list(inspect.signature(function).parameters)
    except (ValueError, TypeError):  # it is not written in Python
        return ""
    if mine == ours or sorted(mine) != sorted(ours):
        return ""
    return f"its arguments stand in the order {', '.join(mine)}; it is called with {', '.join(ours)}"


def run_own(exercise: Exercise, function: Callable, case: Case) -> Outcome:
    """Return what a function of ours gives, of which only exceptions have to be expected."""
    try:
        return _outcome(function(*case.values()), exercise.outputs)
    except Exception as error:
        return Outcome(problem="raises", says=str(error))


def _call(exercise: Exercise, function: Callable, case: Case, **others: Any) -> Outcome:
    """Call the function once, with copies of the case's arrays, and with others for some of its arguments."""
    given = {**{name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in case.items()}, **others}
    try:
        result = function(*given.values())
    except TooSlow:
        raise
    except BaseException as error:
        return _raised(error)
    changed = tuple(n for n, value in case.items() if n not in others and not np.array_equal(value, given[n]))
    return dataclasses.replace(_outcome(result, exercise.returns), changed=changed)


def _observe(exercise: Exercise, function: Callable, case: Case) -> Outcome:
    """Call a function that draws numbers four times; its values are the shape and the statistics."""
    results: list[NDArray] = []
    changed: tuple[str, ...] = ()
    for seed in (case["rng"], case["rng"], case["rng"] + 1, case["rng"] + 2):
        outcome = _call(exercise, function, case, rng=np.random.default_rng(seed))
        if outcome.problem:
            return outcome
        results.append(outcome.values[0])
        changed += outcome.changed
    shape = np.array(results[0].shape)
    chance: Any = exercise.chance
    wanted = case["x"].shape if "x" in case else case["shape"]
    statistics = chance.observe(results, case) if results[0].shape == wanted else np.zeros(0)
    return Outcome((shape, statistics), changed=changed, dtypes=("int64", *outcome.dtypes))


def _outcome(result: Any, outputs: tuple[str, ...]) -> Outcome:
    """Sort out what was returned."""
    wanted = " and ".join([", ".join(outputs[:-1]), outputs[-1]] if len(outputs) > 1 else outputs)
    if result is None or (isinstance(result, tuple) and all(part is None for part in result)):
        return Outcome(problem="blank", says=f"it returns None; expected {wanted}")
    parts = result if isinstance(result, (tuple, list)) and len(outputs) > 1 else [result]
    if isinstance(result, tuple) and len(outputs) == 1 and len(result) == 1:
        parts = result
    if len(outputs) != len(parts) or isinstance(parts[0], (tuple, dict)):
        got = f"{len(result)} values" if isinstance(result, (tuple, list)) else f"a single {type(result).__name__}"
        return Outcome(problem="outputs", says=f"it returns {got}; expected {wanted}")
    arrays: list[NDArray | None] = []
    for name, part in zip(outputs, parts):
        try:
            arrays.append(None if part is None else np.array(part))
        except (ValueError, TypeError, MemoryError) as error:  # rows of different lengths; more than there is room for
            return Outcome(problem="no-array", says=f"{name} is no array of numbers: {error}")
    for name, array in zip(outputs, arrays):
        if array is None or array.dtype.kind not in "fiubc":
            got = "None" if array is None else f"an array of {array.dtype}"
            return Outcome(problem="no-array", says=f"{name} is {got}; expected numbers")
    found: Any = arrays
    return Outcome(tuple(found), dtypes=tuple(str(array.dtype) for array in found))


def _raised(error: BaseException) -> Outcome:
    """An outcome that says what was raised, and in which line."""
    if isinstance(error, NotImplementedError):
        return Outcome(problem="blank", says="it raises NotImplementedError: not written yet")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename != __file__ and not NOT_OWN.search(f.filename)]
    place = f" in line {own[-1].lineno} of {own[-1].name}" if own else ""
    line = f" ({own[-1].line})" if own and own[-1].line else ""
    return Outcome(problem="raises", says=f"it raises {type(error).__name__}{place}{line}: {error}")
