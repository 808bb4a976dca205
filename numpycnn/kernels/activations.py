"""Activations, element by element, and their gradients: the curves themselves are in ``curves.py``.

A curve f bends back from y where that is simple, since y is there anyway; SiLU's and GELU's from x. Both are x times
the area below a bell, up to x: with t = abs(x) and the tail beyond t, f(x) = max(x, 0) - t * tail loses no digits.
"""

from __future__ import annotations

from numba import prange

from .curves import approximate_normal_tail, expm1, logistic_tail, normal_tail, sigmoid, tanh
from .jit import device, kernel


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
def leaky_relu_forward(x, slope, y):
    """y = x where x > 0, else slope * x, elementwise on (n,)."""
    zero, slope = x.dtype.type(0), x.dtype.type(slope)
    for i in prange(x.size):
        y[i] = x[i] if x[i] > zero else slope * x[i]


@kernel
def leaky_relu_backward(dy, y, slope, dx):
    """dx = dy where y > 0, else slope * dy, elementwise on (n,); y is the forward's output."""
    zero, slope = y.dtype.type(0), y.dtype.type(slope)
    for i in prange(y.size):
        dx[i] = dy[i] if y[i] > zero else slope * dy[i]


@kernel
def elu_forward(x, alpha, y):
    """y = x where x > 0, else alpha * (exp(x) - 1), elementwise on (n,)."""
    zero, alpha = x.dtype.type(0), x.dtype.type(alpha)
    for i in prange(x.size):
        below = alpha * expm1(x[i] if x[i] <= zero else zero)
        y[i] = below if x[i] <= zero else x[i]


@kernel
def elu_backward(dy, y, alpha, dx):
    """dx = dy where y > 0, else dy * (y + alpha), elementwise on (n,); y is the forward's output."""
    zero, alpha = y.dtype.type(0), y.dtype.type(alpha)
    for i in prange(y.size):
        dx[i] = dy[i] if y[i] > zero else dy[i] * (y[i] + alpha)


@kernel
def sigmoid_forward(x, y):
    """y = 1 / (1 + exp(-x)), elementwise on (n,)."""
    for i in prange(x.size):
        y[i] = sigmoid(x[i])


@kernel
def sigmoid_backward(dy, y, dx):
    """dx = dy * y * (1 - y), elementwise on (n,); y is the forward's output."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])


@kernel
def tanh_forward(x, y):
    """y = tanh(x), elementwise on (n,)."""
    for i in prange(x.size):
        y[i] = tanh(x[i])


@kernel
def tanh_backward(dy, y, dx):
    """dx = dy * (1 - y**2), elementwise on (n,); y is the forward's output."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


@device
def _positive(x):
    """max(x, 0); NaN becomes 0, since the tail is NaN there."""
    return x if x > type(x)(0) else type(x)(0)


@device
def _slope(x, tail, t_height):
    """Slope at x of x times the area: the area, and x times the bell's height."""
    below_0 = tail - t_height
    return type(tail)(1) - below_0 if x > type(x)(0) else below_0


@kernel
def silu_forward(x, y):
    """y = x * sigmoid(x), elementwise on (n,)."""
    for i in prange(x.size):
        y[i] = _positive(x[i]) - logistic_tail(abs(x[i]))[0]


@kernel
def silu_backward(dy, x, dx):
    """dx = dy * (s + x * s * (1 - s)), s = sigmoid(x), elementwise on (n,)."""
    for i in prange(x.size):
        _, tail, t_height = logistic_tail(abs(x[i]))
        dx[i] = dy[i] * _slope(x[i], tail, t_height)


@kernel
def gelu_forward(x, y):
    """y = x * P(normal <= x), elementwise on (n,)."""
    for i in prange(x.size):
        y[i] = _positive(x[i]) - normal_tail(abs(x[i]))[0]


@kernel
def gelu_backward(dy, x, dx):
    """dx = dy * (P(normal <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi)), elementwise on (n,)."""
    for i in prange(x.size):
        _, tail, t_height = normal_tail(abs(x[i]))
        dx[i] = dy[i] * _slope(x[i], tail, t_height)


@kernel
def gelu_tanh_forward(x, y):
    """y = x * (1 + tanh(u)) / 2, u = sqrt(2 / pi) * (x + 0.044715 * x**3), elementwise on (n,)."""
    for i in prange(x.size):
        y[i] = _positive(x[i]) - approximate_normal_tail(abs(x[i]))[0]


@kernel
def gelu_tanh_backward(dy, x, dx):
    """dx = dy * ((1 + tanh(u)) / 2 + x * (1 - tanh(u)**2) / 2 * du/dx), u as in the forward, elementwise on (n,)."""
    for i in prange(x.size):
        _, tail, t_height = approximate_normal_tail(abs(x[i]))
        dx[i] = dy[i] * _slope(x[i], tail, t_height)
