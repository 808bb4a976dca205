"""JAX: a jitted training step with Adam written out, whose arguments are overwritten in place."""

from __future__ import annotations

import os
from typing import Callable

import numpy as np

from . import timed
from networks import (
    EPSILON, MOMENTUM, Activation, Conv, Dense, Dropout, Flatten, GlobalAverage, Network, Normalisation, Pool,
)

os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  # reads the environment when it is imported
import jax.numpy as jnp  # noqa: E402

jax.config.update("jax_default_prng_impl", "rbg")  # dropout's numbers: the default takes longer on a CPU

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}
# Over the axes of windows: half the time of lax.reduce_window, whose gradient is slow on a CPU.
POOLS = {"max": jnp.max, "average": jnp.mean}
Arrays = list[jax.Array]


def split(network: Network, weights: list[np.ndarray]) -> tuple[Arrays, Arrays]:
    """Return what is trained, and the moving statistics: mean, variance, mean, variance, ..."""
    trained, statistics, remaining = [], [], [jnp.asarray(weight) for weight in weights]
    for layer, _ in network.weight_shapes():
        trained += [remaining.pop(0), remaining.pop(0)]
        if isinstance(layer, Normalisation):
            statistics += [remaining.pop(0), remaining.pop(0)]
    return trained, statistics


def forward(
    network: Network, weights: Arrays, statistics: Arrays, x: jax.Array, key: jax.Array | None = None
) -> tuple[jax.Array, Arrays]:
    """Return the logits of images (N, H, W, C), and the moving statistics after a step; in training with a key."""
    remaining, before, after = iter(weights), iter(statistics), []
    for number, layer in enumerate(network.layers):
        match layer:
            case Conv(_, _, padding, strides):
                filters, bias = next(remaining), next(remaining)
                x = jax.lax.conv_general_dilated(
                    x, filters, (strides, strides), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
                ) + bias
            case Pool(kind, size):
                n, height, width, channels = x.shape
                out_h, out_w = height // size, width // size
                windows = x[:, : out_h * size, : out_w * size].reshape(n, out_h, size, out_w, size, channels)
                x = POOLS[kind](windows, axis=(2, 4))
            case GlobalAverage():
                x = x.mean(axis=(1, 2))
            case Normalisation():
                moving = next(before), next(before)
                used = moving
                if key is not None:
                    axes = tuple(range(x.ndim - 1))
                    used = x.mean(axes), x.var(axes)
                    after += [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in zip(moving, used)]
                x = (x - used[0]) * (next(remaining) * jax.lax.rsqrt(used[1] + EPSILON)) + next(remaining)
            case Dropout(rate):
                if key is not None:
                    kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, x.shape)
                    x = jnp.where(kept, x / (1 - rate), 0)
            case Activation(name):
                x = ACTIVATIONS[name](x)
            case Flatten():
                x = x.reshape(len(x), -1)
            case Dense():
                x = x @ next(remaining) + next(remaining)
    return x, after


def adam(
    weights: list[jax.Array], grads: list[jax.Array], state: tuple[list[jax.Array], list[jax.Array], jax.Array]
) -> tuple[list[jax.Array], tuple[list[jax.Array], list[jax.Array], jax.Array]]:
    """Return the weights after a step of Adam at 1e-3, and its state (m, v, t)."""
    m, v, t = state
    t = t + 1
    m = [0.9 * a + 0.1 * g for a, g in zip(m, grads)]
    v = [0.999 * a + 0.001 * g * g for a, g in zip(v, grads)]
    correction_m, correction_v = 1 - 0.9**t, 1 - 0.999**t
    return [
        w - 1e-3 * (a / correction_m) / (jnp.sqrt(b / correction_v) + 1e-8) for w, a, b in zip(weights, m, v)
    ], (m, v, t)


def trainer(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int
) -> tuple[Callable[[], float], Callable[[], float]]:
    x, y = jnp.asarray(images), jnp.asarray(labels.astype(np.int32))
    weights, statistics = split(network, network.initial_weights())
    zeros = [jnp.zeros_like(weight) for weight in weights]
    moments = zeros, [jnp.zeros_like(weight) for weight in weights], jnp.float32(0)
    state = weights, statistics, moments, jax.random.key(0)
    rng = np.random.default_rng(0)

    def loss_of(weights, statistics, rows, key=None):
        logits, statistics = forward(network, weights, statistics, x[rows], key)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[rows][:, None], axis=1).mean(), statistics

    def step(state, rows):
        weights, statistics, moments, key = state
        key, own_key = jax.random.split(key)
        grads, statistics = jax.grad(loss_of, has_aux=True)(weights, statistics, rows, own_key)
        weights, moments = adam(weights, grads, moments)
        return weights, statistics, moments, key

    step = jax.jit(step, donate_argnums=0)

    def epoch() -> None:
        nonlocal state
        order = rng.permutation(len(images)).astype(np.int32)
        for start in range(0, len(order), batch_size):
            state = step(state, order[start : start + batch_size])
        jax.block_until_ready(state)

    return timed(epoch), lambda: float(loss_of(*state[:2], np.arange(min(batch_size, len(images))))[0])


def predictor(
    network: Network, threads: int
) -> tuple[Callable[[np.ndarray], jax.Array], Callable[[jax.Array], jax.Array]]:
    learned = split(network, network.varied_weights())
    probabilities = jax.jit(lambda images: jax.nn.softmax(forward(network, *learned, images)[0]))
    return jnp.asarray, lambda images: probabilities(images).block_until_ready()
