# %% [markdown]
# # 3. ReLU and friends: one number in, one number out
#
# An activation is a curve `y = f(x)`, applied to every element. Its Jacobian is diagonal, so backward is an elementwise
# product: `dx = f'(x) dy`. Nothing else is to be derived than seven slopes. (Goodfellow et al., chapter 6.3.)

# %%
import math

import numpy as np
from course import derive, question, report, slope, slope_of_pieces

from numpycnn import ELU, GELU, Dense, LeakyReLU, ReLU, Sequential, Sigmoid, SiLU, Tanh

rng = np.random.default_rng(0)
x = rng.standard_normal((4, 5))
x[np.abs(x) < 0.01] = 0.5  # clear of the kink at 0
dy = rng.standard_normal(x.shape)


def package(layer):
    """Forward and backward of a layer on x and dy."""
    layer.build(x.shape[1:], rng, "float64")
    return layer.forward(x, training=True), layer.backward(dy)


# %% [markdown]
# ## Why any curve at all

# %%
question("A network of two Dense layers with nothing between them: what can it compute that one Dense cannot?")
d = derive("two Dense layers without an activation")
w1, w2, b1, b2 = (rng.standard_normal(shape) for shape in ((5, 7), (7, 3), 7, 3))
model = Sequential([Dense(7), Dense(3)], input_shape=(5,), dtype="float64")
model.set_weights([w1, b1, w2, b2])
d.package("(x W1 + b1) W2 + b2 = x (W1 W2) + (b1 W2 + b2): one Dense", x @ (w1 @ w2) + (b1 @ w2 + b2), model.forward(x))

# %% [markdown]
# ## The Jacobian is diagonal

# %%
d = derive("an elementwise function")
jacobian = np.array([[slope(lambda v: np.tanh(v[i]), x[0])[k] for k in range(5)] for i in range(5)])
d.equal("dy[i]/dx[k] = f'(x[k]) if i = k, else 0", jacobian, np.diag(1 - np.tanh(x[0]) ** 2))
d.equal("dx = J^T dy = f'(x) dy", jacobian.T @ dy[0], (1 - np.tanh(x[0]) ** 2) * dy[0])

# %% [markdown]
# ## ReLU

# %%
d = derive(ReLU)
y, dx = package(ReLU())
d.package("y = max(x, 0)", np.maximum(x, 0), y)
d.equal("dy/dx = 1 where x > 0, else 0", slope_of_pieces(lambda x: (dy * np.maximum(x, 0)).sum(), x), dy * (x > 0))
d.equal("x > 0 just where y > 0: the output is enough for backward, and x can be thrown away", x > 0, y > 0)
d.package("dx = dy where y > 0", dy * (y > 0), dx)

question("At x = 0 the slope is 0 from the left and 1 from the right. Which one does the package take?")
relu = ReLU()
relu.build((1,), rng, "float64")
relu.forward(np.zeros((1, 1)), training=True)
print("dx at x = 0, for dy = 1:", relu.backward(np.ones((1, 1)))[0, 0], "(any number in [0, 1] is a subgradient)")

# %% [markdown]
# ## Leaky ReLU

# %%
d = derive(LeakyReLU)
y, dx = package(LeakyReLU(0.1))
d.package("y = x where x > 0, else 0.1 x", np.where(x > 0, x, 0.1 * x), y)
d.equal("... = max(x, 0.1 x)", np.where(x > 0, x, 0.1 * x), np.maximum(x, 0.1 * x))
slopes = np.where(x > 0, 1, 0.1)
d.equal("dx = slope dy", slope_of_pieces(lambda x: (dy * np.maximum(x, 0.1 * x)).sum(), x), slopes * dy)
d.package("dx = slope dy", slopes * dy, dx)

# %% [markdown]
# ## Sigmoid
#
# With `s = 1 / (1 + e^-x)`: `ds/dx = e^-x / (1 + e^-x)^2`, and `e^-x / (1 + e^-x) = 1 - s`.

# %%
d = derive(Sigmoid)
y, dx = package(Sigmoid())
s = 1 / (1 + np.exp(-x))
quotient = np.exp(-x) / (1 + np.exp(-x)) ** 2
d.equal("ds/dx = e^-x / (1 + e^-x)^2", slope(lambda x: (1 / (1 + np.exp(-x))).sum(), x), quotient)
d.equal("... = s (1 - s)", quotient, s * (1 - s))
d.equal("s = e^x / (1 + e^x): the form for x < 0, where e^-x would overflow", s, np.exp(x) / (1 + np.exp(x)))
d.package("y = s", s, y)
d.package("dx = s (1 - s) dy", s * (1 - s) * dy, dx)
question("s (1 - s) is at most 1/4. What is left of a gradient after ten layers with a sigmoid each, at best?")
print(f"(1/4)^10 = {0.25**10:.1e}: the vanishing gradient. With ReLU it is 1, wherever the unit is on.")

# %% [markdown]
# ## Tanh

# %%
d = derive(Tanh)
y, dx = package(Tanh())
d.equal("tanh x = 2 s(2x) - 1: a sigmoid, stretched and centred", np.tanh(x), 2 / (1 + np.exp(-2 * x)) - 1)
d.equal("dy/dx = 1 - tanh^2 x", slope(lambda x: np.tanh(x).sum(), x), 1 - np.tanh(x) ** 2)
d.package("y = tanh x", np.tanh(x), y)
d.package("dx = (1 - y^2) dy", (1 - y**2) * dy, dx)

