"""Starting values by Keras's names: the core's functions, and Keras's classes as functions of the same form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import initializers as core
from ..hints import did_you_mean
from .missing import of_initializers as __getattr__  # noqa: F401  # Python asks it for names that are not there

TRUNCATED = 0.87962566103423978  # standard deviation of a normal distribution cut off at two of its own


class Initializer:
    """A function (shape, rng, dtype) -> array, as the core takes it, with Keras's arguments."""

    def __init__(self, *args: Any, **given: Any) -> None:
        given.pop("seed", None)  # all random numbers come from set_random_seed
        names = list(self.defaults)
        self.config = {**self.defaults, **dict(zip(names, args)), **given}
        unknown = set(self.config) - set(names)
        if unknown or len(args) > len(names):
            raise TypeError(f"{type(self).__name__}: unexpected argument {sorted(unknown) or args}")

    defaults: dict[str, Any] = {}

    def __call__(self, shape: tuple, rng: Any = None, dtype: Any = "float32") -> np.ndarray:
        """Return an array of this shape."""
        rng = rng if isinstance(rng, np.random.Generator) else np.random.default_rng()
        return self.draw(tuple(shape), rng, **self.config).astype(dtype if isinstance(dtype, str) else np.dtype(dtype))

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        """Draw it."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return dict(self.config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.config.items())})"


class Constant(Initializer):
    """One number everywhere."""

    defaults = {"value": 0.0}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(config["value"], np.float64), shape).copy()


class Zeros(Constant):
    """Zeros; the core's zeros."""

    defaults: dict[str, Any] = {}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        return np.zeros(shape)


class Ones(Zeros):
    """Ones; the core's ones."""

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        return np.ones(shape)


class RandomNormal(Initializer):
    """Normal."""

    defaults = {"mean": 0.0, "stddev": 0.05}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        return rng.normal(config["mean"], config["stddev"], shape)


class RandomUniform(Initializer):
    """Uniform."""

    defaults = {"minval": -0.05, "maxval": 0.05}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        return rng.uniform(config["minval"], config["maxval"], shape)


class TruncatedNormal(RandomNormal):
    """Normal, drawn again beyond two standard deviations."""

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        z = rng.standard_normal(shape)
        while (far := np.abs(z) > 2).any():
            z[far] = rng.standard_normal(np.count_nonzero(far))
        return config["mean"] + config["stddev"] * z


class VarianceScaling(Initializer):
    """Of variance scale / n, where n counts inputs, outputs, or their mean."""

    defaults = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        fan_in, fan_out = core._fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[config["mode"].lower()]
        variance, kind = config["scale"] / max(1.0, n), config["distribution"].lower()
        if kind == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if kind == "untruncated_normal":
            return rng.normal(0.0, math.sqrt(variance), shape)
        return TruncatedNormal().draw(shape, rng, mean=0.0, stddev=math.sqrt(variance) / TRUNCATED)


def _scaled(name: str, scale: float, mode: str, distribution: str) -> type[VarianceScaling]:
    defaults = {"scale": scale, "mode": mode, "distribution": distribution}
    return type(name, (VarianceScaling,), {"defaults": defaults, "__doc__": f"VarianceScaling with {defaults}."})


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """Orthonormal rows or columns."""

    defaults = {"gain": 1.0}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return config["gain"] * (q if rows >= columns else q.T).reshape(shape)


class Identity(Initializer):
    """Ones on the diagonal."""

    defaults = {"gain": 1.0}

    def draw(self, shape: tuple, rng: np.random.Generator, **config: Any) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity: expected a matrix, got shape {shape}")
        return config["gain"] * np.eye(*shape)


IdentityInitializer = Identity
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal, zeros, ones, constant = LecunUniform, LecunNormal, Zeros, Ones, Constant
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
normal, uniform, variance_scaling, orthogonal, identity = (
    RandomNormal, RandomUniform, VarianceScaling, Orthogonal, Identity,
)  # fmt: skip
# Those that the core has in the same form; Keras cuts its normal ones off, so they are not among them.
IN_CORE = ("glorot_uniform", "he_uniform", "zeros", "ones")


def core_initializer(initializer: Any) -> Any:
    """Return what the core takes: a name of its own, or a function of (shape, rng, dtype)."""
    initializer = "glorot_uniform" if initializer is None else initializer
    if isinstance(initializer, dict):
        return deserialize(initializer)
    if isinstance(initializer, type) and issubclass(initializer, Initializer):
        return initializer()
    if isinstance(initializer, str):
        name = initializer.lower()
        if name in IN_CORE:
            return name
        found = globals().get(name) or globals().get(initializer)
        if not (isinstance(found, type) and issubclass(found, Initializer)):
            known = [n for n, v in globals().items() if isinstance(v, type) and issubclass(v, Initializer)]
            raise ValueError(f"unknown initializer {initializer!r}{did_you_mean(name, known)}")
        return found()
    if isinstance(initializer, Initializer):
        return initializer
    if callable(initializer):
        return lambda shape, rng, dtype: np.asarray(initializer(shape, dtype=np.dtype(dtype).name))
    raise TypeError(f"expected an initializer's name or object, got {initializer!r}")


def get(identifier: Any) -> Any:
    """Return the initializer of this name."""
    found = core_initializer(identifier)
    return globals()[found]() if isinstance(found, str) else found


def deserialize(config: dict[str, Any]) -> Initializer:
    """Return the initializer that ``get_config`` and its class's name describe."""
    found = globals().get(config["class_name"])
    if not (isinstance(found, type) and issubclass(found, Initializer)):
        raise ValueError(f"unknown initializer {config['class_name']!r}")
    return found(**config.get("config", {}))
