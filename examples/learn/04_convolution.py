# %% [markdown]
# # 4. Convolution: forward and backward as three matrix products
#
# Images `x` (N, H, W, C), filters `w` (kh, kw, C, F), outputs `y` (N, OH, OW, F). CS231n calls the backward pass of a
# convolution easy to derive; here it is derived, twice: with matrices, and as a convolution.
#
# ![The patches under the filter become the rows of a matrix](pictures/im2col.gif)

# %%
import numpy as np
from course import derive, question, report, slope_of_pieces

from numpycnn import Conv2D, Dense, DepthwiseConv2D, SeparableConv2D

rng = np.random.default_rng(0)
N, H, W, C, F, kh, kw, stride, pad = 2, 6, 7, 2, 3, 3, 2, 2, 1
x, w, b = rng.standard_normal((N, H, W, C)), rng.standard_normal((kh, kw, C, F)), rng.standard_normal(F)


def conv2d(filters, kernel_size, w=None, b=None, input_shape=(H, W, C), **options):
    """Return a built convolution of the package with these weights."""
    layer = Conv2D(filters, kernel_size, **options)
    layer.build(input_shape, rng, "float64")
    if w is not None:
        layer.parameters[0].value = w
        layer.parameters[1].value = np.zeros(filters) if b is None else b
    return layer


layer = conv2d(F, (kh, kw), w, b, strides=stride, padding=pad)
OH, OW, _ = layer.output_shape

# %% [markdown]
# ## Forward: the sum over the window

# %%
question(f"H = {H}, kh = {kh}, stride {stride}, padding {pad}: how many rows has the output? And if H were one larger?")
print(f"OH = (H + 2 pad - kh) // stride + 1 = {(H + 2 * pad - kh) // stride + 1}")

padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))  # (N, H + 2 pad, W + 2 pad, C)
sums = np.zeros((N, OH, OW, F))
for n, i, j, f in np.ndindex(N, OH, OW, F):
    window = padded[n, i * stride : i * stride + kh, j * stride : j * stride + kw]  # (kh, kw, C)
    sums[n, i, j, f] = b[f] + (window * w[..., f]).sum()

d = derive(Conv2D)
loops = np.zeros((N, OH, OW, F))
for n, i, j, f, ky, kx, c in np.ndindex(N, OH, OW, F, kh, kw, C):
    row, column = i * stride + ky - pad, j * stride + kx - pad
    if 0 <= row < H and 0 <= column < W:  # the padding is 0, and adds nothing
        loops[n, i, j, f] += x[n, row, column, c] * w[ky, kx, c, f]
line = "y[n, i, j, f] = b[f] + sum over ky, kx, c of x[n, i s + ky - p, j s + kx - p, c] w[ky, kx, c, f]"
d.equal(line, loops + b, sums)

# %% [markdown]
# ## im2col: the sum is a product of matrices
#
# The sum runs over (ky, kx, c). Write these three as one index k: each window becomes a row of K = kh * kw * C
# numbers, each filter a column of as many. `X` (N * OH * OW, K) holds the windows, `Wm` (K, F) the filters: a view of
# w, as its last axis is F.

# %%
question(f"x has {x.size} numbers. How many has X? By which factor does im2col grow the memory, at most?")


def im2col(x):
    """Return the windows of x as rows: (N * OH * OW, kh * kw * C), in the order (ky, kx, c)."""
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = [
        padded[:, i * stride : i * stride + kh, j * stride : j * stride + kw].reshape(len(x), -1)
        for i in range(OH) for j in range(OW)
    ]
    return np.stack(windows, axis=1).reshape(-1, kh * kw * C)


X, Wm = im2col(x), w.reshape(-1, F)
print(f"X: {X.shape}, {X.size} numbers; at most kh kw = {kh * kw} times as many, with stride 1")
d.equal("y = X Wm + b, with a row of X for each (n, i, j)", sums.reshape(-1, F), X @ Wm + b)
d.package("Conv2D.forward(x) = im2col(x) Wm + b", (X @ Wm + b).reshape(N, OH, OW, F), layer.forward(x, training=True))

# %% [markdown]
# ## Backward: chapter 2 once more
#
# `Y = X Wm + b` is a Dense layer on windows. So the three rules stand already.

# %%
dy = rng.standard_normal((N, OH, OW, F))
dY = dy.reshape(-1, F)


def loss(x, w, b):
    """A loss whose gradient with respect to y is dy; linear in each argument."""
    return (dY * (im2col(x) @ w.reshape(-1, F) + b)).sum()


d = derive(Conv2D.backward)
question("A weight is used at every position of every image. So its gradient is ... over positions and images?")
dw_sums = np.zeros_like(w)
for ky, kx, c, f in np.ndindex(*w.shape):
    rows, columns = slice(ky, ky + OH * stride, stride), slice(kx, kx + OW * stride, stride)
    dw_sums[ky, kx, c, f] = (padded[:, rows, columns, c] * dy[..., f]).sum()
d.equal("dW[ky, kx, c, f] = sum over n, i, j of x[n, i s + ky - p, j s + kx - p, c] dy[n, i, j, f]",
        slope_of_pieces(lambda w: loss(x, w, b), w, h=1), dw_sums)
