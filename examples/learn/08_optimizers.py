# %% [markdown]
# # 8. From gradients to steps: SGD, momentum, Adam
#
# `g_t` is the gradient at step t = 1, 2, ..., `w` the parameters, `eta` the learning rate. The rules are recursions;
# what they do is seen when they are written out as sums. Here the gradients are given numbers, so that both can be
# computed. (Goodfellow et al., chapters 8.3 and 8.5; Kingma and Ba, 2015.)

# %%
import numpy as np
from course import derive, question, report

from numpycnn import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop

rng = np.random.default_rng(0)
T, P = 12, 4  # steps, parameters
gradients, start = rng.standard_normal((T, P)), rng.standard_normal(P)


def run(optimizer, gradients=gradients):
    """Return the parameters after each of the package's steps: (T, P)."""
    w, path = start.copy(), []
    for g in gradients:
        optimizer.step(w, g.copy())
        path.append(w.copy())
    return np.array(path)


# %% [markdown]
# ## SGD

# %%
d = derive(SGD)
eta, mu = 0.1, 0.9
d.package("without momentum: w_T = w_0 - eta sum of g", start - eta * gradients.sum(axis=0), run(SGD(eta))[-1])

v, velocities = np.zeros(P), []
for g in gradients:
    v = mu * v + g
    velocities.append(v)
written_out = np.array([sum(mu ** (t - s) * gradients[s] for s in range(t + 1)) for t in range(T)])
d.equal("v_t = mu v_(t-1) + g_t = sum over s of mu^(t - s) g_s: old gradients fade", velocities, written_out)
d.package("w_t = w_0 - eta (v_1 + ... + v_t)", start - eta * np.cumsum(velocities, axis=0), run(SGD(eta, momentum=mu)))

question("The gradient is always the same g. To what does v grow? By how much is SGD with momentum 0.9 faster?")
t = np.arange(1, T + 1)[:, None]
constant = np.ones((T, P))
steps = -np.diff(np.vstack([start, run(SGD(eta, momentum=mu), constant)]), axis=0) / eta
grown = (1 - mu**t) / (1 - mu) * constant
d.package("of a constant g: v_t = g (1 - mu^t) / (1 - mu), in the end g / (1 - mu) = 10 g", grown, steps)

nesterov = start - eta * np.cumsum(gradients + mu * np.array(velocities), axis=0)
d.package("nesterov: w = w - eta (g + mu v), one step of v ahead", nesterov, run(SGD(eta, momentum=mu, nesterov=True)))

# %% [markdown]
# ## Adam

# %%
d = derive(Adam)
beta1, beta2, epsilon = 0.9, 0.999, 1e-8
m = v = np.zeros(P)
ms, vs = [], []
for g in gradients:
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    ms.append(m)
    vs.append(v)
shares = np.array([[(1 - beta1) * beta1 ** (t - s) if s <= t else 0 for s in range(T)] for t in range(T)])
d.equal("m_t = (1 - beta1) sum over s of beta1^(t - s) g_s: a weighted mean ...", ms, shares @ gradients)
question("... whose weights should sum to 1. To what do they sum at t = 1, and at t = 12?")
sums = shares.sum(axis=1)
d.equal("... but the weights sum to 1 - beta1^t: m starts from 0, and is small at first", sums, 1 - beta1 ** t[:, 0])
m_hat, v_hat = np.array(ms) / (1 - beta1**t), np.array(vs) / (1 - beta2**t)
d.equal("m / (1 - beta1^t) = the weighted mean, with weights that sum to 1", m_hat,
        np.array([np.average(gradients[: t + 1], axis=0, weights=shares[t, : t + 1]) for t in range(T)]))
adam = start - 1e-2 * np.cumsum(m_hat / (np.sqrt(v_hat) + epsilon), axis=0)
d.package("w = w - eta m_hat / (sqrt(v_hat) + epsilon), epsilon outside the root", adam, run(Adam(1e-2)))

# %% [markdown]
# ## Relatives
#
# All divide by the size of a parameter's own gradients. They differ in how that size is remembered: as a sum (Adagrad),
# as a running mean (RMSprop, Adadelta, Adam), or as a maximum that fades (Adamax). The epsilon of the first three
# stands inside the root.

# %%
d = derive(Adagrad)
sums = 0.1 + np.cumsum(gradients**2, axis=0)
recursion, a = [], np.full(P, 0.1)
for g in gradients:
    a = a + g**2
    recursion.append(a)
d.equal("a_t = a_0 + sum of g^2: it only grows, so steps only get shorter", recursion, sums)
d.package("w = w - eta g / sqrt(a + epsilon)", start - eta * np.cumsum(gradients / np.sqrt(sums + 1e-7), axis=0),
          run(Adagrad(eta, epsilon=1e-7)))

d = derive(RMSprop)
rho = 0.9
fading = np.array([[(1 - rho) * rho ** (t - s) if s <= t else 0 for s in range(T)] for t in range(T)])
v, mean_squares = np.zeros(P), []
for g in gradients:
    v = rho * v + (1 - rho) * g**2
    mean_squares.append(v)
d.equal("v_t = (1 - rho) sum over s of rho^(t - s) g_s^2: Adagrad that forgets", mean_squares, fading @ gradients**2)
steps = eta * gradients / np.sqrt(fading @ gradients**2 + 1e-7)
d.package("w = w - eta g / sqrt(v + epsilon)", start - np.cumsum(steps, axis=0), run(RMSprop(eta, rho)))
powers = np.array([[mu ** (t - s) if s <= t else 0 for s in range(T)] for t in range(T)])
d.package("with momentum: u_t = sum over s of mu^(t - s) s_s", start - np.cumsum(powers @ steps, axis=0),
          run(RMSprop(eta, rho, momentum=mu)))

