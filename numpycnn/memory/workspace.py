"""Arrays that a layer needs at every step: new each time, or the same memory again where no caller can see it.

Allocating megabytes at every step costs more than the arithmetic on them, so a model lets its layers keep theirs. A
layer used alone hands its arrays to the caller, and therefore makes new ones.
"""

from __future__ import annotations

import math
import threading
from typing import Any

from numpy.typing import NDArray

from ..kernels.aligned import empty_aligned

MAX_FORWARD_BYTES = 2**33  # that a model may make of one input: a file of a few bytes can describe any size


class Workspace(threading.local):
    """Gives uninitialised arrays by name; every Python thread has its own.

    Parameters
    ----------
    reuse : bool
        Keep one buffer for each name, as large as the largest request so far, and return its beginning at each request.
    """

    def __init__(self, reuse: bool = False) -> None:
        self.reuse = reuse
        self._buffers: dict[str, NDArray] = {}
        self._latest: dict[str, NDArray] = {}  # what was returned last; most requests are for the same shape again

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray:
        """Return an array of this shape whose content is undefined."""
        latest = self._latest.get(name)
        if latest is not None and latest.shape == shape and latest.dtype == dtype:
            return latest
        if not self.reuse:
            return empty_aligned(math.prod(shape), dtype).reshape(shape)
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = self._buffers[name] = empty_aligned(size, dtype)
        array = self._latest[name] = buffer[:size].reshape(shape)
        return array

    def __reduce__(self) -> tuple:
        return Workspace, (self.reuse,)  # copies and pickles start empty


def check_forward_bytes(count: int, owner: Any, makers: str = "this layer") -> None:
    """Raise where `makers` make more bytes of one input than any reasonable model."""
    if count > MAX_FORWARD_BYTES:
        limit, found = MAX_FORWARD_BYTES / 2**30, count / 2**30
        raise ValueError(
            f"{owner!r}: expected at most {limit:.0f} GiB that {makers} would make of one input, got {found:,.1f} GiB; "
            "use smaller inputs, fewer filters, strides or pooling"
        )
