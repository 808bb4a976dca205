"""A library of known mistakes: each is an edit of a line of the right solution, so the difference is the mistake.

    Mistake("dw-overwritten", "dw += ", "dw = ", "each position overwrites the sum of those before")

The wrong function is the solution's source with the edit made. Two mistakes at once are two edits.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
from typing import Any, Callable

from . import solutions


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One known mistake.

    Attributes
    ----------
    name : str
        Its identifier, such as ``"dw-overwritten"``.
    edits : tuple of (str, str)
        Parts of the solution's source, and what stands there instead.
    says : str
        What is wrong, in one sentence that is true of every function with this mistake.
    source : str
        The whole wrong function, in place of edits.
    """

    name: str
    edits: tuple[tuple[str, str], ...]
    says: str
    source: str = ""


def mistake(name: str, *parts: str) -> Mistake:
    """Return a Mistake of ``name, right, wrong, right, wrong, ..., says``."""
    *edits, says = parts
    return Mistake(name, tuple(zip(edits[::2], edits[1::2], strict=True)), says)


@functools.cache
def source_of(solution: Callable) -> str:
    """The source of a solution without its docstring."""
    source = inspect.getsource(solution)
    function: Any = ast.parse(source).body[0]
    lines = source.splitlines(keepends=True)
    return "".join(lines[: function.body[0].lineno - 1] + lines[function.body[0].end_lineno :])


@functools.lru_cache(5_000)
def edited(solution: Callable, *mistakes: Mistake) -> Callable[..., Any]:
    """Return the solution with these mistakes.

    Raises
    ------
    ValueError
        A part to edit does not stand in the source exactly once, for instance since another mistake has replaced it.
    """
    source = mistakes[0].source if mistakes and mistakes[0].source else source_of(solution)
    for each in mistakes:
        for right, wrong in each.edits:
            if source.count(right) != 1:
                raise ValueError(f"{solution.__name__}, {each.name}: {right!r} stands {source.count(right)} times")
            source = source.replace(right, wrong)
    namespace = dict(vars(solutions))
    exec(compile(source, f"<{solution.__name__} with {', '.join(m.name for m in mistakes)}>", "exec"), namespace)
    return namespace[solution.__name__]
