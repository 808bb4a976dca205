"""A third set of mistakes in the twelve exercises: made from the tasks' texts and from public issues, restated, by
somebody who had not seen the library, and judged once before anything was changed for them. Of 321, 274 were named
rightly, 5 wrongly, 42 not. Wrongly: windows that step by the filter's size ("in rows", twice), an exponent of the
deviation ("x - mean where the normalised x belongs"), the sum over the wrong axis ("0 where 1 belongs"), and a dx that
is too small where columns remain, which passed. Since then the library has grown by the kinds of the other 47.

`named` is the identifier that names a mistake rightly, as a person wrote it down who compared message and mistake.
"""

from blind_mistakes import Blind

SOLUTIONS = {
    'im2col third': """
from numpy.lib.stride_tricks import sliding_window_view


def im2col(x, kernel_h, kernel_w, stride, padding):
    n, h, w, c = x.shape
    xp = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    win = sliding_window_view(xp, (kernel_h, kernel_w), axis=(1, 2))
    win = win[:, ::stride, ::stride]
    # now (n, out_h, out_w, c, ky, kx)
    win = win.transpose(0, 1, 2, 4, 5, 3)
    oh, ow = win.shape[1], win.shape[2]
    return win.reshape(n * oh * ow, kernel_h * kernel_w * c)
""",
    'im2col loops third': """
def im2col(x, kernel_h, kernel_w, stride, padding):
    N, H, W, C = x.shape
    out_h = (H + 2 * padding - kernel_h) // stride + 1
    out_w = (W + 2 * padding - kernel_w) // stride + 1
    x_pad = np.zeros((N, H + 2 * padding, W + 2 * padding, C))
    x_pad[:, padding:padding + H, padding:padding + W, :] = x
    cols = np.zeros((N * out_h * out_w, kernel_h * kernel_w * C))
    row = 0
    for n in range(N):
        for i in range(out_h):
            for j in range(out_w):
                top = i * stride
                left = j * stride
                patch = x_pad[n, top:top + kernel_h, left:left + kernel_w, :]
                cols[row] = patch.reshape(-1)
                row += 1
    return cols
""",
    'dense_backward third': """
def dense_backward(dy, x, w):
    dx = dy @ w.T
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db
""",
    'dense_backward loops third': """
def dense_backward(dy, x, w):
    N = x.shape[0]
    dx = np.zeros(x.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(w.shape[1])
    for n in range(N):
        dw += np.outer(x[n], dy[n])
        db += dy[n]
        dx[n] = w.dot(dy[n])
    return dx, dw, db
""",
    'conv2d_forward third': """
from numpy.lib.stride_tricks import sliding_window_view


def conv2d_forward(x, w, b, stride, padding):
    kh, kw = w.shape[0], w.shape[1]
    p = padding
    xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    win = sliding_window_view(xp, (kh, kw), axis=(1, 2))[:, ::stride, ::stride]
    y = np.einsum('nijcuv,uvcf->nijf', win, w)
    return y + b
""",
    'conv2d_forward loops third': """
def conv2d_forward(x, w, b, stride, padding):
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    out_h = 1 + (H + 2 * padding - kh) // stride
    out_w = 1 + (W + 2 * padding - kw) // stride
    xp = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)),
                mode='constant')
    y = np.zeros((N, out_h, out_w, F))
    for n in range(N):
        for i in range(out_h):
            for j in range(out_w):
                for f in range(F):
                    top, left = i * stride, j * stride
                    patch = xp[n, top:top + kh, left:left + kw, :]
                    y[n, i, j, f] = np.sum(patch * w[:, :, :, f]) + b[f]
    return y
""",
    'conv2d_backward third': """
def conv2d_backward(dy, x, w, stride, padding):
    N, H, W, C = x.shape
    kh, kw = w.shape[:2]
    oh, ow = dy.shape[1], dy.shape[2]
    xp = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for u in range(kh):
        for v in range(kw):
            rows = slice(u, u + stride * oh, stride)
            cols = slice(v, v + stride * ow, stride)
            dw[u, v] = np.tensordot(xp[:, rows, cols], dy,
                                    axes=([0, 1, 2], [0, 1, 2]))
            dxp[:, rows, cols] += dy @ w[u, v].T
    dx = dxp[:, padding:padding + H, padding:padding + W]
    db = dy.sum(axis=(0, 1, 2))
    return dx, dw, db
""",
    'conv2d_backward loops third': """
def conv2d_backward(dy, x, w, stride, padding):
    n_img, in_h, in_w, n_c = x.shape
    f_h, f_w, _, n_f = w.shape
    _, out_h, out_w, _ = dy.shape

    x_pad = np.zeros((n_img, in_h + 2 * padding, in_w + 2 * padding, n_c))
    x_pad[:, padding:padding + in_h, padding:padding + in_w, :] = x
    dx_pad = np.zeros(x_pad.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(n_f)

    for i in range(n_img):
        for h in range(out_h):
            for q in range(out_w):
                for k in range(n_f):
                    vs = h * stride
                    hs = q * stride
                    window = x_pad[i, vs:vs + f_h, hs:hs + f_w, :]
                    g = dy[i, h, q, k]
                    dx_pad[i, vs:vs + f_h, hs:hs + f_w, :] += w[:, :, :, k] * g
                    dw[:, :, :, k] += window * g
                    db[k] += g

    dx = dx_pad[:, padding:in_h + padding, padding:in_w + padding, :]
    return dx, dw, db
""",
    'conv2d_backward matrix third': """
def conv2d_backward(dy, x, w, stride, padding):
    s = stride
    N, H, W, C = x.shape
    kh, kw, _, F = w.shape
    oh, ow = dy.shape[1:3]
    xp = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])

    cols = np.empty((N, oh, ow, kh, kw, C))
    for ky in range(kh):
        for kx in range(kw):
            cols[:, :, :, ky, kx] = xp[:, ky:ky + oh * s:s, kx:kx + ow * s:s]
    cols = cols.reshape(N * oh * ow, kh * kw * C)

    d2 = dy.reshape(-1, F)
    db = d2.sum(0)
    dw = (cols.T @ d2).reshape(w.shape)
    dcols = d2 @ w.reshape(-1, F).T

    # col2im
    dcols = dcols.reshape(N, oh, ow, kh, kw, C)
    dxp = np.zeros(xp.shape)
    for ky in range(kh):
        for kx in range(kw):
            dxp[:, ky:ky + oh * s:s, kx:kx + ow * s:s] += dcols[:, :, :, ky, kx]
    dx = dxp[:, padding:H + padding, padding:W + padding]
    return dx, dw, db
""",
    'max_pool_forward third': """
def max_pool_forward(x, size, stride):
    win = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    win = win[:, ::stride, ::stride]      # (n, oh, ow, c, size, size)
    return win.max(axis=(4, 5))
""",
    'max_pool_forward loops third': """
def max_pool_forward(x, size, stride):
    n, h, w, c = x.shape
    out_h = (h - size) // stride + 1
    out_w = (w - size) // stride + 1
    out = np.zeros((n, out_h, out_w, c))
    for i in range(out_h):
        for j in range(out_w):
            r = i * stride
            s = j * stride
            window = x[:, r:r + size, s:s + size, :]
            out[:, i, j, :] = window.max(axis=(1, 2))
    return out
""",
    'max_pool_backward third': """
from numpy.lib.stride_tricks import sliding_window_view


def max_pool_backward(dy, x, size, stride):
    n, oh, ow, c = dy.shape
    win = sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    flat = win.reshape(n, oh, ow, c, size * size)
    best = flat.argmax(axis=-1)
    di, dj = best // size, best % size
    b, i, j, ch = np.indices((n, oh, ow, c))
    dx = np.zeros(x.shape)
    np.add.at(dx, (b, i * stride + di, j * stride + dj, ch), dy)
    return dx
""",
    'max_pool_backward loops third': """
def max_pool_backward(dy, x, size, stride):
    N, out_h, out_w, C = dy.shape
    dx = np.zeros(x.shape)
    for n in range(N):
        for i in range(out_h):
            for j in range(out_w):
                for c in range(C):
                    top = i * stride
                    left = j * stride
                    window = x[n, top:top + size, left:left + size, c]
                    r, s = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, top + r, left + s, c] += dy[n, i, j, c]
    return dx
""",
    'batch_norm_forward third': """
def batch_norm_forward(x, gamma, beta, epsilon):
    axes = tuple(range(x.ndim - 1))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    xhat = (x - mu) / np.sqrt(var + epsilon)
    return gamma * xhat + beta
""",
    'batch_norm_forward loops third': """
def batch_norm_forward(x, gamma, beta, epsilon):
    y = np.zeros(x.shape)
    for c in range(x.shape[-1]):
        v = x[..., c]
        m = v.sum() / v.size
        s2 = ((v - m) ** 2).sum() / v.size
        y[..., c] = gamma[c] * (v - m) / (s2 + epsilon) ** 0.5 + beta[c]
    return y
""",
    'batch_norm_backward third': """
def batch_norm_backward(dy, x, gamma, epsilon):
    ax = tuple(range(x.ndim - 1))
    m = x.size // x.shape[-1]
    mu = x.mean(axis=ax)
    inv = 1.0 / np.sqrt(x.var(axis=ax) + epsilon)
    xhat = (x - mu) * inv
    dbeta = dy.sum(axis=ax)
    dgamma = (dy * xhat).sum(axis=ax)
    dx = gamma * inv / m * (m * dy - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta
""",
    'batch_norm_backward steps third': """
def batch_norm_backward(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))
    M = np.prod(x.shape[:-1])
    # forward again
    mean = x.sum(axis=axes) / M
    xc = x - mean
    var = (xc ** 2).sum(axis=axes) / M
    std = np.sqrt(var + epsilon)
    x_norm = xc / std
    # parameters
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * x_norm).sum(axis=axes)
    # back through the graph
    dx_norm = dy * gamma
    dvar = (dx_norm * xc).sum(axis=axes) * (-0.5) * std ** -3
    dmean = -(dx_norm / std).sum(axis=axes)
    dx = dx_norm / std + dvar * 2 * xc / M + dmean / M
    return dx, dgamma, dbeta
""",
    'softmax_cross_entropy third': """
def softmax_cross_entropy(logits, labels):
    n = logits.shape[0]
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    rows = np.arange(n)
    loss = -logp[rows, labels].mean()
    d = np.exp(logp)
    d[rows, labels] -= 1
    return loss, d / n
""",
    'softmax_cross_entropy loops third': """
def softmax_cross_entropy(logits, labels):
    N, K = logits.shape
    loss = 0.0
    dlogits = np.zeros((N, K))
    for i in range(N):
        s = logits[i] - np.max(logits[i])
        p = np.exp(s) / np.sum(np.exp(s))
        loss += -s[labels[i]] + np.log(np.exp(s).sum())
        for k in range(K):
            target = 1.0 if k == labels[i] else 0.0
            dlogits[i, k] = p[k] - target
    return loss / N, dlogits / N
""",
    'dropout_forward third': """
def dropout_forward(x, rate, rng):
    keep = 1.0 - rate
    mask = rng.random(x.shape) < keep
    return x * mask / keep
""",
    'dropout_forward loops third': """
def dropout_forward(x, rate, rng):
    out = np.zeros_like(x)
    u = rng.random(x.shape)
    for idx in np.ndindex(*x.shape):
        if u[idx] >= rate:
            out[idx] = x[idx] / (1 - rate)
    return out
""",
    'adam_step third': """
def adam_step(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g ** 2
    m_hat = m / (1 - beta1 ** t)
    v_hat = v / (1 - beta2 ** t)
    w = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, m, v
""",
    'adam_step loops third': """
def adam_step(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    new_w = np.array(w, dtype=float)
    new_m = m + (1 - beta1) * (g - m)
    new_v = v + (1 - beta2) * (g * g - v)
    c1 = 1 - beta1 ** t
    c2 = 1 - beta2 ** t
    for i in np.ndindex(*w.shape):
        denom = (new_v[i] / c2) ** 0.5 + epsilon
        new_w[i] -= learning_rate * (new_m[i] / c1) / denom
    return new_w, new_m, new_v
""",
    'he_normal third': """
def he_normal(shape, rng):
    fan_in = np.prod(shape[:-1])
    return rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)
""",
    'he_normal loops third': """
def he_normal(shape, rng):
    n_in = 1
    for d in shape[:-1]:
        n_in *= d
    return rng.standard_normal(shape) * (2.0 / n_in) ** 0.5
""",
}

