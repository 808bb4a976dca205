"""The functions that a convolutional network is made of, each in a few lines of NumPy, loops left as loops.

They are the right solutions of ``numpycnn.learn``'s exercises: arrays (N, H, W, C) in float64, nothing changed in
place, results returned. Slow and plain on purpose; the known mistakes are edits of their lines.
"""

from __future__ import annotations

import numpy as np


def im2col(x, kernel_h, kernel_w, stride, padding):
    """Write the patch that each stop of a filter sees as a row of a matrix.

    x is (N, H, W, C). Around each image lie `padding` rows and columns of zeros, on all four sides. The filter is
    kernel_h x kernel_w and moves by `stride` pixels; a remainder at the bottom and at the right is left out.

    Returns cols, (N * OH * OW, kernel_h * kernel_w * C): a row for each image, output row and output column, in this
    order (the column runs fastest); within a row the order is (ky, kx, c).
    """
    images, height, width, channels = x.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    out_h = (height + 2 * padding - kernel_h) // stride + 1
    out_w = (width + 2 * padding - kernel_w) // stride + 1
    patches = np.zeros((images, out_h, out_w, kernel_h, kernel_w, channels))
    for oy in range(out_h):
        for ox in range(out_w):
            top, left = oy * stride, ox * stride
            patches[:, oy, ox] = padded[:, top : top + kernel_h, left : left + kernel_w]
    return patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)


def dense_backward(dy, x, w):
    """The gradients of y = x @ w + b, given the gradient dy of y.

    dy is (N, K), x (N, D), w (D, K); b is (K,). dy holds the 1/N of the mean loss already.

    Returns dx, dw, db, each of the shape of what it is the gradient of.
    """
    dx = dy @ w.T
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db


def conv2d_forward(x, w, b, stride, padding):
    """Convolution, as networks call it: each filter is laid on the image, not flipped, and the products are added.

    x is (N, H, W, C), w (kh, kw, C, F), b (F,). Around each image lie `padding` rows and columns of zeros, on all four
    sides. The filters move by `stride` pixels; a remainder at the bottom and at the right is left out.

    Returns y, (N, OH, OW, F).
    """
    images, height, width, _ = x.shape
    kernel_h, kernel_w, _, filters = w.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    out_h = (height + 2 * padding - kernel_h) // stride + 1
    out_w = (width + 2 * padding - kernel_w) // stride + 1
    y = np.zeros((images, out_h, out_w, filters))
    for oy in range(out_h):
        for ox in range(out_w):
            top, left = oy * stride, ox * stride
            patch = padded[:, top : top + kernel_h, left : left + kernel_w]  # (N, kh, kw, C)
            y[:, oy, ox] = np.tensordot(patch, w, 3) + b
    return y


def conv2d_backward(dy, x, w, stride, padding):
    """The gradients of y = conv2d_forward(x, w, b, stride, padding), given the gradient dy of y.

    dy is (N, OH, OW, F), x (N, H, W, C), w (kh, kw, C, F); b is (F,). dy holds the 1/N of the mean loss already.

    Returns dx, dw, db, each of the shape of what it is the gradient of.
    """
    _, height, width, _ = x.shape
    kernel_h, kernel_w, _, _ = w.shape
    _, out_h, out_w, _ = dy.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dpadded = np.zeros(padded.shape)
    dw = np.zeros(w.shape)
    db = dy.sum(axis=(0, 1, 2))
    for oy in range(out_h):
        for ox in range(out_w):
            top, left = oy * stride, ox * stride
            window = slice(None), slice(top, top + kernel_h), slice(left, left + kernel_w)
            here = dy[:, oy, ox]  # (N, F)
            dw += np.tensordot(padded[window], here, (0, 0))
            dpadded[window] += np.tensordot(here, w, (1, 3))
    dx = dpadded[:, padding : padding + height, padding : padding + width]
    return dx, dw, db


def max_pool_forward(x, size, stride):
    """The largest number of each window, channel by channel.

    x is (N, H, W, C). Windows are size x size and move by `stride` pixels, so they overlap where stride < size; a
    remainder at the bottom and at the right is left out. There is no padding.

    Returns y, (N, OH, OW, C).
    """
    images, height, width, channels = x.shape
    out_h = (height - size) // stride + 1
    out_w = (width - size) // stride + 1
    y = np.zeros((images, out_h, out_w, channels))
    for oy in range(out_h):
        for ox in range(out_w):
            top, left = oy * stride, ox * stride
            y[:, oy, ox] = x[:, top : top + size, left : left + size].max(axis=(1, 2))
    return y


def max_pool_backward(dy, x, size, stride):
    """The gradient of y = max_pool_forward(x, size, stride), given the gradient dy of y.

    dy is (N, OH, OW, C), x (N, H, W, C). Each window passes its gradient to the pixel that it took; where several are
    equally large, to the first in row-major order (the upper row, then the left column) alone.

    Returns dx, (N, H, W, C).
    """
    images, out_h, out_w, channels = dy.shape
    dx = np.zeros(x.shape)
    for n in range(images):
        for oy in range(out_h):
            for ox in range(out_w):
                for c in range(channels):
                    top, left = oy * stride, ox * stride
                    window = x[n, top : top + size, left : left + size, c]
                    down, right = divmod(window.argmax(), size)
                    dx[n, top + down, left + right, c] += dy[n, oy, ox, c]
    return dx


