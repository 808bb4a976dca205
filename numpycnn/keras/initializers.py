"""Starting values by Keras's names: the core's functions, and Keras's classes as functions of the same form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import initializers as core
from .missing import INITIALIZERS as MISSING
from .missing import of_initializers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .words import Worded, by_name, found, variant

TRUNCATED = 0.87962566103423978  # standard deviation of a normal distribution cut off at two of its own


class Initializer(Worded):
    """A function (shape, rng, dtype) -> array, as the core takes it, with Keras's arguments; `draw` says which."""

    words: dict[str, Any] = {}
    refused = dict.fromkeys(("input_axes", "output_axes"), "the axes are those of the layers' kernels")

    def __call__(self, shape: tuple, rng: Any = None, dtype: Any = "float32") -> np.ndarray:
        """Return an array of this shape."""
        seed = self.config.get("seed")
        if seed is not None or not isinstance(rng, np.random.Generator):
            rng = np.random.default_rng(seed)
        return np.asarray(self.draw(tuple(shape), rng)).astype(dtype if isinstance(dtype, str) else np.dtype(dtype))

    def draw(self, shape: tuple, rng: np.random.Generator) -> Any:
        """Draw it."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(shape, dtype) or draw(shape, rng)")


def _drawn(name: str, doc: str, draw: Any, /, **words: Any) -> Any:
    """Return an initializer: `draw` gets the shape, the generator and the values of its words but the seed."""
    own = [word for word in words if word != "seed"]

    def drawn(self: Initializer, shape: tuple, rng: np.random.Generator) -> Any:
        return draw(shape, rng, *(self.config[word] for word in own))

    return variant(Initializer, name, doc, words=words, draw=drawn)


def _normal(shape: tuple, rng: np.random.Generator, mean: float, stddev: float) -> np.ndarray:
    z = rng.standard_normal(shape)
    while (far := np.abs(z) > 2).any():  # drawn again beyond two standard deviations
        z[far] = rng.standard_normal(np.count_nonzero(far))
    return mean + stddev * z


def _orthogonal(shape: tuple, rng: np.random.Generator, gain: float) -> np.ndarray:
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return gain * (q if rows >= columns else q.T).reshape(shape)


def _identity(shape: tuple, rng: np.random.Generator, gain: float) -> np.ndarray:
    if len(shape) != 2:
        raise ValueError(f"Identity: expected a matrix, got shape {shape}")
    return gain * np.eye(*shape)


Zeros = _drawn("Zeros", "Zeros; the core's zeros.", lambda shape, rng: np.zeros(shape))
Ones = _drawn("Ones", "Ones; the core's ones.", lambda shape, rng: np.ones(shape))
Constant = _drawn("Constant", "One number everywhere.", lambda shape, rng, value: np.full(shape, value), value=0.0)
RandomNormal = _drawn("RandomNormal", "Normal.", lambda shape, rng, *how: rng.normal(*how, shape),
                      mean=0.0, stddev=0.05, seed=None)  # fmt: skip
RandomUniform = _drawn("RandomUniform", "Uniform.", lambda shape, rng, *how: rng.uniform(*how, shape),
                       minval=-0.05, maxval=0.05, seed=None)  # fmt: skip
TruncatedNormal = _drawn("TruncatedNormal", "Normal, within two standard deviations.", _normal,
                         mean=0.0, stddev=0.05, seed=None)  # fmt: skip
Orthogonal = _drawn("Orthogonal", "Orthonormal rows or columns.", _orthogonal, gain=1.0, seed=None)
Identity = IdentityInitializer = _drawn("Identity", "Ones on the diagonal.", _identity, gain=1.0)


class VarianceScaling(Initializer):
    """Of variance scale / n, where n counts inputs, outputs, or their mean."""

    AXES = {"seed": None, "input_axes": None, "output_axes": None}
    words = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", **AXES}
    fixed: dict[str, Any] = {}  # of a subclass: those of these words that its name says

    def draw(self, shape: tuple, rng: np.random.Generator) -> Any:
        config = {**self.config, **self.fixed}
        fan_in, fan_out = core._fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[config["mode"].lower()]
        variance, kind = config["scale"] / max(1.0, n), config["distribution"].lower()
        limit, deviation = math.sqrt(3 * variance), math.sqrt(variance)
        if kind == "uniform":
            return rng.uniform(-limit, limit, shape)
        whole = kind.startswith("un")  # "untruncated_normal"
        return rng.normal(0, deviation, shape) if whole else _normal(shape, rng, 0, deviation / TRUNCATED)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name, and what the name says."""
        return {**self.config, **self.fixed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return such an initializer."""
        return cls(**{word: value for word, value in config.items() if word not in cls.fixed})


GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal = (
    variant(VarianceScaling, name, f"VarianceScaling with {scale}, {mode}, {kind}.", words=VarianceScaling.AXES,
            fixed={"scale": scale, "mode": mode, "distribution": kind})
    for name, scale, mode, kind in (
        ("GlorotUniform", 1.0, "fan_avg", "uniform"), ("GlorotNormal", 1.0, "fan_avg", "truncated_normal"),
        ("HeUniform", 2.0, "fan_in", "uniform"), ("HeNormal", 2.0, "fan_in", "truncated_normal"),
        ("LecunUniform", 1.0, "fan_in", "uniform"), ("LecunNormal", 1.0, "fan_in", "truncated_normal"),
    )
)  # fmt: skip
NAMES = by_name(Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, Orthogonal, Identity,
                VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal,
                normal=RandomNormal, uniform=RandomUniform, IdentityInitializer=Identity, zero=Zeros,
                one=Ones)  # fmt: skip
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal, zeros, ones, constant = LecunUniform, LecunNormal, Zeros, Ones, Constant
random_normal, random_uniform, truncated_normal, normal = RandomNormal, RandomUniform, TruncatedNormal, RandomNormal
uniform, variance_scaling, orthogonal, identity = RandomUniform, VarianceScaling, Orthogonal, Identity
# Those that the core has in the same form; Keras cuts its normal ones off, so they are not among them.
IN_CORE = ("glorot_uniform", "he_uniform", "zeros", "ones")


def get(identifier: Any) -> Any:
    """Return the initializer of this name, class or description; a function as it is."""
    identifier = "glorot_uniform" if identifier is None else identifier
    initializer = found(identifier, "initializer", Initializer, NAMES, MISSING)
    if not callable(initializer):
        raise TypeError(f"expected an initializer's name or object, got {identifier!r}")
    return initializer


deserialize = get


def core_initializer(identifier: Any) -> Any:
    """Return what the core takes: a name of its own, or a function of (shape, rng, dtype)."""
    name = "glorot_uniform" if identifier is None else identifier
    if isinstance(name, str) and name.lower() in IN_CORE:
        return name.lower()
    drawn = get(name)
    if isinstance(drawn, Initializer) and type(drawn).__call__ is Initializer.__call__:
        return drawn
    return lambda shape, rng, dtype: np.asarray(drawn(shape, dtype=np.dtype(dtype).name))
