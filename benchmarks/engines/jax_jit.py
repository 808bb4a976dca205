"""JAX: a jitted training step with Adam written out, whose arguments are overwritten in place."""

from __future__ import annotations

import os
from typing import Callable

import numpy as np

from . import timed
from networks import Activation, Conv, Dense, Flatten, Network, Pool

os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  # reads the environment when it is imported
import jax.numpy as jnp  # noqa: E402

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}
# Over the axes of windows: half the time of lax.reduce_window, whose gradient is slow on a CPU.
POOLS = {"max": jnp.max, "average": jnp.mean}


def forward(network: Network, weights: list[jax.Array], x: jax.Array) -> jax.Array:
    """Return the logits of images (N, H, W, C)."""
    remaining = iter(weights)
    for layer in network.layers:
        match layer:
            case Conv(_, _, padding):
                filters, bias = next(remaining), next(remaining)
                x = jax.lax.conv_general_dilated(
                    x, filters, (1, 1), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
                ) + bias
            case Pool(kind, size):
                n, height, width, channels = x.shape
                out_h, out_w = height // size, width // size
                windows = x[:, : out_h * size, : out_w * size].reshape(n, out_h, size, out_w, size, channels)
                x = POOLS[kind](windows, axis=(2, 4))
            case Activation(name):
                x = ACTIVATIONS[name](x)
            case Flatten():
                x = x.reshape(len(x), -1)
            case Dense():
                x = x @ next(remaining) + next(remaining)
    return x


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
    weights = [jnp.asarray(weight) for weight in network.initial_weights()]
    zeros = [jnp.zeros_like(weight) for weight in weights]
    state = weights, (zeros, [jnp.zeros_like(weight) for weight in weights], jnp.float32(0))
    rng = np.random.default_rng(0)

    def loss_of(weights, rows):
        log_probabilities = jax.nn.log_softmax(forward(network, weights, x[rows]))
        return -jnp.take_along_axis(log_probabilities, y[rows][:, None], axis=1).mean()

    def step(state, rows):
        weights, moments = state
        return adam(weights, jax.grad(loss_of)(weights, rows), moments)

    step = jax.jit(step, donate_argnums=0)

    def epoch() -> None:
        nonlocal state
        order = rng.permutation(len(images)).astype(np.int32)
        for start in range(0, len(order), batch_size):
            state = step(state, order[start : start + batch_size])
        jax.block_until_ready(state)

    return timed(epoch), lambda: float(loss_of(state[0], np.arange(min(batch_size, len(images)))))


def predictor(
    network: Network, threads: int
) -> tuple[Callable[[np.ndarray], jax.Array], Callable[[jax.Array], jax.Array]]:
    weights = [jnp.asarray(weight) for weight in network.initial_weights()]
    probabilities = jax.jit(lambda images: jax.nn.softmax(forward(network, weights, images)))
    return jnp.asarray, lambda images: probabilities(images).block_until_ready()
