# %% [markdown]
# # 6. Softmax and cross-entropy: dz = (p - t) / N
#
# `z` (N, K) are the logits, `t` (N, K) the targets: rows that sum to 1, in the simplest case a 1 at the label
# (one-hot). `p = softmax(z)`, `L = -1/N sum over n, k of t log p`. (Goodfellow et al., chapters 6.2.2.3 and 3.13.)

# %%
import numpy as np
from course import derive, question, report, slope

from numpycnn import BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, Softmax, SoftmaxCrossEntropy

rng = np.random.default_rng(0)
N, K = 5, 4
z, labels = 3 * rng.standard_normal((N, K)), rng.integers(K, size=N)
t = np.eye(K)[labels]
loss, dz = SoftmaxCrossEntropy()(z, labels)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def huber_curve(difference):
    """Huber's curve with delta = 1, for complex numbers, too: cases are told apart by the real part."""
    inner = np.abs(difference.real) <= 1
    return np.where(inner, difference**2 / 2, np.sign(difference.real) * difference - 0.5)


p = softmax(z)

# %% [markdown]
# ## The loss

# %%
d = derive(SoftmaxCrossEntropy)
d.equal("p[n] = e^z / sum e^z is positive and sums to 1", p.sum(axis=1), np.ones(N))
shifted = z - z.max(axis=1, keepdims=True)
d.equal("softmax(z - c) = softmax(z): the largest logit can be subtracted, and nothing overflows", softmax(shifted), p)
log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
d.equal("log p = z - log sum e^z: no quotient, so log 0 never happens", np.log(p), log_p)
by_label = -np.mean([log_p[n, labels[n]] for n in range(N)])
d.equal("L = -1/N sum over n, k of t log p = -mean of log p at the label", -(t * log_p).sum() / N, by_label)
d.package("the package's loss", by_label, loss)

# %% [markdown]
# ## The gradient

# %%
question("dp[i]/dz[j]: one case for i = j, one for i != j. Raising z[j] takes probability from the others. How much?")
jacobian = np.array([slope(lambda z: softmax(z)[i], z[0]) for i in range(K)])
d.equal("dp[i]/dz[j] = p[i] (1 if i = j else 0) - p[i] p[j]", jacobian, np.diag(p[0]) - np.outer(p[0], p[0]))
d.equal("dL/dp = -t / p, of one row", slope(lambda q: -(t[0] * np.log(q)).sum(), p[0]), -t[0] / p[0])
d.equal("dL/dz = J^T dL/dp = p sum(t) - t", jacobian.T @ (-t[0] / p[0]), p[0] * t[0].sum() - t[0])
d.equal("... = p - t, as t sums to 1", p[0] * t[0].sum() - t[0], p[0] - t[0])
whole = slope(lambda z: -(t * np.log(softmax(z))).sum() / N, z)
d.equal("and for the mean over N rows: (p - t) / N. Here is the 1/N that chapter 2 left open", whole, (p - t) / N)
d.package("the package's gradient", (p - t) / N, dz)

# %% [markdown]
# ## What the formula says

# %%
d = derive("properties of p - t")
gains, losses = -np.minimum(dz, 0).sum(axis=1), np.maximum(dz, 0).sum(axis=1)
d.package("each row of dz sums to 0: what the label's logit gains, the others lose", losses, gains)
question("All logits are equal, ten classes. What is the loss? A network that has learned nothing should begin there.")
first, _ = SoftmaxCrossEntropy()(np.zeros((3, 10)), [1, 2, 3])
d.package("with equal logits L = log K", np.log(10), first)
question("logits (1000, 0), label 1: what does e^z / sum e^z give in float64, and what does the package?")
with np.errstate(over="ignore", invalid="ignore"):
    print("naive:", softmax(np.array([[1000.0, 0]])), "  package:", SoftmaxCrossEntropy()(np.array([[1000.0, 0]]), [1]))

# %% [markdown]
# ## Label smoothing: softer targets, the same rule

# %%
smoothed, dz_smoothed = SoftmaxCrossEntropy(label_smoothing=0.1)(z, labels)
soft = 0.9 * t + 0.1 / K
d = derive("label smoothing")
d.package("L = -1/N sum of t' log p with t' = 0.9 t + 0.1 / K", -(soft * log_p).sum() / N, smoothed)
d.package("dz = (p - t') / N, as t' sums to 1, too", (p - soft) / N, dz_smoothed)

# %% [markdown]
# ## Softmax as a layer of its own

# %%
layer = Softmax()
layer.build((K,), rng, "float64")
dp = rng.standard_normal((N, K))
y = layer.forward(z, training=True).copy()
d = derive(Softmax)
d.equal("y[k] = e^x[k] / sum over j of e^x[j]", p, np.array([np.exp(row) / sum(np.exp(v) for v in row) for row in z]))
d.package("Softmax.forward", p, y)
d = derive(Softmax.backward)
jacobians = np.array([np.diag(row) - np.outer(row, row) for row in p])  # (N, K, K)
d.equal("dx = J^T dy, row by row", slope(lambda z: (dp * softmax(z)).sum(), z), np.einsum("nkj,nk->nj", jacobians, dp))
product = p * (dp - (dp * p).sum(axis=1, keepdims=True))
d.equal("... = y (dy - sum of dy y): no matrix is needed", np.einsum("nkj,nk->nj", jacobians, dp), product)
d.package("Softmax.backward", product, layer.backward(dp))

