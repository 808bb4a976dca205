"""Every kernel once more in plain NumPy: the judge of the compiled ones, and what runs with the JIT disabled.

Same names and arguments; slow, short, importing nothing but NumPy. Convolutions in one with pooling stand at the end.
"""

from __future__ import annotations

import numpy as np

# -- patches and windows ----------------------------------------------------------------------------------------------


def im2col(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, cols):
    """Copy the patch under each filter position: x (N, H, W, C) to cols (N, OH, OW, kh * kw * C), zeros outside."""
    images, height, width, channels = x.shape
    out_h, out_w = cols.shape[1:3]
    padded_h = max(top + height, (out_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1)
    padded_w = max(left + width, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1)
    padded = np.zeros((images, padded_h, padded_w, channels), x.dtype)
    padded[:, top : top + height, left : left + width] = x
    patches = cols.reshape(images, out_h, out_w, kernel_h, kernel_w, channels)
    for ky, kx in np.ndindex(kernel_h, kernel_w):
        rows, columns = _strided(ky * dilation_h, stride_h, out_h), _strided(kx * dilation_w, stride_w, out_w)
        patches[:, :, :, ky, kx] = padded[:, rows, columns]


def col2im(cols, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx):
    """Add each patch back where it came from: cols (N, OH, OW, kh * kw * C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    out_h, out_w = cols.shape[1:3]
    padded_h = max(top + height, (out_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1)
    padded_w = max(left + width, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1)
    padded = np.zeros((images, padded_h, padded_w, channels), dx.dtype)
    patches = cols.reshape(images, out_h, out_w, kernel_h, kernel_w, channels)
    for ky, kx in np.ndindex(kernel_h, kernel_w):
        rows, columns = _strided(ky * dilation_h, stride_h, out_h), _strided(kx * dilation_w, stride_w, out_w)
        padded[:, rows, columns] += patches[:, :, :, ky, kx]
    dx[...] = padded[:, top : top + height, left : left + width]


def _strided(offset, stride, count):
    """Where one element of the filter meets the padded image: `count` places, `stride` apart."""
    return slice(offset, offset + (count - 1) * stride + 1, stride)


def pad_images(x, top, left, padded):
    """Copy x (N, H, W, C) into padded (N, HP, WP, C), `top` rows down and `left` columns right; zeros around it."""
    padded[...] = 0
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x


def crop_images(padded, top, left, x):
    """Copy back what ``pad_images`` wrote: padded (N, HP, WP, C) to x (N, H, W, C)."""
    x[...] = padded[:, top : top + x.shape[1], left : left + x.shape[2]]


def conv_forward(x, w, b, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, relu, y):
    """y = conv(x), then ReLU if `relu`: x (N, H, W, C), w (kh * kw * C, F), b (F,), y (N, OH, OW, F)."""
    sums = _columns(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, y.shape) @ w + b
    y[...] = np.maximum(sums, 0) if relu else sums


def conv_dense_weight_gradient(x, dy, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left,
                               relu, dw, db):
    """dw (kh * kw * C, F) and db (F,); of what ReLU lets through if `relu`: x (N, H, W, C), dy, y (N, OH, OW, F)."""
    cols = _columns(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, y.shape)
    dsums = np.where(relu & (y <= 0), 0, dy)
    dw[...] = cols.reshape(-1, len(dw)).T @ dsums.reshape(-1, len(db))
    db[...] = dsums.sum(axis=(0, 1, 2))


def conv_dense_input_gradient(w, dy, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left,
                              relu, dx):
    """dx (N, H, W, C); of what ReLU lets through if `relu`: w (kh * kw * C, F), dy, y (N, OH, OW, F)."""
    dcols = np.where(relu & (y <= 0), 0, dy) @ w.T
    col2im(dcols, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx)


def _columns(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, y_shape):
    """Return the patch under each output: (N, OH, OW, kh * kw * C)."""
    cols = np.empty((*y_shape[:3], kernel_h * kernel_w * x.shape[3]), x.dtype)
    im2col(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, cols)
    return cols


def depthwise_forward(x, w, stride_h, stride_w, dilation_h, dilation_w, top, left, y):
    """y = each channel convolved with its own filters: x (N, H, W, C), w (kh, kw, C, m), y (N, OH, OW, C * m)."""
    patches = _patches_of_channels(x, w.shape, stride_h, stride_w, dilation_h, dilation_w, top, left, y.shape)
    y[...] = np.einsum("nijyxc,yxck->nijck", patches, w).reshape(y.shape)


def depthwise_weight_gradient(x, dy, stride_h, stride_w, dilation_h, dilation_w, top, left, dw):
    """dw = sum of pixel * dy over all windows: x (N, H, W, C), dy (N, OH, OW, C * m), dw (kh, kw, C, m)."""
    patches = _patches_of_channels(x, dw.shape, stride_h, stride_w, dilation_h, dilation_w, top, left, dy.shape)
    dw[...] = np.einsum("nijyxc,nijck->yxck", patches, dy.reshape(*dy.shape[:3], *dw.shape[2:]))


def depthwise_input_gradient(dy, w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx):
    """dx = for each pixel the sum over the windows that contain it: dy (N, OH, OW, C * m), w (kh, kw, C, m)."""
    dpatches = np.einsum("nijck,yxck->nijyxc", dy.reshape(*dy.shape[:3], *w.shape[2:]), w)
    col2im(dpatches.reshape(*dy.shape[:3], -1), *w.shape[:2], stride_h, stride_w, dilation_h, dilation_w, top, left, dx)


def _patches_of_channels(x, kernel, stride_h, stride_w, dilation_h, dilation_w, top, left, out):
    """Return the patch under each filter position: (N, OH, OW, kh, kw, C)."""
    cols = _columns(x, *kernel[:2], stride_h, stride_w, dilation_h, dilation_w, top, left, out)
    return cols.reshape(*out[:3], *kernel[:3])


def maxpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y, winners):
    """Largest element of each window and its position iy * W + ix: x (N, H, W, C) to y, winners (N, OH, OW, C)."""
    images, _, width, channels = x.shape
    for oy, ox, rows, columns in _windows(x.shape, pool_h, pool_w, stride_h, stride_w, top, left, *y.shape[1:3]):
        window = x[:, rows, columns]
        cells = window.reshape(images, -1, channels)
        first = cells.argmax(axis=1)  # (N, C)
        y[:, oy, ox] = np.take_along_axis(cells, first[:, None], axis=1)[:, 0]
        iy, ix = np.divmod(first, window.shape[2])
        winners[:, oy, ox] = (rows.start + iy) * width + columns.start + ix


def maxpool_backward(dy, winners, dx):
    """Give each window's gradient to its winner: dy, winners (N, OH, OW, C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    flat = np.zeros((images, height * width, channels), dx.dtype)
    n, _, _, c = np.indices(dy.shape, sparse=True)
    np.add.at(flat, (n, winners, c), dy)
    dx[...] = flat.reshape(dx.shape)


def avgpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y):
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C)."""
    for oy, ox, rows, columns in _windows(x.shape, pool_h, pool_w, stride_h, stride_w, top, left, *y.shape[1:3]):
        y[:, oy, ox] = x[:, rows, columns].mean(axis=(1, 2))


def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C)."""
    dx[...] = 0
    for oy, ox, rows, columns in _windows(dx.shape, pool_h, pool_w, stride_h, stride_w, top, left, *dy.shape[1:3]):
        cells = (rows.stop - rows.start) * (columns.stop - columns.start)
        dx[:, rows, columns] += dy[:, oy, ox][:, None, None] / cells


