"""``model.predictor()``: what ``predict`` returns, sooner, from a copy of the weights that does not learn.

Between two kernels, ``predict`` checks shapes, finds memory, looks weights up and takes locks: for one image that takes
as long as the arithmetic. A predictor does it once for each number of images, by running the plan on trial numbers and
noting which kernels are called with which arrays. Later calls run these kernels again, on the same arrays.
"""

from __future__ import annotations

import copy
import functools
import math
import threading
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import check_rows
from .fusion import Block, make_plan
from .hints import is_ours
from .kernels import ops, recorded
from .layers import BatchNorm, Conv2D, Dense, Layer
from .memory import empty_aligned
from .training.data import batches

if TYPE_CHECKING:
    from .model import Sequential

SMALL_STEP = 1_800_000  # work of a layer or block, in multiplications: so much is done before other threads have begun
NUMBER, WEIGHT = 16, 3  # multiplications that take as long as what else a number takes, as reading a weight
WINOGRADS = 16 / 36  # share of its multiplications, in tiles of 2 x 2 outputs
MOST_PLANS = 8  # numbers of images whose plans a thread keeps

Call = Callable[[], object]


class Predictor:
    """A frozen copy of a model: ``predictor(x)`` is what ``model.predict(x)`` was when the predictor was made.

    It copies the weights, and keeps the arrays that the layers make of as many images as a call had: of 256 at most, as
    ``predict`` goes through more in parts, and of the latest eight numbers of images, for each thread that calls it.
    BatchNorm right behind a convolution or a dense layer becomes a part of its weights. Nothing that happens to the
    model later, training included, changes a predictor.

    The output equals ``predict``'s within rounding: folded weights round otherwise. Every layer works, your own ones
    included; those that do more than call kernels run as they are. What a layer does for few inputs runs on the calling
    thread, without locks; several threads may call one predictor at the same time.

    Parameters
    ----------
    model : Sequential
        A built one. `model` is locked for as long as the copy takes.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        Without the batch axis.

    Examples
    --------
    >>> import numpy as np
    >>> from numpycnn import Dense, Sequential
    >>> model = Sequential([Dense(2)], input_shape=(3,), seed=0)
    >>> predictor = model.predictor()
    >>> bool(np.allclose(predictor(np.ones((1, 3))), model.predict(np.ones((1, 3)))))
    True
    """

    def __init__(self, model: Sequential) -> None:
        model._require_built("predictor")
        with model.lock:
            layers, self._loss = copy.deepcopy((model.layers, model.loss))
        self.input_shape, self.output_shape = model.input_shape, model.output_shape
        self._dtype, self._fused = model.dtype, model.fused
        self._layers = folded(layers)
        self._plans = _Plans()

    def __call__(self, x: ArrayLike) -> NDArray:
        """Return the probabilities that the loss makes of the outputs, or the outputs: (N, *output_shape).

        Parameters
        ----------
        x : array of shape (N, *input_shape)

        Raises
        ------
        ValueError, TypeError
            Another shape, no row, or no numbers in it.
        """
        x = check_rows(x, self.input_shape, "x")
        parts = batches(len(x), None)
        if len(parts) == 1:
            return self._plan(len(x)).run(x)
        return np.concatenate([self._plan(len(x[rows])).run(x[rows]) for rows in parts])

    def _plan(self, images: int) -> _Plan:
        """Return this thread's plan for so many images."""
        kept, key = self._plans.kept, (images, ops.active)
        if key not in kept:
            if len(kept) == MOST_PLANS:
                del kept[next(iter(kept))]  # the oldest
            kept[key] = _Plan(self._layers, self._fused, self._loss, (images, *self.input_shape), self._dtype)
        return kept[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_plans": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _plans=_Plans())

    def __repr__(self) -> str:
        return f"Predictor({', '.join(map(repr, self._layers))})"


def make_predictor(model: Sequential) -> Predictor:
    """Return a frozen copy that predicts, faster for few rows: ``predictor(x)`` is what ``predict(x)`` is now.

    It copies the weights, and nothing that happens to the model later changes it; see ``numpycnn.predictor``.
    """
    return Predictor(model)


class _Plans(threading.local):
    """Of one thread: the arrays of a plan are written at every call."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, str], _Plan] = {}


class _Plan:
    """What is called for one number of images: kernels and, where these are not all, layers."""

    def __init__(self, layers: list[Layer], fused: bool, loss: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self.calls: list[Call] = []
        self.rng = np.random.default_rng(0)
        self.x = empty_aligned(math.prod(shape), dtype).reshape(shape)
        y = self.x
        for step in make_plan(layers, fused):
            ours = is_ours(type(step))
            step = step if ours or isinstance(step, Block) else copy.deepcopy(step)  # it may keep what it likes
            step.join_model()
            y = self._add(step.forward, y, ours, work(step, shape[0]) <= SMALL_STEP)
        if loss is not None:
            y = self._add(loss.predict, y, is_ours(type(loss)), NUMBER * y.size <= SMALL_STEP)
        self.y = y

    def run(self, x: NDArray) -> NDArray:
        self.x[...] = x
        for call in self.calls:
            call()
        return self.y.copy()

    def _add(self, compute: Callable[[NDArray], NDArray], x: NDArray, ours: bool, serial: bool) -> NDArray:
        """Note the calls that give ``compute(x)``, of serial builds if `serial`; return the array that has it then.

        They are its kernels, if these alone give the same bits on other numbers, as they do where nothing but kernels
        (and views of arrays) depends on x.
        """
        if ours:
            x[...] = self.rng.standard_normal(x.shape)
            with recorded(serial) as launches:
                y = compute(x)
            # Of zeros, the bias alone is left, which might be lost beside large sums.
            if all(self._suffice(launches, compute, x, y, serial, scale) for scale in (1, 0)):
                self.calls += launches
                return y
        y = compute(x).copy()
        self.calls.append(functools.partial(_compute_into, compute, x, y))
        return y

    def _suffice(
        self, launches: Sequence[Call], compute: Callable[[NDArray], NDArray], x: NDArray, y: NDArray, serial: bool,
        scale: float,
    ) -> bool:  # fmt: skip
        """Whether the launches write all that ``compute(x)`` gives in its array y, for random x of this scale."""
        x[...] = scale * self.rng.standard_normal(x.shape)
        if not np.shares_memory(x, y):
            y[...] = self.rng.standard_normal(y.shape)  # what no launch writes stays
        for launch in launches:
            launch()
        by_kernels = y.copy()
        with recorded(serial), np.errstate(all="ignore"):  # of numbers that nobody gave
            return np.array_equal(by_kernels, compute(x), equal_nan=True)


def _compute_into(compute: Callable[[NDArray], NDArray], x: NDArray, y: NDArray) -> None:
    y[...] = compute(x)


def folded(layers: list[Layer]) -> list[Layer]:
    """Return the layers, with each BatchNorm right behind a convolution or a dense layer made a part of its weights."""
    found: list[Layer] = []
    for layer in layers:
        if found and type(layer) is BatchNorm and type(found[-1]) in (Conv2D, Dense):
            found[-1] = with_normalisation(found[-1], layer)
        else:
            found.append(layer)
    return found


def with_normalisation(sums: Any, norm: BatchNorm) -> Layer:
    """Return the layer `sums` with weights and biases that give what the moving statistics make of its sums."""
    mean, inverse, _ = norm.statistics(np.empty((0, norm.input_shape[-1])), training=False)
    factor, shift = norm.factor_and_shift(inverse)
    weight, bias = sums.parameters[0].value, sums.weight_and_bias()[1]
    layer = type(sums)(**{**sums.get_config(), "use_bias": True})
    stored = {"weight": weight * factor, "bias": (bias - mean) * factor + shift}
    layer.build(sums.input_shape, dtype=sums.dtype, stored=stored)
    return layer


def work(step: Layer, images: int) -> float:
    """Return how long a layer or block takes for so many images, about, in multiplications with weights."""
    layers, share = (step.layers, WINOGRADS if step.by_winograd else 1) if isinstance(step, Block) else ((step,), 1)
    total: float = NUMBER * images * max(math.prod(step.input_shape), math.prod(step.output_shape))
    for layer in layers:
        weights = sum(p.value.size for p in layer.parameters if p.value.ndim > 1)
        total += (images * math.prod(layer.output_shape[:-1]) * share + WEIGHT) * weights
    return total