# fmt: off
ROWS = tuple(Blind(*row) for row in (
    ('im2col third', '    win = win.transpose(0, 1, 2, 4, 5, 3)\n', '',
     'The transpose that puts the channel last is missing, so the columns are ordered (c, ky, kx).',
     'HIPS/autograd/pull/245', 'patch-channels-first'),
    ('im2col third', 'win.transpose(0, 1, 2, 4, 5, 3)', 'win.transpose(0, 1, 2, 5, 4, 3)',
     'Kernel row and kernel column are swapped: the columns are ordered (kx, ky, c).', '', 'patch-columns-first'),
    ('im2col third', 'win[:, ::stride, ::stride]', 'win[:, ::stride]',
     'The stride is applied to the rows only; the columns step by one.', '', 'stride-ignored-in-columns'),
    ('im2col third', '    win = win[:, ::stride, ::stride]\n', '',
     'The stride is never used: windows at every position.', '', 'stride-ignored'),
    ('im2col third', '((0, 0), (padding, padding), (padding, padding), (0, 0))',
     '((0, 0), (padding, 0), (padding, 0), (0, 0))', 'Zeros are padded on the top and left only.', '',
     'padding-counted-once'),
    ('im2col third', '(padding, padding), (0, 0)))', "(padding, padding), (0, 0)), mode='edge')",
     'The padding repeats the border pixels instead of zeros.', '', 'padded-with-edge'),
    ('im2col third', 'return win.reshape(n * oh * ow, kernel_h * kernel_w * c)',
     'return win.reshape(n * oh * ow, kernel_h * kernel_w * c).T',
     'One patch per column instead of per row: the result is transposed.', 'CS231n im2col.py', 'cols-transposed'),
    ('im2col third', '    return win.reshape(n * oh',
     '    win = win.transpose(1, 2, 0, 3, 4, 5)\n    return win.reshape(n * oh',
     'Rows are ordered (position, image) instead of (image, position).', 'CS231n im2col.py', 'rows-images-last'),
    ('im2col loops third', '                top = i * stride\n                left = j * stride\n',
     '                top = i\n                left = j\n',
     'The output index is used as the input position: stride forgotten, though the output has the strided size.',
     'community.deeplearning.ai/t/513501', 'stride-forgotten'),
    ('im2col loops third', 'out_h = (H + 2 * padding - kernel_h) // stride + 1',
     'out_h = (H + 2 * padding - kernel_h) // stride', 'The + 1 in the number of output rows is missing.',
     'ahmedfgad/NumPyCNN/issues/2', 'one-row-of-windows-short'),
    ('im2col loops third', 'out_w = (W + 2 * padding - kernel_w)', 'out_w = (H + 2 * padding - kernel_w)',
     "The output width is computed from the image's height.", '', 'line-changed'),
    ('im2col loops third', 'patch.reshape(-1)', 'patch.transpose(2, 0, 1).reshape(-1)',
     'Each patch is flattened channel first: (c, ky, kx).', 'ravin-d-27/PyDeepFlow/pull/85', 'patch-channels-first'),
    ('im2col loops third', '                row += 1', '            row += 1',
     'The row counter is increased once per output row (wrong indentation), so patches overwrite each other.', '',
     ''),
    ('im2col loops third', 'patch.reshape(-1)', 'patch[::-1, ::-1].reshape(-1)',
     'Patches are flipped by 180 degrees, as a true convolution would.', '', 'patch-flipped'),
    ('im2col loops third', 'patch.reshape(-1)', "patch.reshape(-1, order='F')",
     'Flattened in Fortran order: (c, kx, ky).', '', 'patch-columns-and-channels-first'),
    ('im2col loops third', 'padding:padding + H, padding:padding + W, :] = x', ':H, :W, :] = x',
     'The image is copied to the corner of the padded array: all zeros end up below and right.', '',
     'padded-at-the-end'),
    ('im2col loops third', '                top = i * stride\n                left = j * stride\n',
     '                top = i * kernel_h\n                left = j * kernel_w\n',
     "Windows step by the kernel's size, as in pooling, not by the stride (wrong or a crash).", '', ''),
    ('im2col loops third', '(H + 2 * padding - kernel_h)', '(H + padding - kernel_h)',
     'Padding is counted once, not on both sides, in the output height.', '', 'line-changed'),
    ('im2col loops third', 'left:left + kernel_w, :]', 'left:left + kernel_h, :]',
     "The patch's width is taken as the kernel's height: fails for kernels that are not square.", '', ''),
    ('dense_backward third', 'dy.sum(axis=0)', 'dy.mean(axis=0)', 'db is the mean over the batch, not the sum.',
     'kvfrans/notes/issues/5', 'db-averaged'),
    ('dense_backward third', 'dy.sum(axis=0)', 'dy.sum()', 'db is one number: the sum over samples and units.',
     'rasbt/stat453-deep-learning-ss21/issues/5', 'db-one-number'),
    ('dense_backward third', 'dy.sum(axis=0)', 'dy.sum(axis=1)', 'db sums over the units instead of the samples.',
     'deeplearning4j/deeplearning4j/pull/364', 'db-of-wrong-axis'),
    ('dense_backward third', 'x.T @ dy', 'dy.T @ x', 'dw is transposed: (out, in).',
     'iamtrask/Grokking-Deep-Learning/pull/22', 'dw-transposed'),
    ('dense_backward third', 'dy @ w.T', 'dy @ w', 'The transpose of w is missing in dx.', 'apache/mxnet/pull/4498',
     'dx-weight-not-transposed'),
    ('dense_backward third', 'x.T @ dy', 'x.T @ dy / x.shape[0]', 'dw is divided by the batch size here as well.',
     'heyxhh/nnet-numpy/issues/1, apache/mxnet/issues/2427', 'dw-averaged'),
    ('dense_backward third', 'return dx, dw, db', 'return dw, dx, db', 'dx and dw are returned in the wrong order.',
     '', 'outputs-swapped'),
    ('dense_backward third', 'dy.sum(axis=0)', 'dy.sum(axis=0, keepdims=True)',
     'db keeps the batch axis: shape (1, out).', 'community.deeplearning.ai/t/63071', 'db-keeps-axis'),
    ('dense_backward third', 'dy.sum(axis=0)', 'x.sum(axis=0)',
     'db sums the inputs instead of the incoming gradient.', 'pytorch/pytorch/issues/2330', 'line-changed'),
    ('dense_backward third', 'dx = dy @ w.T\n    dw = x.T @ dy', 'dw = x.T @ dy\n    dx = dy @ dw.T',
     'dx uses the gradient dw where the weights w belong.', 'jcjohnson/pytorch-examples/issues/5 and /28', ''),
    ('dense_backward third', '    return', '    dx, dw, db = dx / len(x), dw / len(x), db / len(x)\n    return',
     'All three gradients are divided by the batch size.', 'community.deeplearning.ai/t/63071',
     'all-averaged-again'),
    ('dense_backward loops third', 'dw += np.outer(x[n], dy[n])', 'dw = np.outer(x[n], dy[n])',
     'dw is overwritten in the loop: only the last sample counts.', '', 'dw-last-row-only'),
    ('dense_backward loops third', 'db += dy[n]', 'db = dy[n]', 'db is that of the last sample only.',
     'mlpack/mlpack/pull/3679', 'db-last-row-only'),
    ('dense_backward loops third', 'w.dot(dy[n])', 'w.dot(dy[n]) * (x[n] > 0)',
     "A ReLU mask is put into the dense layer's dx.", '', 'dx-masked'),
    ('dense_backward loops third', 'dx[n] = w.dot(dy[n])', 'dx += w.dot(dy[n])',
     "Each sample's gradient is added to every row of dx (broadcast).", '', 'dx-bias-s-sum'),
    ('dense_backward loops third', 'np.outer(x[n], dy[n])', 'np.outer(x[0], dy[n])',
     'Typing slip: the outer product always uses the first sample.', '', 'x-replaced'),
    ('dense_backward loops third', 'db += dy[n]', 'db += 1',
     'db counts samples: the derivative of y by b, dy forgotten.', '', 'db-counts'),
    ('conv2d_forward third', 'win, w)', 'win, w[::-1, ::-1])',
     'Filters are flipped: a true convolution, not a correlation.', 'pytorch/pytorch/issues/117534',
     'filters-flipped'),
    ('conv2d_forward third', 'return y + b', 'return y', 'The bias is forgotten.', '', 'bias-forgotten'),
    ('conv2d_forward third', '[:, ::stride, ::stride]', '[:, ::stride]', 'Stride applied along the height only.', '',
     'stride-ignored-in-columns'),
    ('conv2d_forward third', "'nijcuv,uvcf->nijf'", "'nijcuv,vucf->nijf'",
     "Kernel's height and width axes are exchanged.", '', 'filters-transposed'),
    ('conv2d_forward third', '((0, 0), (p, p), (p, p), (0, 0))', '((0, 0), (0, 2 * p), (0, 2 * p), (0, 0))',
     'All zeros are padded on the bottom and the right: size right, image shifted.', '', 'padded-at-the-end'),
    ('conv2d_forward third', 'return y + b', 'return np.maximum(y + b, 0)', 'A ReLU is applied inside the layer.',
     '', 'relu-applied'),
    ('conv2d_forward third', '    xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))\n', '    xp = x\n',
     'The padding is not applied at all.', 'SamratSahoo/UT-Arlington-Research/issues/2', 'padding-ignored'),
    ('conv2d_forward third', '[:, ::stride, ::stride]', '[:, stride - 1::stride, stride - 1::stride]',
     'The strided grid begins at stride - 1 instead of at 0.', '', ''),
    ('conv2d_forward third', '(p, p), (0, 0)))', "(p, p), (0, 0)), mode='reflect')",
     'Reflected instead of zero padding.', '', 'padded-with-reflection'),
    ('conv2d_forward third', 'return y + b', 'return y + b.sum()',
     'The sum of all biases is added to every channel.', '', 'b-replaced'),
    ('conv2d_forward third', '    p = padding\n', '    p = (kh - 1) // 2\n',
     "Always pads for 'same' size, ignoring the padding argument.", '', ''),
    ('conv2d_forward loops third', 'np.sum(patch * w[:, :, :, f]) + b[f]', 'np.sum(patch * w[:, :, :, f] + b[f])',
     'The bias is added inside the sum, so it counts kh * kw * C times.', 'Kulbear/deep-learning-coursera/pull/48',
     'bias-per-product'),
    ('conv2d_forward loops third', 'top, left = i * stride, j * stride', 'top, left = i, j',
     'Stride forgotten when placing the window.',
     'rasbt/machine-learning-book/pull/168, fissehab/Deep_learning_specialization/pull/1', 'stride-forgotten'),
    ('conv2d_forward loops third', 'out_w = 1 + (W + 2', 'out_w = 1 + (H + 2',
     "The output's width comes from the input's height.", 'deeplearning.ai C4W1 exercise 3 thread of July 2021',
     'line-changed'),
    ('conv2d_forward loops third', '(H + 2 * padding - kh) // stride', '(H + padding - kh) // stride',
     'Padding counted once in the output height.', '', 'line-changed'),
    ('conv2d_forward loops third', 'np.sum(patch * w[:, :, :, f])', 'np.sum(patch[:, :, 0] * w[:, :, 0, f])',
     'Only the first input channel is convolved.', '', 'first-channel-only'),
    ('conv2d_forward loops third', '+ b[f]', '+ b[0]', 'Every filter gets the first bias.', '', 'first-bias-only'),
    ('conv2d_forward loops third', 'np.sum(patch * w', 'np.mean(patch * w', 'Mean instead of sum over the window.',
     '', 'window-averaged'),
    ('conv2d_forward loops third', 'top, left = i * stride, j * stride', 'top, left = j * stride, i * stride',
     'Row and column positions exchanged: the output is transposed (or a crash on oblong images).', '', ''),
    ('conv2d_forward loops third', 'out_h = 1 + (H + 2 * padding - kh) // stride',
     'out_h = (H + 2 * padding - kh) // stride', 'Missing + 1 in the output height.', '',
     'one-row-of-windows-short'),
    ('conv2d_forward loops third', 'top:top + kh, left:left + kw', 'top:top + kh, left:left + kh',
     "Window's width is the kernel's height: crash when kernels are not square.", '', ''),
    ('conv2d_forward loops third', 'top, left = i * stride, j * stride', 'top, left = i * kh, j * kw',
     'Windows step by their own size, as in pooling, not by the stride.', '', ''),
    ('conv2d_backward third', 'dxp[:, rows, cols] += dy', 'dxp[:, rows, cols] = dy',
     'dx is overwritten instead of accumulated where windows overlap.',
     'oreilly-japan/deep-learning-from-scratch/issues/27', 'dx-overwritten-by-patches'),
    ('conv2d_backward third', 'dxp[:, padding:padding + H, padding:padding + W]',
     'dxp[:, padding:-padding, padding:-padding]',
     'Padding is cut off with p:-p, which yields an empty array when padding is 0.',
     'drunze.github.io 2020/03/02 solution of deeplearning.ai C4W1', 'dx-cropped-to-minus-zero'),
    ('conv2d_backward third', 'dx = dxp[:, padding:padding + H, padding:padding + W]', 'dx = dxp',
     'The padding is not cut off: dx has the padded size.', '', 'dx-not-cropped'),
    ('conv2d_backward third', 'axis=(0, 1, 2))\n    return', 'axis=(0, 1))\n    return',
     'db sums over two axes only: shape (ow, F).', '', ''),
    ('conv2d_backward third', 'dy.sum(axis=(0, 1, 2))', 'dy.mean(axis=(0, 1, 2))',
     'db is a mean over images and positions.', '', 'db-averaged'),
    ('conv2d_backward third', 'dy.sum(axis=(0, 1, 2))', 'dy.sum()', 'db is summed over the filters as well.', '',
     'db-one-number'),
    ('conv2d_backward third', '    return dx, dw, db', '    return dx, dw / N, db',
     'dw is divided by the number of images.', 'heyxhh/nnet-numpy/issues/1', 'dw-averaged'),
    ('conv2d_backward third', 'w[u, v].T', 'w[u, v]',
     'Input and output channels not transposed in dx (crash unless they are equal).', '', 'dx-channels-for-filters'),
    ('conv2d_backward third', 'dy @ w[u, v].T', 'dy @ w[kh - 1 - u, kw - 1 - v].T',
     'Filter turned by 180 degrees although the scatter form does not need it.',
     'ddbourgin/numpy-ml/issues/27, rasmusbergpalm/DeepLearnToolbox/issues/169', 'dx-filters-flipped'),
    ('conv2d_backward third', 'dw[u, v] = np.tensordot', 'dw[kh - 1 - u, kw - 1 - v] = np.tensordot',
     'The weight gradient comes out reversed (arguments of the correlation in the wrong order).',
     'end-to-end-machine-learning.teachable.com course 322, lecture 24726662', 'dw-flipped'),
    ('conv2d_backward third', 'np.tensordot(xp[:, rows, cols], dy,', 'np.tensordot(xp[:, u:u + oh, v:v + ow], dy,',
     'Stride forgotten in dw but not in dx.', 'Kulbear/deep-learning-coursera/pull/34', 'stride-forgotten'),
    ('conv2d_backward third', '            rows = slice(u, u + stride * oh, stride)\n'
     '            cols = slice(v, v + stride * ow, stride)\n',
     '            rows = slice(u, u + oh)\n            cols = slice(v, v + ow)\n',
     'Stride forgotten in both gradients.', 'Kulbear/deep-learning-coursera/pull/34', 'stride-forgotten'),
    ('conv2d_backward third', 'dxp[:, padding:padding + H, padding:padding + W]', 'dxp[:, :H, :W]',
     'The crop keeps the upper left corner: dx is shifted by the padding.', '', 'dx-cropped-at-the-end'),
    ('conv2d_backward third', 'np.tensordot(xp[:', 'np.tensordot(x[:',
     'dw is taken from the image without padding (wrong or a crash).', '', ''),
    ('conv2d_backward third', 'dw[u, v] = np', 'dw[v, u] = np',
     "dw's two kernel axes exchanged (crash unless square).", '', 'dw-transposed'),
    ('conv2d_backward third', 'cols = slice(v, v + stride * ow, stride)', 'cols = slice(v, v + stride * oh, stride)',
     'Output height used for the width too.', 'renmengye/np-conv2d/pull/2', ''),
    ('conv2d_backward third', '    dw = np.zeros_like(w)\n', '    dw = np.zeros_like(w)\n    dy = dy * (dy > 0)\n',
     "A ReLU derivative (on dy) is mixed into the convolution's backward pass.", '', 'dy-replaced'),
    ('conv2d_backward third', 'np.zeros_like(xp)', 'xp.copy()',
     'dx is accumulated on top of the input itself, not on zeros.', '', 'dx-x-added'),
    ('conv2d_backward third', '    return dx, dw, db', '    return dx, dw, dw.sum(axis=(0, 1, 2))',
     'db is summed from dw rather than from dy.', '', 'line-changed'),
    ('conv2d_backward loops third', 'dw[:, :, :, k] += window * g', 'dw[:, :, :, k] = window * g',
     'dw keeps only the last position of the last image.', '', 'dw-overwritten-in-all-loops'),
    ('conv2d_backward loops third', 'db[k] += g', 'db[k] = g', 'db keeps only the last position.', '',
     'db-overwritten-in-all-loops'),
    ('conv2d_backward loops third', 'hs:hs + f_w, :] += w[:, :, :, k] * g', 'hs:hs + f_w, :] = w[:, :, :, k] * g',
     'dx is assigned instead of accumulated over filters and windows.',
     'oreilly-japan/deep-learning-from-scratch/issues/27', 'dx-overwritten-in-all-loops'),
    ('conv2d_backward loops third', '                    vs = h * stride\n                    hs = q * stride\n',
     '                    vs = h\n                    hs = q\n', 'Stride forgotten for both axes.',
     'Kulbear/deep-learning-coursera/pull/34', 'stride-forgotten'),
    ('conv2d_backward loops third', 'hs = q * stride', 'hs = q', 'Stride forgotten along the width only.', '',
     'stride-in-rows-only'),
    ('conv2d_backward loops third', '                    vs = h * stride\n                    hs = q * stride\n',
     '                    vs = h * f_h\n                    hs = q * f_w\n',
     'Window positions use the filter size as the step.', '', ''),
    ('conv2d_backward loops third', 'window = x_pad[i, ', 'window = x[i, ',
     'The window for dw is cut from the unpadded image.', '', ''),
    ('conv2d_backward loops third', '+= w[:, :, :, k] * g', '+= window * g',
     "dx adds the image's window instead of the filter.", '', ''),
    ('conv2d_backward loops third', '+= window * g', '+= w[:, :, :, k] * g',
     "dw adds the filter instead of the image's window.", '', ''),
    ('conv2d_backward loops third', 'dx_pad[:, padding:in_h + padding, padding:in_w + padding, :]',
     'dx_pad[:, padding:in_h, padding:in_w, :]', 'The end of the crop forgets to add the padding: dx too small.', '',
     ''),
    ('conv2d_backward loops third', '    for i in range(n_img):\n',
     '    for i in range(n_img):\n        dw = np.zeros(w.shape)\n',
     'dw is set to zero again for every image: only the last one remains.', '', 'dw-last-image-only'),
    ('conv2d_backward loops third', '+= w[:, :, :, k] * g', '+= w[::-1, ::-1, :, k] * g',
     'The filter is turned by 180 degrees while scattering.', 'rasmusbergpalm/DeepLearnToolbox/issues/169',
     'dx-filters-flipped'),
    ('conv2d_backward loops third', 'range(out_h)', 'range(out_h - 1)',
     'The last output row is left out of the loop.', '', 'last-row-of-windows-missing'),
    ('conv2d_backward loops third', 'g = dy[i, h, q, k]', 'g = dy[i, q, h, k]', 'Row and column of dy exchanged.',
     '', 'dy-replaced'),
    ('conv2d_backward loops third', 'db[k] += g', 'db[k] += g / n_img', 'db is averaged over images.',
     'heyxhh/nnet-numpy/issues/1', 'db-averaged-over-images'),
    ('conv2d_backward loops third', 'db[k] += g', 'db[k] += np.sum(window * g)',
     'db multiplies by the inputs, as if it were a weight.', '', 'line-changed'),
    ('conv2d_backward loops third', '        for h in range(out_h):\n            for q in range(out_w):',
     '        for h in range(out_h):\n            for q in range(out_h):',
     'Both position loops run to the output height.', '', 'line-changed'),
    ('conv2d_backward loops third', '    return dx, dw, db', '    return dx / n_img, dw, db',
     'dx is divided by the number of images.', '', 'dx-averaged'),
    ('conv2d_backward matrix third', 'dcols.reshape(N, oh, ow, kh, kw, C)',
     'dcols.reshape(N, oh, ow, C, kh, kw).transpose(0, 1, 2, 4, 5, 3)',
     'col2im reads the columns as (c, ky, kx) though they are (ky, kx, c).', 'ravin-d-27/PyDeepFlow/pull/85', ''),
    ('conv2d_backward matrix third', '(cols.T @ d2).reshape(w.shape)', '(d2.T @ cols).reshape(w.shape)',
     "The product has (F, kh kw C), reshaped to w's shape without a transpose.", 'CS231n fast_layers order',
     'dw-reshaped'),
    ('conv2d_backward matrix third', 'd2 = dy.reshape(-1, F)', 'd2 = dy.transpose(3, 0, 1, 2).reshape(-1, F)',
     'dy is transposed channel first and then reshaped: values scrambled.', 'CS231n fast_layers', ''),
    ('conv2d_backward matrix third', 'kx:kx + ow * s:s] += dcols', 'kx:kx + ow * s:s] = dcols',
     'col2im assigns instead of adding.', 'oreilly-japan/deep-learning-from-scratch/issues/27',
     'dx-overwritten-by-patches'),
    ('conv2d_backward matrix third', '(cols.T @ d2).reshape(w.shape)', '(cols.T @ d2).reshape(w.shape) / (oh * ow)',
     'dw is averaged over the output positions.', '', 'dw-averaged-over-windows'),
    ('conv2d_backward matrix third', 'db = d2.sum(0)', 'db = d2.sum(0) / N', 'db is averaged over the batch.',
     'community.deeplearning.ai/t/63071', 'db-averaged-over-images'),
    ('conv2d_backward matrix third', 'dcols = d2 @ w.reshape(-1, F).T', 'dcols = d2 @ w.reshape(F, -1)',
     'w is reshaped to (F, kh kw C) instead of transposed.', '', 'dx-filters-reshaped'),
    ('conv2d_backward matrix third', '(cols.T @ d2).reshape(w.shape)',
     '(cols.T @ d2).reshape(C, kh, kw, F).transpose(1, 2, 0, 3)',
     "dw's rows are read as (c, ky, kx) though they are (ky, kx, c).", '', 'dw-reshaped'),
    ('conv2d_backward matrix third', 'dxp[:, ky:ky + oh * s:s, kx:kx + ow * s:s]', 'dxp[:, ky:ky + oh, kx:kx + ow]',
     'Stride forgotten when the columns are scattered back (dx only).', '', 'stride-forgotten'),
    ('conv2d_backward third', 'dxp = np.zeros_like(xp)',
     'dxp = np.zeros((N, stride * (oh - 1) + kh, stride * (ow - 1) + kw, C))',
     'dx is sized by what the windows cover: it comes out too small when the stride leaves remainder columns.',
     'PKUFlyingPig/CMU10-714/issues/6', ''),
    ('max_pool_forward third', 'win.max(axis=(4, 5))', 'win.mean(axis=(4, 5))', 'Average instead of maximum.', '',
     'mean-for-maximum'),
    ('max_pool_forward third', '[:, ::stride, ::stride]', '[:, ::size, ::size]',
     'Steps by the window size; the stride is ignored.', '', 'stride-is-size'),
    ('max_pool_forward third', 'win.max(axis=(4, 5))', 'win.max(axis=(3, 4))',
     "The maximum runs over the channel axis instead of the window's last.", 'HIPS/autograd/pull/245', ''),
    ('max_pool_forward third', 'win.max(axis=(4, 5))', 'np.abs(win).max(axis=(4, 5))',
     'Largest absolute value instead of the largest value.', '', 'largest-magnitude'),
    ('max_pool_forward third', '[:, ::stride, ::stride]', '[:, :, ::stride]', 'Rows are not strided.', '',
     'stride-ignored-in-rows'),
    ('max_pool_forward third', 'win.max(axis=(4, 5))', 'win.max(axis=4)',
     'Maximum over one axis of the window only.', '', ''),
    ('max_pool_forward third', '    win = win[:', '    win = np.where(win > 0, win, 0)\n    win = win[:',
     'Negative values are set to zero first (ReLU mixed in).', '', 'starts-at-zero'),
    ('max_pool_forward third', 'sliding_window_view(x,',
     'sliding_window_view(np.pad(x, ((0, 0), (0, size - 1), (0, size - 1), (0, 0))),',
     "Pads with zeros below and right so that remainder rows get a window too ('same' pooling).",
     'ahmedfgad/NumPyCNN/issues/7', ''),
    ('max_pool_forward loops third', '(h - size) // stride + 1', '(h - size) // stride',
     'Missing + 1 in the output height.', 'ahmedfgad/NumPyCNN/issues/2', 'line-changed'),
    ('max_pool_forward loops third', 'out_h = (h - size) // stride + 1\n    out_w = (w - size) // stride + 1',
     'out_h = -(-(h - size) // stride) + 1\n    out_w = -(-(w - size) // stride) + 1',
     'Output size rounded up: partial windows at the border are pooled as well.', 'ahmedfgad/NumPyCNN/issues/7',
     'remainder-kept'),
    ('max_pool_forward loops third', 'window.max(axis=(1, 2))', 'window.max()',
     'One maximum over batch, window and channels.', '', 'line-changed'),
    ('max_pool_forward loops third', 'r = i * stride\n            s = j * stride', 'r = i\n            s = j',
     'Stride forgotten.', '', 'stride-forgotten'),
    ('max_pool_forward loops third', 'out[:, i, j, :] = window.max(axis=(1, 2))',
     'out[:, i, j, :] = np.maximum(out[:, i, j, :], window.max(axis=(1, 2)))',
     'The running maximum starts from zero: windows of negative values give 0.', 'Oneflow-Inc/oneflow/pull/791',
     'starts-at-zero'),
    ('max_pool_forward loops third', 'x[:, r:r + size, s:s + size, :]', 'x[:, r:r + size + 1, s:s + size + 1, :]',
     'Slices end one too late (inclusive end).', '', 'window-too-large'),
    ('max_pool_forward loops third', 'x[:, r:r + size, s:s + size, :]', 'x[:, r:r + stride, s:s + stride, :]',
     'Size and stride confused: the window is stride wide.', 'kbreininger/tutorial-dlframework/pull/1',
     'window-of-stride'),
    ('max_pool_forward loops third', 'out_h = (h - size) // stride + 1\n    out_w = (w - size) // stride + 1',
     'out_h = h // stride\n    out_w = w // stride',
     'Output size is h // stride: too many windows when they overlap, and partial ones at the border.', '',
     'size-without-window'),
    ('max_pool_forward loops third', 'x[:, r:r + size, s:s + size, :]', 'x[:, s:s + size, r:r + size, :]',
     'Row and column of the window exchanged.', '', ''),
    ('max_pool_forward loops third', 'axis=(1, 2))', 'axis=(0, 1, 2))',
     'The maximum is taken over the batch as well.', '', 'over-images'),
    ('max_pool_forward loops third', '(w - size) // stride + 1', '(h - size) // stride + 1',
     'Output width computed from the height.', '', 'height-for-width'),
    ('max_pool_backward third', 'np.add.at(dx, (b, i * stride + di, j * stride + dj, ch), dy)',
     'dx[b, i * stride + di, j * stride + dj, ch] += dy',
     'Fancy-indexed += counts a repeated index once: overlapping windows lose gradient.', '', 'overlap-overwritten'),
    ('max_pool_backward third', 'di, dj = best // size, best % size', 'di, dj = best % size, best // size',
     'Row and column of the maximum exchanged.', '', 'row-and-column-swapped'),
    ('max_pool_backward third', '(b, i * stride + di, j * stride + dj, ch)', '(b, i + di, j + dj, ch)',
     'Stride forgotten when scattering.', '', 'place-without-stride'),
    ('max_pool_backward third', '(b, i * stride + di, j * stride + dj, ch)', '(b, di, dj, ch)',
     'The position inside the window is used as the position in the image.', '', 'window-s-place-forgotten'),
    ('max_pool_backward third', 'best = flat.argmax(axis=-1)',
     'best = size * size - 1 - flat[..., ::-1].argmax(axis=-1)', 'Ties go to the last maximum instead of the first.',
     '', 'last-tie'),
    ('max_pool_backward third', '    flat = win.reshape(n, oh, ow, c, size * size)\n'
     '    best = flat.argmax(axis=-1)\n' '    di, dj = best // size, best % size\n',
     '    flat = win.swapaxes(4, 5).reshape(n, oh, ow, c, size * size)\n' '    best = flat.argmax(axis=-1)\n'
     '    di, dj = best % size, best // size\n',
     'Windows are searched column by column, so some ties go to another element than the first in row order.',
     'FluxML/NNlib.jl/issues/205', 'tie-by-columns'),
    ('max_pool_backward third', '(b, i * stride + di, j * stride + dj, ch)', '(b, i * size + di, j * size + dj, ch)',
     'Windows placed by the pool size instead of the stride.', 'riccardoandreoni0/CNN-from-scratch/issues/1', ''),
    ('max_pool_backward third', 'di, dj = best // size, best % size', 'di, dj = best // stride, best % stride',
     'The flat index is split by the stride instead of the size.', '', 'line-changed'),
    ('max_pool_backward third', 'ch), dy)', 'ch), 1.0)',
     'Puts ones (the mask) in dx, forgetting the incoming gradient.', '', 'dy-ignored'),
    ('max_pool_backward third', 'np.zeros(x.shape)', 'np.zeros((n, oh * stride, ow * stride, c))',
     'dx has the size of the windows, not of x: remainder columns missing.', '', ''),
    ('max_pool_backward third', 'ch), dy)', 'ch), dy * flat.max(axis=-1))',
     "The gradient is multiplied by the maximum's value.", '', 'dy-at-the-pixel'),
    ('max_pool_backward third', 'flat.argmax(axis=-1)', 'np.abs(flat).argmax(axis=-1)',
     'Position of the largest absolute value.', '', 'winner-by-magnitude'),
    ('max_pool_backward loops third', 'left + s, c] += dy[n, i, j, c]', 'left + s, c] = dy[n, i, j, c]',
     '= for +=: the last window wins where windows overlap.',
     '0809zheng/CS231n-assignment2019/issues/19, ghosert/cmd-editor/issues/2058', 'overlap-overwritten'),
    ('max_pool_backward loops third',
     '                    top = i * stride\n                    left = j * stride\n',
     '                    top = i\n                    left = j\n', 'Stride forgotten.', 'devitocodes/joey/pull/5',
     'stride-forgotten'),
    ('max_pool_backward loops third', 'dx[n, top + r, left + s, c] +=', 'dx[n, r, s, c] +=',
     "The window's offset is not added.", '', 'window-s-place-forgotten'),
    ('max_pool_backward loops third',
     '                    r, s = np.unravel_index(np.argmax(window), window.shape)\n'
     '                    dx[n, top + r, left + s, c] += dy[n, i, j, c]\n',
     '                    mask = (window == np.max(window))\n'
     '                    dx[n, top:top + size, left:left + size, c] += mask * dy[n, i, j, c]\n',
     'Every tied maximum gets the whole gradient (equality mask).', 'deeplearning.ai C4W1 create_mask_from_window',
     'all-ties'),
    ('max_pool_backward loops third',
     '                    r, s = np.unravel_index(np.argmax(window), window.shape)\n'
     '                    dx[n, top + r, left + s, c] += dy[n, i, j, c]\n',
     '                    mask = (window == np.max(window))\n'
     '                    dx[n, top:top + size, left:left + size, c] += mask / mask.sum() * dy[n, i, j, c]\n',
     'The gradient is shared equally among ties.', '', 'ties-shared'),
    ('max_pool_backward loops third',
     '                    r, s = np.unravel_index(np.argmax(window), window.shape)\n'
     '                    dx[n, top + r, left + s, c] += dy[n, i, j, c]\n',
     '                    dx[n, top:top + size, left:left + size, c] += dy[n, i, j, c] / (size * size)\n',
     'The backward of average pooling.', '', 'averaged'),
    ('max_pool_backward loops third',
     '                    r, s = np.unravel_index(np.argmax(window), window.shape)\n'
     '                    dx[n, top + r, left + s, c] += dy[n, i, j, c]\n',
     '                    dx[n, top:top + size, left:left + size, c] += dy[n, i, j, c]\n',
     'The whole gradient goes to every element of the window.', '', 'whole-window'),
    ('max_pool_backward loops third', '    return dx\n', '        return dx\n',
     'return is indented into the loop over images: only the first image is done.',
     'riccardoandreoni0/CNN-from-scratch/issues/1', 'first-image-written-only'),
    ('max_pool_backward loops third', 'left:left + size, c]\n', 'left:left + size, 0]\n',
     'The maximum is searched in channel 0 for all channels.', '', 'first-channel-s-winner'),
    ('max_pool_backward loops third', 'dy[n, i, j, c]', 'dy[n, top, left, c]',
     'dy is indexed with input positions (crash or wrong).', '', ''),
    ('max_pool_backward loops third', 'dy[n, i, j, c]', 'dy[n, j, i, c]', "dy's row and column exchanged.", '',
     'dy-replaced'),
    ('max_pool_backward loops third', 'dx = np.zeros(x.shape)', 'dx = x.copy()',
     'dx starts from x: the other elements keep their value instead of 0.', '', 'dx-x-added'),
    ('batch_norm_forward third', 'np.sqrt(var + epsilon)', '(np.sqrt(var) + epsilon)',
     'epsilon is added outside the root.', 'pjreddie/darknet/issues/1723', 'epsilon-outside-root'),
    ('batch_norm_forward third', 'x.var(axis=axes)', 'x.var(axis=axes, ddof=1)', 'Unbiased variance (n - 1).',
     'pytorch/pytorch/issues/77427', 'variance-unbiased'),
    ('batch_norm_forward third', 'axes = tuple(range(x.ndim - 1))', 'axes = 0',
     'Statistics over the batch axis only: one per pixel for images.', 'Nico-Curti/NumPyNet/issues/7',
     'statistics-per-pixel'),
    ('batch_norm_forward third', 'np.sqrt(var + epsilon)', '(var + epsilon) ** 2',
     'Squared instead of the square root.', 'jax-ml/jax/issues/442', ''),
    ('batch_norm_forward third', 'np.sqrt(var + epsilon)', '(var + epsilon)',
     'Divides by the variance, root forgotten.', '', 'variance-for-root'),
    ('batch_norm_forward third', 'np.sqrt(var + epsilon)', 'np.sqrt(var)', 'epsilon forgotten.',
     'chainer/chainer/pull/2214', 'epsilon-forgotten'),
    ('batch_norm_forward third', 'return gamma * xhat + beta', 'return gamma * xhat', 'beta forgotten.', '',
     'beta-forgotten'),
    ('batch_norm_forward third', 'return gamma * xhat + beta', 'return beta * xhat + gamma',
     'gamma and beta exchanged.', '', 'gamma-and-beta-swapped'),
    ('batch_norm_forward third', 'xhat = (x - mu)', 'xhat = x', 'The mean is not subtracted.', '',
     'mean-not-subtracted'),
    ('batch_norm_forward third', '    mu = x.mean(axis=axes)\n    var = x.var(axis=axes)\n',
     '    mu = x.mean()\n    var = x.var()\n',
     'One mean and variance for the whole batch instead of one per channel.', 'parasdahal/deepnet/issues/11',
     'statistics-of-everything'),
    ('batch_norm_forward third', '    mu = x.mean(axis=axes)\n    var = x.var(axis=axes)\n',
     '    mu = x.mean(axis=-1, keepdims=True)\n    var = x.var(axis=-1, keepdims=True)\n',
     'Normalises over the channels (layer norm).', 'keras-team/keras/issues/13463', 'statistics-over-channels'),
    ('batch_norm_forward third', 'gamma * xhat + beta', 'gamma * (xhat + beta)', 'beta is multiplied by gamma.', '',
     'beta-stretched'),
    ('batch_norm_forward third', 'gamma * xhat + beta', 'xhat', 'No scale and shift at all.', '',
     'gamma-and-beta-forgotten'),
    ('batch_norm_forward third', '    mu = x.mean(axis=axes)\n    var = x.var(axis=axes)\n',
     '    mu = x.mean(axis=axes[1:] or axes, keepdims=True)\n'
     '    var = x.var(axis=axes[1:] or axes, keepdims=True)\n',
     'Each image is normalised by itself (instance norm) when there are images.', '', 'statistics-per-image'),
    ('batch_norm_forward loops third', '        m = v.sum() / v.size\n', '        m = v.sum() / v.shape[0]\n',
     'The mean divides by the batch size only, not by all positions.', '', 'mean-of-images'),
    ('batch_norm_forward loops third', '((v - m) ** 2).sum() / v.size', '((v - m) ** 2).sum() / v.shape[0]',
     'The variance divides by the batch size only.', '', 'variance-of-images'),
    ('batch_norm_forward loops third', '((v - m) ** 2).sum()', '(v ** 2).sum()',
     'Second moment instead of the variance: mean not subtracted.', '', 'variance-around-zero'),
    ('batch_norm_forward loops third', 'gamma[c] *', 'gamma[0] *', 'All channels use the first gamma.', '',
     'gamma-replaced'),
    ('batch_norm_forward loops third', '(s2 + epsilon) ** 0.5', '(s2 + epsilon ** 0.5)',
     'A slip of the parenthesis: the root applies to epsilon only.', '', ''),
    ('batch_norm_forward loops third', '((v - m) ** 2).sum() / v.size', 'np.abs(v - m).sum() / v.size',
     'Mean absolute deviation in place of the variance.', '', 'magnitude-for-variance'),
    ('batch_norm_forward loops third', '((v - m) ** 2).sum() / v.size', '((v - m) ** 2).sum()',
     'Sum of squares, not divided by the count.', '', 'variance-summed'),
    ('batch_norm_forward loops third', '/ v.size\n        y[', '/ (v.size - 1)\n        y[', 'Unbiased variance.',
     '', 'variance-unbiased'),
    ('batch_norm_backward third', 'm = x.size // x.shape[-1]', 'm = x.shape[0]',
     'm counts images, not images times positions.', 'pjreddie/darknet/issues/1634', 'count-of-images'),
    ('batch_norm_backward third', 'dx = gamma * inv / m', 'dx = inv / m', 'gamma is missing in dx.',
     'denizyuret/Knet.jl/issues/288', 'gamma-forgotten'),
    ('batch_norm_backward third', '(m * dy - dbeta - xhat * dgamma)', '(m * dy - xhat * dgamma)',
     'The term through the mean is missing.', 'BVLC/caffe/pull/1891', 'mean-constant'),
    ('batch_norm_backward third', '(m * dy - dbeta - xhat * dgamma)', '(m * dy - dbeta)',
     'The term through the variance is missing.', '', 'variance-constant'),
    ('batch_norm_backward third', 'dx = gamma * inv / m * (m * dy - dbeta - xhat * dgamma)', 'dx = gamma * inv * dy',
     'Mean and variance are treated as constants.', '', 'statistics-constant'),
    ('batch_norm_backward third', '- xhat * dgamma', '+ xhat * dgamma', 'Wrong sign of the variance term.', '',
     'variance-term-added'),
    ('batch_norm_backward third', 'dgamma = (dy * xhat).sum(axis=ax)', 'dgamma = (dy * x).sum(axis=ax)',
     'dgamma multiplies by x, not by the normalised x (dx, which uses it, goes wrong too).', '',
     'dgamma-of-x-before'),
    ('batch_norm_backward third', 'dgamma = (dy * xhat).sum(axis=ax)', 'dgamma = (dy * xhat).mean(axis=ax)',
     'dgamma is a mean (dx, which uses it, goes wrong too).', '', 'dgamma-averaged-before'),
    ('batch_norm_backward third', 'gamma * inv / m', 'gamma / m',
     'The division by the standard deviation is missing in dx.', '', 'scale-forgotten'),
    ('batch_norm_backward third', 'return dx, dgamma, dbeta', 'return dx, dbeta, dgamma',
     'dgamma and dbeta returned in the wrong order.', '', 'outputs-swapped'),
    ('batch_norm_backward third', 'x.var(axis=ax)', 'x.var(axis=ax, ddof=1)',
     'Unbiased variance in the backward pass.', '', 'variance-unbiased'),
    ('batch_norm_backward third', 'np.sqrt(x.var(axis=ax) + epsilon)', '(x.std(axis=ax) + epsilon)',
     'epsilon outside the root.', '', 'epsilon-outside-root'),
    ('batch_norm_backward third', '(m * dy - dbeta', '(dy - dbeta', 'The factor m before dy is missing.', '',
     'dy-not-times-count'),
    ('batch_norm_backward third', 'xhat = (x - mu) * inv', 'xhat = x - mu',
     'xhat is centred but not divided by the deviation.', '', 'dgamma-of-centred'),
    ('batch_norm_backward third', 'ax = tuple(range(x.ndim - 1))', 'ax = 0',
     'Sums over the batch axis only (wrong shapes for images).', '', 'sums-per-pixel'),
    ('batch_norm_backward third', 'dgamma = (dy * xhat)', 'dgamma = (gamma * dy * xhat)',
     'dgamma is taken from dxhat: an extra gamma (in dx as well).', '', 'gamma-twice-in-variance-term'),
    ('batch_norm_backward third', 'dbeta = dy.sum(axis=ax)', 'dbeta = dy.mean(axis=ax)',
     'dbeta is a mean (and dx then wrong as well).', '', 'dbeta-averaged-before'),
    ('batch_norm_backward third', 'dbeta = dy.sum(axis=ax)', 'dbeta = dy.sum()',
     'dbeta is summed over the channels too.', '', 'dbeta-one-number'),
    ('batch_norm_backward third', '- xhat * dgamma)', '- x * dgamma)', 'x where the normalised x belongs in dx.', '',
     'line-changed'),
    ('batch_norm_backward third', 'gamma * inv / m', 'gamma * inv ** 2 / m',
     'Divided by the variance instead of by the deviation.', '', 'scale-squared'),
    ('batch_norm_backward third', '+ epsilon)', ')', 'epsilon forgotten.', '', 'epsilon-forgotten'),
    ('batch_norm_backward third', 'gamma * inv / m *', 'gamma * inv *',
     'The division by m is missing: dx is m times too large.', '', 'dx-multiplied'),
    ('batch_norm_backward third', 'ax = tuple(range(x.ndim - 1))', 'ax = tuple(range(x.ndim))',
     'All sums run over the channels as well.', '', 'dbeta-one-number'),
    ('batch_norm_backward steps third', 'std ** -3', 'std ** -1.5',
     'The exponent -3/2 belongs to the variance but is applied to the deviation.', '', ''),
    ('batch_norm_backward steps third', '(-0.5)', '0.5', 'Sign of dvar is wrong.', '', 'variance-term-added'),
    ('batch_norm_backward steps third', 'dvar * 2 * xc / M', 'dvar * xc / M',
     "The 2 from the square's derivative is missing.", '', 'variance-term-halved'),
    ('batch_norm_backward steps third', 'dmean = -(dx_norm', 'dmean = (dx_norm', 'Sign of dmean is wrong.', '',
     'mean-term-added'),
    ('batch_norm_backward steps third', '+ dmean / M', '+ dmean', 'dmean is not divided by the count.',
     'mlpack/mlpack/pull/1327', 'mean-term-not-averaged'),
    ('batch_norm_backward steps third', 'dvar * 2 * xc / M', 'dvar * 2 * xc',
     'The variance term is not divided by the count.', '', 'variance-term-not-averaged'),
    ('batch_norm_backward steps third', ' + dmean / M', '', 'The path through the mean is left out.', '',
     'mean-constant'),
    ('batch_norm_backward steps third', '+ dvar * 2 * xc / M ', '', 'The path through the variance is left out.', '',
     'variance-constant'),
    ('batch_norm_backward steps third', '(dx_norm * xc).sum(axis=axes) * (-0.5)',
     '(dy * xc).sum(axis=axes) * (-0.5)', 'dvar is computed from dy, without gamma.',
     'denizyuret/Knet.jl/issues/288', 'gamma-not-on-variance-term'),
    ('batch_norm_backward steps third', 'dmean = -(dx_norm / std)', 'dmean = -(dy / std)',
     'dmean is computed from dy, without gamma.', 'denizyuret/Knet.jl/issues/288', 'gamma-not-on-mean-term'),
    ('batch_norm_backward steps third', ' * (-0.5) * std', ' * -1.0 * std',
     "The factor one half of the root's derivative is missing.", '', 'variance-term-doubled'),
    ('batch_norm_backward steps third', 'std ** -3', 'std ** -2', 'Exponent of the deviation is -2.', '', ''),
    ('batch_norm_backward steps third', '(dx_norm * xc)', '(dx_norm * x)', 'x instead of x minus mean in dvar.', '',
     'line-changed'),
    ('batch_norm_backward steps third', '(dx_norm * xc)', '(dx_norm * x_norm)',
     'Normalised x instead of x minus mean in dvar: one division by std too many.', '',
     'variance-term-scaled-twice'),
    ('batch_norm_backward steps third', 'dx = dx_norm / std', 'dx = dx_norm / var',
     'Divides by the variance in the direct path.', '', ''),
    ('batch_norm_backward steps third', 'M = np.prod(x.shape[:-1])', 'M = x.size',
     'The count includes the channels.', '', ''),
    ('batch_norm_backward steps third', 'dx_norm = dy * gamma', 'dx_norm = dy / gamma',
     'Divides by gamma instead of multiplying.', '', 'gamma-divides'),
    ('batch_norm_backward steps third', 'dgamma = (dy * x_norm).sum(axis=axes)', 'dgamma = (dy * xc).sum(axis=axes)',
     'dgamma uses the centred, not the normalised, input.', '', 'dgamma-of-centred'),
    ('softmax_cross_entropy third', 'z = logits - logits.max(axis=1, keepdims=True)', 'z = logits',
     'No maximum subtracted: overflow for large logits.',
     'CS231n notes, linear-classify#softmax; keras-team/keras/pull/9606', 'maximum-not-subtracted'),
    ('softmax_cross_entropy third', 'logits.max(axis=1, keepdims=True)', 'logits.max()',
     'One maximum for the whole batch: rows far below it underflow.',
     'manassharma07/crysx_nn/issues/7, keras-team/keras/pull/9606', 'maximum-of-everything'),
    ('softmax_cross_entropy third', 'return loss, d / n', 'return loss, d',
     'The gradient is not divided by the batch size.', 'victorlempitsky/Mate/issues/2', 'gradient-not-averaged'),
    ('softmax_cross_entropy third', '-logp[rows, labels].mean()', '-logp[rows, labels].sum()',
     'The loss is the sum, not the mean.', '', 'loss-not-averaged'),
    ('softmax_cross_entropy third', 'loss = -logp', 'loss = logp', 'Sign of the loss.',
     'davharris/mistnet/issues/29', 'loss-sign'),
    ('softmax_cross_entropy third', '    d[rows, labels] -= 1\n', '',
     'The one-hot target is not subtracted: gradient is the probability alone.', '', 'gradient-without-targets'),
    ('softmax_cross_entropy third', '    d[rows, labels] -= 1\n', '    d[rows, labels] -= 1\n    d = -d\n',
     'Target minus probability: sign of the gradient.', '', 'gradient-sign'),
    ('softmax_cross_entropy third', 'd[rows, labels] -= 1', 'd[:, labels] -= 1',
     'Indexing with a colon subtracts from all rows.', '', 'targets-in-every-row'),
    ('softmax_cross_entropy third', 'np.exp(z).sum(axis=1, keepdims=True)', 'np.exp(z).sum(axis=0, keepdims=True)',
     'The softmax is normalised over the batch instead of the classes.', 'nntrainer/nntrainer/pull/430', ''),
    ('softmax_cross_entropy third', '-logp[rows, labels].mean()', '-logp[rows, labels].sum() / logits.size',
     'The loss is averaged over classes as well as rows.', 'GMvandeVen/continual-learning/issues/5',
     'loss-averaged-over-all'),
    ('softmax_cross_entropy third', 'return loss, d / n', 'return loss, d / logits.size',
     'The gradient is divided by all elements.', 'victorlempitsky/Mate/issues/2', 'gradient-averaged-over-all'),
    ('softmax_cross_entropy third', '-logp[rows, labels].mean()', '-z[rows, labels].mean()',
     'The log of the sum of exponentials is left out of the loss.', '', 'loss-without-sum'),
    ('softmax_cross_entropy third', 'logits.max(axis=1, keepdims=True)',
     'np.maximum(logits.max(axis=1, keepdims=True), 0)',
     'Subtracts max(0, maximum): fails when all logits are very negative.', 'FluxML/NNlib.jl/pull/43',
     'line-changed'),
    ('softmax_cross_entropy third', 'return loss, d / n', 'return loss / n, d / n',
     'The loss is divided by the batch size twice.', 'eriklindernoren/PyTorch-YOLOv3/pull/137', 'loss-over-batch'),
    ('softmax_cross_entropy third', '-logp[rows, labels].mean()', '-logp[rows, labels]',
     'A loss per row instead of one number.', '', 'loss-per-row'),
    ('softmax_cross_entropy third', 'z = logits - logits.max(axis=1, keepdims=True)',
     'z = logits\n    z -= logits.max(axis=1, keepdims=True)',
     "The maximum is subtracted in place: the caller's logits change.", '', 'changes-input'),
    ('softmax_cross_entropy third', 'np.log(np.exp(z).sum', 'np.log2(np.exp(z).sum', 'Logarithm to base 2.', '', ''),
    ('softmax_cross_entropy third', '-logp[rows, labels].mean()', '-(np.exp(logp) * logp).sum(axis=1).mean()',
     'The entropy of the prediction instead of the cross-entropy with the labels.',
     'dennybritz/reinforcement-learning/pull/27', ''),
    ('softmax_cross_entropy third', 'logits.max(axis=1, keepdims=True)', 'logits.max(axis=0, keepdims=True)',
     "The column's maximum is subtracted from each column: changes the softmax.", '', 'maximum-of-columns'),
    ('softmax_cross_entropy loops third', '-s[labels[i]] + np.log(np.exp(s).sum())', '-np.log(p[labels[i]] + 1e-8)',
     'A small constant inside the logarithm: slightly wrong, and capped at 18 for confident mistakes.',
     "FluxML/Flux.jl/pull/437, common 'log(p + eps)' habit", 'loss-log-of-p-plus-epsilon'),
    ('softmax_cross_entropy loops third', '-s[labels[i]] + np.log(np.exp(s).sum())', '-np.log(p[labels[i]])',
     'The logarithm of the probability itself: infinite when it underflows, for large logits.',
     'keras-team/keras/issues/17634', 'loss-log-of-zero'),
    ('softmax_cross_entropy loops third', 'p[k] - target', '(p[k] - target) * p[k] * (1 - p[k])',
     "The softmax's derivative p (1 - p) is multiplied on once more.", 'jorgenkg/python-neural-network/pull/6',
     'gradient-of-squares'),
    ('softmax_cross_entropy loops third', 'k == labels[i] else', 'k == labels[i] - 1 else',
     'Labels taken to count from 1 in the gradient.', '', ''),
    ('softmax_cross_entropy loops third', 'p[k] - target', '(p[k] - 1) * target',
     'Only the right class gets a gradient.', '', 'gradient-of-targets-only'),
    ('softmax_cross_entropy loops third', 'p[k] - target', '2 * (p[k] - target)',
     'A factor of two, as for a squared error.', 'markroxor/fromscratchtoml/issues/65', 'dlogits-scaled'),
    ('softmax_cross_entropy loops third', 'return loss / N, dlogits / N', 'return loss / N, dlogits / K',
     'Gradient divided by the number of classes.', '', 'gradient-averaged-over-classes'),
    ('softmax_cross_entropy loops third', 'loss += -s', 'loss = -s', 'The loss is that of the last row (over N).',
     '', 'loss-last-row-only'),
    ('softmax_cross_entropy loops third', 'return loss / N, dlogits / N', 'return loss, dlogits',
     'Neither the loss nor the gradient is divided by N.', 'Open-Deep-ML/DML-OpenProblem/pull/358',
     'nothing-averaged'),
    ('softmax_cross_entropy loops third', 'return loss / N, dlogits / N', 'return loss / N, dlogits / N ** 2',
     'The gradient is divided by N twice.', 'janchorowski/nn_assignments/pull/21', 'gradient-averaged-twice'),
    ('softmax_cross_entropy loops third', '- np.max(logits[i])', '- np.mean(logits[i])',
     'The mean is subtracted for stability: still overflows for large logits.', '', 'mean-subtracted'),
    ('softmax_cross_entropy loops third', 'dlogits[i, k] = p[k] - target', 'dlogits[i, k] = -target / p[k]',
     'The derivative by the probabilities, not by the logits.', 'ai.stackexchange.com/questions/35741',
     'gradient-of-p'),
    ('softmax_cross_entropy loops third', '-s[labels[i]] +', 's[labels[i]] -', 'The loss has the wrong sign.', '',
     'loss-sign'),
    ('dropout_forward third', 'rng.random(x.shape) < keep', 'rng.random(x.shape) < rate',
     'Keeps with probability rate instead of 1 - rate (scaled by 1 / (1 - rate)).', 'lightaime/cs231n/issues/1',
     'kept-with-rate'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask', 'Not scaled at all.', '', 'not-scaled'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask / rate', 'Divides by the rate.',
     'lmjohns3/theanets/pull/123, rasbt/LLMs-from-scratch/issues/431', 'scaled-by-rate'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask * keep',
     'Multiplies by 1 - rate: the test-time factor of plain dropout.', 'karpathy/convnetjs/pull/61', 'scaled-down'),
    ('dropout_forward third', 'rng.random(x.shape)', 'rng.standard_normal(x.shape)',
     'Normal numbers compared with a probability.',
     'mbadry1/DeepLearning.ai-Summary/pull/145, karpathy/neuraltalk/issues/29', 'normal-numbers-below'),
    ('dropout_forward third', 'rng.random(x.shape)', 'rng.random(x.shape[-1])',
     'One mask for the last axis, shared by all samples and positions.', 'keras-team/keras/issues/217',
     'same-for-all-but-channels'),
    ('dropout_forward third', '< keep', '< 0.5', 'Always keeps half.', 'rohan-varma/neuralnets/issues/1',
     'always-half'),
    ('dropout_forward third', 'rng.random(x.shape)', 'np.random.random(x.shape)',
     'The global generator instead of rng.', 'harvard-edge/cs249r_book/pull/1869', 'global-generator'),
    ('dropout_forward third', '    keep = 1.0 - rate\n',
     '    keep = 1.0 - rate\n    rng = np.random.default_rng(0)\n',
     'A fixed seed inside: the same mask at every call.', 'PaddlePaddle/Paddle/issues/7796', 'own-generator'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask * (x.size / mask.sum())',
     'Scaled by the share really kept in this draw, not by 1 - rate.', 'modern-fortran/neural-fortran/pull/195',
     'scaled-by-actual-share'),
    ('dropout_forward third', 'return x * mask / keep', 'x *= mask\n    x /= keep\n    return x',
     "Done in place: the caller's x changes.", 'rohan-varma/neuralnets/issues/1', 'changes-input'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask / np.sqrt(keep)',
     'Scaled by the root, which keeps the variance but not the mean.', '', 'scaled-by-root'),
    ('dropout_forward third', 'return x * mask / keep', 'return x * mask / keep ** 2', 'Scaled twice.', '',
     'scaled-twice'),
    ('dropout_forward third', 'rng.random(x.shape)', 'rng.random((x.shape[0],) + (1,) * (x.ndim - 1))',
     'Whole samples are dropped.', '', 'whole-images'),
    ('dropout_forward third', 'return x * mask / keep', 'return mask / keep',
     'The mask is returned, not multiplied on x.', '', 'mask-returned'),
    ('dropout_forward third', 'return x * mask / keep', 'return np.where(mask, x / keep, x)',
     'Dropped values pass unchanged instead of becoming 0.', '', 'dropped-not-zero'),
    ('dropout_forward loops third', 'if u[idx] >= rate', 'if u[idx] < rate',
     'Comparison the wrong way round: keeps a share of rate.', 'lightaime/cs231n/issues/1', 'kept-with-rate'),
    ('dropout_forward loops third', 'out = np.zeros_like(x)', 'out = x.copy()',
     'Dropped values keep their old value.', '', 'dropped-not-zero'),
    ('dropout_forward loops third', 'u[idx] >= rate', 'rng.integers(0, 2) >= rate',
     'A coin toss in place of the uniform number: drops half at any rate.', '', ''),
    ('dropout_forward loops third', 'x[idx] / (1 - rate)', 'x[idx] / 1 - rate',
     'Missing parenthesis: subtracts the rate.', '', ''),
    ('adam_step third', '(np.sqrt(v_hat) + epsilon)', 'np.sqrt(v_hat + epsilon)', 'epsilon inside the root.',
     'd2l-ai/d2l-zh/pull/502, CyberZHG/keras-radam/issues/29', 'epsilon-inside-root'),
    ('adam_step third', '    m_hat = m / (1 - beta1 ** t)\n    v_hat = v / (1 - beta2 ** t)\n',
     '    m_hat = m\n    v_hat = v\n', 'No bias correction.', 'BVLC/caffe/issues/4224, oxiglade/mlx-rs/issues/301',
     'not-corrected'),
    ('adam_step third', '    m_hat = m / (1 - beta1 ** t)\n    v_hat = v / (1 - beta2 ** t)\n',
     '    m_hat = m / (1 - beta1)\n    v_hat = v / (1 - beta2)\n', 'Bias correction without the power of t.',
     'eriklindernoren/ML-From-Scratch/issues/35, ufal/npfl114/pull/79', 't-forgotten'),
    ('adam_step third', '    m_hat = m / (1 - beta1 ** t)\n    v_hat = v / (1 - beta2 ** t)\n',
     '    m_hat = m * (1 - beta1 ** t)\n    v_hat = v * (1 - beta2 ** t)\n',
     'The correction multiplies instead of dividing.', 'karpathy/convnetjs/pull/70 and /107',
     'corrections-multiplied'),
    ('adam_step third', '    m = beta1 * m +', '    t = t + 1\n    m = beta1 * m +',
     't is increased once more before use.', 'cs231n/cs231n.github.io/issues/179', 't-one-more'),
    ('adam_step third', '    m = beta1 * m +', '    t = t - 1\n    m = beta1 * m +',
     't is taken to count from 0: division by zero at the first step.', '', 't-from-zero'),
    ('adam_step third', 'return w, m, v', 'return w, m_hat, v_hat',
     'The corrected moments are handed on, so the correction accumulates.', 'frgfm/holocron/issues/1',
     'corrected-returned'),
    ('adam_step third', '* g ** 2', '* g', 'The gradient is not squared in v.', '', 'g-not-squared'),
    ('adam_step third', '    m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g ** 2\n',
     '    m = beta2 * m + (1 - beta2) * g\n    v = beta1 * v + (1 - beta1) * g ** 2\n',
     'beta1 and beta2 exchanged in the moments.', 'Lightning-AI/pytorch-lightning/issues/4714',
     'means-betas-swapped'),
    ('adam_step third', 'np.sqrt(v_hat) + epsilon', 'v_hat + epsilon', 'The root is forgotten.', '',
     'root-forgotten'),
    ('adam_step third', 'w = w - learning_rate', 'w = w + learning_rate', 'Goes uphill: plus for minus.', '',
     'step-upwards'),
    ('adam_step third', '(1 - beta1) * g\n', 'g\n', 'The factor 1 - beta1 is missing in m.',
     'PennyLaneAI/pennylane/issues/1928', 'm-g-not-weighed'),
    ('adam_step third', '(1 - beta2) * g ** 2', 'g ** 2', 'The factor 1 - beta2 is missing in v.',
     'PennyLaneAI/pennylane/issues/1928', 'v-g-not-weighed'),
    ('adam_step third', '(np.sqrt(v_hat) + epsilon)', '((np.sqrt(v) + epsilon) / np.sqrt(1 - beta2 ** t))',
     'epsilon is added before the correction of v, so it is scaled too.',
     'tensorflow/tensorflow/issues/9047 and /35102', 'epsilon-before-correction'),
    ('adam_step third', '    m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g ** 2\n',
     '    m = (1 - beta1) * m + beta1 * g\n    v = (1 - beta2) * v + beta2 * g ** 2\n',
     'The roles of beta and 1 - beta are exchanged in both averages.', 'ryankiros/skip-thoughts/issues/82',
     'means-inverted'),
    ('adam_step third', 'v_hat = v / (1 - beta2 ** t)', 'v_hat = v', 'Only m is corrected.',
     'phlippe/uvadlc_notebooks/pull/35', 'v-not-corrected'),
    ('adam_step third', 'm_hat = m / (1 - beta1 ** t)', 'm_hat = m', 'Only v is corrected.', '', 'm-not-corrected'),
    ('adam_step third', 'v / (1 - beta2 ** t)', 'v / (1 - beta1 ** t)', 'v is corrected with beta1.', '',
     'v-corrected-with-beta1'),
    ('adam_step third', '* g ** 2', '* m ** 2', 'v averages the squared momentum, not the squared gradient.', '',
     'v-of-m'),
    ('adam_step third', 'np.sqrt(v_hat) + epsilon', 'np.sqrt(v_hat) - epsilon', 'epsilon is subtracted.',
     'tensorflow/tensorflow/pull/61411', 'line-changed'),
    ('adam_step third', 'learning_rate * m_hat',
     'learning_rate * np.sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m_hat',
     'Bias is corrected twice: in the moments and in the step size.', 'PennyLaneAI/pennylane/issues/1928', ''),
    ('adam_step third', 'return w, m, v', 'return w, v, m', 'The moments are returned in the wrong order.', '',
     'outputs-swapped'),
    ('adam_step third', '    m_hat = m / (1 - beta1 ** t)\n    v_hat = v / (1 - beta2 ** t)\n',
     '    m_hat = m / (1 - beta1 * t)\n    v_hat = v / (1 - beta2 * t)\n', 'beta * t instead of beta ** t.', '',
     't-as-factor'),
    ('adam_step third', '    w = w - learning_rate', '    w -= learning_rate',
     "The caller's weights are changed in place.", '', 'changes-input'),
    ('adam_step third', 'learning_rate * m_hat', 'learning_rate * g',
     "The gradient instead of its average: RMSprop's step.", '', 'step-of-g'),
    ('adam_step third', '* g ** 2', '* np.sum(g ** 2)',
     'v uses the squared norm of the whole gradient, not each element.', '', ''),
    ('adam_step third', 'learning_rate * m_hat /', 'm_hat /', 'The learning rate is forgotten.', '',
     'step-without-rate'),
    ('adam_step third', '    return w, m, v', '    return w', 'Only the weights are returned.', '', 'outputs'),
    ('adam_step third', '    m = beta1 * m + (1 - beta1) * g\n' '    v = beta2 * v + (1 - beta2) * g ** 2\n'
     '    m_hat = m / (1 - beta1 ** t)\n' '    v_hat = v / (1 - beta2 ** t)\n', '    m_hat = m / (1 - beta1 ** t)\n'
     '    v_hat = v / (1 - beta2 ** t)\n' '    m = beta1 * m + (1 - beta1) * g\n'
     '    v = beta2 * v + (1 - beta2) * g ** 2\n',
     'The corrected moments are computed before the update: one step late.', '', ''),
    ('adam_step loops third', '(new_v[i] / c2) ** 0.5 + epsilon', 'new_v[i] ** 0.5 / c2 + epsilon',
     'The correction of v is taken out of the root.', '', 'line-changed'),
    ('adam_step loops third', '(new_m[i] / c1)', '(m[i] / c1)', 'The step uses the old m.', '', 'step-of-old-m'),
    ('adam_step loops third', '(g * g - v)', '(g - v)', 'The second moment averages g, not g squared.', '',
     'g-not-squared'),
    ('adam_step loops third', 'c1 = 1 - beta1 ** t', 'c1 = 1 - beta1 ** (t - 1)',
     'Exponent t - 1: zero in the first step.', '', ''),
    ('adam_step loops third', '(new_v[i] / c2) ** 0.5', '(new_v[i] / c2)',
     'The square root of the second moment is forgotten.', '', 'root-forgotten'),
    ('adam_step loops third', 'c2 = 1 - beta2 ** t', 'c2 = 1', 'The second moment is not corrected.', '',
     'v-not-corrected'),
    ('adam_step loops third', '(new_m[i] / c1) / denom', '(new_m[i] / c1) * denom', 'Multiplied by the denominator.',
     '', 'step-multiplied'),
    ('he_normal third', 'np.prod(shape[:-1])', 'shape[0]',
     'Fan-in is the first axis: right for dense, wrong for filters.', 'keras-team/keras/pull/29', 'first-axis-only'),
    ('he_normal third', 'np.prod(shape[:-1])', 'shape[-1]', 'Fan-out instead of fan-in.',
     'mnielsen/neural-networks-and-deep-learning/issues/30, tensorflow/models/issues/358', 'fan-out'),
    ('he_normal third', '2.0 / fan_in', '1.0 / fan_in', '1 / fan-in (LeCun) instead of 2 / fan-in.',
     'tensorflow/tensorflow/issues/19081', 'one-for-two'),
    ('he_normal third', 'np.sqrt(2.0 / fan_in)', '2.0 / fan_in',
     'The root is forgotten: the variance is passed as the deviation.',
     'SethHWeidman/DLFS_code/issues/10, dlvu/vugrad/pull/2', 'root-forgotten'),
    ('he_normal third', 'rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)',
     'rng.uniform(-np.sqrt(2.0 / fan_in), np.sqrt(2.0 / fan_in), size=shape)',
     'Uniform, with the deviation as its limit.', 'keras-team/keras/pull/372', 'uniform-limit'),
    ('he_normal third', 'rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)',
     'rng.uniform(-np.sqrt(6.0 / fan_in), np.sqrt(6.0 / fan_in), size=shape)',
     "He's uniform: the variance is right, the distribution is not.", '', 'uniform'),
    ('he_normal third', 'np.prod(shape[:-1])', 'shape[-2]',
     "Fan-in counts input channels only, not the kernel's area.", 'aigamedev/scikit-neuralnetwork/issues/30',
     'channels-only'),
    ('he_normal third', '2.0 / fan_in', '2.0 / (fan_in + shape[-1])', "Glorot's formula (fan-in + fan-out).", '',
     'fans-added'),
    ('he_normal third', 'shape[:-1]', 'shape', 'The product of all axes.', '', 'all-axes'),
    ('he_normal third', 'rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)',
     'rng.random(shape) * np.sqrt(2.0 / fan_in)', 'rand for randn: uniform and positive.',
     'deeplearning.ai course 1 week 3 thread', 'uniform-from-zero'),
    ('he_normal third', '    return rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)',
     '    s = np.sqrt(2.0 / fan_in)\n    return np.clip(rng.normal(0.0, s, size=shape), -2 * s, 2 * s)',
     'Values clipped at two deviations.', 'tensorflow/tensorflow/issues/19081', 'clipped'),
    ('he_normal third', 'return rng.normal', 'return np.random.normal', 'The global generator instead of rng.', '',
     'global-generator'),
    ('he_normal third', 'np.sqrt(2.0 / fan_in)', 'np.sqrt(2.0) / fan_in', 'The root covers the 2 only.', '',
     'fan-in-outside-root'),
    ('he_normal third', 'shape[:-1]', 'shape[1:]', "PyTorch's layout: all axes but the first.",
     'Lasagne/Lasagne/issues/49', 'all-but-the-first'),
    ('he_normal third', 'size=shape)', 'size=shape) * 0.01', 'Multiplied by 0.01 as well.',
     'community.deeplearning.ai/t/63286', ''),
    ('he_normal third', 'np.sqrt(2.0 / fan_in)', 'np.sqrt(2.0 / fan_in) / fan_in',
     'Divided by the fan-in a second time.', 'zishansami102/CNN-from-Scratch/pull/8', ''),
    ('he_normal third', 'np.prod(shape[:-1])', 'shape[0] ** (len(shape) - 2) * shape[-2]',
     'The kernel is taken to be square: height times height.', 'cosmic-cortex/neural-networks-from-scratch/pull/1',
     'kernel-taken-for-square'),
    ('he_normal loops third', 'n_in *= d', 'n_in += d', 'The axes are added instead of multiplied.', '',
     'fan-in-summed'),
    ('he_normal loops third', '(2.0 / n_in) ** 0.5', '2.0 / n_in ** 0.5',
     'Precedence: the root covers the fan-in only.', '', 'two-outside-root'),
    ('he_normal loops third', 'for d in shape[:-1]:', 'for d in shape[:-2]:',
     "Only the kernel's area, input channels forgotten.", '', ''),
    ('he_normal loops third', '* (2.0 / n_in) ** 0.5', '/ (2.0 / n_in) ** 0.5', 'Divides by the deviation.', '',
     'inverted'),
    ('he_normal loops third', '(2.0 / n_in) ** 0.5', '(2.0 * n_in) ** 0.5',
     'Multiplies by the fan-in under the root.', '', ''),
))
