"""Write the exercises as blanks, a file each, into a folder.

Each file holds the signature and the conventions of one function. A file that is there already is left alone.
"""

from __future__ import annotations

import argparse
import inspect
import os
from pathlib import Path

from ..terminal import show
from .exercises import EXERCISES, Exercise

HEAD = '''"""Exercise {name}. Write the function, then ask:  python -m numpycnn.learn check {name} {name}.py"""

import numpy as np


'''


def blank(exercise: Exercise) -> str:
    """Return the text of a blank: the solution's signature and docstring, and nothing of its code."""
    document = inspect.getdoc(exercise.solution) or ""
    lines = [f"    {line}".rstrip() for line in f'"""{document}\n"""'.splitlines()]
    return HEAD.format(name=exercise.name) + f"def {exercise.signature}:\n" + "\n".join(lines) + "\n    return None\n"


def start(folder: str | os.PathLike[str]) -> list[Path]:
    """Write the blanks that are not there yet.

    Parameters
    ----------
    folder : path
        Made if it does not exist.

    Returns
    -------
    list of Path
        The files that were written.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for exercise in EXERCISES.values():
        path = place / f"{exercise.name}.py"
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(blank(exercise))
        except FileExistsError:
            continue
        written.append(path)
    return written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", help="where to write them; made if it is not there")


def run(options: argparse.Namespace) -> int:
    """Write the blanks and say which; 0, or 2 if the folder cannot be written."""
    try:
        written = start(options.folder)
    except OSError as error:
        show(f"{options.folder}: {error.strerror or error}; name a folder that can be written")
        return 2
    left = len(EXERCISES) - len(written)
    for path in written:
        show(str(path))
    show(f"{len(written)} blanks written" + (f", {left} files left as they were" if left else ""))
    return 0
