# %% [markdown]
# # 3. ReLU and friends: one number in, one number out
#
# An activation is a curve `y = f(x)`, applied to every element. Its Jacobian is diagonal, so backward is an elementwise
# product: `dx = f'(x) dy`. Nothing else is to be derived than four slopes. (Goodfellow et al., chapter 6.3.)

# %%
import numpy as np
from course import derive, question, report, slope, slope_of_pieces

from numpycnn import Dense, LeakyReLU, ReLU, Sequential, Sigmoid, Tanh

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
d = derive("ReLU")
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
d = derive("LeakyReLU")
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
d = derive("Sigmoid")
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
d = derive("Tanh")
y, dx = package(Tanh())
d.equal("tanh x = 2 s(2x) - 1: a sigmoid, stretched and centred", np.tanh(x), 2 / (1 + np.exp(-2 * x)) - 1)
d.equal("dy/dx = 1 - tanh^2 x", slope(lambda x: np.tanh(x).sum(), x), 1 - np.tanh(x) ** 2)
d.package("y = tanh x", np.tanh(x), y)
d.package("dx = (1 - y^2) dy", (1 - y**2) * dy, dx)
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
# Not covered: GELU, SiLU, ELU and other curves; activations with parameters; why one trains better than another.
