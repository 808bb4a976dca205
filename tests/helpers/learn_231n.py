"""CS231n's functions, right, as its students write them; and mistakes in them."""

import inspect

import numpy as np


def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0)


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    dx = dout.copy()
    dx[cache <= 0] = 0
    return dx


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = np.sum(xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW] * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
    for n, f, i, j in np.ndindex(dout.shape):
        rows, cols = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)
        db[f] += dout[n, f, i, j]
        dw[f] += xp[n, :, rows, cols] * dout[n, f, i, j]
        dxp[n, :, rows, cols] += w[f] * dout[n, f, i, j]
    return dxp[:, :, pad : pad + H, pad : pad + W], dw, db


def max_pool_forward_naive(x, pool_param):
    PH, PW, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    out = np.zeros((N, C, 1 + (H - PH) // stride, 1 + (W - PW) // stride))
    for i, j in np.ndindex(out.shape[2:]):
        out[:, :, i, j] = x[:, :, i * stride : i * stride + PH, j * stride : j * stride + PW].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    PH, PW, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, i * stride : i * stride + PH, j * stride : j * stride + PW]
        row, col = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, i * stride + row, j * stride + col] += dout[n, c, i, j]
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    D = x.shape[1]
    running_mean = bn_param.get("running_mean", np.zeros(D))
    running_var = bn_param.get("running_var", np.zeros(D))
    if bn_param["mode"] == "test":
        return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, None
    mean, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + eps)
    bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
    bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    return gamma * xhat + beta, (xhat, gamma, var, eps)


def batchnorm_backward(dout, cache):
    xhat, gamma, var, eps = cache
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / np.sqrt(var + eps)
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


batchnorm_backward_alt = batchnorm_backward


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    out, cache = batchnorm_forward(x.transpose(0, 2, 3, 1).reshape(-1, C), gamma, beta, bn_param)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    xhat = (x - mean) / np.sqrt(var + eps)
    return gamma * xhat + beta, (xhat, gamma, var, eps)


def layernorm_backward(dout, cache):
    xhat, gamma, var, eps = cache
    dxhat = dout * gamma
    means = dxhat.mean(axis=1, keepdims=True), (dxhat * xhat).mean(axis=1, keepdims=True)
    dx = (dxhat - means[0] - xhat * means[1]) / np.sqrt(var + eps)
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) < p) / p if mode == "train" else None
    return (x * mask if mode == "train" else x), (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask if dropout_param["mode"] == "train" else dout


def softmax_loss(x, y):
    z = x - x.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dx = np.exp(log_p)
    dx[np.arange(len(x)), y] -= 1
    return -log_p[np.arange(len(x)), y].mean(), dx / len(x)


def sgd_momentum(w, dw, config=None):
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    config["velocity"] = v
    return w + v, config


def rmsprop(w, dw, config=None):
    config["cache"] = config["decay_rate"] * config["cache"] + (1 - config["decay_rate"]) * dw**2
    return w - config["learning_rate"] * dw / (np.sqrt(config["cache"]) + config["epsilon"]), config


def adam(w, dw, config=None):
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2
    m, v = config["m"] / (1 - config["beta1"] ** config["t"]), config["v"] / (1 - config["beta2"] ** config["t"])
    return w - config["learning_rate"] * m / (np.sqrt(v) + config["epsilon"]), config


_WINNER = (
    "row, col = np.unravel_index(window.argmax(), window.shape)\n"
    "        dx[n, c, i * stride + row, j * stride + col] += "
)
_REGION = "dx[n, c, i * stride : i * stride + PH, j * stride : j * stride + PW]"
# The function, what stands there, what a mistaken one has, the mistake's name, and words of the message.
WRONG = [
    ("conv_forward_naive", "i * stride : i * stride + HH, j * stride : j * stride + WW", "i : i + HH, j : j + WW",
     "stride-forgotten", "out: the stride is forgotten"),
    ("conv_backward_naive", "slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)",
     "slice(i, i + HH), slice(j, j + WW)", "stride-forgotten", "dx and dw: the stride is forgotten"),
    ("conv_backward_naive", "dw[f] +=", "dw[f] =", "dw-overwritten-in-all-loops", "`=` where `+=` belongs"),
    ("conv_backward_naive", "dxp[:, :, pad : pad + H, pad : pad + W]", "dxp[:, :, :H, :W]", "dx-cropped-at-the-end",
     "dx: the padding is cut off below"),
    ("max_pool_backward_naive", "+= dout", "= dout", "overlap-overwritten", "`=` where `+=` belongs"),
    ("max_pool_backward_naive", _WINNER, f"{_REGION} += (window == window.max()) * ", "all-ties", "equal maxima"),
    ("max_pool_backward_naive", _WINNER, f"{_REGION} = (window == window.max()) * ", "all-ties-overwritten",
     "`=` where `+=` belongs"),
    ("max_pool_forward_naive", ".max(", ".mean(", "mean-for-maximum", "out: it is the mean of each window"),
    ("affine_backward", ".reshape(x.shape)", "", "dx-shape", "the numbers are right, but not its shape"),
    ("affine_backward", "dout.sum(axis=0)", "dout.mean(axis=0)", "db-averaged", "db is a mean"),
    ("relu_backward", "cache <= 0", "dout <= 0", "mask-of-dy", "the mask is where dout is positive"),
    ("relu_backward", "cache <= 0", "cache < 0", "zero-passes", "dout passes where x is 0"),
    ("batchnorm_forward", "+ (1 - momentum) * mean", "+ momentum * mean", "line-changed", "running_mean"),
    ("batchnorm_forward", "(x - running_mean) / np.sqrt(running_var + eps)",
     "(x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)", "batch-s-statistics", "in test mode"),
    ("batchnorm_backward", "dxhat - dxhat.mean(axis=0) -", "dxhat -", "mean-constant",
     "the mean is taken for a constant"),
    ("layernorm_backward", "dout * gamma", "dout", "gamma-forgotten", "gamma is forgotten"),
    ("layernorm_forward", "axis=1", "axis=0", "statistics-over-batch", "over each row"),
    ("dropout_forward", "< p) / p", "< p)", "not-scaled", "not scaled up"),
    ("dropout_forward", "else x)", "else x * p)", "scaled-in-test", "in test mode"),
    ("dropout_backward", "dout * mask if", "dout * (mask > 0) if", "scale-forgotten", "the scale is forgotten"),
    ("softmax_loss", "dx / len(x)", "dx", "gradient-not-averaged", "dx: the loss is a mean"),
    ("softmax_loss", "x.max(axis=1, keepdims=True)", "x.max()", "maximum-of-everything", "each row has its own"),
    ("sgd_momentum", "w + v", "w - v", "velocity-subtracted", "it climbs"),
    ("rmsprop", "np.sqrt(config[\"cache\"]) + config[\"epsilon\"]", "np.sqrt(config[\"cache\"] + config[\"epsilon\"])",
     "epsilon-inside-root", "inside the root"),
    ("adam", "    config[\"t\"] += 1\n", "", "t-from-zero", "t is 1 at the first step"),
]  # fmt: skip


def edited(name, old, new):
    """A function with a mistake."""
    source = inspect.getsource(globals()[name])
    assert old in source, (name, old)
    namespace = dict(globals())
    exec(source.replace(old, new), namespace)
    return namespace[name]
