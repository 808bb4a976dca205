"""What every chapter needs: lines of algebra that are asserted and counted, questions, and a short form for tests."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from numpycnn.terminal import width

TOLERANCE = 1e-12  # relative to the largest element
SHORT = os.environ.get("NUMPYCNN_COURSE") == "short"  # a few images in place of many, so that tests are soon done


@dataclass
class Equality:
    """A line of algebra whose two sides were equal."""

    formula: str  # which formula of the package it belongs to, such as "Dense.backward"; or a topic
    line: str
    difference: float
    of_package: bool  # whether one side is what the package computes


EQUALITIES: list[Equality] = []  # of all chapters that this process ran


class Derivation:
    """A formula, derived line by line; see ``derive``."""

    def __init__(self, formula: str) -> None:
        self.formula = formula

    def equal(self, line: str, left: Any, right: Any, of_package: bool = False) -> None:
        """Assert that both sides of a line are the same arrays, and print the line with the difference.

        The difference is the largest one between two elements, divided by the largest element.
        """
        left, right = np.asarray(left, float), np.asarray(right, float)
        if left.shape != right.shape or left.size == 0:
            raise AssertionError(f"{self.formula}: {line}: shapes {left.shape} and {right.shape}")
        if np.shares_memory(left, right):
            raise AssertionError(f"{self.formula}: {line}: both sides are the same memory, which proves nothing")
        scale = np.abs(right).max()
        difference = float(np.abs(left - right).max() / (scale or 1))
        if not difference < TOLERANCE:
            raise AssertionError(f"{self.formula}: {line}: the sides differ by {difference:.1e} of the largest element")
        EQUALITIES.append(Equality(self.formula, line, difference, of_package))
        show(f"{'numpycnn: ' if of_package else ''}{line}   [{difference:.0e}]")

    def package(self, line: str, ours: Any, package: Any) -> None:
        """Assert that the last line of a derivation is what the package computes."""
        self.equal(line, ours, package, of_package=True)


def derive(thing: Any) -> Derivation:
    """Begin the derivation of a formula: of a class or method of the package, or of a topic by name.

    The formula is printed as it stands in the docstring.
    """
    if isinstance(thing, str):
        print(f"\n-- {thing}")
        return Derivation(thing)
    formulas = formulas_in(inspect.getdoc(thing) or "")
    if not formulas:
        raise ValueError(f"{thing.__qualname__} has no formula in its docstring")
    print()
    show(f"-- {thing.__qualname__}: {' ; '.join(formulas)}")
    return Derivation(thing.__qualname__)


def formulas_in(docstring: str) -> list[str]:
    """Return the ``.. math::`` blocks of a docstring, each in one line."""
    blocks = re.findall(r"^( *)\.\. math:: (.*(?:\n\1 +.*)*)", docstring, re.M)
    return [" ".join(block.split()) for _, block in blocks]


def show(line: str) -> None:
    """Print a line, at a terminal broken between words."""
    print(textwrap.fill(line, width(100), subsequent_indent="   ") if sys.stdout.isatty() else line)


def question(text: str) -> None:
    """Ask something before the answer is printed; at a terminal wait for Enter."""
    print("\n" + textwrap.fill(f"? {text}", min(100, width(100)), subsequent_indent="  "))
    if sys.stdin.isatty() and sys.stdout.isatty() and not SHORT:
        with contextlib.suppress(EOFError):  # Ctrl-D goes on, too
            input("  (Enter: go on) ")


def slope(f: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    """Return df/dx, element by element, of a scalar function without kinks: Im f(x + ih) / h with h = 1e-30.

    Nothing is subtracted, so nothing cancels: it is exact but for rounding (Squire and Trapp, 1998).
    """
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1e-30j
        gradient[place] = np.imag(f(moved)) / 1e-30
    return gradient


def slope_of_pieces(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float = 2.0**-7) -> np.ndarray:
    """Return df/dx of a function that is linear but for kinks farther than `h` from x: (f(x + h) - f(x - h)) / 2h."""
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        gradient[place] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def report() -> None:
    """Print how many equalities the chapter asserted, and the largest difference."""
    worst = max(equality.difference for equality in EQUALITIES)
    print(f"\n{len(EQUALITIES)} equalities asserted, the largest difference {worst:.0e} of the largest element.")
