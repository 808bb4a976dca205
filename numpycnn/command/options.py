"""Options that several subcommands read, and how they say what is wrong with one."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, Callable

from ..files import printable

MODEL = Path("runs/mnist/model.npz")  # what `numpycnn train` writes


def add_model(parser: argparse.ArgumentParser, name: str = "model", usual: str = "", **more: Any) -> None:
    """Add the file of the model, which need not be named if there is a usual one."""
    parser.add_argument(name, type=existing_model, metavar="MODEL", default=usual or None,
                        help=f"a .npz, .keras, .h5 or .onnx file{f' ({usual})' * bool(usual)}", **more)


def named(text: str) -> Path:
    """Read the name of a file or folder; an empty one would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a name, got an empty one")
    return Path(text)


def existing_model(text: str) -> Path:
    """Read the name of a model file that there is."""
    if not named(text).exists():
        raise argparse.ArgumentTypeError(f"there is no {text}; train one with `numpycnn train`, or name another")
    return Path(text)


def said(error: object) -> str:
    """Return what an error says, fit for a terminal: of a file its name and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror:
        of = "" if error.filename is None else f"{printable(error.filename)}: "
        error = of + error.strerror
    return "\n".join(map(printable, str(error).splitlines()))


def check_own(path: Path, start: bytes, mark: bytes) -> None:
    """Raise FileExistsError unless a file starts with what numpycnn's own have: somebody else wrote it."""
    if mark not in start:
        raise FileExistsError(f"{printable(path)}: there is a file of this name that numpycnn did not write, it would "
                              "be replaced; name another one with --output")


def in_a_shell(path: Path) -> str:
    """Return a name as it is written in a command that a message proposes."""
    return printable(shlex.quote(str(path)))


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text}")
    return number


def checked(check: Callable[..., float], name: str) -> Callable[[str], float]:
    """Return a reader of a number that says what is wrong with it."""

    def read(text: str) -> float:
        try:
            return check(float(text), name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
