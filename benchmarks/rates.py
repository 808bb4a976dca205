"""How fast this machine multiplies matrices and copies memory, in float32: what timings are held against."""

from __future__ import annotations

import threading
import time
from typing import Callable

import numpy as np

# (rows, inner, columns): two square ones, and patches times filters of the reference CNN's second convolution.
PRODUCTS = [(1024, 1024, 1024), (1536, 1536, 1536), (7744, 288, 64)]
COPY_BYTES = 4 * 2**20  # a thread: about what a layer of the reference CNN writes at batch 64
SECONDS = 0.1  # for each product and each copy; the best call counts

Prepare = Callable[[np.ndarray, np.ndarray], Callable[[], object]]


def with_numpy(x: np.ndarray, w: np.ndarray) -> Callable[[], object]:
    y = np.empty((len(x), w.shape[1]), x.dtype)
    return lambda: np.matmul(x, w, out=y)


def with_numpycnn(x: np.ndarray, w: np.ndarray) -> Callable[[], object]:
    from numpycnn.kernels import ops

    y, bias = np.empty((len(x), w.shape[1]), x.dtype), np.zeros(w.shape[1], w.dtype)
    return lambda: ops.affine(x, w, bias, False, y)


def with_pytorch(x: np.ndarray, w: np.ndarray) -> Callable[[], object]:
    import torch

    x_tensor, w_tensor = torch.from_numpy(x), torch.from_numpy(w)
    y = torch.empty(len(x), w.shape[1])
    return lambda: torch.mm(x_tensor, w_tensor, out=y)


LIBRARIES: dict[str, Prepare] = {"NumPy": with_numpy, "numpycnn": with_numpycnn, "PyTorch": with_pytorch}


def matmul_rate(library: str) -> float:
    """Return the best rate in GFLOP/s over the products, with the threads that the library has been given."""
    rng = np.random.default_rng(0)
    rates = []
    for rows, inner, columns in PRODUCTS:
        x, w = rng.random((rows, inner), np.float32), rng.random((inner, columns), np.float32)
        rates.append(2e-9 * rows * inner * columns / best_seconds(LIBRARIES[library](x, w)))
    return max(rates)


def copy_rate(threads: int) -> float:
    """Return the best rate, in GB/s read and written, at which the threads together copy memory."""
    sources = [np.ones(COPY_BYTES, np.uint8) for _ in range(threads)]
    targets = [np.empty_like(source) for source in sources]
    best = [0.0] * threads

    def copy(thread: int) -> None:
        best[thread] = best_seconds(lambda: np.copyto(targets[thread], sources[thread]))

    running = [threading.Thread(target=copy, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(2e-9 * COPY_BYTES / seconds for seconds in best)


def best_seconds(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest call after the first, of as many as the time allows."""
    call()
    seconds: list[float] = []
    while sum(seconds) < SECONDS:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
