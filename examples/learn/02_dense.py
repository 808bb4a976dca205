# %% [markdown]
# # 2. Dense: one matrix product forward, two backward
#
# Notation: `x` (N, K) holds N inputs of K numbers, one a row; `W` (K, U) the weights of U units, one a column; `b`
# (U,); `y = x W + b` (N, U). `L` is the loss, and `dy` stands for dL/dy, an array of y's shape. Goodfellow et al.,
# chapter 6.5; CS231n, "Backpropagation".

# %%
import numpy as np
from course import derive, question, report, slope

from numpycnn import Dense

rng = np.random.default_rng(0)
N, K, U = 4, 3, 2
x, w, b = rng.standard_normal((N, K)), rng.standard_normal((K, U)), rng.standard_normal(U)
layer = Dense(U)
layer.build((K,), rng, "float64")
layer.parameters[0].value, layer.parameters[1].value = w, b

# %% [markdown]
# ## Forward: from the sum to the product

# %%
sums = np.zeros((N, U))
for n in range(N):
    for u in range(U):
        sums[n, u] = b[u] + sum(x[n, k] * w[k, u] for k in range(K))

d = derive(Dense)
d.equal("y[n, u] = b[u] + sum_k x[n, k] W[k, u] = (x W + b)[n, u]", sums, x @ w + b)
d.package("Dense.forward(x) = x W + b", x @ w + b, layer.forward(x, training=True))

# %% [markdown]
# ## Backward
#
# The loss sees y only; so `dL/dq = sum over n, u of dy[n, u] * slope[n, u]` for anything q that y depends on, where
# `slope[n, u]` is that of y[n, u] by q (chain rule). To have a loss at all, take any `dy` and let `L = sum(dy * y)`:
# its gradient with respect to y is `dy`. A random one, for with ones everywhere a swap of two axes would not show.

# %%
question("y[n, u] depends on W[k, v] only if ... ? What is left then of the double sum over n and u?")
dy = rng.standard_normal((N, U))
dw_sums = np.zeros((K, U))
for k in range(K):
    for u in range(U):
        dw_sums[k, u] = sum(x[n, k] * dy[n, u] for n in range(N))  # y[n, u] by W[k, v]: x[n, k] if u = v, else 0

d = derive(Dense.backward)
d.equal("dL/dW[k, u] = sum_n x[n, k] dy[n, u]", slope(lambda w: (dy * (x @ w + b)).sum(), w), dw_sums)
d.equal("... = (x^T dy)[k, u]: the sum over n is a row of x^T times a column of dy", dw_sums, x.T @ dy)

db_sums = np.array([sum(dy[n, u] for n in range(N)) for u in range(U)])
d.equal("dL/db[u] = sum_n dy[n, u], since y[n, u] moves as b[u]", slope(lambda b: (dy * (x @ w + b)).sum(), b), db_sums)
d.equal("... = the sum over rows", db_sums, dy.sum(axis=0))
d.equal("... = 1^T dy: b is the weight of an input that is always 1", db_sums, np.ones(N) @ dy)

dx_sums = np.array([[sum(dy[n, u] * w[k, u] for u in range(U)) for k in range(K)] for n in range(N)])
d.equal("dL/dx[n, k] = sum_u dy[n, u] W[k, u]", slope(lambda x: (dy * (x @ w + b)).sum(), x), dx_sums)
d.equal("... = (dy W^T)[n, k]", dx_sums, dy @ w.T)

dx = layer.backward(dy)
d.package("Dense.backward: dW = x^T dy", x.T @ dy, layer.parameters[0].grad)
d.package("Dense.backward: db = sum over rows of dy", dy.sum(axis=0), layer.parameters[1].grad)
d.package("Dense.backward: dx = dy W^T", dy @ w.T, dx)

# %% [markdown]
# ## Where is 1/N?
#
# Not here: dW is a sum over the batch. The mean is the loss's matter: its dy already holds 1/N (chapter 6), and a sum
# of N such terms is a mean. A layer that divided by N once more would learn N times too slowly, and nothing else would
# show it.

# %%
question("Here is dW for dy and for dy / N. Which of them is a mean over the batch?")
d.equal("x^T (dy / N) = mean_n of x[n]^T dy[n]", x.T @ (dy / N), np.mean([np.outer(x[n], dy[n]) for n in range(N)], 0))

# %% [markdown]
# ## Does shape alone find the rule?
#
# CS231n's advice, "match the shapes", works here: x^T dy is the only product of x and dy that has W's shape (K, U). It
# fails as soon as two axes have the same length. With N = K = U everything has the right shape:

# %%
question("With N = K = U = 3: how many of x^T dy, dy^T x, x dy, dy x have the shape of W, and how many are dW?")
x3, dy3, w3 = (rng.standard_normal((3, 3)) for _ in range(3))
right = slope(lambda w: (dy3 * (x3 @ w)).sum(), w3)
for name, candidate in {"x^T dy": x3.T @ dy3, "dy^T x": dy3.T @ x3, "x dy": x3 @ dy3, "dy x": dy3 @ x3}.items():
    print(f"{name:8} shape {candidate.shape}, largest error {np.abs(candidate - right).max():.1e}")
report()

# %% [markdown]
# ## Exercises
#
# 1. Write `dense_backward` and let the judge look at it: `python -m numpycnn.learn check dense_backward FILE`.
# 2. Two Dense layers without anything between them: which single W and b do the same? Show it with `derive("mine")`.
# 3. `y = x W` with x of shape (N, T, K): what becomes of dW? (Each of the N * T rows is an input.)
#
# Not covered: sparse inputs, weights shared by several layers (their gradients add), and how the product itself is
# computed fast (the kernels).