# %% [markdown]
# ## Yes or no: binary cross-entropy

# %%
question("K questions, each with yes or no: why is softmax the wrong function for them?")
yes = rng.random((N, K))  # targets from 0 to 1
binary, dz_binary = BinaryCrossEntropy()(z, yes)


def binary_loss(z):
    p = 1 / (1 + np.exp(-z))
    return -(yes * np.log(p) + (1 - yes) * np.log(1 - p)).sum() / (N * K)


d = derive(BinaryCrossEntropy)
pairs = np.stack([z, np.zeros_like(z)], axis=-1)  # the logits of yes and no
d.equal("sigmoid(z) = softmax(z, 0), its first part", 1 / (1 + np.exp(-z)), softmax(pairs)[..., 0])
d.equal("-t log p - (1 - t) log(1 - p) = max(z, 0) - t z + log(1 + e^-|z|): nothing overflows",
        (np.maximum(z, 0) - yes * z + np.log1p(np.exp(-np.abs(z)))).mean(), binary_loss(z))
d.package("the package's loss", binary_loss(z), binary)
d.equal("dL/dz = (p - t) / (N K), as for softmax", slope(binary_loss, z), (1 / (1 + np.exp(-z)) - yes) / (N * K))
d.package("the package's gradient", (1 / (1 + np.exp(-z)) - yes) / (N * K), dz_binary)

# %% [markdown]
# ## Squared error, for comparison; and two that outliers do not rule

# %%
target = rng.standard_normal((N, K))
error, dy = MeanSquaredError()(z, target)
d = derive(MeanSquaredError)
d.equal("L = 1/(N K) sum (y - t)^2 = the mean over all elements", sum((z - target).ravel() ** 2) / (N * K),
        np.mean((z - target) ** 2))
d.package("the package's loss", np.mean((z - target) ** 2), error)
d.equal("dL/dy = 2 (y - t) / (N K)", slope(lambda y: ((y - target) ** 2).mean(), z), 2 * (z - target) / (N * K))
d.package("the package's gradient", 2 * (z - target) / (N * K), dy)

difference = z - target
d = derive(MeanAbsoluteError)
absolute, dy = MeanAbsoluteError()(z, target)
d.equal("|d| = sign(d) d", np.abs(difference), np.sign(difference) * difference)
d.equal("dL/dy = sign(y - t) / (N K), for the sign does not change with y, but at 0",
        slope(lambda y: (np.sign(difference) * (y - target)).mean(), z), np.sign(difference) / (N * K))
d.package("the package's loss", np.abs(difference).mean(), absolute)
d.package("the package's gradient", np.sign(difference) / (N * K), dy)

d = derive(Huber)
huber, dy = Huber(delta=1.0)(z, target)
cut = np.clip(difference, -1, 1)
cases = np.where(np.abs(difference) <= 1, difference**2 / 2, np.abs(difference) - 0.5)
d.equal("both cases in one: c (d - c / 2), with c = d cut at delta", cases, cut * (difference - cut / 2))
d.equal("dL/dy = c / (N K)", slope(lambda y: huber_curve(y - target).mean(), z), cut / (N * K))
d.package("the package's loss", cases.mean(), huber)
d.package("the package's gradient", cut / (N * K), dy)

question("Squared error on p = softmax(z): a wrong answer with p near 1. How large is its gradient, with either loss?")
sure = np.array([[10.0, -10]])
through = slope(lambda z: ((softmax(z) - [[0, 1]]) ** 2).mean(), sure)
_, dz_sure = SoftmaxCrossEntropy()(sure, [1])
print(f"squared error: {np.abs(through).max():.0e}; cross-entropy: {np.abs(dz_sure).max():.0e}")
print("p (1 - p) makes the squared error blind where the answer is most wrong; the logarithm cancels it.")
report()

# %% [markdown]
# ## Predict, then run
#
# Of the training labels 0, 20 and 40 % are replaced by wrong ones. What becomes of the accuracy on clean test images,
# early in the training and at its end? `python examples/learn/experiments.py label_noise`
#
# ## Exercises
#
# 1. `python -m numpycnn.learn check softmax_cross_entropy FILE`: large logits, and the 1/N.
# 2. Two classes: show that softmax of (z, 0) is the sigmoid of z, and that the loss is `log(1 + e^-z)` for label 0.
# 3. Multiply all logits by 10 (a lower temperature). What happens to p, to the loss, to the accuracy?
#
# Not covered: class weights, focal loss, and whether p is a probability that
# one can trust (calibration: `numpycnn.plots.plot_reliability`).
