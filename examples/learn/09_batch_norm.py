# %% [markdown]
# # 9. Batch normalisation: backward through mean and variance
#
# `x` (M, C): M rows (of images: all pixels of all images, M = N H W), C channels. Each channel is normalised by its own
# mean and variance over the rows. As each output depends on every input of its channel, the backward pass is more than
# a product, as LayerNorm's is. (Ioffe and Szegedy, 2015; Goodfellow et al., chapter 8.7.1.)

# %%
import numpy as np
from course import derive, question, report, slope

from numpycnn import BatchNorm, LayerNorm

rng = np.random.default_rng(0)
M, C, epsilon = 7, 3, 0.1  # larger than usual, so that what it does is seen
x, dy = 2 + rng.standard_normal((M, C)), rng.standard_normal((M, C))
gamma, beta = rng.standard_normal(C), rng.standard_normal(C)
layer = BatchNorm(epsilon=epsilon)
layer.build((C,), rng, "float64")
layer.parameters[0].value, layer.parameters[1].value = gamma, beta
y, dx = layer.forward(x, training=True), layer.backward(dy)


def normalise(x):
    centred = x - x.mean(axis=0)
    return centred / np.sqrt((centred**2).mean(axis=0) + epsilon)


def loss(x, gamma=gamma, beta=beta):
    """A loss whose gradient with respect to y is dy."""
    return (dy * (gamma * normalise(x) + beta)).sum()


# %% [markdown]
# ## Forward

# %%
d = derive(BatchNorm)
mu, centred = x.mean(axis=0), x - x.mean(axis=0)
variance = (centred**2).mean(axis=0)
d.equal("sigma^2 = mean((x - mu)^2)", variance, x.var(axis=0))
d.equal("... = mean(x^2) - mu^2; but that cancels, where mu is large", variance, (x**2).mean(axis=0) - mu**2)
scale = 1 / np.sqrt(variance + epsilon)
x_hat = centred * scale
d.equal("x_hat = (x - mu) / sqrt(sigma^2 + epsilon)", x_hat, normalise(x))
question("What are the mean and the variance of x_hat? Is the variance 1?")
share = variance / (variance + epsilon)
d.equal("mean(x_hat^2) = sigma^2 / (sigma^2 + epsilon): below 1", (x_hat**2).mean(axis=0), share)
d.package("y = gamma x_hat + beta", gamma * x_hat + beta, y)
d.package("the moving mean follows: 0.99 * 0 + 0.01 mu", 0.01 * mu, layer.moving_mean)

# %% [markdown]
# ## Backward: gamma and beta

# %%
d = derive(BatchNorm.backward)
dgamma, dbeta = (dy * x_hat).sum(axis=0), dy.sum(axis=0)
d.equal("dgamma = sum dy x_hat", slope(lambda gamma: loss(x, gamma), gamma), dgamma)
d.equal("dbeta = sum dy", slope(lambda beta: loss(x, gamma, beta), beta), dbeta)
d.package("the package's dgamma", dgamma, layer.parameters[0].grad)
d.package("the package's dbeta", dbeta, layer.parameters[1].grad)

# %% [markdown]
# ## Backward: x
#
# x reaches y on three ways: directly, through mu, and through sigma^2. With `dx_hat = gamma dy`:

# %%
question("x[m] changes. Which elements of y change? How would dx look if mu and sigma^2 were constants?")
dx_hat = gamma * dy
dvariance = (dx_hat * centred).sum(axis=0) * -0.5 * scale**3
d.equal("dL/dsigma^2 = sum dx_hat (x - mu) * (-1/2) (sigma^2 + epsilon)^(-3/2)",
        slope(lambda v: (dx_hat * centred / np.sqrt(v + epsilon)).sum(), variance), dvariance)
dmu = -dx_hat.sum(axis=0) * scale
d.equal("dL/dmu = -sum dx_hat / sqrt(sigma^2 + epsilon); through sigma^2 comes nothing, as sum(x - mu) = 0",
        slope(lambda mu: (dx_hat * (x - mu) / np.sqrt(((x - mu) ** 2).mean(axis=0) + epsilon)).sum(), mu), dmu)
three = dx_hat * scale + dvariance * 2 * centred / M + dmu / M
d.equal("dx = dx_hat / sqrt(...) + dL/dsigma^2 * 2 (x - mu) / M + dL/dmu / M", slope(loss, x), three)
d.equal("the second way: dL/dsigma^2 * 2 (x - mu) / M = -scale gamma x_hat dgamma / M",
        dvariance * 2 * centred / M, -scale * gamma * x_hat * dgamma / M)
d.equal("the third way: dL/dmu / M = -scale gamma dbeta / M", dmu / M, -scale * gamma * dbeta / M)
closed = gamma * scale * (dy - dbeta / M - x_hat * dgamma / M)
d.equal("together: dx = gamma scale (dy - dbeta / M - x_hat dgamma / M)", three, closed)
d.package("the package's dx", closed, dx)