def _windows(shape, pool_h, pool_w, stride_h, stride_w, top, left, out_h, out_w):
    """Yield (oy, ox, rows, columns): each window cut to the image."""
    for oy, ox in np.ndindex(out_h, out_w):
        y_first, x_first = oy * stride_h - top, ox * stride_w - left
        rows = slice(max(y_first, 0), min(y_first + pool_h, shape[1]))
        columns = slice(max(x_first, 0), min(x_first + pool_w, shape[2]))
        yield oy, ox, rows, columns


# -- activations ------------------------------------------------------------------------------------------------------


def relu_forward(x, y):
    """y = max(x, 0), elementwise on (n,); NaN stays NaN."""
    np.maximum(x, 0, out=y)


def relu_backward(dy, y, dx):
    """dx = dy where y > 0, else 0, elementwise on (n,); y is the forward's output."""
    dx[...] = np.where(y <= 0, 0, dy)


def leaky_relu_forward(x, slope, y):
    """y = x where x > 0, else slope * x, elementwise on (n,)."""
    y[...] = np.where(x > 0, x, slope * x)


def leaky_relu_backward(dy, y, slope, dx):
    """dx = dy where y > 0, else slope * dy, elementwise on (n,); y is the forward's output."""
    dx[...] = np.where(y > 0, dy, slope * dy)


