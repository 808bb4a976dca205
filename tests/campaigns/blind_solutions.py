"""The twelve exercises solved as a student would have: the texts that the blind mistakes are edits of.

Nothing here was taken from `numpycnn.learn` or `numpycnn.mistakes`.
"""
GEOMETRY = """
    n, h, wd, c = x.shape
    kh, kw, _, filters = w.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    oh = (h + 2 * padding - kh) // stride + 1
    ow = (wd + 2 * padding - kw) // stride + 1
"""
POOLING = """
    n, h, w, c = x.shape
    oh = (h - size) // stride + 1
    ow = (w - size) // stride + 1
"""
SOLUTIONS = {
    "im2col loops": """
def im2col(x, kernel_h, kernel_w, stride, padding):
    n, h, w, c = x.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    oh = (h + 2 * padding - kernel_h) // stride + 1
    ow = (w + 2 * padding - kernel_w) // stride + 1
    rows = []
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                top, left = p * stride, q * stride
                patch = padded[i, top:top + kernel_h, left:left + kernel_w, :]
                rows.append(patch.reshape(-1))
    return np.array(rows)
""",
    "im2col slices": """
def im2col(x, kernel_h, kernel_w, stride, padding):
    n, h, w, c = x.shape
    padded = np.zeros((n, h + 2 * padding, w + 2 * padding, c))
    padded[:, padding:padding + h, padding:padding + w] = x
    oh = 1 + (h + 2 * padding - kernel_h) // stride
    ow = 1 + (w + 2 * padding - kernel_w) // stride
    cols = np.zeros((n, oh, ow, kernel_h, kernel_w, c))
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            cols[:, :, :, ky, kx, :] = padded[:, ky:ky + stride * oh:stride, kx:kx + stride * ow:stride, :]
    return cols.reshape(n * oh * ow, -1)
""",
    "dense_backward matrix": """
def dense_backward(dy, x, w):
    dx = dy @ w.T
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db
""",
    "dense_backward loops": """
def dense_backward(dy, x, w):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for i in range(len(x)):
        dx[i] = w.dot(dy[i])
        dw += np.outer(x[i], dy[i])
        db += dy[i]
    return dx, dw, db
""",
    "conv2d_forward loops": f"""
def conv2d_forward(x, w, b, stride, padding):{GEOMETRY}
    y = np.zeros((n, oh, ow, filters))
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                for f in range(filters):
                    top, left = p * stride, q * stride
                    patch = padded[i, top:top + kh, left:left + kw, :]
                    y[i, p, q, f] = np.sum(patch * w[:, :, :, f]) + b[f]
    return y
""",
    "conv2d_forward channels": f"""
def conv2d_forward(x, w, b, stride, padding):{GEOMETRY}
    y = np.zeros((n, oh, ow, filters)) + b
    for ky in range(kh):
        for kx in range(kw):
            for ch in range(c):
                part = padded[:, ky:ky + stride * oh:stride, kx:kx + stride * ow:stride, ch]
                y += part[..., None] * w[ky, kx, ch]
    return y
""",
    "conv2d_backward loops": f"""
def conv2d_backward(dy, x, w, stride, padding):{GEOMETRY}
    dx_padded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros(filters)
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                for f in range(filters):
                    top, left = p * stride, q * stride
                    patch = padded[i, top:top + kh, left:left + kw, :]
                    dx_padded[i, top:top + kh, left:left + kw, :] += w[:, :, :, f] * dy[i, p, q, f]
                    dw[:, :, :, f] += patch * dy[i, p, q, f]
                    db[f] += dy[i, p, q, f]
    dx = dx_padded[:, padding:padding + h, padding:padding + wd, :]
    return dx, dw, db
""",
    "conv2d_backward cols": f"""
def conv2d_backward(dy, x, w, stride, padding):{GEOMETRY}
    cols = np.zeros((n, oh, ow, kh, kw, c))
    for ky in range(kh):
        for kx in range(kw):
            cols[:, :, :, ky, kx] = padded[:, ky:ky + stride * oh:stride, kx:kx + stride * ow:stride]
    flat, dy2 = cols.reshape(n * oh * ow, -1), dy.reshape(-1, filters)
    dw = (flat.T @ dy2).reshape(w.shape)
    db = dy.sum(axis=(0, 1, 2))
    dcols = (dy2 @ w.reshape(-1, filters).T).reshape(cols.shape)
    dx = np.zeros_like(padded)
    for ky in range(kh):
        for kx in range(kw):
            dx[:, ky:ky + stride * oh:stride, kx:kx + stride * ow:stride] += dcols[:, :, :, ky, kx]
    return dx[:, padding:h + padding, padding:wd + padding], dw, db
""",
    "max_pool_forward loops": f"""
def max_pool_forward(x, size, stride):{POOLING}
    y = np.zeros((n, oh, ow, c))
    for p in range(oh):
        for q in range(ow):
            top, left = p * stride, q * stride
            window = x[:, top:top + size, left:left + size, :]
            y[:, p, q, :] = window.max(axis=(1, 2))
    return y
""",
    "max_pool_backward loops": f"""
def max_pool_backward(dy, x, size, stride):{POOLING}
    dx = np.zeros_like(x)
    for i in range(n):
        for ch in range(c):
            for p in range(oh):
                for q in range(ow):
                    top, left = p * stride, q * stride
                    window = x[i, top:top + size, left:left + size, ch]
                    r, s = np.unravel_index(np.argmax(window), window.shape)
                    dx[i, top + r, left + s, ch] += dy[i, p, q, ch]
    return dx
""",
    "max_pool_backward mask": f"""
def max_pool_backward(dy, x, size, stride):{POOLING}
    dx = np.zeros_like(x)
    for i in range(n):
        for ch in range(c):
            for p in range(oh):
                for q in range(ow):
                    rows, columns = slice(p * stride, p * stride + size), slice(q * stride, q * stride + size)
                    window = x[i, rows, columns, ch]
                    mask = np.zeros(window.shape)
                    mask.flat[np.argmax(window)] = 1
                    dx[i, rows, columns, ch] += mask * dy[i, p, q, ch]
    return dx
""",
    "batch_norm_forward plain": """
def batch_norm_forward(x, gamma, beta, epsilon):
    mean = x.mean(axis=(0, 1, 2))
    var = x.var(axis=(0, 1, 2))
    xhat = (x - mean) / np.sqrt(var + epsilon)
    return gamma * xhat + beta
""",
    "batch_norm_backward staged": """
def batch_norm_backward(dy, x, gamma, epsilon):
    axes = (0, 1, 2)
    m = x.shape[0] * x.shape[1] * x.shape[2]
    centred = x - x.mean(axis=axes)
    ivar = 1 / np.sqrt(x.var(axis=axes) + epsilon)
    xhat = centred * ivar
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * xhat).sum(axis=axes)
    dxhat = dy * gamma
    dvar = (dxhat * centred).sum(axis=axes) * -0.5 * ivar ** 3
    dmean = -(dxhat * ivar).sum(axis=axes)
    dx = dxhat * ivar + dvar * 2 * centred / m + dmean / m
    return dx, dgamma, dbeta
""",
    "batch_norm_backward short": """
def batch_norm_backward(dy, x, gamma, epsilon):
    m = x[..., 0].size
    ivar = 1 / np.sqrt(x.var(axis=(0, 1, 2)) + epsilon)
    xhat = (x - x.mean(axis=(0, 1, 2))) * ivar
    dbeta = dy.sum(axis=(0, 1, 2))
    dgamma = (dy * xhat).sum(axis=(0, 1, 2))
    dx = gamma * ivar / m * (m * dy - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta
""",
    "softmax_cross_entropy plain": """
def softmax_cross_entropy(logits, labels):
    n = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    probs = exps / exps.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(exps.sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(n), labels].mean()
    dlogits = probs.copy()
    dlogits[np.arange(n), labels] -= 1
    dlogits /= n
    return loss, dlogits
""",
    "dropout_forward plain": """
def dropout_forward(x, rate, rng):
    keep = 1 - rate
    mask = rng.random(x.shape) < keep
    return x * mask / keep
""",
    "adam_step plain": """
def adam_step(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g ** 2
    m_hat = m / (1 - beta1 ** t)
    v_hat = v / (1 - beta2 ** t)
    w = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, m, v
""",
    "he_normal plain": """
def he_normal(shape, rng):
    fan_in = np.prod(shape[:-1])
    return rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)
""",
}
