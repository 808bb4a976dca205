"""Judge a function in a file: right or wrong, and which mistake it is.

The file is run as a program, with all that it does: judge only files that you would run. A file that is told to be
judged runs in this process and in a thread that is told to stop after a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any, Callable

from ..hints import did_you_mean
from ..terminal import show
from . import course
from .exercises import EXERCISES
from .judge import TIME_LIMIT, Verdict, check
from .running import within


def load(path: str, name: str, time_limit: float = TIME_LIMIT) -> Callable[..., Any] | Verdict:
    """Run a file and return the function of this name in it, or a verdict that says why there is none."""
    namespace: dict[str, Any] = {"__name__": Path(path).stem, "__file__": path}
    try:
        source = Path(path).read_text(encoding="utf-8")
        within(time_limit, lambda: exec(compile(source, path, "exec"), namespace))
    except SyntaxError as error:
        return Verdict(False, None, f"{path}, line {error.lineno}: Python cannot read it: {error.msg}")
    except UnicodeDecodeError:
        return Verdict(False, None, f"{path}: expected a text file in UTF-8")
    except OSError as error:
        return Verdict(False, None, f"{path}: {error.strerror}; write the blanks with python -m numpycnn.learn start")
    except BaseException as error:
        return Verdict(False, "raises", f"{path} does not run: {type(error).__name__}: {error}")
    if not callable(namespace.get(name)):
        hint = did_you_mean(name, [key for key, value in namespace.items() if callable(value)])
        return Verdict(False, None, f"{path} defines no function {name}{hint}")
    return namespace[name]


def grade(name: str, path: str, seed: int = 0, time_limit: float = TIME_LIMIT) -> Verdict:
    """Judge the function `name` of a file; a name of CS231n's is judged by its conventions."""
    function = load(path, name, time_limit)
    if isinstance(function, Verdict):
        return function
    if name in EXERCISES:
        return check(name, function, seed=seed, time_limit=time_limit)
    needed = course.NEEDS_FORWARD.get(name)
    forward = load(path, needed, time_limit) if needed else None
    if isinstance(forward, Verdict):
        return forward
    return course.check_231n(name, function, forward, seed=seed, time_limit=time_limit)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="exercise, or function of CS231n's; all: all exercises, FILE being their folder")
    parser.add_argument("file", help="a Python file that defines it; it is run, so judge only what you would run")
    parser.add_argument("--seed", type=int, default=0, help="draws the inputs (default: %(default)s)")
    parser.add_argument("--hints", type=int, default=0, metavar="N", help="show the first N hints (default: none)")
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT, metavar="S", help="in seconds (%(default)g)")
    parser.add_argument("--json", action="store_true", help="print the verdict, with all hints, as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the verdict; return 0 if the function passed, 1 if not, 2 for a name that is no exercise."""
    known = [*EXERCISES, *course.NAMES]
    if options.name not in (*known, "all") or options.seed < 0 or not options.time_limit > 0:
        show(f"expected one of {', '.join(known)}, or all, a seed from 0 and a time above 0; got {options.name!r}, "
             f"{options.seed}, {options.time_limit:g}{did_you_mean(options.name, known)}")
        return 2
    names = list(EXERCISES) if options.name == "all" else [options.name]
    verdicts = {}
    for name in names:
        path = str(Path(options.file) / f"{name}.py") if options.name == "all" else options.file
        verdicts[name] = grade(name, path, options.seed, options.time_limit)
    if options.json:
        records = [{"name": name, **dataclasses.asdict(verdict)} for name, verdict in verdicts.items()]
        show(json.dumps(records if options.name == "all" else records[0], indent=2))
    else:
        for name, verdict in verdicts.items():
            show(text(name, verdict, options.hints))
    return 0 if all(verdict.passed for verdict in verdicts.values()) else 1


def text(name: str, verdict: Verdict, hints: int) -> str:
    """Return a verdict as lines, with so many hints, and how to get the next one."""
    if verdict.passed:
        return verdict.message
    lines = [f"{name} is not right yet. {verdict.message}"]
    lines += [f"Hint {i + 1}: {hint}" for i, hint in enumerate(verdict.hints[:hints])]
    if hints < len(verdict.hints):
        lines.append(f"({len(verdict.hints)} hints; the next one: --hints {hints + 1})")
    return "\n".join(lines)