def elu_forward(x, alpha, y):
    """y = x where x > 0, else alpha * (exp(x) - 1), elementwise on (n,)."""
    y[...] = np.where(x <= 0, alpha * np.expm1(np.where(x <= 0, x, 0)), x)


def elu_backward(dy, y, alpha, dx):
    """dx = dy where y > 0, else dy * (y + alpha), elementwise on (n,); y is the forward's output."""
    dx[...] = np.where(y > 0, dy, dy * (y + y.dtype.type(alpha)))


def sigmoid_forward(x, y):
    """y = 1 / (1 + exp(-x)), elementwise on (n,)."""
    small = np.exp(np.where(x > 0, -x, x))  # never overflows
    y[...] = np.where(x > 0, 1 / (1 + small), small / (1 + small))


def sigmoid_backward(dy, y, dx):
    """dx = dy * y * (1 - y), elementwise on (n,); y is the forward's output."""
    dx[...] = dy * y * (1 - y)


def tanh_forward(x, y):
    """y = tanh(x), elementwise on (n,)."""
    np.tanh(x, out=y)


def tanh_backward(dy, y, dx):
    """dx = dy * (1 - y**2), elementwise on (n,); y is the forward's output."""
    dx[...] = dy * (1 - y * y)


def silu_forward(x, y):
    """y = x * sigmoid(x), elementwise on (n,)."""
    s = np.empty_like(x)  # y may be x
    sigmoid_forward(x, s)
    y[...] = np.where(x > 0, x, _limited(x, 800)) * s


def silu_backward(dy, x, dx):
    """dx = dy * (s + x * s * (1 - s)), s = sigmoid(x), elementwise on (n,)."""
    s = np.empty_like(x)
    sigmoid_forward(x, s)
    dx[...] = dy * (s + _limited(x, 800) * s * (1 - s))


def gelu_forward(x, y):
    """y = x * P(normal <= x), elementwise on (n,)."""
    z = _limited(x, 9)
    y[...] = np.where(x > 0, x, z) * _normal_share(z)


def gelu_backward(dy, x, dx):
    """dx = dy * (P(normal <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi)), elementwise on (n,)."""
    z = _limited(x, 9)
    dx[...] = dy * (_normal_share(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi))


def gelu_tanh_forward(x, y):
    """y = x * (1 + tanh(u)) / 2, u = sqrt(2 / pi) * (x + 0.044715 * x**3), elementwise on (n,)."""
    z = _limited(x, 9)
    y[...] = np.where(x > 0, x, z) * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2


def gelu_tanh_backward(dy, x, dx):
    """dx = dy * ((1 + tanh(u)) / 2 + x * (1 - tanh(u)**2) / 2 * du/dx), u as in the forward, elementwise on (n,)."""
    z = _limited(x, 9)
    tanh = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    dx[...] = dy * ((1 + tanh) / 2 + z * (1 - tanh**2) / 2 * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2))