d.equal("... = X^T dY: += over all positions, never = ", dw_sums.reshape(-1, F), X.T @ dY)
d.equal("db[f] = sum over n, i, j of dy[n, i, j, f]", slope_of_pieces(lambda b: loss(x, w, b), b, h=1), dY.sum(axis=0))

# %% [markdown]
# For dx, first the gradient of X, then back from windows to pixels. `im2col` copies each pixel into every window that
# holds it; a copied number gets the sum of its copies' gradients. That is `col2im`: the transpose of `im2col`.
#
# ![Each window's gradient is added where the window lay](pictures/col2im.gif)

# %%
question("dX = dY Wm^T has a row for each window. Which pixel of x gets the most terms, and which ones get none?")
dX = dY @ Wm.T


def col2im(dX):
    """Add each row of dX where its window lay: the transpose of im2col."""
    padded = np.zeros((N, H + 2 * pad, W + 2 * pad, C))
    windows = dX.reshape(N, OH, OW, kh, kw, C)
    for i in range(OH):
        for j in range(OW):
            padded[:, i * stride : i * stride + kh, j * stride : j * stride + kw] += windows[:, i, j]
    return padded[:, pad : pad + H, pad : pad + W]


dx = col2im(dX)
d.equal("dx = col2im(dY Wm^T)", slope_of_pieces(lambda x: loss(x, w, b), x, h=1), dx)
im2col_matrix = np.array([im2col(e.reshape(1, H, W, C)).ravel() for e in np.eye(H * W * C)]).T  # of one image
v = rng.standard_normal((OH * OW, kh * kw * C))
added = col2im(np.stack([v, np.zeros_like(v)]))[0]
d.equal("col2im = im2col^T, as a matrix of zeros and ones", im2col_matrix.T @ v.ravel(), added.ravel())
counts = np.broadcast_to(im2col_matrix.sum(axis=0).reshape(H, W, C)[..., 0], (H, W))
print("how many windows hold each pixel:", *counts.astype(int), sep="\n   ")
dx_package = layer.backward(dy)
d.package("Conv2D.backward: dW = X^T dY", (X.T @ dY).reshape(w.shape), layer.parameters[0].grad)
d.package("Conv2D.backward: db = sum over rows of dY", dY.sum(axis=0), layer.parameters[1].grad)
d.package("Conv2D.backward: dX = dY Wm^T, then col2im", dx, dx_package)

# %% [markdown]
# ## The same, seen as convolutions
#
# **dx is a convolution of dy with turned filters.** Pixel (r, c) was multiplied by w[ky, kx] in the window (r - ky,
# c - kx): the index of w grows while that of dy falls. So the filter is read backwards: turned by half a turn, and
# with the channels' roles changed, F in and C out. Windows that begin before the image are needed too, so dy gets a
# border of k - 1 zeros ("full" convolution).

