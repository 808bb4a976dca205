"""Which step, which tolerance, which slopes: what the two methods of ``gradcheck`` need, by kind of layer."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..checks import check_choice, check_count, check_positive
from ..fusion import DirectConv, WinogradConv, WinogradConvStride2
from ..layers import (
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    Softmax,
    SpatialDropout2D,
    Tanh,
    ZeroPad2D,
)
from ..losses import MeanSquaredError
from .slopes import EXACT_TOLERANCE, ComplexSlopes, Settings, Slopes

STEP, TOLERANCE = 2.0**-17, 1e-7  # 7.6e-6; a power of two, so that x + h and x - h are exact
# These are linear in each of their arrays (the squared error: a parabola), so the central difference is exact for any
# step, and with a large step rounding does not matter. Subclasses may be curved: they are checked with the small step.
EXACT_CLASSES = (
    Conv2D, DepthwiseConv2D, SeparableConv2D, Dense, Flatten, Reshape, ZeroPad2D, Rescale, AvgPool2D, GlobalAvgPool2D,
    GaussianNoise, DirectConv, WinogradConv, WinogradConvStride2, MeanSquaredError,
)
EXACT_STEP = 1.0
# These are smooth everywhere: they make no choice that could be recorded. Subclasses may.
SMOOTH_CLASSES = (
    Conv2D, DepthwiseConv2D, SeparableConv2D, Dense, Flatten, Reshape, ZeroPad2D, Rescale, AvgPool2D, GlobalAvgPool2D,
    DirectConv, WinogradConv, WinogradConvStride2, BatchNorm, LayerNorm, Dropout, SpatialDropout2D,
    GaussianNoise, GELU, Sigmoid, SiLU, Softmax, Tanh,
)
COMPLEX_TOLERANCE = 1e-13
METHODS = ("difference", "complex")


@contextlib.contextmanager
def measuring() -> Iterator[None]:
    """Run on one thread, and warn of no NaN and infinity: they are reported as failures.

    The results are the same on two, and starting a second thread takes longer than the work on such small arrays.
    """
    with kernels.on_one_thread(), np.errstate(all="ignore"):
        yield


def settings_for(
    subject: Any, step: float | None, tolerance: float | None, max_elements: int | None, rng: np.random.Generator,
    method: str = "difference", directions: int | None = None,
) -> Settings:
    """Fill in the defaults; raise for what is out of range."""
    check_choice(method, "method", METHODS)
    if directions is not None:
        check_count(directions, "directions")
    if max_elements is not None:
        check_count(max_elements, "max_elements")
    default_step, default_tolerance = STEP, TOLERANCE
    exact = method == "difference" and type(subject) in EXACT_CLASSES
    if exact:
        default_step, default_tolerance = EXACT_STEP, EXACT_TOLERANCE
    elif method == "complex":
        default_step, default_tolerance = 1.0, COMPLEX_TOLERANCE
    step = default_step if step is None else check_positive(step, "step")
    tolerance = default_tolerance if tolerance is None else check_positive(tolerance, "tolerance", zero_allowed=True)
    return Settings(step, tolerance, max_elements, rng, directions)


def recorder(steps: Iterable[Layer]) -> Callable[[], list[NDArray]] | None:
    """Return a function that lists the choices of these layers' latest forward; None if one of them does not tell."""
    choosing = [step for step in steps if type(step) not in SMOOTH_CLASSES]
    if not all(map(_tells_its_choices, choosing)):
        return None
    return lambda: [choice for step in choosing for choice in step.choices()]


def _tells_its_choices(step: Layer) -> bool:
    """Whether ``choices`` speaks of the ``forward`` that runs: a subclass with another one may choose more."""
    order = type(step).__mro__
    forward, choices = (next(i for i, c in enumerate(order) if name in vars(c)) for name in ("forward", "choices"))
    return choices <= forward


@contextlib.contextmanager
def slopes_of(
    method: str, function: Callable[[], NDArray], cotangent: NDArray, steps: Iterable[Layer]
) -> Iterator[Slopes]:
    """Yield what measures slopes of `function`, in which these layers run."""
    if method == "difference":
        yield Slopes(function, cotangent, recorder(steps))
        return
    with kernels.using("reference"):  # the compiled kernels take no complex numbers
        yield ComplexSlopes(function, cotangent)