def _limited(x, limit):
    """Cut x to -limit and limit, beyond which the curve is flat; in float64, or in complex numbers."""
    z = np.where(x > limit, limit, np.where(x < -limit, -limit, x))
    return z.astype(np.result_type(z, np.float64))


def _normal_share(x):
    """P(normal <= x), a series (Marsaglia, "Evaluating the normal distribution", 2004)."""
    term, total, n = x, x, 1
    while (abs(term) > 1e-17 * abs(total)).any():
        n += 2
        term = term * x * x / n
        total = total + term
    return 0.5 + total * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


# -- dropout ----------------------------------------------------------------------------------------------------------

_WORD = np.uint64(2**32 - 1)


def dropout(x, key, counter, threshold, scale, y):
    """y = x * scale, or x * 0 where the element's random word is below the threshold: x, y (n,).

    Element 64 * b + 16 * w + l has word w of the counter ``counter + 16 * b + l``; counters and key are uint64.
    """
    blocks = -(-x.size // 64)
    counters = np.uint64(counter) + np.arange(16 * blocks, dtype=np.uint64)
    low, high, zeros = counters & _WORD, counters >> np.uint64(32), np.zeros_like(counters)
    words = _philox(low, high, zeros, zeros, np.uint64(key) & _WORD, np.uint64(key) >> np.uint64(32))
    words = np.stack(words).reshape(4, blocks, 16).swapaxes(0, 1).reshape(-1)[: x.size]
    with np.errstate(invalid="ignore"):  # infinity times 0: NaN
        y[...] = x * np.where(words >= threshold, x.dtype.type(scale), x.dtype.type(0))


def _philox(c0, c1, c2, c3, k0, k1):
    """Return four random words for a counter of four words of 32 bits and a key of two: Philox4x32-10, in uint64."""
    half, m0, m1, w0, w1 = map(np.uint64, (32, 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85))
    for _ in range(10):
        p0, p1 = c0 * m0, c2 * m1
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & _WORD, (p0 >> half) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + w0) & _WORD, (k1 + w1) & _WORD
    return c0, c1, c2, c3


# -- the loss ---------------------------------------------------------------------------------------------------------