def batch_norm_forward(x, gamma, beta, epsilon):
    """Batch normalisation in training: each channel to mean 0 and variance 1, then stretched and moved.

    x is (N, H, W, C), gamma and beta are (C,). Mean and variance of a channel are over all images, rows and columns;
    the variance is the biased one (divided by the count), and epsilon is added to it before the root is taken.

    Returns y, (N, H, W, C).
    """
    mean = x.mean(axis=(0, 1, 2))
    variance = x.var(axis=(0, 1, 2))
    normalised = (x - mean) / np.sqrt(variance + epsilon)
    return gamma * normalised + beta


def batch_norm_backward(dy, x, gamma, epsilon):
    """The gradients of y = batch_norm_forward(x, gamma, beta, epsilon), given the gradient dy of y.

    dy and x are (N, H, W, C), gamma is (C,). Mean and variance depend on x, too.

    Returns dx, dgamma, dbeta, each of the shape of what it is the gradient of.
    """
    axes = (0, 1, 2)
    count = x.size // x.shape[-1]
    centred = x - x.mean(axis=axes)
    scale = 1 / np.sqrt(x.var(axis=axes) + epsilon)
    normalised = centred * scale
    dgamma = (dy * normalised).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    through_mean = dbeta / count
    through_variance = normalised * dgamma / count
    dx = gamma * scale * (dy - through_mean - through_variance)
    return dx, dgamma, dbeta


def softmax_cross_entropy(logits, labels):
    """Softmax and cross-entropy in one: the mean loss over the batch, and its gradient.

    logits are (N, K), labels (N,) integers from 0 to K - 1. Logits of 1000 and above must not overflow.

    Returns loss (one number, the mean over the rows) and dlogits, (N, K).
    """
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    totals = exponentials.sum(axis=1, keepdims=True)
    p = exponentials / totals
    log_p = shifted - np.log(totals)
    loss = -log_p[rows, labels].mean()
    targets = np.zeros(logits.shape)
    targets[rows, labels] = 1
    dlogits = (p - targets) / len(logits)
    return loss, dlogits


def dropout_forward(x, rate, rng):
    """Inverted dropout in training: each number is set to 0 with probability `rate`, the others are scaled up.

    x is an array of any shape, rate in [0, 1), rng a numpy.random.Generator: the only source of chance. Each element
    is drawn on its own. The scale is such that the expected value of y is x.

    Returns y, of the shape of x.
    """
    kept = rng.random(x.shape) >= rate
    return x * kept / (1 - rate)


def adam_step(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    """One step of Adam (Kingma and Ba 2015, Algorithm 1).

    w are the weights, g their gradient, m and v the running means of g and of its square: arrays of one shape. t is the
    number of this step: 1 for the first. epsilon is added outside the root, to the root of the corrected v.

    Returns w, m, v, all new.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, m, v


def he_normal(shape, rng):
    """He's initialisation: normal numbers, not truncated, of mean 0 and variance 2 / fan_in.

    shape is (in, out) of a dense layer or (kh, kw, in, out) of a convolution: fan_in is the product of all axes but
    the last. rng is a numpy.random.Generator: the only source of chance.

    Returns w, of that shape.
    """
    fan_in = np.prod(shape[:-1])
    return rng.standard_normal(shape) * np.sqrt(2 / fan_in)


# -- what is no exercise of its own -----------------------------------------------------------------------------------


def dense_forward(x, w, b):
    """y = x @ w + b: x (N, D), w (D, K), b (K,), y (N, K)."""
    return x @ w + b


def relu_forward(x):
    """y = max(x, 0)."""
    return np.maximum(x, 0)


def relu_backward(dy, x):
    """dx = dy where x > 0, else 0; the slope at 0 is 0."""
    return dy * (x > 0)


def layer_norm_forward(x, gamma, beta, epsilon):
    """Each row of x (N, D) to mean 0 and (biased) variance 1, then stretched and moved column by column: y (N, D)."""
    mean = x.mean(axis=1, keepdims=True)
    variance = x.var(axis=1, keepdims=True)
    normalised = (x - mean) / np.sqrt(variance + epsilon)
    return gamma * normalised + beta


def layer_norm_backward(dy, x, gamma, epsilon):
    """The gradients dx, dgamma, dbeta of layer normalisation."""
    centred = x - x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    normalised = centred * scale
    dgamma = (dy * normalised).sum(axis=0)
    dbeta = dy.sum(axis=0)
    inner = gamma * dy
    through_mean = inner.mean(axis=1, keepdims=True)
    through_variance = normalised * (inner * normalised).mean(axis=1, keepdims=True)
    dx = scale * (inner - through_mean - through_variance)
    return dx, dgamma, dbeta


def batch_norm_running(x, gamma, beta, epsilon, momentum, running_mean, running_variance):
    """Batch normalisation of x (N, D): the statistics kept after a batch, and y when they are used for it."""
    running_mean = momentum * running_mean + (1 - momentum) * x.mean(axis=0)
    running_variance = momentum * running_variance + (1 - momentum) * x.var(axis=0)
    y_test = gamma * (x - running_mean) / np.sqrt(running_variance + epsilon) + beta
    return running_mean, running_variance, y_test


def dropout_backward(dy, mask):
    """dx = dy * mask, the mask of forward with its scale in it."""
    return dy * mask


def dropout_test(x):
    """In test mode dropout does nothing."""
    return x * 1.0


def sgd_momentum_step(w, g, velocity, learning_rate, momentum):
    """One step of gradient descent with momentum, the learning rate inside the velocity: w, velocity."""
    velocity = momentum * velocity - learning_rate * g
    w = w + velocity
    return w, velocity


def rmsprop_step(w, g, v, learning_rate, decay_rate, epsilon):
    """One step of RMSProp: w, and the running mean v of the squared gradient."""
    v = decay_rate * v + (1 - decay_rate) * g**2
    w = w - learning_rate * g / (np.sqrt(v) + epsilon)
    return w, v
