"""Printing that never fails, whatever standard output is: a terminal, a notebook, a pipe, a file, or nothing."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import warnings
from typing import Any

DEFAULT_WIDTH = 80  # columns, where the output is no terminal
KEPT = "\N{NO-BREAK SPACE}"  # in place of a blank at which no line may end

# What stands for lines and dots where an encoding, such as cp1252 or ASCII, lacks them.
ASCII = str.maketrans({
    **dict.fromkeys("─╌", "-"), **dict.fromkeys("━═", "="), **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╇╈┡┩╪╞╡", "+"), "…": "...", "×": "x",
})  # fmt: skip


class Stdout:
    """Standard output that takes any text: what its encoding lacks becomes ASCII, and where there is none, nothing.

    Parameters
    ----------
    file : text file, optional
        Default: ``sys.stdout``. It needs no method but ``write``.
    """

    def __init__(self, file: Any = None) -> None:
        file = sys.stdout if file is None else file  # None, too, in a program without a console
        self._file = None if getattr(file, "closed", False) else file
        self.encoding = getattr(file, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self._file is not None:
            self._file.write(encodable(text, self.encoding))
        return len(text)

    def flush(self) -> None:
        getattr(self._file, "flush", lambda: None)()

    def isatty(self) -> bool:
        return bool(getattr(self._file, "isatty", lambda: False)())


def show(text: str) -> None:
    """Print a text and a line end, at once."""
    print(text, file=Stdout(), flush=True)  # type: ignore[call-overload]


def stop_writing() -> None:
    """Let the rest go nowhere: whoever read standard output has seen enough, as ``head`` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the program that called the package, however deep within it this is found out."""
    depth, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("numpycnn."):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, category, stacklevel=depth)


def encodable(text: str, encoding: str) -> str:
    """Return the text if this encoding has all of it, else with lines in ASCII and other characters as escapes."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def width(elsewhere: int = DEFAULT_WIDTH) -> int:
    """Return the number of columns of the terminal, or a width for elsewhere."""
    return shutil.get_terminal_size((elsewhere, 24)).columns if Stdout().isatty() else elsewhere


def folded(text: str) -> str:
    """Break lines that are longer than the terminal is wide, or a usual one, between words; an indent goes on."""
    indents = re.findall(r"^ *", text, re.MULTILINE)
    return "\n".join(
        textwrap.fill(line, width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for line, indent in zip(text.split("\n"), indents)
    ).replace(KEPT, " ")


def show_folded(text: str) -> None:
    """Print a text, folded at a terminal; in a file or a pipe a program may look for whole lines."""
    show(folded(text) if Stdout().isatty() else text.replace(KEPT, " "))


def wrap_arguments(text: str, columns: int) -> list[str]:
    """Break the text of a layer into lines of so many columns: between its arguments, not within one."""
    kept = re.sub(r"(?<!\w)\([^()]*\)", lambda pair: pair[0].replace(" ", KEPT), text)  # (3, 3) stays whole
    lines = textwrap.wrap(kept, max(columns, 3), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [line.replace(KEPT, " ") for line in lines]


def in_notebook() -> bool:
    """Whether the output goes to a cell of a notebook."""
    return type(sys.stdout).__module__.startswith("ipykernel.")
