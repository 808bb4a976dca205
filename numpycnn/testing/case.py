"""What the checks share: copies of the layer, numbers to feed it, comparisons that say expected and got."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from typing import Any, Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape
from ..layers.base import Layer


class Violation(AssertionError):
    """One rule broken: what was expected, and what came."""


def expect(condition: Any, expected: str, got: Any) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise Violation(f"expected {expected}, got {got}")


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer under test, never built itself, and the shape of its inputs."""

    layer: Layer
    input_shape: Shape

    def new(self) -> Layer:
        """Return a copy that is not built, nor frozen."""
        twin = copy.deepcopy(self.layer)
        twin.trainable = True
        return twin

    def built(self, dtype: str = "float32", seed: int = 0) -> Layer:
        """Return a built copy whose parameters are all away from 0 and 1: those would hide mistakes."""
        layer, rng = self.new(), np.random.default_rng(seed)
        layer.build(self.input_shape, rng, dtype)
        for p in layer.parameters:
            p.value += rng.uniform(0.1, 0.3, p.value.shape).astype(dtype)
        return layer


def numbers(layer: Layer, batch: int = 3, seed: int = 1) -> tuple[NDArray, NDArray]:
    """Return an input and an output gradient: normal numbers in the layer's dtype."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, *layer.input_shape)).astype(layer.dtype)
    return x, rng.standard_normal((batch, *layer.output_shape)).astype(layer.dtype)


Results = dict[str, NDArray]


def step(layer: Layer, x: Any, dy: Any) -> Results:
    """Run forward and backward; return y, dx and copies of the parameters' gradients, by name."""
    y: Any = layer.forward(x, training=True)
    dx: Any = layer.backward(dy)
    return {"y": y, "dx": dx, **gradients(layer)}


def gradients(layer: Layer) -> Results:
    """Return copies of the parameters' gradients by name."""
    return {f"{p.name}.grad": p.grad.copy() for p in layer.parameters}


def values(layer: Layer) -> Results:
    """Return copies of the parameters' values by name."""
    return {p.name: p.value.copy() for p in layer.parameters}


def expect_same(found: Results, expected: Results, when: str) -> None:
    """Require the same bits; NaN equals NaN."""
    for name, array in expected.items():
        same = np.shape(found[name]) == array.shape and np.array_equal(found[name], array, equal_nan=True)
        expect(same, f"the same {name} {when}", _difference(found[name], array))


def expect_close(
    found: Results, expected: Results, when: str, tolerance: float = 1e-12, sizes: Results | None = None
) -> None:
    """Require the same numbers except for rounding, relative to the largest of them (or of `sizes`); NaN equals NaN."""
    for name, array in expected.items():
        scale = max(np.nan_to_num(np.abs(values[name])).max(initial=0) for values in (expected, sizes or expected))
        near = np.shape(found[name]) == array.shape and np.allclose(
            found[name], array, rtol=0, atol=tolerance * scale, equal_nan=True  # a logarithm of negative numbers
        )
        expect(near, f"the same {name} {when}", _difference(found[name], array))


def _difference(found: Any, expected: NDArray) -> str:
    if np.shape(found) != expected.shape:
        return f"shape {np.shape(found)} instead of {expected.shape}"
    gap = np.abs(np.asarray(found, np.float64) - expected)
    index = tuple(map(int, np.unravel_index(np.nan_to_num(gap, nan=np.inf).argmax(), gap.shape)))
    return f"{np.asarray(found)[index]!s} instead of {expected[index]!s} at {list(index)}"


@contextlib.contextmanager
def raises(errors: type[Exception] | tuple[type[Exception], ...], doing: str, *words: str) -> Iterator[None]:
    """Require one of these errors, with these words in its message."""
    names = " or ".join(e.__name__ for e in (errors if isinstance(errors, tuple) else (errors,)))
    wanted = f"{names} for {doing}"
    try:
        yield
    except errors as error:
        missing = [word for word in words if word not in str(error)]
        expect(not missing, f"{wanted} with {missing[:1]} in its message", repr(str(error)))
    except Exception as error:
        raise Violation(f"expected {wanted}, got {type(error).__name__}: {error}") from error
    else:
        raise Violation(f"expected {wanted}, got no error")


def _read_only(a: NDArray) -> NDArray:
    a = a.copy()
    a.flags.writeable = False
    return a


# Ways to lay the same numbers in memory.
MEMORY: dict[str, Callable[[NDArray], Any]] = {
    "read-only": _read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "Fortran order": np.asfortranarray,
    "every second element": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "a nested list": lambda a: a.tolist(),
}
DTYPES: Sequence[str] = ("float32", "float64")
