"""Looking inside a model: what each picture of `inside.py` shows, as numbers. The model is not changed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..model import Sequential

Array = NDArray[Any]
BATCH = 256  # images that go through the model at once
STEP = 0.01  # of a pixel, for slopes


class Favourite(NamedTuple):
    """A patch that a filter answers to: the answer, the number of the image, and its pixels."""

    answer: float
    image: int
    patch: Array


def _batches(x: Array) -> list[Array]:
    return [x[i : i + BATCH] for i in range(0, len(x), BATCH)]


def outputs(model: Sequential, x: Array) -> Array:
    """Return the logits of as many images as there are, as in ``predict``, in float64."""
    parts = [model.forward(batch).astype(np.float64) for batch in _batches(np.ascontiguousarray(x, model.dtype))]
    return np.concatenate(parts)


def saliency(model: Sequential, image: Array, unit: int) -> Array:
    """Return |d logit / d pixel|, (H, W), the largest over the channels (Simonyan et al. 2014).

    By differences, (f(x + h) - f(x - h)) / 2h: dropout is off and batch normalisation has its statistics, as in use.
    """
    slopes = np.empty(image.size)
    for first in range(0, image.size, BATCH // 2):
        moved = np.eye(image.size, dtype=np.float64)[first : first + BATCH // 2] * STEP
        moved = moved.reshape(-1, *image.shape)
        above, below = np.split(outputs(model, np.concatenate([image + moved, image - moved]))[:, unit], 2)
        slopes[first : first + len(moved)] = (above - below) / (2 * STEP)
    sizes: Array = abs(slopes).reshape(image.shape)
    return sizes.max(axis=2) if sizes.ndim == 3 else sizes


def occlusion(model: Sequential, image: Array, unit: int, size: int, fill: float) -> Array:
    """Return by how much the logit falls if a square around each pixel is covered, (H, W) (Zeiler and Fergus 2014)."""
    height, width = image.shape[:2]
    covered = np.repeat(image[None], height * width, axis=0)
    for number, (i, j) in enumerate(np.ndindex(height, width)):
        top, left = max(0, i - size // 2), max(0, j - size // 2)
        covered[number, top : i - size // 2 + size, left : j - size // 2 + size] = fill
    whole = outputs(model, image[None])[0, unit]
    return (whole - outputs(model, covered)[:, unit]).reshape(height, width)


def seen_by(model: Sequential, layer: int, row: int, column: int) -> tuple[slice, slice]:
    """Return the rows and columns of the image that an output pixel of a layer depends on; they may leave the image."""
    first, size = [row, column], [1, 1]
    for below in reversed(model.layers[: layer + 1]):
        window = getattr(below, "window", None)
        if window is None and below.input_shape[:2] != below.output_shape[:2]:
            raise ValueError(f"layer: expected one with convolutions and pooling before it, got one behind {below!r}")
        if window is not None:
            size = [(n - 1) * stride + extent for n, stride, extent in zip(size, window.strides, window.extent)]
            first = [i * stride - before for i, stride, before in zip(first, window.strides, window.before)]
    return slice(first[0], first[0] + size[0]), slice(first[1], first[1] + size[1])


def favourites(model: Sequential, images: Array, layer: int, filters: int, most: int) -> list[list[Favourite]]:
    """Return, filter by filter, the patches of different images that it answers to most, the largest answer first."""
    maps = np.concatenate([model.activations(batch)[layer] for batch in _batches(images)])
    found = []
    for answers in maps.transpose(3, 0, 1, 2)[:filters]:  # (N, OH, OW)
        flat = answers.reshape(len(maps), -1)
        places, values = flat.argmax(axis=1), flat.max(axis=1)
        chosen = np.argsort(-values, kind="stable")[:most]
        found.append([
            Favourite(float(values[n]), int(n), _patch(model, images[n], layer, *divmod(int(places[n]), maps.shape[2])))
            for n in chosen
        ])  # fmt: skip
    return found


def _patch(model: Sequential, image: Array, layer: int, row: int, column: int) -> Array:
    """Return what an output pixel sees of an image; 0 beyond its border."""
    rows, columns = seen_by(model, layer, row, column)
    patch = np.zeros((rows.stop - rows.start, columns.stop - columns.start, *image.shape[2:]), image.dtype)
    top, left = max(0, rows.start), max(0, columns.start)
    part = image[top : rows.stop, left : columns.stop]
    patch[top - rows.start :, left - columns.start :][: part.shape[0], : part.shape[1]] = part
    return patch


def components(model: Sequential, images: Array) -> tuple[Array, Array]:
    """Return the first two principal components of what the last layer with weights is given: (N, 2), shares (2,)."""
    last = max(i for i, layer in enumerate(model.layers) if layer.parameters)
    parts = [model.activations(batch)[last - 1] if last else batch for batch in _batches(images)]
    hidden = np.concatenate(parts).reshape(len(images), -1).astype(np.float64)
    hidden -= hidden.mean(axis=0)
    u, s, axes = np.linalg.svd(hidden, full_matrices=False)
    u = u[:, :2]
    points, shares = np.zeros((len(images), 2)), np.zeros(2)
    points[:, : u.shape[1]] = u * s[:2] * np.where(axes.sum(axis=1)[:2] < 0, -1, 1)  # a sign of its own would be chance
    shares[: len(s[:2])] = s[:2] ** 2 / ((s**2).sum() or 1)
    return points, shares


def loss_slice(
    model: Sequential, x: Array, y: Array, span: float, points: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return steps from -span to span and the loss there, (points, points): weights + a * one + b * other.

    The directions are random; each filter or unit of them is as long as that of the weights, and biases stay as they
    are (Li et al. 2018, "Visualizing the loss landscape of neural nets").
    """
    rng = np.random.default_rng(seed)
    twin = copy.deepcopy(model)
    weights = [p.value for layer in twin.layers for p in layer.parameters]
    start = [w.copy() for w in weights]
    one, other = ([_direction(w, rng) for w in start] for _ in range(2))
    steps = np.linspace(-span, span, points)
    losses = np.empty((points, points))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps):
            for w, w0, d, e in zip(weights, start, one, other):
                w[...] = w0 + b * d + a * e
            losses[i, j] = np.ravel(twin.evaluate(x, y))[0]
    return steps, losses


def _direction(w: Array, rng: np.random.Generator) -> Array:
    """Return random numbers whose columns (filters, units) are as long as those of w; 0 for a bias."""
    if w.ndim < 2:
        return np.zeros_like(w)
    d = rng.standard_normal(w.shape)
    axes = tuple(range(w.ndim - 1))
    length = np.sqrt((w.astype(float) ** 2).sum(axis=axes) / (d**2).sum(axis=axes))
    return (d * length).astype(w.dtype)
