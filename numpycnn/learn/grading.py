"""Judge a function in a file: right or wrong, and which mistake it is.

The file is run as a program, with all that it does: judge only files that you would run. A file that is told to be
judged runs in this process and in a thread that is told to stop after a time.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import sys
import traceback
import types
from pathlib import Path
from typing import Any, Callable, Iterator

from ..files import open_file
from ..hints import did_you_mean
from ..terminal import show, show_folded
from . import course
from .exercises import EXERCISES
from .judge import TIME_LIMIT, Verdict, check
from .running import ending_the_process, within


NO_TEXT = "expected a text file in UTF-8, or one that says what it is in"


def load(path: str, name: str, time_limit: float = TIME_LIMIT) -> Callable[..., Any] | Verdict:
    """Run a file and return the function of this name in it, or a verdict that says why there is none."""
    module = types.ModuleType(Path(path).stem)
    module.__file__ = path
    namespace = vars(module)
    try:
        with open_file(path) as file:
            source = importlib.util.decode_source(file.read())
        with as_program(module):
            within(time_limit, lambda: exec(compile(source, path, "exec"), namespace))
    except UnicodeDecodeError:
        return Verdict(False, None, f"{path}: {NO_TEXT}")
    except SyntaxError as error:
        says = NO_TEXT if error.lineno is None else f"line {error.lineno}: Python cannot read it: {error.msg}"
        return Verdict(False, None, f"{path}: {says}")
    except OSError as error:
        return Verdict(False, None, f"{path}: {error.strerror}; write the blanks with python -m numpycnn.learn start")
    except BaseException as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        place = f" beyond line {lines[0]}" if lines else ""
        return Verdict(False, "raises", f"{path} does not run{place}: {type(error).__name__}: {error}")
    if not callable(namespace.get(name)):
        hint = did_you_mean(name, [key for key, value in namespace.items() if callable(value)])
        return Verdict(False, None, f"{path} defines no function {name}{hint}")
    return namespace[name]


@contextlib.contextmanager
def as_program(module: types.ModuleType) -> Iterator[None]:
    """Let a module be found while it runs, as dataclasses ask, and what lies in its folder, as for a program."""
    folder, before = str(Path(str(module.__file__)).resolve().parent), sys.modules.get(module.__name__)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        if before is None:
            sys.modules.pop(module.__name__, None)
        else:
            sys.modules[module.__name__] = before


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
    parser.add_argument("name", help="exercise, or function of CS231n's; all: all exercises")
    parser.add_argument("file", help="a Python file that defines it, or a folder of files NAME.py; it is run, "
                        "so judge only what you would run")
    parser.add_argument("--seed", type=int, default=0, help="draws the inputs (default: %(default)s)")
    parser.add_argument("--hints", type=int, default=0, metavar="N", help="show the first N hints (default: none)")
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT, metavar="S", help="in seconds (%(default)g)")
    parser.add_argument("--json", action="store_true", help="print the verdict, with all hints, as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the verdict; return 0 if the function passed, 1 if not, 2 for a name that is no exercise."""
    known = [*EXERCISES, *course.NAMES]
    if options.name not in (*known, "all"):
        hint = did_you_mean(options.name, known)
        show_folded(f"expected one of {', '.join(known)}, or all; got {options.name!r}{hint}")
        return 2
    if min(options.seed, options.hints) < 0 or not options.time_limit > 0:
        got = f"{options.seed}, {options.hints} and {options.time_limit:g}"
        show_folded(f"expected a seed and a number of hints from 0 on, and a time above 0, got {got}")
        return 2
    if options.name == "all" and not Path(options.file).exists():
        raise FileNotFoundError(f"{options.file}: no such folder; write the blanks with python -m numpycnn.learn start")
    names = list(EXERCISES) if options.name == "all" else [options.name]
    verdicts = {}
    with ending_the_process(), contextlib.redirect_stdout(sys.stderr if options.json else sys.stdout):
        for name in names:
            path = str(Path(options.file) / f"{name}.py") if Path(options.file).is_dir() else options.file
            verdicts[name] = grade(name, path, options.seed, options.time_limit)
            if not options.json:
                show_folded(text(name, verdicts[name], options.hints))
    if options.json:
        records = [{"name": name, **dataclasses.asdict(verdict)} for name, verdict in verdicts.items()]
        show(json.dumps(records if options.name == "all" else records[0], indent=2))
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