d = derive(Adadelta)
v, u, w, path, longest = np.zeros(P), np.zeros(P), start, [], []
for g in gradients:
    v = rho * v + (1 - rho) * g**2
    s = np.sqrt(u + 1e-7) / np.sqrt(v + 1e-7) * g
    longest.append(np.abs(s))
    u, w = rho * u + (1 - rho) * s**2, w - s
    path.append(w)
d.equal("the first s = sqrt(epsilon) g / sqrt((1 - rho) g^2 + epsilon): epsilon starts it, for u is 0", longest[0],
        np.abs(gradients[0]) * np.sqrt(1e-7 / ((1 - rho) * gradients[0] ** 2 + 1e-7)))
d.package("w = w - eta s", path, run(Adadelta(1.0, rho)))

d = derive(Adamax)
maxima = np.array([
    np.max([beta2 ** (t - s) * np.abs(gradients[s]) for s in range(t + 1)], axis=0) for t in range(T)
])
u, faded = np.zeros(P), []
for g in gradients:
    u = np.maximum(beta2 * u, np.abs(g))
    faded.append(u)
d.equal("u_t = max over s of beta2^(t - s) |g_s|: a maximum that fades", faded, maxima)
adamax = start - eta * np.cumsum(m_hat / (maxima + 1e-7), axis=0)
d.package("w = w - eta m_hat / (u + epsilon)", adamax, run(Adamax(eta)))

d = derive(Nadam)
growing = beta1 * (1 - 0.96 ** np.arange(1, T + 2) / 2)  # mu_1 ... mu_(T + 1)
products = np.cumprod(growing)
look_ahead = [growing[i + 1] * ms[i] / (1 - products[i + 1]) + (1 - growing[i]) * gradients[i] / (1 - products[i])
              for i in range(T)]
own = np.array([
    [(1 - growing[s]) * np.prod(growing[s + 1 : t + 1]) if s <= t else 0 for s in range(T)] for t in range(T)
])
d.equal("1 - M_t = 1 - mu_1 ... mu_t: what a mean with the weights mu_t has collected so far", own.sum(axis=1),
        1 - products[:T])
nadam = start - eta * np.cumsum(look_ahead / (np.sqrt(v_hat) + 1e-7), axis=0)
d.package("w = w - eta m_hat / (sqrt(v_hat) + epsilon)", nadam, run(Nadam(eta)))

# %% [markdown]
# ## What the formula says

# %%
d = derive("properties of Adam")
question("The first step: m_hat and v_hat are ... ? So how long is it, for a gradient of 1000 and for one of 0.001?")
sizes = np.array([[1000, 1, 0.001, -0.001]])
d.package("t = 1: m_hat = g, v_hat = g^2, the step is eta g / (|g| + epsilon): eta times the sign",
          start - 1e-2 * sizes[0] / (np.abs(sizes[0]) + epsilon), run(Adam(1e-2), sizes)[0])
question("All gradients are multiplied by 1024 (a loss in other units). How do SGD's steps change, how do Adam's?")
tiny = 1e-100  # an epsilon that is never felt
d.package("without epsilon Adam does not see the scale of the gradient", run(Adam(1e-2, epsilon=tiny)),
          run(Adam(1e-2, epsilon=tiny), 1024 * gradients))
stretched = start + 1024 * (run(SGD(eta)) - start)
d.package("SGD does: its steps are 1024 times as long", stretched, run(SGD(eta), 1024 * gradients))

# %% [markdown]
# ## Weight decay
#
# An L2 penalty adds `lambda w` to the gradient. In SGD that shrinks w by `eta lambda w` a step; in Adam it is divided
# by sqrt(v_hat) like everything else, and large gradients switch it off. AdamW shrinks w directly.

# %%
d = derive(AdamW)
eta, decay = 1e-2, 0.1
steps = eta * m_hat / (np.sqrt(v_hat) + epsilon)  # Adam's: they depend on the gradients alone
w, path = start, []
for step in steps:
    w = w - eta * decay * w - step
    path.append(w)
left = np.array([[(1 - eta * decay) ** (t - s) if s <= t else 0 for s in range(T)] for t in range(T)])
d.equal("w_t = (1 - eta lambda)^t w_0 - sum over s of (1 - eta lambda)^(t - s) step_s: old steps fade, too", path,
        (1 - eta * decay) ** t * start - left @ steps)
d.package("w = w - eta lambda w - eta m_hat / (sqrt(v_hat) + epsilon)", path, run(AdamW(eta, weight_decay=decay)))
report()

# %% [markdown]
# ## Predict, then run
#
# - Learning rates from 0.0001 to 100, SGD, the same number of steps: what does the curve of the loss look like, and
# where does it end? `python examples/learn/experiments.py learning_rates`
# - How far is the gradient of 16 images from that of all, and how far that of 64, or 256?
#   `python examples/learn/experiments.py batch_noise`
#
# ## Exercises
#
# 1. `python -m numpycnn.learn check adam_step FILE`: the corrections, and where epsilon stands.
# 2. Leave the corrections out. How long is the first step, for the usual betas? Longer or shorter than eta?
# 3. On f(w) = w^2 / 2, gradient w: for which eta does SGD converge, oscillate, diverge? Check with `run`.
#
# Not covered: schedules (`numpycnn.schedules`), clipping, second-order methods, and why Adam's minima may generalise
# differently.
