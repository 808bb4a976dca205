# %% [markdown]
# # 10. Dropout, and what else keeps a network from learning by heart
#
# In training each element is set to 0 with probability r, and the others are divided by 1 - r ("inverted" dropout). In
# prediction nothing happens. (Srivastava et al., 2014; Goodfellow et al., chapter 7.12.)

# %%
import copy
import itertools

import numpy as np
from course import derive, question, report, slope

from numpycnn import Dropout

rng = np.random.default_rng(0)
K, rate = 6, 0.3
x, w = rng.standard_normal(K), rng.standard_normal(K)

# %% [markdown]
# ## Expected values, exactly: all 2^K masks, each with its probability

# %%
d = derive("expected values")
masks = np.array(list(itertools.product([0, 1], repeat=K)))  # (2^K, K)
probability = np.prod(np.where(masks, 1 - rate, rate), axis=1)  # of each mask
d.equal("the probabilities sum to 1", probability.sum(), 1)
d.equal("E[mask] = 1 - r", probability @ masks, np.full(K, 1 - rate))
y = masks * x / (1 - rate)
question("Without the division by 1 - r: what is E[y]? What would the next layer notice in prediction?")
d.equal("E[y] = x: the mean is that of prediction, where nothing is dropped", probability @ y, x)
variance = probability @ y**2 - x**2
d.equal("E[y^2] - x^2 = x^2 r / (1 - r): the variance is not", variance, x**2 * rate / (1 - rate))
print("So the moving variance of a batch normalisation behind dropout is too large in prediction.")

# %% [markdown]
# ## What it does to a linear unit: a penalty on the weights
#
# A unit w . y with squared error against t. Averaged over all masks, dropout adds a term that grows with w^2 x^2: a
# weight decay, stronger for inputs that are large.

# %%
t = 0.7
expected = probability @ (y @ w - t) ** 2
d.equal("E[(w . y - t)^2] = (w . x - t)^2 + r / (1 - r) sum w^2 x^2", expected,
        (w @ x - t) ** 2 + rate / (1 - rate) * (w**2 * x**2).sum())

# %% [markdown]
# ## Forward and backward
#
# For a given mask the layer is a product with constants.

# %%
batch, dy = rng.standard_normal((5, K)), rng.standard_normal((5, K))
layer = Dropout(rate)
layer.build((K,), rng, "float64")
twin = copy.deepcopy(layer)  # with its generator, in the same state: it will drop the same elements
out = layer.forward(batch, training=True)
kept = twin.forward(np.ones_like(batch), training=True) > 0
d = derive(Dropout)
d.package("y = x mask / (1 - r)", batch * kept / (1 - rate), out)
question("Backward: may a new mask be drawn? What about an element that was dropped: what is its gradient?")
d.equal("dy/dx = mask / (1 - r)", slope(lambda x: (dy * x * kept / (1 - rate)).sum(), batch), dy * kept / (1 - rate))
d.package("dx = dy mask / (1 - r), with the mask of forward", dy * kept / (1 - rate), layer.backward(dy))
d.package("in prediction y = x", batch + 0, layer.forward(batch))
report()

# %% [markdown]
# ## Predict, then run
#
# A small network and few images: it will know them by heart. Then dropout, batch normalisation and augmentation, one by
# one. Which of them lowers the training accuracy, and which raises the test accuracy?
# `python examples/learn/experiments.py against_learning_by_heart`
#
# ## Exercises
#
# 1. `python -m numpycnn.learn check dropout_forward FILE`.
# 2. Average the predictions of a trained network over 100 masks ("Monte Carlo dropout") and compare them with
# `predict`.
# 3. `evaluate` on the training set gives a higher accuracy than `fit` printed. Name two reasons.
#
# ## Where to go from here
#
# All of it on one page: `examples/learn/one_file.py`, a network in NumPy alone that takes the package's steps to twelve
# digits. Then read the package, in the order that `numpycnn/__init__.py` gives: you know every formula in it.
#
# Not covered: dropout of whole channels, DropConnect, stochastic depth, early stopping (`numpycnn.EarlyStopping`).