def softmax(logits, p):
    """p = exp(logits) / sum of exp(logits) in each row: logits, p (N, K)."""
    with np.errstate(invalid="ignore"):  # infinite logits: NaN
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    p[...] = exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_cross_entropy(logits, targets, losses, dlogits):
    """losses (N,) = -sum(targets * log p), p = softmax(logits); dlogits = (p - targets) / N; all else (N, K)."""
    softmax(logits, dlogits)
    with np.errstate(invalid="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses[...] = -np.where(targets == 0, 0, targets * log_p).sum(axis=1, dtype=losses.dtype)
    dlogits[...] = _flush((dlogits - targets) / len(logits), 2.0**26)


def binary_cross_entropy(logits, targets, losses, dlogits):
    """losses (N,) = -mean(t * log p + (1 - t) * log(1 - p)), p = 1 / (1 + exp(-logits)); dlogits = (p - t) / (N K)."""
    with np.errstate(invalid="ignore"):  # an infinite logit times a target of 0 is left out
        yes = np.where(targets == 0, 0, targets * np.logaddexp(0, -logits))
        no = np.where(targets == 1, 0, (1 - targets) * np.logaddexp(0, logits))
    losses[...] = (yes + no).mean(axis=1, dtype=losses.dtype)
    small = np.exp(-abs(logits))
    p = np.where(logits < 0, small, 1) / (1 + small)
    dlogits[...] = _flush((p - targets) / logits.size, 2.0**26)


# -- optimizers -------------------------------------------------------------------------------------------------------


def sgd(gradient, gain, rate, momentum, nesterov, weight, velocity):
    """One step on (n,) vectors: velocity = momentum * velocity + gain * gradient; weight -= rate * velocity."""
    velocity[...] = _flush(momentum * velocity + gain * gradient)
    weight -= rate * (gain * gradient + momentum * velocity if nesterov else velocity)


def adam(gradient, rate, beta1, beta2, epsilon, correction1, correction2, decay, weight, m, v):
    """One step of Adam (Algorithm 1) on (n,) vectors; correction1 = 1 - beta1**t, decay shrinks the weight first."""
    m[...] = _flush(beta1 * m + (1 - beta1) * gradient)
    v[...] = _flush(beta2 * v + _flush((1 - beta2) * gradient**2))
    floor = np.finfo(v.dtype).tiny / v.dtype.type(1 - beta2)  # what flushing can take from v: m / root stays below 1
    step = (m / correction1) / (np.sqrt(v / correction2 + floor) + epsilon)
    weight -= decay * weight + rate * step


def rmsprop(gradient, rate, rho, momentum, epsilon, centered, weight, v, m, velocity):
    """One step of RMSprop on (n,) vectors: gradient / sqrt(v + epsilon); v - m**2 in place of v if centered."""
    v[...] = _flush(rho * v + _flush((1 - rho) * gradient**2))
    variance = v
    if centered:
        m[...] = _flush(rho * m + (1 - rho) * gradient)
        variance = np.maximum(v - m**2, 0)  # below 0 by rounding alone
    step = rate * gradient / np.sqrt(variance + _at_least_tiny(epsilon, v, 1 - rho))
    if momentum:
        velocity[...] = _flush(momentum * velocity + step)
        step = velocity
    weight -= step


def adagrad(gradient, rate, epsilon, weight, accumulator):
    """One step of Adagrad on (n,) vectors: accumulator += gradient**2; gradient / sqrt(accumulator + epsilon)."""
    accumulator += _flush(gradient**2)
    weight -= rate * gradient / np.sqrt(accumulator + _at_least_tiny(epsilon, accumulator))


def adadelta(gradient, rate, rho, epsilon, weight, v, u):
    """One step of Adadelta on (n,) vectors: sqrt(u + epsilon) / sqrt(v + epsilon) * gradient; u of steps, v of it."""
    epsilon = _at_least_tiny(epsilon, v, 1 - rho)
    v[...] = _flush(rho * v + _flush((1 - rho) * gradient**2))
    step = np.sqrt(u + epsilon) * gradient / np.sqrt(v + epsilon)
    u[...] = _flush(rho * u + _flush((1 - rho) * step**2))
    weight -= rate * step


def adamax(gradient, rate, beta1, beta2, epsilon, weight, m, u):
    """One step of Adamax on (n,) vectors: m / (u + epsilon), u = max(beta2 * u, abs(gradient))."""
    m[...] = _flush(beta1 * m + (1 - beta1) * gradient)
    u[...] = np.maximum(_flush(beta2 * u), abs(gradient))
    weight -= rate * m / (u + _at_least_tiny(epsilon, u))


def nadam(gradient, rate, beta1, beta2, epsilon, m_share, gradient_share, correction2, weight, m, v):
    """One step of Nadam on (n,) vectors: Adam along m_share * m + gradient_share * gradient."""
    m[...] = _flush(beta1 * m + (1 - beta1) * gradient)
    v[...] = _flush(beta2 * v + _flush((1 - beta2) * gradient**2))
    floor = np.finfo(v.dtype).tiny / v.dtype.type(1 - beta2)
    step = (m_share * m + gradient_share * gradient) / (np.sqrt(v / correction2 + floor) + epsilon)
    weight -= rate * step


def _at_least_tiny(epsilon, like, share=1.0):
    """Return epsilon, or what flushing can take from a mean that takes this share of a square, if that is more."""
    return max(like.dtype.type(epsilon), np.finfo(like.dtype).tiny / like.dtype.type(share))


def _flush(values, times=1.0):
    """Return 0 for numbers too small for the usual format: with those the processor is a hundred times slower."""
    return np.where(abs(values) < times * np.finfo(values.dtype).tiny, 0, values)


# -- matrices ---------------------------------------------------------------------------------------------------------


def affine(x, w, b, relu, y):
    """y = x @ w + b, its negative values cut to 0 if `relu`: x (M, K), w (K, N), b (N,), y (M, N)."""
    y[...] = np.maximum(x @ w + b, 0 if relu else -np.inf)


def matmul_tn(x, dy, dw):
    """dw = x.T @ dy for x (M, K), dy (M, N), dw (K, N)."""
    dw[...] = x.T @ dy


def affine_weight_gradient(x, dy, dw, db):
    """dw = x.T @ dy and db = the sum of dy's rows: x (M, K), dy (M, N), dw (K, N), db (N,)."""
    dw[...], db[...] = x.T @ dy, dy.sum(axis=0)


def matmul_nt(dy, w, dx):
    """dx = dy @ w.T for dy (M, N), w (K, N), dx (M, K)."""
    dx[...] = dy @ w.T


def take_rows(x, rows, y):
    """y = x[rows]: x (N, K), rows (M,), y (M, K)."""
    y[...] = x[rows]


def sum_rows(x, total):
    """Sum over the first axis: x (M, N) to total (N,)."""
    total[...] = x.sum(axis=0)


# -- batch normalisation ----------------------------------------------------------------------------------------------


def moments(x, mean, variance):
    """Mean and (biased) variance of each column: x (M, C) to (C,)."""
    mean[...] = x.mean(axis=0)
    variance[...] = ((x - mean) ** 2).mean(axis=0)


def sum_products(x, center, y, y_center, total):
    """Sum over rows of (x - center) * (y - y_center): x, y (M, C), centers (C,) to total (C,)."""
    total[...] = ((x - center) * (y - y_center)).sum(axis=0)


def normalise(x, mean, factor, shift, y):
    """y = (x - mean) * factor + shift, channel by channel: x, y (M, C), the others (C,)."""
    y[...] = (x - mean) * factor + shift


def normalise_backward(dy, dy_mean, x, x_mean, slope, factor, dx):
    """dx = (dy - dy_mean - (x - x_mean) * slope) * factor, channel by channel: dy, x, dx (M, C), the others (C,)."""
    dx[...] = (dy - dy_mean - (x - x_mean) * slope) * factor


def normalise_relu_pool(x, mean, factor, shift, pool, y, codes):
    """y = maxpool(relu((x - mean) * factor + shift)): x (N, H, W, C), then (C,), to y and codes (N, OH, OW, C)."""
    _rectified_maximum(_pixels_of_windows((x - mean) * factor + shift, pool, y.shape), y, codes)


def normalise_relu_pool_sums(x, mean, dy, codes, pool, dgamma, dbeta):
    """Sums over the winners of dy * (x - mean) and of dy: x (N, H, W, C), dy, codes (N, OH, OW, C), the others (C,)."""
    passed = _passed_on(dy, codes, pool)
    dgamma[...] = (passed * _pixels_of_windows(x - mean, pool, dy.shape)).sum(axis=(0, 1, 2, 3))
    dbeta[...] = passed.sum(axis=(0, 1, 2, 3))


def normalise_relu_pool_backward(x, mean, dy, codes, pool, dy_mean, slope, factor, dx):
    """dx as in ``normalise_backward``, for a dy that only winners got: x, dx (N, H, W, C), dy, codes (N, OH, OW, C)."""
    images, out_h, out_w, channels = dy.shape
    passed = _passed_on(dy, codes, pool).reshape(images, out_h, out_w, pool, pool, channels)
    whole = np.zeros_like(x)
    whole[:, : out_h * pool, : out_w * pool] = passed.swapaxes(2, 3).reshape(images, out_h * pool, -1, channels)
    normalise_backward(whole, dy_mean, x, mean, slope, factor, dx)


def _pixels_of_windows(x, pool, shape):
    """Return the pixels of each window side by side: x (N, H, W, C) to (N, OH, OW, pool * pool, C)."""
    images, out_h, out_w, channels = shape
    cut = x[:, : out_h * pool, : out_w * pool].reshape(images, out_h, pool, out_w, pool, channels)
    return cut.swapaxes(2, 3).reshape(images, out_h, out_w, pool * pool, channels)


def _passed_on(dy, codes, pool):
    """Return what each pixel of a window gets of dy, the winner all: (N, OH, OW, pool * pool, C)."""
    return np.where(np.arange(pool * pool)[:, None] == codes[:, :, :, None], dy[:, :, :, None], 0)


# -- augmentation -----------------------------------------------------------------------------------------------------


def warp(x, matrices, field, fill, y):
    """Sample x (N, H, W, C) at matrices[n] @ (oy, ox, 1) + field[n, :, oy, ox], rows and columns, to y (N, H, W, C)."""
    images, height, width, channels = x.shape
    framed = np.full((images, height + 3, width + 3, channels), fill, x.dtype)
    framed[:, 1 : height + 1, 1 : width + 1] = x
    rows, columns = np.indices((height, width)).astype(x.dtype)  # each (H, W)
    by_row, by_column, offset = np.moveaxis(matrices[:, :, None, None], -1, 0)  # each (N, 2, 1, 1)
    source = by_row * rows + by_column * columns + offset + field + x.dtype.type(1)  # (N, 2, H, W), in the frame
    source = np.where(source > 0, source, x.dtype.type(0))
    source = np.minimum(source, np.array([height + 1, width + 1], x.dtype)[:, None, None])
    iy, ix = np.moveaxis(source.astype(np.intp), 1, 0)  # each (N, H, W)
    down, right = np.moveaxis(source % 1, 1, 0)[..., None]  # each (N, H, W, 1)
    n = np.arange(images)[:, None, None]
    upper = framed[n, iy, ix] + right * (framed[n, iy, ix + 1] - framed[n, iy, ix])
    lower = framed[n, iy + 1, ix] + right * (framed[n, iy + 1, ix + 1] - framed[n, iy + 1, ix])
    y[...] = upper + down * (lower - upper)


# -- convolutions that read their patches where they lie --------------------------------------------------------------
# An image is a row of H * W * C elements here; a patch is what a filter sees at one stop.
# offsets     where patches start in that row; the four of a pooling window follow each other: 4 * P of P windows
# runs        where the pieces of a patch start, from its first element: `run_length` neighbouring elements each
# taps        where each single element of a patch is, counted from its first: all runs written out
# codes       which of a window's four pixels passes the gradient on, a byte for each output; 4 if ReLU cut it to 0
# entries     the pixels that pass a gradient on, as lists: filter after filter, image by image


def conv_relu_pool_forward(x, w, b, offsets, runs, run_length, y, codes):
    """y = maxpool(relu(conv(x))) over windows of four: offsets (P * 4,) to y and codes (N, P, F): who won, 4 if cut."""
    _rectified_maximum((_patches(x, offsets, runs, run_length) @ w + b).reshape(len(x), -1, 4, w.shape[1]), y, codes)


def winograd_relu_pool_forward(x, w, b, grid_width, y, codes):
    """The same for square filters on neighbouring pixels, `grid_width` windows in a row, computed the plain way."""
    images, windows, filters = y.shape
    grid, size = (images, windows // grid_width, grid_width, filters), int((len(w) // x.shape[3]) ** 0.5)
    sums = _columns(x, size, size, 1, 1, 1, 1, 0, 0, (images, 2 * grid[1], 2 * grid_width)) @ w + b
    _rectified_maximum(_pixels_of_windows(sums, 2, grid).reshape(images, windows, 4, filters), y, codes)


def winograd_forward(x, w, b, top, left, relu, turned, y):
    """y = conv(x), then ReLU if `relu`: w (9 * C, F) of 3 x 3 filters; if `turned`, dx y of a dy x, w (9 * F, C)."""
    filters = w.reshape(9, -1, w.shape[1])[::-1].swapaxes(1, 2).reshape(-1, y.shape[3]) if turned else w
    conv_forward(x, filters, b, 3, 3, 1, 1, 1, 1, top, left, relu, y)


def winograd_weight_gradient(x, dy, top, left, dw, db, is_finite):
    """dw (9 * C, F) and db (F,) of that convolution: x (N, H, W, C), dy (N, OH, OW, F); ``is_finite[0]``: is dw?"""
    conv_dense_weight_gradient(x, dy, dy, 3, 3, 1, 1, 1, 1, top, left, False, dw, db)
    is_finite[0] = np.isfinite(dw).all()


def _patches(x, offsets, runs, run_length):
    """Return the patches (N, P, K) that start at `offsets` and consist of `runs` of neighbouring elements."""
    taps = (runs[:, None] + np.arange(run_length)).reshape(-1)
    return x.reshape(len(x), -1)[:, offsets[:, None] + taps]


def _rectified_maximum(values, y, codes):
    """Largest over the last axis but one, a group, and 0; a NaN wins. Codes: which one, the group's size where cut."""
    largest = values.max(axis=-2)
    cut = largest <= 0
    y[...] = np.where(cut, 0, largest)
    if codes.size:
        codes[...] = np.where(cut, values.shape[-2], values.argmax(axis=-2))


def conv_entries(dy, codes, offsets, starts, positions, values, sums):
    """List the pixels that won: dy, codes (N, P, F), offsets (P * 4,) to lists (N, P * F), filter after filter."""
    for n in range(len(dy)):
        f, p = np.nonzero(codes[n].T < 4)
        starts[n] = np.searchsorted(f, np.arange(dy.shape[2] + 1))
        positions[n, : len(f)] = offsets[p * 4 + codes[n, p, f]]
        values[n, : len(f)] = dy[n, p, f]
        sums[n] = np.where(codes[n] < 4, dy[n], 0).sum(axis=0)


def conv_weight_gradient(x, runs, run_length, starts, positions, values, sums, dw, db):
    """dw (K, F) and db (F,) from the listed pixels: each adds its value times its patch of x (N, H, W, C)."""
    dw[...] = 0
    for n in range(len(x)):
        f = np.repeat(np.arange(db.size), np.diff(starts[n]))
        patches = _patches(x[n : n + 1], positions[n, : len(f)], runs, run_length)[0]
        np.add.at(dw.T, f, values[n, : len(f), None] * patches)
    db[...] = sums.sum(axis=0)


def conv_input_gradient(w, runs, run_length, starts, positions, values, dx):
    """dx (N, H, W, C) from the listed pixels: each adds its value times its filter, a column of w (K, F)."""
    taps = (runs[:, None] + np.arange(run_length)).reshape(-1)
    dx[...] = 0
    for n in range(len(dx)):
        f = np.repeat(np.arange(w.shape[1]), np.diff(starts[n]))
        np.add.at(dx[n].reshape(-1), positions[n, : len(f), None] + taps, values[n, : len(f), None] * w.T[f])


def window_input_gradient(w, dy, codes, offsets, row, dx):
    """dx (N, H, W, C) of a 3 x 3 convolution, windows of four: w (9 C, F), dy, codes (N, P, F), offsets (P * 4,)."""
    taps = np.add.outer(np.arange(3) * row, np.arange(3 * dx.shape[3])).reshape(-1)
    dx[...] = 0
    for n in range(len(dx)):
        p, f = np.nonzero(codes[n] < 4)
        places = offsets[p * 4 + codes[n, p, f], None] + taps
        np.add.at(dx[n].reshape(-1), places, dy[n, p, f][:, None] * w.T[f])


def conv_tap_gradient(x, dy, codes, offsets, taps, in_squares, dw, db):
    """dw (K, F) and db (F,) for patches of few elements: x (N, H, W, C), dy, codes (N, P, F), taps (K,)."""
    gradients = np.where(np.arange(4)[:, None] == codes[:, :, None], dy[:, :, None], 0).reshape(-1, db.size)
    patches = x.reshape(len(x), -1)[:, offsets[:, None] + taps].reshape(-1, len(taps))
    dw[...] = patches.T @ gradients
    db[...] = gradients.sum(axis=0)
