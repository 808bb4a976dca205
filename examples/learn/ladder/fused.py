"""Rung 8: the package's block, convolution, ReLU and 2 x 2 pooling in one; so it does more than the other rungs.

Forward is Winograd again with sums in registers, and what pooling throws away is never written. Backward
gets the gradient of the pooled image: of each 2 x 2 window one pixel has one, or none where ReLU cut, and only
these are visited. Counted as dense arithmetic it can therefore exceed the machine's peak: it multiplies less.
"""

import functools

import numpycnn as nc


@functools.lru_cache
def model_of(shape, filters, kernel, stride, padding, dtype):
    """Return a model of one block for images of this shape."""
    layers = [nc.Conv2D(filters, kernel, strides=stride, padding=(padding, padding)), nc.ReLU(), nc.MaxPool2D(2)]
    return nc.Sequential(layers, shape, dtype=dtype)


def model_for(x, w, stride, padding):
    return model_of(x.shape[1:], w.shape[3], w.shape[:2], stride, padding, x.dtype.name)


def forward(x, w, b, stride=1, padding=0):
    """Return the pooled ReLU of the convolution."""
    model = model_for(x, w, stride, padding)
    weight, bias = model.layers[0].parameters
    weight.value[...], bias.value[...] = w, b
    return model.forward(x, training=True)


def backward(dy, x, w, stride=1, padding=0):
    """Return the gradients, given that of the pooled image, after `forward` of the same x, w and b."""
    model = model_for(x, w, stride, padding)
    dx = model.backward(dy, need_dx=True)
    weight, bias = model.layers[0].parameters
    return dx, weight.grad.copy(), bias.grad.copy()
