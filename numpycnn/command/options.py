"""Options that several subcommands read, and how they say what is wrong with one."""

from __future__ import annotations

import argparse
from typing import Callable


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