# %% [markdown]
# ## What the formula says
#
# `dy - mean(dy) - x_hat mean(dy x_hat)`: what is left of dy when its part along the constant vector, and its part along
# x_hat, are taken away. These are the two changes of x that the normalisation undoes: a shift, and a stretch.

# %%
d = derive("properties of dx")
question("A constant is added to a channel of x. What happens to y? So what is the sum of dx over the rows?")
up, down = np.maximum(dx, 0).sum(axis=0), -np.minimum(dx, 0).sum(axis=0)
d.package("sum dx = 0: the positive and the negative parts are equal", up, down)
along = (dx * x_hat).sum(axis=0)
d.package("sum dx x_hat = gamma scale dgamma epsilon / (sigma^2 + epsilon): 0, but for epsilon",
          gamma * scale * dgamma * epsilon / (variance + epsilon), along)
d.equal("BN(a x + c) = BN(x), with epsilon scaled along: the weights' length before BN does not matter",
        (centred * 4) / np.sqrt(16 * variance + 16 * epsilon), x_hat)

# %% [markdown]
# ## Images, prediction, and a frozen layer

# %%
d = derive("images, prediction, freezing")
images, dimages = rng.standard_normal((2, 4, 5, C)), rng.standard_normal((2, 4, 5, C))
on_images, on_rows = BatchNorm(), BatchNorm()
on_images.build((4, 5, C), rng, "float64")
on_rows.build((C,), rng, "float64")
of_rows = on_rows.forward(images.reshape(-1, C), training=True).reshape(images.shape)
d.package("on images the rows are all pixels: M = N H W", of_rows, on_images.forward(images, training=True))
on_rows.trainable = False
frozen = on_rows.forward(images.reshape(-1, C), training=True)
constants = (images.reshape(-1, C) - on_rows.moving_mean) / np.sqrt(on_rows.moving_variance + 1e-3)
d.package("frozen, and in prediction: y = (x - moving mean) / sqrt(moving variance + epsilon)", constants, frozen)
d.package("... and mu and sigma^2 are constants: dx = gamma scale dy, the first of the three ways",
          dimages.reshape(-1, C) / np.sqrt(on_rows.moving_variance + 1e-3), on_rows.backward(dimages.reshape(-1, C)))
question("A batch of one row, (1, C): what is y in training? And in prediction?")
single = BatchNorm()
single.build((C,), rng, "float64")
print("training:", single.forward(x[:1], training=True)[0], "  prediction:", single.forward(x[:1])[0].round(3))

# %% [markdown]
# ## Layer normalisation: the same along the other axis
#
# Mean and variance over the channels of a row: of the transposed matrix. But gamma differs along that axis, so it stays
# inside of the means.

# %%
layer_norm = LayerNorm(epsilon)
layer_norm.build((C,), rng, "float64")
layer_norm.parameters[0].value, layer_norm.parameters[1].value = gamma, beta
y_rows = layer_norm.forward(x, training=True)
d = derive(LayerNorm)
d.equal("x_hat = (x - mu) / sqrt(sigma^2 + epsilon) over a row = batch normalisation of x^T", normalise(x.T).T,
        (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + epsilon))
d.package("y = gamma x_hat + beta", gamma * normalise(x.T).T + beta, y_rows)
d = derive(LayerNorm.backward)
question("In batch normalisation gamma could be taken out of the sums over the rows. Why not here?")
x_hat, scale = normalise(x.T).T, 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
dx_hat = gamma * dy
along = (dx_hat * x_hat).mean(axis=1, keepdims=True)
closed = scale * (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * along)
d.equal("dx = scale (dx_hat - mean(dx_hat) - x_hat mean(dx_hat x_hat)), means over the row",
        slope(lambda x: (dy * (gamma * normalise(x.T).T + beta)).sum(), x), closed)
dx_rows = layer_norm.backward(dy)
d.package("the package's dx", closed, dx_rows)
d.package("the package's dgamma = sum over rows of dy x_hat", (dy * x_hat).sum(axis=0), layer_norm.parameters[0].grad)
report()

# %% [markdown]
# ## Exercises
#
# 1. `python -m numpycnn.learn check batch_norm_forward FILE` and `batch_norm_backward`.
# 2. A bias before batch normalisation: what is its gradient? Why do many networks leave it out there?
# 3. Group normalisation takes mean and variance over some channels and all pixels of one image. Derive its dx.
# 4. Train with batches of 2 and of 256 images. What happens to the moving statistics, and to the test accuracy?
#
# Not covered: instance normalisation, statistics over several machines, and why it helps (smoother loss or
# "internal covariate shift": see Santurkar et al., 2018).
