"""Activations, element by element: ReLU both ways, and the slope of tanh (NumPy has tanh itself)."""

from __future__ import annotations

from numba import prange

from .jit import kernel


@kernel
def relu_forward(x, y):
    """y = max(x, 0), elementwise on (n,); NaN stays NaN."""
    zero = x.dtype.type(0)
    for i in prange(x.size):
        y[i] = zero if x[i] <= zero else x[i]


@kernel
def relu_backward(dy, y, dx):
    """dx = dy where y > 0, else 0, elementwise on (n,); y is the forward's output."""
    zero = y.dtype.type(0)
    for i in prange(y.size):
        dx[i] = zero if y[i] <= zero else dy[i]


@kernel
def tanh_backward(dy, y, dx):
    """dx = dy * (1 - y**2), elementwise on (n,); y is the forward's output."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])