# %%
d = derive("dx is a convolution with turned filters")
plain = conv2d(F, (kh, kw), w, b)  # stride 1, no padding
dy1 = rng.standard_normal((N, *plain.output_shape))
plain.forward(x, training=True)
dx1 = plain.backward(dy1).copy()
turned = w[::-1, ::-1].transpose(0, 1, 3, 2)  # (kh, kw, F, C)
border = np.pad(dy1, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
back = conv2d(C, (kh, kw), turned, input_shape=border.shape[1:])
d.package("stride 1: dx = conv(dy with k - 1 zeros around it, turned filters)", back.forward(border), dx1)

question("With stride 2 the filter jumps. What must be put between the rows and columns of dy, that this still holds?")
spread = np.zeros((N, (OH - 1) * stride + 1, (OW - 1) * stride + 1, F))
spread[:, ::stride, ::stride] = dy
after_h, after_w = (H + 2 * pad - kh) % stride, (W + 2 * pad - kw) % stride  # rows and columns that no window reads
border = np.pad(spread, ((0, 0), (kh - 1, kh - 1 + after_h), (kw - 1, kw - 1 + after_w), (0, 0)))
back = conv2d(C, (kh, kw), turned, input_shape=border.shape[1:])
full = back.forward(border)[:, pad : pad + H, pad : pad + W]
d.package("stride s: the same, with s - 1 zeros between the elements of dy; the padding is cut off", full, dx_package)

# %% [markdown]
# **dW is a correlation of x with dy.** `dW[ky, kx]` slides dy over x: dy is the filter now. The sum over images takes
# the place of the sum over channels, so the axes change their roles.

# %%
d = derive("dW is a correlation of x with dy")
images, filters = x.transpose(3, 1, 2, 0), dy1.transpose(1, 2, 0, 3)  # (C, H, W, N), (OH, OW, N, F)
correlate = conv2d(F, filters.shape[:2], filters, input_shape=images.shape[1:])
dw1 = correlate.forward(images).transpose(1, 2, 0, 3)  # (C, kh, kw, F) to (kh, kw, C, F)
d.package("stride 1: dW = x as an image of N channels, with dy as filters", dw1, plain.parameters[0].grad)

# %% [markdown]
# ## What becomes of the remainder
#
# With W = 7, kw = 2 and stride 2 the windows begin at columns 0, 2 and 4: column 6 is in none. The sum simply never
# reads it, so its gradient is 0.

# %%
remainder = conv2d(1, (1, 2), strides=(1, 2))
remainder.forward(x, training=True)
gradient = remainder.backward(np.ones((N, *remainder.output_shape)))
d = derive("remainder columns")
d.package("a column that no window reads has the gradient 0", np.zeros((N, H, 1, C)), gradient[:, :, 6:])
print("the first row of dx:", gradient[0, 0, :, 0].round(3))

# %% [markdown]
# ## A 1 x 1 filter is a Dense layer on every pixel

# %%
d = derive("1 x 1 filters")
one = conv2d(F, 1, w[:1, :1], b)
dense = Dense(F)
dense.build((C,), rng, "float64")
dense.parameters[0].value, dense.parameters[1].value = w[0, 0], b
of_pixels = dense.forward(x.reshape(-1, C)).reshape(N, H, W, F)
d.package("conv with 1 x 1 filters = Dense on (N H W, C)", of_pixels, one.forward(x))

# %% [markdown]
# ## Channel by channel: depthwise and separable convolution
#
# A full convolution mixes all channels in every window. Depthwise, each channel has m filters of its own; a pointwise
# (1 x 1) convolution mixes them afterwards. Each is a full convolution whose filters have many zeros, or factors.

# %%
question(f"{C} channels, m = 2 filters each, of {kh} x {kw}: how many weights? And a full one of as many outputs?")
m = 2
w_depth, b_depth = rng.standard_normal((kh, kw, C, m)), rng.standard_normal(C * m)
depthwise = DepthwiseConv2D((kh, kw), depth_multiplier=m)
depthwise.build((H, W, C), rng, "float64")
depthwise.parameters[0].value, depthwise.parameters[1].value = w_depth, b_depth
print(f"{w_depth.size}, against {kh * kw * C * C * m}")
d = derive(DepthwiseConv2D)
oh, ow, _ = depthwise.output_shape
by_channel = np.zeros((N, oh, ow, C * m))
for n, i, j, c, k in np.ndindex(N, oh, ow, C, m):
    window = x[n, i : i + kh, j : j + kw, c]
    by_channel[n, i, j, c * m + k] = b_depth[c * m + k] + (window * w_depth[:, :, c, k]).sum()
sparse = np.zeros((kh, kw, C, C * m))
for c in range(C):
    sparse[:, :, c, c * m : (c + 1) * m] = w_depth[:, :, c]
as_full = conv2d(C * m, (kh, kw), sparse, b_depth)
d.equal("y[n, i, j, c m + k] = b + sum over ky, kx of x[.., c] w[ky, kx, c, k] = a full convolution with zeros",
        by_channel, as_full.forward(x, training=True))
d.package("DepthwiseConv2D.forward", by_channel, depthwise.forward(x, training=True))
dy_depth = rng.standard_normal(by_channel.shape)
as_full.backward(dy_depth)
depthwise.backward(dy_depth)
own = np.stack([as_full.parameters[0].grad[:, :, c, c * m : (c + 1) * m] for c in range(C)], axis=2)
d.package("DepthwiseConv2D.backward: dW where the full one has no zeros", own, depthwise.parameters[0].grad)

separable = SeparableConv2D(F, (kh, kw), depth_multiplier=m)
separable.build((H, W, C), rng, "float64")
w_point = rng.standard_normal((1, 1, C * m, F))
for parameter, value in zip(separable.parameters, (w_depth, w_point, b)):
    parameter.value = value
d = derive(SeparableConv2D)
h = by_channel - b_depth
mixed = h @ w_point[0, 0] + b
d.equal("h w_p = a full convolution with the filters sum over k of w_d[.., c, k] w_p[c m + k, f]", mixed,
        conv2d(F, (kh, kw), np.einsum("yxck,ckf->yxcf", w_depth, w_point.reshape(C, m, F)), b).forward(x))
d.package("SeparableConv2D.forward: y = h w_p + b", mixed, separable.forward(x))
report()

# %% [markdown]
# ## Predict, then run
#
# A Dense layer and a convolution are trained on digits in the middle, and tested on the same digits moved by some
# pixels. Which one loses more, and why? `python examples/learn/experiments.py shifted_digits`
#
# ## Exercises
#
# 1. `im2col`, `conv2d_forward`, `conv2d_backward`: write them, and ask the judge, as in
#    `python -m numpycnn.learn check conv2d_backward FILE`.
# 2. True convolution turns the filter (mathematics), this one does not (deep learning). Does it matter to a network
#    that learns its filters? To one that loads them?
# 3. Padding "same" with an even filter needs an odd number of zeros. Where does the package put the odd one? And for a
#    file from elsewhere that puts it on the other side?
# 4. Count the multiplications of the forward pass, and of both backward products. Why is training about three times as
#    expensive as prediction?
#
# Not covered: dilation and groups (arguments of `Conv2D`; the algebra is the same), convolution by FFT, and how the
# product is made fast: that is [the ladder](README.md#the-ladder).
