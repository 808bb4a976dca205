"""Dropout's random numbers: Philox, a function of a counter and a key, so that threads can draw them in any order.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), the variant Philox4x32-10.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel

LANES = 16  # counters side by side: the compiler makes vectors of them
CHUNK = 4 * LANES  # elements that they serve: a counter gives four words
TASK = 64  # chunks that a thread does in a row
_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@device
def philox(c0, c1, c2, c3, k0, k1):
    """Return four random words of 32 bits for a counter of four such words and a key of two; all are uint64."""
    for _ in range(10):
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (product1 >> _HALF) ^ c1 ^ k0, product1 & _LOW, (product0 >> _HALF) ^ c3 ^ k1, product0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


@device
def _lane_words(counter, key):
    """Return the words for a counter and a key of 64 bits each."""
    zero = np.uint64(0)
    return philox(counter & _LOW, counter >> _HALF, zero, zero, key & _LOW, key >> _HALF)


@kernel
def dropout(x, key, counter, threshold, scale, y):
    """y = x * scale, or x * 0 where the element's random word is below the threshold: x, y (n,).

    Element 64 * b + 16 * w + l has word w of the counter ``counter + 16 * b + l``; counters and key are uint64. The
    same call is its own backward, with dy for x.
    """
    scale, zero = x.dtype.type(scale), x.dtype.type(0)
    threshold, lanes = np.uint64(threshold), np.uint64(LANES)
    chunks = x.size // CHUNK
    for task in prange((chunks + TASK - 1) // TASK):
        for chunk in range(task * TASK, min(task * TASK + TASK, chunks)):
            first_counter, first = counter + np.uint64(chunk) * lanes, np.uint64(chunk * CHUNK)
            for lane in range(LANES):
                place = first + np.uint64(lane)
                words = _lane_words(first_counter + np.uint64(lane), key)
                for w in range(4):
                    i = place + np.uint64(w) * lanes
                    y[i] = x[i] * (scale if words[w] >= threshold else zero)
    for lane in range(LANES if x.size % CHUNK else 0):
        words = _lane_words(counter + np.uint64(chunks) * lanes + np.uint64(lane), key)
        for w in range(4):
            i = chunks * CHUNK + w * LANES + lane
            if i < x.size:
                y[i] = x[i] * (scale if words[w] >= threshold else zero)
