"""Checks and rules that the layers' arguments share: counts, pairs, padding."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np

MAX_SIZE = 2**31 - 1  # of a length, in pixels or numbers: kernels count in 32-bit integers


def check_count(value: Any, name: str, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `value` as an int of at least `minimum`, and at most `maximum` if that is given."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer of at least {minimum}, got {value!r}")
    count = int(value)
    if count < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {count}")
    if maximum is not None and count > maximum:
        raise ValueError(f"{name}: expected an integer of at most {maximum}, got {count}")
    return count


def check_pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]:
    """Return (vertical, horizontal) from one integer or a pair."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name}: expected an integer or a pair (vertical, horizontal), got {value!r}")
        return check_count(value[0], name, minimum, MAX_SIZE), check_count(value[1], name, minimum, MAX_SIZE)
    count = check_count(value, name, minimum, MAX_SIZE)
    return count, count


def check_flag(value: Any, name: str) -> bool:
    """Return `value` as a bool; ``"no"`` and ``[False]`` are none, though Python takes them for true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def check_list(value: Any, name: str, expected: str) -> list:
    """Return the elements of a list or another iterable; text is none."""
    try:
        if not isinstance(value, (str, bytes)):
            return list(value)
    except TypeError:
        pass
    raise TypeError(f"{name}: expected {expected}, got {value!r}")


def check_text(value: Any, name: str) -> str:
    """Return `value` if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, got {value!r}")
    return value


def check_function(value: Any, name: str, signature: str) -> Any:
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function {signature}, got {value!r}")
    return value


def check_padding(value: Any, name: str = "padding") -> str | tuple[int, int]:
    """Return "valid", "same" or a pair of zero-rows and zero-columns."""
    if isinstance(value, str):
        if value not in ("valid", "same"):
            raise ValueError(f'{name}: expected "valid", "same", an integer or a pair, got {value!r}')
        return value
    return check_pair(value, name, minimum=0)


def check_fraction(value: Any, name: str, *, one_allowed: bool = False) -> float:
    """Return `value` as a float in [0, 1), or [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not (0 <= value < 1 or (one_allowed and value == 1)):
        raise ValueError(f"{name}: expected a number in [0, 1{']' if one_allowed else ')'}, got {value}")
    return float(value)


def check_positive(value: Any, name: str, *, zero_allowed: bool = False) -> float:
    """Return `value` as a finite float above zero, or from zero on."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not (0 < value <= sys.float_info.max or (zero_allowed and value == 0)):
        bound = "of at least" if zero_allowed else "above"
        raise ValueError(f"{name}: expected a finite number {bound} 0, got {value}")
    return float(value)


def output_size(size: int, window: int, stride: int, padding: str | int) -> tuple[int, int]:
    """Number of windows along one axis, and the zeros before the first pixel.

    ``"same"`` gives ``ceil(size / stride)`` windows and puts the odd zero after the last pixel, as TensorFlow does.
    The number is below 1 where the window does not fit.
    """
    if padding == "same":
        count = -(-size // stride)
        zeros = max((count - 1) * stride + window - size, 0)
        return count, zeros // 2
    before = 0 if padding == "valid" else int(padding)
    return (size + 2 * before - window) // stride + 1, before


def output_geometry(
    shape: tuple[int, ...], window: tuple[int, int], strides: tuple[int, int], padding: Any, owner: Any
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((OH, OW), (top, left)) for images of shape (H, W, C); raise where the window does not fit."""
    pads = (padding, padding) if isinstance(padding, str) else padding
    (out_h, top), (out_w, left) = (output_size(shape[i], window[i], strides[i], pads[i]) for i in range(2))
    if out_h < 1 or out_w < 1:
        raise ValueError(
            f"{owner!r}: a window of {window[0]}x{window[1]} does not fit images of {shape[0]}x{shape[1]} with "
            f'padding {padding!r}; use padding="same", a smaller window or larger images'
        )
    return (out_h, out_w), (top, left)
