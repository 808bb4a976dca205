"""Right solutions of the exercises as other people write them: loops over every index, matrices, einsum and windows."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def out_size(size, kernel, stride, pad=0):
    return (size + 2 * pad - kernel) // stride + 1


# -- loops over every index, as in courses ----------------------------------------------------------------------------


def im2col_loops(x, kernel_h, kernel_w, stride, padding):
    N, H, W, C = x.shape
    OH = (H + 2 * padding - kernel_h) // stride + 1
    OW = (W + 2 * padding - kernel_w) // stride + 1
    cols = np.zeros((N * OH * OW, kernel_h * kernel_w * C))
    row = 0
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                col = 0
                for ky in range(kernel_h):
                    for kx in range(kernel_w):
                        for c in range(C):
                            y, z = i * stride + ky - padding, j * stride + kx - padding
                            if 0 <= y < H and 0 <= z < W:
                                cols[row, col] = x[n, y, z, c]
                            col += 1
                row += 1
    return cols


def dense_backward_loops(dy, x, w):
    N, D = x.shape
    K = w.shape[1]
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(K)
    for n in range(N):
        for k in range(K):
            db[k] += dy[n, k]
            for d in range(D):
                dw[d, k] += x[n, d] * dy[n, k]
                dx[n, d] += dy[n, k] * w[d, k]
    return dx, dw, db


def conv2d_forward_loops(x, w, b, stride, padding):
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    x_pad = np.zeros((N, H + 2 * padding, W + 2 * padding, C))
    x_pad[:, padding : padding + H, padding : padding + W, :] = x
    OH = 1 + (H + 2 * padding - kh) // stride
    OW = 1 + (W + 2 * padding - kw) // stride
    out = np.zeros((N, OH, OW, F))
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    window = x_pad[n, i * stride : i * stride + kh, j * stride : j * stride + kw, :]
                    out[n, i, j, f] = np.sum(window * w[:, :, :, f]) + b[f]
    return out


def conv2d_backward_loops(dy, x, w, stride, padding):
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    _, OH, OW, _ = dy.shape
    x_pad = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), "constant")
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros(F)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    window = x_pad[n, top : top + kh, left : left + kw, :]
                    db[f] += dy[n, i, j, f]
                    dw[:, :, :, f] += window * dy[n, i, j, f]
                    dx_pad[n, top : top + kh, left : left + kw, :] += w[:, :, :, f] * dy[n, i, j, f]
    dx = dx_pad[:, padding : H + padding, padding : W + padding, :]
    return dx, dw, db


def max_pool_forward_loops(x, size, stride):
    N, H, W, C = x.shape
    OH, OW = 1 + (H - size) // stride, 1 + (W - size) // stride
    out = np.zeros((N, OH, OW, C))
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for c in range(C):
                    best = -np.inf
                    for ky in range(size):
                        for kx in range(size):
                            value = x[n, i * stride + ky, j * stride + kx, c]
                            if value > best:
                                best = value
                    out[n, i, j, c] = best
    return out


def max_pool_backward_loops(dy, x, size, stride):
    N, OH, OW, C = dy.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    window = x[n, i * stride : i * stride + size, j * stride : j * stride + size, c]
                    ky, kx = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, i * stride + ky, j * stride + kx, c] += dy[n, i, j, c]
    return dx


def batch_norm_forward_loops(x, gamma, beta, epsilon):
    N, H, W, C = x.shape
    flat = x.reshape(-1, C)
    mu = np.sum(flat, axis=0) / (N * H * W)
    xmu = flat - mu
    var = np.sum(xmu**2, axis=0) / (N * H * W)
    sqrtvar = np.sqrt(var + epsilon)
    xhat = xmu / sqrtvar
    out = gamma * xhat + beta
    return out.reshape(N, H, W, C)


def batch_norm_backward_loops(dy, x, gamma, epsilon):
    N, H, W, C = x.shape
    M = N * H * W
    x, dout = x.reshape(M, C), dy.reshape(M, C)
    mu = x.mean(axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + epsilon)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / sqrtvar**2 * divar
    dvar = 0.5 / sqrtvar * dsqrtvar
    dsq = np.ones((M, C)) * dvar / M
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = np.ones((M, C)) * dmu / M
    dx = dx1 + dx2
    return dx.reshape(N, H, W, C), dgamma, dbeta


def softmax_cross_entropy_loops(logits, labels):
    N, K = logits.shape
    loss = 0.0
    dlogits = np.zeros_like(logits)
    for n in range(N):
        scores = logits[n] - np.max(logits[n])
        total = np.sum(np.exp(scores))
        loss += -scores[labels[n]] + np.log(total)
        for k in range(K):
            dlogits[n, k] = np.exp(scores[k]) / total
        dlogits[n, labels[n]] -= 1
    loss /= N
    dlogits /= N
    return loss, dlogits


def dropout_forward_loops(x, rate, rng):
    keep = 1 - rate
    mask = (rng.random(x.shape) < keep) / keep
    return x * mask


def adam_step_loops(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    next_m = beta1 * m + (1 - beta1) * g
    next_v = beta2 * v + (1 - beta2) * (g**2)
    mt = next_m / (1 - beta1**t)
    vt = next_v / (1 - beta2**t)
    next_w = w - learning_rate * mt / (np.sqrt(vt) + epsilon)
    return next_w, next_m, next_v


def he_normal_loops(shape, rng):
    n_in = 1
    for size in shape[:-1]:
        n_in *= size
    std = np.sqrt(2.0 / n_in)
    return rng.normal(0.0, std, size=shape)


# -- matrices ---------------------------------------------------------------------------------------------------------


def im2col_matrix(x, kernel_h, kernel_w, stride, padding):
    N, H, W, C = x.shape
    img = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    OH, OW = (H + 2 * padding - kernel_h) // stride + 1, (W + 2 * padding - kernel_w) // stride + 1
    col = np.zeros((N, OH, OW, kernel_h, kernel_w, C))
    for ky in range(kernel_h):
        y_max = ky + stride * OH
        for kx in range(kernel_w):
            x_max = kx + stride * OW
            col[:, :, :, ky, kx, :] = img[:, ky:y_max:stride, kx:x_max:stride, :]
    return col.reshape(N * OH * OW, -1)


def dense_backward_matrix(dy, x, w):
    dx = np.dot(dy, w.T)
    dw = np.dot(x.T, dy)
    db = np.sum(dy, axis=0)
    return dx, dw, db


def conv2d_forward_matrix(x, w, b, stride, padding):
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    OH, OW = out_size(H, kh, stride, padding), out_size(W, kw, stride, padding)
    cols = im2col_matrix(x, kh, kw, stride, padding)
    out = np.dot(cols, w.reshape(-1, F)) + b
    return out.reshape(N, OH, OW, F)


def conv2d_backward_matrix(dy, x, w, stride, padding):
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    _, OH, OW, _ = dy.shape
    dout = dy.reshape(-1, F)
    cols = im2col_matrix(x, kh, kw, stride, padding)
    db = np.sum(dout, axis=0)
    dw = np.dot(cols.T, dout).reshape(kh, kw, C, F)
    dcols = np.dot(dout, w.reshape(-1, F).T).reshape(N, OH, OW, kh, kw, C)
    img = np.zeros((N, H + 2 * padding + stride - 1, W + 2 * padding + stride - 1, C))
    for ky in range(kh):
        y_max = ky + stride * OH
        for kx in range(kw):
            x_max = kx + stride * OW
            img[:, ky:y_max:stride, kx:x_max:stride, :] += dcols[:, :, :, ky, kx, :]
    return img[:, padding : H + padding, padding : W + padding, :], dw, db


def max_pool_forward_matrix(x, size, stride):
    N, H, W, C = x.shape
    OH, OW = out_size(H, size, stride), out_size(W, size, stride)
    col = im2col_matrix(x, size, size, stride, 0).reshape(N, OH, OW, size * size, C)
    return np.max(col, axis=3)


def max_pool_backward_matrix(dy, x, size, stride):
    N, H, W, C = x.shape
    _, OH, OW, _ = dy.shape
    col = im2col_matrix(x, size, size, stride, 0).reshape(-1, size * size, C)
    winner = np.argmax(col, axis=1)
    dcol = np.zeros_like(col)
    rows, channels = np.indices(winner.shape)
    dcol[rows, winner, channels] = dy.reshape(-1, C)
    dcol = dcol.reshape(N, OH, OW, size, size, C)
    dx = np.zeros((N, H + stride - 1, W + stride - 1, C))
    for ky in range(size):
        for kx in range(size):
            dx[:, ky : ky + stride * OH : stride, kx : kx + stride * OW : stride] += dcol[:, :, :, ky, kx]
    return dx[:, :H, :W]


def batch_norm_backward_matrix(dy, x, gamma, epsilon):
    M = x.shape[0] * x.shape[1] * x.shape[2]
    axes = (0, 1, 2)
    std = np.sqrt(np.var(x, axes) + epsilon)
    xhat = (x - np.mean(x, axes)) / std
    dgamma = np.sum(dy * xhat, axes)
    dbeta = np.sum(dy, axes)
    dx = gamma / (M * std) * (M * dy - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def softmax_cross_entropy_matrix(logits, labels):
    N = logits.shape[0]
    z = logits - np.max(logits, axis=1, keepdims=True)
    Z = np.sum(np.exp(z), axis=1, keepdims=True)
    log_probs = z - np.log(Z)
    probs = np.exp(log_probs)
    loss = -np.sum(log_probs[np.arange(N), labels]) / N
    dx = probs.copy()
    dx[np.arange(N), labels] -= 1
    dx /= N
    return loss, dx


def dropout_forward_matrix(x, rate, rng):
    mask = rng.binomial(1, 1 - rate, size=x.shape)
    return x * mask / (1.0 - rate)


def adam_step_matrix(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g * g - v)
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - rate * m / (np.sqrt(v) + epsilon * np.sqrt(1 - beta2**t)), m, v


def he_normal_matrix(shape, rng):
    fan_in = shape[0] if len(shape) == 2 else shape[0] * shape[1] * shape[2]
    return rng.standard_normal(size=shape) / np.sqrt(fan_in / 2)


# -- windows and einsum -----------------------------------------------------------------------------------------------


def windows(x, kh, kw, stride):
    return sliding_window_view(x, (kh, kw), (1, 2))[:, ::stride, ::stride]  # (N, OH, OW, C, kh, kw)


def im2col_windows(x, kernel_h, kernel_w, stride, padding):
    x = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    view = windows(x, kernel_h, kernel_w, stride)
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(view.shape[0] * view.shape[1] * view.shape[2], -1)


def dense_backward_windows(dy, x, w):
    return np.einsum("nk,dk->nd", dy, w), np.einsum("nd,nk->dk", x, dy), np.einsum("nk->k", dy)


def conv2d_forward_windows(x, w, b, stride, padding):
    x = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    return np.einsum("nijcyx,yxcf->nijf", windows(x, *w.shape[:2], stride), w) + b


def conv2d_backward_windows(dy, x, w, stride, padding):
    kh, kw, C, F = w.shape
    N, H, W, _ = x.shape
    _, OH, OW, _ = dy.shape
    padded = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    dw = np.einsum("nijcyx,nijf->yxcf", windows(padded, kh, kw, stride), dy)
    spread = np.zeros((N, H + 2 * padding + kh - 1, W + 2 * padding + kw - 1, F))
    spread[:, kh - 1 : kh - 1 + OH * stride : stride, kw - 1 : kw - 1 + OW * stride : stride][:, :OH, :OW] = dy
    full = np.einsum("nijfyx,yxcf->nijc", windows(spread, kh, kw, 1), w[::-1, ::-1])
    return full[:, padding : padding + H, padding : padding + W], dw, dy.sum((0, 1, 2))


def max_pool_forward_windows(x, size, stride):
    return windows(x, size, size, stride).max((4, 5))


def max_pool_backward_windows(dy, x, size, stride):
    N, OH, OW, C = dy.shape
    winner = windows(x, size, size, stride).reshape(N, OH, OW, C, -1).argmax(-1)
    n, i, j, c = np.indices(dy.shape)
    dx = np.zeros(x.shape)
    np.add.at(dx, (n, i * stride + winner // size, j * stride + winner % size, c), dy)
    return dx


def batch_norm_forward_windows(x, gamma, beta, epsilon):
    mean = x.mean((0, 1, 2), keepdims=True)
    var = (x**2).mean((0, 1, 2), keepdims=True) - mean**2
    return (x - mean) / (var + epsilon) ** 0.5 * gamma + beta


def dropout_forward_windows(x, rate, rng):
    return np.where(rng.uniform(size=x.shape) > rate, x / (1 - rate), 0.0)
