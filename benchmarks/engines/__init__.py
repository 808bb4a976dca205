"""The engines: numpycnn and what people would use instead, each at its best, on float32 arrays in memory.

A module has ``trainer`` and ``predictor``, or one of them:

``trainer(network, images, labels, batch_size, threads, **options)`` returns two functions: ``epoch()`` trains once on
all images, in a new order, with Adam at 1e-3, and returns the seconds that took; ``loss()`` gives the mean
cross-entropy of the first batch.

``predictor(network, threads, **options)`` returns two functions: ``convert(images)`` brings images (N, H, W, C) into
the engine's own form, ``predict(converted)`` gives their probabilities (N, 10), computed when it returns.

The one starts from ``network.initial_weights()``, the other from ``network.varied_weights()``.
"""

from __future__ import annotations

import importlib
import os
import time
from dataclasses import dataclass, field
from importlib import metadata
from types import ModuleType
from typing import Any, Callable


class Unavailable(Exception):
    """An engine cannot run here; the message says what it lacks."""


@dataclass(frozen=True)
class Engine:
    """A module, its options, the distributions whose versions matter, and what it can multiply matrices with."""

    module: str
    distributions: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()

    def load(self) -> ModuleType:
        """Import the module and, with it, the framework."""
        return importlib.import_module(f"engines.{self.module}")

    def versions(self) -> dict[str, str]:
        """Return the versions of what the engine needs.

        Raises
        ------
        Unavailable
            One of them is not installed.
        """
        try:
            return {name: _version(name) for name in self.distributions}
        except metadata.PackageNotFoundError as error:
            raise Unavailable(f"{error.name} is not installed") from None


def _version(name: str) -> str:
    """Return a distribution's version; TensorFlow for processors alone has another name."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name != "tensorflow":
            raise
        return metadata.version("tensorflow-cpu")


OURS = "numpycnn"
OURS_PLAIN = "numpycnn, fused=False"
OURS_FROZEN = "numpycnn, predictor"
FACADE = "numpycnn.keras"
_OURS = Engine("ours", ("numpy", "numba"), {"fused": True}, ("NumPy", "numpycnn"))
_PLAIN = Engine("ours", ("numpy", "numba"), {"fused": False})
_KERAS = ("keras", "tensorflow")

TRAINING = {
    OURS: _OURS,
    OURS_PLAIN: _PLAIN,
    FACADE: Engine("facade", ("numpy", "numba")),
    "PyTorch eager": Engine("pytorch", ("torch",), {"channels_last": False}, ("PyTorch",)),
    "PyTorch eager, channels_last": Engine("pytorch", ("torch",), {"channels_last": True}),
    "PyTorch compiled": Engine("pytorch", ("torch",), {"channels_last": True, "compiled": True}),
    "Keras fit": Engine("keras_fit", _KERAS, {"jit_compile": False}),
    "Keras fit, jit_compile": Engine("keras_fit", _KERAS, {"jit_compile": True}),
    "JAX": Engine("jax_jit", ("jax", "jaxlib")),
}

INFERENCE = {
    OURS: _OURS,
    OURS_FROZEN: Engine("ours", ("numpy", "numba"), {"fused": True, "frozen": True}),
    OURS_PLAIN: _PLAIN,
    "ONNX Runtime": Engine("onnx_session", ("onnxruntime", "onnx")),
    "OpenVINO": Engine("openvino_model", ("openvino", "onnx")),
    "PyTorch eager": TRAINING["PyTorch eager"],
    "PyTorch eager, channels_last": TRAINING["PyTorch eager, channels_last"],
    "PyTorch compiled": TRAINING["PyTorch compiled"],
    "Keras tf.function": Engine("keras_fit", _KERAS, {"how": "function"}),
    "Keras tf.function, jit_compile": Engine("keras_fit", _KERAS, {"how": "jit"}),
    "Keras predict": Engine("keras_fit", _KERAS, {"how": "predict"}),
    "JAX": TRAINING["JAX"],
}


def installed(engines: dict[str, Engine], wanted: list[str] | None) -> dict[str, dict[str, str]]:
    """Return the versions behind each engine (of those wanted) that is installed, and say which are left out."""
    found = {}
    for engine in wanted or engines:
        try:
            found[engine] = engines[engine].versions()
        except Unavailable as error:
            print(f"{engine}: left out, {error}")
    return found


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """Return a function that calls this one and returns the seconds it took."""

    def run() -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return run


def use_cores(threads: int) -> None:
    """Keep this process on so many cores: some engines cannot be told a number of threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
