"""List the exercises, and CS231n's functions that can be judged."""

from __future__ import annotations

import argparse
import json

from ..terminal import show, show_folded
from . import course
from .exercises import EXERCISES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the lists."""
    if options.json:
        exercises = [
            {"name": e.name, "signature": e.signature, "mistakes": len(e.mistakes)} for e in EXERCISES.values()
        ]
        show(json.dumps({"exercises": exercises, "cs231n": list(course.NAMES)}, indent=2))
    else:
        show_folded(overview())
    return 0


def overview() -> str:
    """Return the lists as text."""
    lines = ["Exercises (a plain function of NumPy arrays each; the judge knows so many mistakes in it):", ""]
    lines += [f"  {e.signature} -> {', '.join(e.returns)}   [{len(e.mistakes)}]" for e in EXERCISES.values()]
    lines += ["", "CS231n's functions, with its conventions (NCHW, cache, conv_param):", ""]
    lines += [f"  {name}" for name in course.NAMES]
    return "\n".join(lines)
