# %% [markdown]
# # 7. Initialisation: how large should random weights be?
#
# A signal passes through layer after layer. If each multiplies its size by 0.7, twenty layers leave 0.0008 of it; if
# each multiplies it by 1.4, they make 800 of it. So the size of the starting weights matters more than their shape.
# (Glorot and Bengio, 2010; He et al., 2015; Goodfellow et al., chapter 8.4.)
#
# Expected values are usually estimated. Here they are exact: the weights take the values -s and +s with equal
# probability, and for K weights all 2^K cases are written out.

# %%
import itertools

import numpy as np
from course import derive, question, report

from numpycnn import initializers

rng = np.random.default_rng(0)
K, U, s = 8, 3, 0.3
signs = np.array(list(itertools.product([-1, 1], repeat=K)))  # (2^K, K): every case
x = rng.standard_normal(K)

# %% [markdown]
# ## One unit: y = sum over k of w[k] x[k]

# %%
d = derive("forward")
w = s * signs
y = w @ x  # in every case
d.equal("E[w[k] w[l]] = s^2 if k = l, else 0: weights are independent", w.T @ w / len(w), s**2 * np.eye(K))
double = sum(x[k] * x[m] * np.mean(w[:, k] * w[:, m]) for k in range(K) for m in range(K))
d.equal("E[y^2] = sum over k, l of x[k] x[l] E[w[k] w[l]]", np.mean(y**2), double)
d.equal("... = s^2 sum x^2 = K s^2 mean(x^2): it grows with the number of inputs", double, K * s**2 * np.mean(x**2))

# %%
question("Then ReLU. y and -y are equally likely. How much of E[y^2] is left?")
d.equal("y is as often v as -v, so half of the squares are cut", np.mean(np.maximum(y, 0) ** 2), np.mean(y**2) / 2)
he = np.maximum(np.sqrt(2 / K) * signs @ x, 0)
d.equal("with s^2 = 2 / K: E[relu(y)^2] = mean(x^2). The size stays (He)", np.mean(he**2), np.mean(x**2))

# %% [markdown]
# ## Backward: dx[k] = sum over u of dy[u] w[k, u]
#
# The same sum, but over the U outputs.

# %%
question("Forward wants s^2 = 1 / K (without ReLU). What does backward want? When can both be had?")
d = derive("backward")
dy = rng.standard_normal(U)
cases = s * np.array(list(itertools.product([-1, 1], repeat=U)))
d.equal("E[dx^2] = U s^2 mean(dy^2)", np.mean((cases @ dy) ** 2), U * s**2 * np.mean(dy**2))
glorot = 2 / (K + U)
d.equal("Glorot's compromise, 2 / (K + U): its inverse lies midway between K and U", 1 / glorot, np.mean([K, U]))

# %% [markdown]
# ## Which distribution
#
# Only s^2, the variance, was used. A uniform one on [-a, a] has the variance a^2 / 3.

# %%
d = derive("the package's initializers")
nodes, weights = np.polynomial.legendre.leggauss(2)  # exact for polynomials up to degree 3
a = np.sqrt(6 / (K + U))
d.equal("integral of v^2 / 2a over [-a, a] = a^2 / 3", ((a * nodes) ** 2 * a * weights).sum() / (2 * a), a**2 / 3)
d.equal("a = sqrt(6 / (K + U)) makes it 2 / (K + U)", a**2 / 3, 2 / (K + U))
shape = (3, 3, 4, 16)  # of filters: a unit sees 3 * 3 * 4 inputs, and an input goes to 3 * 3 * 16 outputs
fan_in, fan_out = 3 * 3 * 4, 3 * 3 * 16


def same(formula, function, ours):
    """Compare with the package's function on the same random numbers."""
    d.package(formula, ours(np.random.default_rng(1)), function(shape, np.random.default_rng(1), np.float64))


same("he_normal = sqrt(2 / fan_in) N(0, 1)", initializers.he_normal,
     lambda rng: np.sqrt(2 / fan_in) * rng.standard_normal(shape))
same("he_uniform = sqrt(6 / fan_in) U(-1, 1)", initializers.he_uniform,
     lambda rng: np.sqrt(6 / fan_in) * (2 * rng.random(shape) - 1))
same("glorot_normal = sqrt(2 / (fan_in + fan_out)) N(0, 1)", initializers.glorot_normal,
     lambda rng: np.sqrt(2 / (fan_in + fan_out)) * rng.standard_normal(shape))
same("glorot_uniform = sqrt(6 / (fan_in + fan_out)) U(-1, 1)", initializers.glorot_uniform,
     lambda rng: np.sqrt(6 / (fan_in + fan_out)) * (2 * rng.random(shape) - 1))

# %% [markdown]
# ## Why not zeros
#
# Two units with the same weights compute the same, get the same gradient, and stay the same: a layer of zeros (or of
# any constant) is one unit, many times. Biases may be 0, since the weights tell the units apart.

# %%
question("All weights of two Dense layers are 0.1. After a step: how many different columns has the first layer's W?")
batch, target = rng.standard_normal((6, K)), rng.standard_normal((6, 1))
w1, w2 = np.full((K, 4), 0.1), np.full((4, 1), 0.1)
dh = 2 * (batch @ w1 @ w2 - target) @ w2.T / 6  # (6, 4)
stepped = w1 - 0.1 * batch.T @ dh
d = derive("symmetry")
d.equal("all columns are still the same", stepped, np.repeat(stepped[:, :1], 4, axis=1))
report()

# %% [markdown]
# ## Predict, then run
#
# Twenty Dense layers with ReLU start from N(0, 0.01), from Glorot, from He. How large is the signal after the last
# layer, and the gradient in the first? Which one learns?
# `python examples/learn/experiments.py initialisation_and_depth`
#
# ## Exercises
#
# 1. `python -m numpycnn.learn check he_normal FILE`.
# 2. LeakyReLU with slope a keeps `(1 + a^2) / 2` of E[y^2]. Show it with the 2^K cases, and derive its s.
# 3. A residual block computes `x + f(x)`. What happens to E[y^2] over twenty of them with He's weights?
#
# Not covered: orthogonal starts, data-dependent ones (LSUV), and what batch normalisation changes (chapter 9).
