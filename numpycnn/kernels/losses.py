"""Softmax and the logistic function, and the cross-entropy of what they give."""

from __future__ import annotations

import math

from numba import prange

from .jit import device, kernel
from .optimizers import flush, smallest_normal

# Times the smallest normal number: a gradient below that is 0. It changes no weight, but what comes of it in the layers
# before would be too small for the usual format, and a step on an Intel Xeon took three times as long.
NEGLIGIBLE = 2.0**26


@device
def _softmax_row(logits, p):
    """Write exp(logits - largest) / total; return the largest, without which exp could overflow, and log(total)."""
    largest = logits[0]
    for k in range(1, logits.size):
        largest = max(largest, logits[k])
    total = logits.dtype.type(0)
    for k in range(logits.size):
        p[k] = math.exp(logits[k] - largest)
        total += p[k]
    for k in range(logits.size):
        p[k] /= total
    return largest, math.log(total)


@kernel
def softmax(logits, p):
    """p = exp(logits) / sum of exp(logits) in each row: logits, p (N, K)."""
    for n in prange(len(logits)):
        _softmax_row(logits[n], p[n])


@kernel
def softmax_cross_entropy(logits, targets, losses, dlogits):
    """losses (N,) = -sum(targets * log p), p = softmax(logits); dlogits = (p - targets) / N; all else (N, K)."""
    rows, classes = logits.shape
    negligible = NEGLIGIBLE * smallest_normal(dlogits)
    for n in prange(rows):
        largest, log_total = _softmax_row(logits[n], dlogits[n])
        loss = 0.0
        for k in range(classes):
            target = targets[n, k]
            if target != 0:  # where log p is -infinity: neither the target nor possible
                loss -= target * (logits[n, k] - largest - log_total)
            dlogits[n, k] = flush((dlogits[n, k] - target) / rows, negligible)
        losses[n] = loss


@device
def _softplus(x):
    """Return log(1 + exp(x)), which does not overflow."""
    small = math.log1p(math.exp(-abs(x)))
    return x + small if x > 0 else small


@kernel
def binary_cross_entropy(logits, targets, losses, dlogits):
    """losses (N,) = -mean(t * log p + (1 - t) * log(1 - p)), p = 1 / (1 + exp(-logits)); dlogits = (p - t) / (N K)."""
    rows, outputs = logits.shape
    one, count = logits.dtype.type(1), logits.dtype.type(rows * outputs)
    negligible = NEGLIGIBLE * smallest_normal(dlogits)
    for n in prange(rows):
        loss = 0.0
        for k in range(outputs):
            z, t = logits[n, k], targets[n, k]
            if t != 0:  # where log p is -infinity: neither the target nor possible
                loss += t * _softplus(-z)
            if t != 1:
                loss += (one - t) * _softplus(z)
            small = math.exp(-abs(z))
            p = (small if z < 0 else one) / (one + small)
            dlogits[n, k] = flush((p - t) / count, negligible)
        losses[n] = loss / outputs
