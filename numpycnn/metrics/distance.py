"""Is an input like anything that a network was trained on? The distance of its features from those of each class.

A softmax has to choose: it gives a letter to some digit, often with a high probability. What the network saw on its
way, the features, says more: those of a letter lie where those of no digit do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_fraction, check_numeric, check_positive, check_rows, check_true_classes

if TYPE_CHECKING:
    from ..layers.base import Layer

SHRINKAGE = 0.01  # of the covariance towards a multiple of the identity: directions without any spread get a little


@dataclass(frozen=True, eq=False)
class ClassDistance:
    """The distance of features from the nearest class; `fit_class_distance` makes it.

    Attributes
    ----------
    whitening : ndarray, shape (D, D)
        Features times this have about the spread 1 around their class, in every direction.
    means : ndarray, shape (C, D)
        The mean of each class after that.
    limit : float
        What lies further from all classes is like none of them.
    """

    whitening: NDArray[np.floating]
    means: NDArray[np.floating]
    limit: float

    def __post_init__(self) -> None:
        whitening, means = (check_numeric(getattr(self, name), name) for name in ("whitening", "means"))
        size = means.shape[-1] if means.ndim == 2 else 0
        if size == 0 or len(means) == 0 or whitening.shape != (size, size):
            got = f"{whitening.shape} and {means.shape}"
            raise ValueError(f"whitening, means: expected shapes (D, D) and (C, D), got {got}")
        if not (np.isfinite(whitening).all() and np.isfinite(means).all()):
            raise ValueError("whitening, means: expected finite numbers, got NaN or infinity")
        check_positive(self.limit, "limit", zero_allowed=True)

    def __call__(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of each row of features (N, D) from the nearest class: (N,)."""
        given = check_rows(features, self.means.shape[1:], "features").astype(np.float64)
        white = given @ self.whitening  # (N, D)
        return np.min([np.linalg.norm(white - mean, axis=1) for mean in self.means], axis=0)

    def widened(self, layers: Sequence[Layer]) -> ClassDistance:
        """Return one for all features of these layers: where it is from before maps had means, those do not count."""
        if len(self.whitening) != math.prod(layers[-1].input_shape):
            return self
        more = count_features(layers) - len(self.whitening)
        means = np.pad(self.means, ((0, 0), (0, more)))
        return ClassDistance(np.pad(self.whitening, (0, more)), means, self.limit)


def count_features(layers: Sequence[Layer]) -> int:
    """Return D of ``model.features``: what the last layer is given, and a number for each of the last maps."""
    maps = [layer.output_shape[2] for layer in layers[:-1] if len(layer.output_shape) == 3]
    return math.prod(layers[-1].input_shape) + sum(maps[-1:])


def fit_class_distance(
    y_true: ArrayLike, features: ArrayLike, held_out: ArrayLike, refused: float = 0.01
) -> ClassDistance:
    r"""Measure where the features of each class lie, and how far off a new example of a class may be.

    With the mean :math:`\mu_c` of each class and one covariance :math:`\Sigma` of all classes around their means, it is
    the Mahalanobis distance

    .. math:: d(f) = \min_c \sqrt{(f - \mu_c)^T \Sigma^{-1} (f - \mu_c)}

    Parameters
    ----------
    y_true : array_like, shape (N,) or (N, K)
        The classes, as in `accuracy`.
    features : array_like, shape (N, D)
        What ``model.features`` returns for those examples; the training's will do.
    held_out : array_like, shape (M, D)
        Features of examples that the model was not trained on.
    refused : float, default 0.01
        The share of those that may lie beyond the limit.

    Returns
    -------
    ClassDistance

    Raises
    ------
    TypeError, ValueError
        The arrays hold something else, have other shapes or different numbers of rows; `refused` is not a number from 0
        to below 1.

    References
    ----------
    K. Lee, K. Lee, H. Lee and J. Shin, "A simple unified framework for detecting out-of-distribution samples and
    adversarial attacks", NeurIPS 2018.
    """
    refused = check_fraction(refused, "refused")
    true, given = check_true_classes(y_true), _features(features, "features")
    unseen = _features(held_out, "held_out")
    if len(given) != len(true) or unseen.shape[1] != given.shape[1]:
        raise ValueError(f"features, held_out: expected {len(true)} rows, as y_true has, and one width, got shapes "
                         f"{given.shape} and {unseen.shape}")
    classes, which = np.unique(true, return_inverse=True)
    means = np.stack([given[which == c].mean(axis=0) for c in range(len(classes))])  # (C, D)
    spread = given - means[which]
    covariance = spread.T @ spread / len(given)
    least = max(SHRINKAGE * float(np.trace(covariance)) / len(covariance), 1e-12)
    variances, directions = np.linalg.eigh(covariance + least * np.eye(len(covariance)))
    whitening = directions / np.sqrt(variances)
    arrays = whitening.astype(np.float32), (means @ whitening).astype(np.float32)
    distances = ClassDistance(*arrays, limit=0.0)(unseen)
    return ClassDistance(*arrays, limit=float(np.quantile(distances, 1 - refused)))


def _features(values: ArrayLike, name: str) -> NDArray:
    given = check_numeric(values, name)
    if given.ndim != 2 or given.size == 0 or not np.isfinite(given).all():
        raise ValueError(f"{name}: expected finite numbers of shape (N, D), as model.features returns them, got NaN, "
                         f"infinity or shape {given.shape}")
    return given.astype(np.float64)
