# %% [markdown]
# # 5. Pooling: who won, and who shares
#
# Max pooling hands on the largest element of each window, average pooling the mean. Nothing is learned.
#
# ![Windows, winners, and what comes back to them](pictures/pooling.png)

# %%
import numpy as np
from course import derive, question, report, slope_of_pieces

from numpycnn import AvgPool2D, GlobalAvgPool2D, MaxPool2D

rng = np.random.default_rng(0)
N, H, W, C, k, stride = 2, 5, 7, 2, 3, 2
x = rng.permutation(N * H * W * C).reshape(N, H, W, C) / 10.0  # all different: no ties, and clear of all kinks


def package(layer, x, dy=None):
    """Forward and backward of a layer on x; dy random by default."""
    layer.build(x.shape[1:], rng, "float64")
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape) if dy is None else dy
    return y.copy(), dy, layer.backward(dy)


def pool(x, reduce):
    """Apply `reduce` to each window (N, k, k, C), over its rows and columns."""
    rows, columns = range(0, H - k + 1, stride), range(0, W - k + 1, stride)
    return np.stack([
        np.stack([reduce(x[:, i : i + k, j : j + k], axis=(1, 2)) for j in columns], axis=1) for i in rows
    ], axis=1)


# %% [markdown]
# ## Max pooling, forward

# %%
y, dy, dx = package(MaxPool2D(k, stride), x)
OH, OW = y.shape[1:3]
d = derive(MaxPool2D)
largest = np.full((N, OH, OW, C), -np.inf)
for n, i, j, c, ky, kx in np.ndindex(N, OH, OW, C, k, k):
    largest[n, i, j, c] = max(largest[n, i, j, c], x[n, i * stride + ky, j * stride + kx, c])
d.equal("y[n, i, j, c] = max over ky, kx of x[n, i s + ky, j s + kx, c]", largest, pool(x, np.max))
d.package("MaxPool2D.forward", pool(x, np.max), y)

# %% [markdown]
# ## Max pooling, backward
#
# As long as the winner stays the winner, y is a copy of it: `dy/dx` is 1 there and 0 elsewhere. In a window where the
# winner is chosen, pooling is im2col with one column: a pixel that won several windows was copied several times, and
# its gradient is the sum.

# %%
question("Windows of 3 x 3, 2 apart, overlap. A pixel won two of them. Is its gradient one dy, or the sum of both?")
winners = np.zeros((N, OH, OW, C, H, W))  # 1 where the pixel won the window: dy/dx, written out
for n, i, j, c in np.ndindex(N, OH, OW, C):
    window = x[n, i * stride : i * stride + k, j * stride : j * stride + k, c]
    ky, kx = divmod(window.argmax(), k)
    winners[n, i, j, c, i * stride + ky, j * stride + kx] = 1
d = derive("MaxPool2D.backward")
d.equal("y = sum over pixels of (1 if it won, else 0) x", np.einsum("nijcrs,nrsc->nijc", winners, x), y)
summed = np.einsum("nijcrs,nijc->nrsc", winners, dy)
d.equal("dx[n, r, s, c] = sum of dy over the windows that the pixel won",
        slope_of_pieces(lambda x: (dy * pool(x, np.max)).sum(), x, h=1 / 32), summed)
d.package("MaxPool2D.backward", summed, dx)
several = int((winners.sum(axis=(1, 2)) > 1).sum())
print(f"{several} pixels won more than one window: with = in place of += their gradients would be wrong")

# %% [markdown]
# ## Ties
#
# Where two elements are equal and largest, the maximum has a kink, and any split of dy between them is a subgradient.
# To the first, to the last, half and half: all are right, but a program has to choose one and keep to it, or two of its
# paths give two results. The first in row-major order, as here, is what `argmax` gives. A blank background is full of
# ties, so this is no rare case.

# %%
question("A window [[1, 3], [3, 2]] and dy = 1. What is dx? What would 'all that equal the maximum' give, and its sum?")
tied = np.array([[1.0, 3], [3, 2]]).reshape(1, 2, 2, 1)
_, _, to_first = package(MaxPool2D(2), tied, np.ones((1, 1, 1, 1)))
d = derive("ties")
d.package("the first of the equals takes all", [[0, 1], [0, 0]], to_first[0, ..., 0])
print("All that equal the maximum, [[0, 1], [1, 0]], would hand on 2: a gradient that is twice as large as it may be.")

# %% [markdown]
# ## The border
#
# Padded cells never win: they count as minus infinity, not as 0, which would win over negative numbers.

# %%
negative = -np.abs(x) - 1
y, _, _ = package(MaxPool2D(3, 2, padding=1), negative)
framed = np.pad(negative, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
by_hand = np.stack([
    np.stack([framed[:, i : i + 3, j : j + 3].max(axis=(1, 2)) for j in range(0, W, 2)], axis=1) for i in range(0, H, 2)
], axis=1)
d = derive("padding of a maximum")
d.package("max pooling with padding = max pooling of x with minus infinity around it", by_hand, y)

# %% [markdown]
# ## Average pooling

# %%
y, dy, dx = package(AvgPool2D(k, stride), x)
d = derive(AvgPool2D)
sums = np.zeros((N, OH, OW, C))
for n, i, j, c, ky, kx in np.ndindex(N, OH, OW, C, k, k):
    sums[n, i, j, c] += x[n, i * stride + ky, j * stride + kx, c]
d.equal("y[n, i, j, c] = 1/k^2 sum over the window of x", sums / k**2, pool(x, np.mean))
d.package("AvgPool2D.forward", pool(x, np.mean), y)
question("The mean is a convolution. With which filter? So what does its backward pass do with dy?")
shared = np.zeros_like(x)
for i, j in np.ndindex(OH, OW):
    shared[:, i * stride : i * stride + k, j * stride : j * stride + k] += dy[:, i, j][:, None, None] / k**2
d.equal("dx = dy / k^2, added over the windows", slope_of_pieces(lambda x: (dy * pool(x, np.mean)).sum(), x, 1), shared)
d.package("AvgPool2D.backward", shared, dx)

y, dy, dx = package(GlobalAvgPool2D(), x)
d = derive("GlobalAvgPool2D")
d.package("y[n, c] = mean over all pixels", x.mean(axis=(1, 2)), y)
d.package("dx = dy / (H W)", np.broadcast_to(dy[:, None, None] / (H * W), x.shape), dx)
report()

# %% [markdown]
# ## Exercises
#
# 1. `python -m numpycnn.learn check max_pool_forward FILE` and `max_pool_backward`: overlapping windows and ties
#    included.
# 2. ReLU, then max pooling; or max pooling, then ReLU: are the outputs the same? The gradients? Which is cheaper?
# 3. Replace the pooling of a network by a convolution with stride 2. What does it cost, and what does it gain?
#
# Not covered: pooling with learned weights, fractional strides, and why many networks since 2015 do without pooling.
