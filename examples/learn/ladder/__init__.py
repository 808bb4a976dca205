"""The ladder: one convolution, from Python loops to the package's fused block, a file a rung.

Every rung has two functions, with the conventions of the exercises (NHWC, filters (kh, kw, C, F)):
``forward(x, w, b, stride, padding) -> y`` and ``backward(dy, x, w, stride, padding) -> dx, dw, db``.
"""

from . import fused, im2col, numba_loops, numba_ordered, numpy_windows, python_loops, register_tile, winograd

RUNGS = {
    "Python loops": python_loops,
    "the same loops in Numba": numba_loops,
    "loops reordered, parallel": numba_ordered,
    "NumPy, window by window": numpy_windows,
    "im2col, one matrix product": im2col,
    "sums in registers": register_tile,
    "Winograd F(2, 3) by hand": winograd,
    "the package's fused block": fused,
}
