"""The step of an optimizer: one pass over the vector of all weights.

In each, `tiny` stands in for an epsilon below it: what flushing takes from a mean of squares is less, so that a
gradient over the root of it stays of the size of 1.
"""

from __future__ import annotations

import math

from numba import prange

from .jit import device, kernel


@device
def flush(value, tiny):
    """Return 0 for numbers too small for the usual format: with those the processor is a hundred times slower."""
    return value if not abs(value) < tiny else type(value)(0)


@device
def smallest_normal(x):
    """Smallest number of x's type that has all its digits."""
    return x.dtype.type(2.0**-126 if x.itemsize == 4 else 2.0**-1022)


@device
def _share_of_square(take, value, root):
    """Return take * value**2, or 0 for values below `root`, whose squares are too small: computing them is as slow."""
    value = flush(value, root)
    return take * value * value


@kernel
def sgd(gradient, gain, rate, momentum, nesterov, weight, velocity):
    """One step on (n,) vectors: velocity = momentum * velocity + gain * gradient; weight -= rate * velocity."""
    tiny = smallest_normal(weight)
    for i in prange(weight.size):
        push = gain * gradient[i]
        velocity[i] = flush(momentum * velocity[i] + push, tiny)
        step = push + momentum * velocity[i] if nesterov else velocity[i]
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
    tiny = smallest_normal(weight)
    floor = tiny / take2
    root = math.sqrt(floor)
    for i in prange(weight.size):
        mean = flush(keep1 * m[i] + take1 * gradient[i], tiny)
        square = flush(keep2 * v[i] + _share_of_square(take2, gradient[i], root), tiny)
        step = (mean * scale1) / (math.sqrt(square * scale2 + floor) + epsilon)
        m[i], v[i] = mean, square  # read once: what is written might, to the compiler, be another array's
        weight[i] -= decay * weight[i] + rate * step


@kernel
def rmsprop(gradient, rate, rho, momentum, epsilon, centered, weight, v, m, velocity):
    """One step of RMSprop on (n,) vectors: gradient / sqrt(v + epsilon); v - m**2 in place of v if centered."""
    real = weight.dtype.type
    keep, take, rate, momentum = real(rho), real(1 - rho), real(rate), real(momentum)
    tiny = smallest_normal(weight)
    epsilon, root = max(real(epsilon), tiny / take), math.sqrt(tiny / take)
    for i in prange(weight.size):
        v[i] = flush(keep * v[i] + _share_of_square(take, gradient[i], root), tiny)
        variance = v[i]
        if centered:
            m[i] = flush(keep * m[i] + take * gradient[i], tiny)
            variance -= m[i] * m[i]
            variance = real(0) if variance < 0 else variance  # rounding; NaN stays
        step = rate * gradient[i] / math.sqrt(variance + epsilon)
        if momentum != 0:
            velocity[i] = flush(momentum * velocity[i] + step, tiny)
            step = velocity[i]
        weight[i] -= step


@kernel
def adagrad(gradient, rate, epsilon, weight, accumulator):
    """One step of Adagrad on (n,) vectors: accumulator += gradient**2; gradient / sqrt(accumulator + epsilon)."""
    real = weight.dtype.type
    rate, tiny = real(rate), smallest_normal(weight)
    epsilon, root = max(real(epsilon), tiny), math.sqrt(tiny)
    for i in prange(weight.size):
        accumulator[i] += _share_of_square(real(1), gradient[i], root)
        weight[i] -= rate * gradient[i] / math.sqrt(accumulator[i] + epsilon)


@kernel
def adadelta(gradient, rate, rho, epsilon, weight, v, u):
    """One step of Adadelta on (n,) vectors: sqrt(u + epsilon) / sqrt(v + epsilon) * gradient; u of steps, v of it."""
    real = weight.dtype.type
    keep, take, rate = real(rho), real(1 - rho), real(rate)
    tiny = smallest_normal(weight)
    epsilon, root = max(real(epsilon), tiny / take), math.sqrt(tiny / take)
    for i in prange(weight.size):
        v[i] = flush(keep * v[i] + _share_of_square(take, gradient[i], root), tiny)
        step = math.sqrt(u[i] + epsilon) * gradient[i] / math.sqrt(v[i] + epsilon)
        u[i] = flush(keep * u[i] + _share_of_square(take, step, root), tiny)
        weight[i] -= rate * step


@kernel
def adamax(gradient, rate, beta1, beta2, epsilon, weight, m, u):
    """One step of Adamax on (n,) vectors: m / (u + epsilon), u = max(beta2 * u, abs(gradient))."""
    real = weight.dtype.type
    keep1, take1, keep2, rate = real(beta1), real(1 - beta1), real(beta2), real(rate)
    tiny = smallest_normal(weight)
    epsilon = max(real(epsilon), tiny)
    for i in prange(weight.size):
        m[i] = flush(keep1 * m[i] + take1 * gradient[i], tiny)
        faded, size = flush(keep2 * u[i], tiny), abs(gradient[i])
        u[i] = faded if faded > size or faded != faded else size  # NaN stays, from either
        weight[i] -= rate * m[i] / (u[i] + epsilon)


@kernel
def nadam(gradient, rate, beta1, beta2, epsilon, m_share, gradient_share, correction2, weight, m, v):
    """One step of Nadam on (n,) vectors: Adam along m_share * m + gradient_share * gradient."""
    real = weight.dtype.type
    keep1, take1, keep2, take2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    rate, epsilon, m_share, gradient_share = real(rate), real(epsilon), real(m_share), real(gradient_share)
    scale2, tiny = real(1 / correction2), smallest_normal(weight)
    floor = tiny / take2
    root = math.sqrt(floor)
    for i in prange(weight.size):
        m[i] = flush(keep1 * m[i] + take1 * gradient[i], tiny)
        v[i] = flush(keep2 * v[i] + _share_of_square(take2, gradient[i], root), tiny)
        step = (m_share * m[i] + gradient_share * gradient[i]) / (math.sqrt(v[i] * scale2 + floor) + epsilon)
        weight[i] -= rate * step
