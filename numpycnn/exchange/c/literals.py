"""Numbers, arrays and texts as C writes them."""

from __future__ import annotations

import re
import textwrap
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

WIDTH = 112  # of a line of numbers


def number(value: float) -> str:
    """Return a float constant with as few digits as it takes to come back as the same float32."""
    return f"{np.float32(value)!s}f"


def array(values: NDArray) -> str:
    """Return an initialiser with braces around each row: {{1.0f, 2.0f}, {3.0f, 4.0f}}."""
    values = values.astype(np.float32)
    if values.ndim > 1:
        return "{" + ",\n".join(array(row) for row in values) + "}"
    return "{" + textwrap.fill(", ".join(f"{value!s}f" for value in values), WIDTH, break_on_hyphens=False) + "}"


def text(words: str) -> str:
    r"""Return a string constant, in UTF-8 whatever the compiler thinks of its source.

    All but plain letters and signs becomes an octal escape, which ends after three digits (one with \x would go on as
    long as digits follow). So does the question mark: ``??/`` is a backslash to a compiler that follows the standard.
    """
    plain = set(range(32, 127)) - set(b'"\\?')
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in words.encode()) + '"'


def identifier(words: str) -> str:
    """Return a name for C that looks like the given one: "my-model" becomes my_model."""
    name = re.sub(r"\W", "_", words, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


def dimensions(shape: Sequence[int]) -> str:
    """Return the brackets of an array: [28][28][1]."""
    return "".join(f"[{size}]" for size in shape or (1,))
