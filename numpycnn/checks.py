"""Every check of arguments and arrays. Wrong type: TypeError, wrong value: ValueError; expected, got, what to do."""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Shape = tuple[int, ...]
MAX_SIZE = 2**31 - 1  # of a length, in pixels or numbers: kernels count in 32-bit integers

MAX_FORWARD_BYTES = 2**33  # that a model may make of one input: a file of a few bytes can describe any size


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


def check_dtype(dtype: DTypeLike) -> np.dtype:
    """Return the dtype if it is float32 or float64.

    Raises
    ------
    TypeError
        It is another.
    """
    try:
        result = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if dtype is None or result not in (np.dtype("float32"), np.dtype("float64")):  # np.dtype(None) is float64
        raise TypeError(f'dtype: expected "float32" or "float64", got {dtype!r}')
    return result


def check_generator(rng: Any) -> np.random.Generator:
    """Return `rng` if it is a generator of random numbers; a seed is none."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, as np.random.default_rng(0) is, got {rng!r}")
    return rng


def check_memory(shape: Shape, dtype: np.dtype, what: str, owner: Any) -> None:
    """Raise where an array is larger than any memory, before NumPy or a kernel counts its bytes in 64 bits."""
    if math.prod(shape) * dtype.itemsize > sys.maxsize:
        raise ValueError(f"{owner!r}: expected {what} that fit into a memory, got shape {shape}")


def check_forward_bytes(count: int, owner: Any, makers: str = "this layer") -> None:
    """Raise where `makers` make more bytes of one input than any reasonable model."""
    if count > MAX_FORWARD_BYTES:
        limit, found = MAX_FORWARD_BYTES / 2**30, count / 2**30
        raise ValueError(
            f"{owner!r}: expected at most {limit:.0f} GiB that {makers} would make of one input, got {found:,.1f} GiB; "
            "use smaller inputs, fewer filters, strides or pooling"
        )


def check_shape(shape: Any, owner: Any, rank: int | None = None) -> Shape:
    """Return `shape` as a tuple of positive integers, of this rank if one is given."""
    try:
        if isinstance(shape, (str, bytes, dict, set)):  # of which the elements might be numbers, too
            raise TypeError
        result = tuple(int(n) for n in shape)
        whole = all(int(n) == n and not isinstance(n, bool) for n in shape)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{owner!r}: expected an input shape such as (28, 28, 1), got {shape!r}") from None
    if not whole or any(not 1 <= n <= MAX_SIZE for n in result):
        raise ValueError(f"{owner!r}: expected an input shape of positive integers up to {MAX_SIZE}, got {shape!r}")
    check_memory(result, np.dtype("float32"), "inputs", owner)
    if rank is not None and len(result) != rank:
        wanted = {1: "(features,)", 3: "(height, width, channels)"}[rank]
        hint = "; put Flatten() before it" if rank == 1 else "; grey images need a channel axis: x[..., None]"
        raise ValueError(f"{owner!r}: expected an input shape {wanted}, got {result}{hint}")
    return result


def check_numeric(x: Any, what: str, owner: Any = None) -> NDArray:
    """Return `x` as an array of real numbers.

    Raises
    ------
    TypeError
        It holds objects, text or complex numbers, or is masked: what lies below the mask would count.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{_label(owner, what)}: expected an array without a mask, got a masked one; use x.filled(...)")
    try:
        x = np.asarray(x)
    except ValueError as error:  # ragged lists
        found = f"{type(x).__name__} ({error})"
        raise TypeError(f"{_label(owner, what)}: expected an array of real numbers, got {found}") from None
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{_label(owner, what)}: expected an array of real numbers, got dtype {x.dtype}")
    return x


def check_rows(x: Any, shape: Shape, what: str, owner: Any = None) -> NDArray:
    """Return `x` of shape (N, *shape), N at least 1, as an array of real numbers.

    Raises
    ------
    ValueError, TypeError
        Another shape, no row, or no real numbers.
    """
    x = check_numeric(x, what, owner)
    if x.ndim != len(shape) + 1 or x.shape[1:] != shape:
        hint = "; add the batch axis: x[None]" if x.shape == shape else ""
        if x.shape[1:] + (1,) == shape:
            hint = "; add the channel axis: x[..., None]"
        expected = ", ".join(map(str, ("N", *shape)))
        raise ValueError(f"{_label(owner, what)}: expected shape ({expected}), got {x.shape}{hint}")
    if len(x) == 0:
        raise ValueError(f"{_label(owner, what)}: expected at least one row, got shape {x.shape}")
    return x


def check_batch(
    x: Any, shape: Shape, dtype: np.dtype, what: str, batch: int | None = None, owner: Any = None
) -> NDArray:
    """Return `x` of shape (N, *shape) as a C-contiguous, writeable array of this dtype.

    Raises
    ------
    ValueError, TypeError
        Another shape, an empty batch, another batch size than `batch`, or no real numbers.
    """
    if type(x) is np.ndarray and x.dtype == dtype and x.flags.carray and x.shape[1:] == shape:
        if len(x) == batch or (batch is None and len(x)):
            return x  # as layers give it to each other: no time for more
    x = check_rows(x, shape, what, owner)
    if batch is not None and len(x) != batch:
        raise ValueError(f"{_label(owner, what)}: expected the {batch} rows of the latest forward, got {len(x)}")
    if x.dtype == dtype and x.flags.carray:  # aligned, writeable, C-contiguous: as the kernels want it
        return x
    return np.require(x, dtype, ["C", "A", "W"])


def _label(owner: Any, what: str) -> str:
    """Name the array in an error; only then, since a layer's repr takes longer than a small layer's forward."""
    return what if owner is None else f"{owner!r}: {what}"