# %% [markdown]
# ## ELU: an exponential in place of the leak
#
# For x > 0 it is ReLU. Below, the slope is `alpha e^x`: it fades, and with alpha = 1 it is 1 at 0, so there is no kink.

# %%
d = derive(ELU)
alpha = 0.7
y, dx = package(ELU(alpha))
bent = alpha * (np.exp(x) - 1)
d.package("y = x where x > 0, else alpha (e^x - 1)", np.where(x > 0, x, bent), y)
slopes = np.where(x > 0, 1, alpha * np.exp(x))
d.equal("dy/dx = 1 where x > 0, else alpha e^x",
        slope(lambda x: np.where(x.real > 0, x, alpha * (np.exp(x) - 1)).sum(), x), slopes)
d.equal("alpha e^x = alpha (e^x - 1) + alpha = y + alpha: again the output is enough", slopes,
        np.where(y > 0, 1, y + alpha))
d.package("dx = dy where y > 0, else (y + alpha) dy", np.where(y > 0, 1, y + alpha) * dy, dx)

# %% [markdown]
# ## SiLU and GELU: x times a step that is smooth
#
# ReLU is `x (x > 0)`, x times a step from 0 to 1. With a smooth step `g` in its place, `y = x g(x)`, the product rule
# gives `dy/dx = g + x g'`. SiLU takes the sigmoid for g.

# %%
d = derive(SiLU)
y, dx = package(SiLU())
d.package("y = x s", x * s, y)
product_rule = s + x * s * (1 - s)
d.equal("dy/dx = s + x s (1 - s): the product rule, with ds/dx from above",
        slope(lambda x: (x / (1 + np.exp(-x))).sum(), x), product_rule)
d.equal("... = y + s (1 - y)", product_rule, y + s * (1 - y))
d.package("dx = (s + x s (1 - s)) dy", product_rule * dy, dx)
question("ReLU, sigmoid, tanh and ELU keep y alone for backward. Why does SiLU have to keep x?")
two = np.array([-2, -0.735])
print("silu(-2) and silu(-0.735):", (two / (1 + np.exp(-two))).round(3), "y falls and rises again: it does not tell x")

# %% [markdown]
# GELU takes for g the share of a standard normal number Z that is below x: `P(x)`. Its slope is the density
# `p(x) = e^(-x^2 / 2) / sqrt(2 pi)`. The integral of p has no short formula; term by term, from the power series of the
# exponential, it is `1/2 + sum over k of (-1)^k x^(2k + 1) / (2^k k! (2k + 1)) / sqrt(2 pi)`.


# %%
def share_below(x):
    """P(Z <= x) by its series; for |x| below 3 or so, where few terms are enough."""
    terms = [(-1) ** k * x ** (2 * k + 1) / (2**k * math.factorial(k) * (2 * k + 1)) for k in range(40)]
    return 0.5 + sum(terms) / np.sqrt(2 * np.pi)


d = derive(GELU)
y, dx = package(GELU())
by_erf = (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2
d.equal("P(Z <= x) = (1 + erf(x / sqrt(2))) / 2, and the series", by_erf, share_below(x))
density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
d.equal("dP/dx = p(x) = e^(-x^2 / 2) / sqrt(2 pi)", slope(lambda x: share_below(x).sum(), x), density)
d.equal("dy/dx = P + x p: the product rule", slope(lambda x: (x * share_below(x)).sum(), x), by_erf + x * density)
d.package("y = x P(Z <= x)", x * by_erf, y)
d.package("dx = (P + x p) dy", (by_erf + x * density) * dy, dx)

d = derive("GELU, approximated")
y, dx = package(GELU(approximate=True))
u, du = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3), np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
d.equal("du/dx = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)",
        slope(lambda x: (np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)).sum(), x), du)
d.package("y = x (1 + tanh u) / 2, with u = sqrt(2 / pi) (x + 0.044715 x^3)", x * (1 + np.tanh(u)) / 2, y)
d.package("dx = ((1 + tanh u) / 2 + x (1 - tanh^2 u) / 2 du/dx) dy: product rule, chain rule",
          ((1 + np.tanh(u)) / 2 + x * (1 - np.tanh(u) ** 2) / 2 * du) * dy, dx)
question("By how much are the two off, at most, between -5 and 5?")
line = np.linspace(-5, 5, 2001)
tanh = np.tanh(np.sqrt(2 / np.pi) * (line + 0.044715 * line**3))
exact = (1 + np.vectorize(math.erf)(line / np.sqrt(2))) / 2
print(f"{np.abs(line * (1 + tanh) / 2 - line * exact).max():.1e}")
report()

# %% [markdown]
# ## Exercises
#
# 1. Derive the softplus `log(1 + e^x)`: its slope is a curve of this chapter. Write it as a layer (`numpycnn.Layer`
#    says how) and check it with `numpycnn.testing`.
# 2. A unit whose input is negative for every image gets no gradient through ReLU, ever ("dead"). With which learning
#    rate do you get many of them? With LeakyReLU?
# 3. `y = max(x, 0)` and `y = x * (x > 0)`: what does each make of NaN, and of minus infinity?
#
# Not covered: curves that the package does not have; activations with parameters; why one trains better than another.
