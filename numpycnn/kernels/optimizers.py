"""The step of an optimizer: one pass over the vector of all weights."""

from __future__ import annotations

import math

from numba import prange

from .jit import device, kernel


@device
def _flush(value, tiny):
    """Return 0 for numbers too small for the usual format: with those the processor is a hundred times slower."""
    return value if not abs(value) < tiny else type(value)(0)


@device
def _smallest_normal(x):
    """Smallest number of x's type that has all its digits."""
    return x.dtype.type(2.0**-126 if x.itemsize == 4 else 2.0**-1022)


@kernel
def sgd(gradient, rate, momentum, nesterov, weight, velocity):
    """One step on (n,) vectors: velocity = momentum * velocity + gradient; weight -= rate * velocity."""
    tiny = _smallest_normal(weight)
    for i in prange(weight.size):
        velocity[i] = _flush(momentum * velocity[i] + gradient[i], tiny)
        step = gradient[i] + momentum * velocity[i] if nesterov else velocity[i]
        weight[i] -= rate * step


@kernel
def adam(gradient, rate, beta1, beta2, epsilon, correction1, correction2, decay, weight, m, v):
    """One step of Adam (Algorithm 1) on (n,) vectors; correction1 = 1 - beta1**t, decay shrinks the weight first.

    The moments of a weight whose gradient stays 0 halve every few steps; at the end of the format they become 0. The
    second one does so while the first does not, since it is a square: `floor` below the root, the largest that is lost
    so, keeps their ratio below 1.
    """
    real = weight.dtype.type  # float32 stays float32: twice as many to a vector
    keep1, take1, keep2, take2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    rate, epsilon, decay = real(rate), real(epsilon), real(decay)
    scale1, scale2 = real(1 / correction1), real(1 / correction2)
    tiny = _smallest_normal(weight)
    floor = tiny / take2
    for i in prange(weight.size):
        m[i] = _flush(keep1 * m[i] + take1 * gradient[i], tiny)
        v[i] = _flush(keep2 * v[i] + _flush(take2 * gradient[i] * gradient[i], tiny), tiny)
        step = (m[i] * scale1) / (math.sqrt(v[i] * scale2 + floor) + epsilon)
        weight[i] -= decay * weight[i] + rate * step
