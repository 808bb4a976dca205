"""Memory on cache lines, for what is given to kernels. Inside them it is `simd.empty` and `simd.zeroed`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CACHE_LINE = 64  # bytes


def empty_aligned(size: int, dtype: Any) -> NDArray:
    """Return an uninitialised vector that starts on a cache line: a vector loaded from it touches one line, not two."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE // itemsize, dtype)
    skip = -raw.ctypes.data % CACHE_LINE // itemsize
    return raw[skip : skip + size]
