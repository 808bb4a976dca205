"""One call of a kernel for the table of kernels, and how far two right answers may differ.

Two right answers differ by rounding alone: each is within ``roundings * u`` of the exact one, relative to the same
computation with every term positive, where u = eps / 2 is the error of one operation (Higham, "Accuracy and stability
of numerical algorithms", section 3.1). So they are within ``roundings * eps`` of each other. That magnitude is computed
by the reference kernel from absolute values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from numpycnn.kernels import reference


@dataclass
class Call:
    """Arguments of one call, in the order of a kernel's signature: inputs, numbers, outputs."""

    inputs: list[Any]  # arrays, and numbers that stand between them
    numbers: list[Any]
    outputs: list[np.ndarray]
    roundings: int = 0  # 0: the answers are the same, bit for bit
    positive_numbers: list[Any] = field(default_factory=list)  # with signs that let every term add up
    magnitude: float | None = None  # of the largest sum of positive terms, where absolute values do not tell
    defined: Callable[[list], list] = list  # the parts of the outputs that the kernel promises

    def run(self, kernel: Callable[..., None], copy: Callable[[np.ndarray], np.ndarray] = np.copy) -> list[np.ndarray]:
        """Return what the kernel makes of copies of the arrays."""
        inputs = [copy(a) if isinstance(a, np.ndarray) else a for a in self.inputs]
        outputs = [copy(a) for a in self.outputs]
        kernel(*inputs, *self.numbers, *outputs)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(inputs, self.inputs)), "inputs are not outputs"
        return self.defined(outputs)

    def tolerances(self, kernel_name: str) -> list[Any]:
        """Return the allowed difference of each output from the reference's."""
        if self.roundings == 0:
            return [0] * len(self.defined(self.outputs))
        unit = self.roundings * max(np.finfo(a.dtype).eps for a in self.outputs if a.dtype.kind == "f")
        if self.magnitude is not None:
            return [unit * self.magnitude if a.dtype.kind == "f" else 0 for a in self.defined(self.outputs)]
        numbers = self.positive_numbers or self.numbers
        magnitude = Call(list(map(abs, self.inputs)), numbers, list(map(abs, self.outputs)), defined=self.defined)
        return [unit * abs(a) for a in magnitude.run(getattr(reference, kernel_name))]

    def __str__(self) -> str:
        shapes = [a.shape if isinstance(a, np.ndarray) else a for a in (*self.inputs, *self.outputs)]
        return f"{self.outputs[0].dtype} {shapes} {self.numbers}"


def rough(rng, dtype, *shape):
    """Normal numbers with all their digits."""
    return rng.standard_normal(shape).astype(dtype)


def unwritten(dtype, *shape):
    """An output before the call: a kernel that leaves an element out, or adds to it, leaves NaN."""
    return np.full(shape, np.nan, dtype)
