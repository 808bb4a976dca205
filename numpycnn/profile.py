"""What a training step costs, part by part: ``Sequential.profile``.

Time is measured, arithmetic is counted from the shapes, and the rate that follows is compared with the best that this
machine's cores were seen to do: our own matrix product on operands that fit into the cache.
"""

from __future__ import annotations

import copy
import functools
import io
import math
import os
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import check_count, check_function
from .fusion.block import Block, shares_of
from .kernels import get_num_threads, ops
from .layers import Conv2D, Dense, DepthwiseConv2D, Layer, SeparableConv2D
from .losses import in_training
from .memory import empty_aligned
from .terminal import show, width
from .training.data import check_data
from .training.loop import update

if TYPE_CHECKING:
    from .model import Sequential

WARM_UP_STEPS = 3  # compile the kernels, make the work space, wake the threads
PEAK_SHAPE = 256, 256, 64  # rows for each thread, depth and columns of the peak's product: they fit a core's cache
PEAK_SECONDS = 0.2
COPY_BYTES, COPIES = 2**24, 8  # for each thread: more than a core's cache


def product_flops(layer: Layer, batch: int) -> int:
    """FLOPs of a layer that meets each weight once an output position: a multiplication and an addition each time."""
    positions = batch * math.prod(layer.output_shape[:-1])  # Dense: one an image
    return 2 * positions * sum(p.value.size for p in layer.parameters if p.value.ndim > 1)


# Class of a layer: (layer, batch) -> FLOPs of its forward. Only products with weights count, not the rest (biases,
# activations, pooling), as is usual. The weights' gradient takes as many again, and the input's gradient, too.
FLOPS: dict[type[Layer], Callable[[Layer, int], int]] = {
    layer_class: product_flops for layer_class in (Conv2D, Dense, DepthwiseConv2D, SeparableConv2D)
}


@dataclass
class ProfileRow:
    """One part of a training step: an item of the plan, the loss, the optimizer's step, or the total.

    Attributes
    ----------
    name : str
        Class of the layer; of a block all its layers; of the loss; of the optimizer; or "total".
    output_shape : tuple of int, or None
        Of one image; None where there is none.
    seconds : float
        Median time; forward and backward together.
    forward_seconds, backward_seconds : float or None
        Median times; None for the loss, which gives value and gradient in one, and the optimizer.
    forward_flops, backward_flops : int or None
        Floating-point operations on the batch, counted as dense arithmetic; None where no formula is known.
    bytes : int or None
        Parameters, input and output, each once: the least that forward has to move.
    executed_flops : int or None
        The most that were done of `flops`: a block may skip zeros, or multiply less (Winograd).
    """

    name: str
    seconds: float
    output_shape: tuple[int, ...] | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    forward_flops: int | None = None
    backward_flops: int | None = None
    bytes: int | None = None
    executed_flops: int | None = None

    @property
    def flops(self) -> int | None:
        """Forward and backward together."""
        return None if self.forward_flops is None else self.forward_flops + (self.backward_flops or 0)

    @property
    def rate(self) -> float | None:
        """FLOPs a second."""
        return None if self.flops is None else self.flops / self.seconds


@dataclass
class Profile:
    """What ``Sequential.profile`` found; ``str(profile)`` is the table.

    Attributes
    ----------
    rows : list of ProfileRow
        One an item of the model's plan, in order, then the loss and the optimizer's step.
    total : ProfileRow
        The sum of the rows, as far as they are known.
    batch : int
        Images in the step.
    repeats : int
        Steps that were timed.
    dtype : str
    threads : int
    peak : float
        FLOPs a second of our matrix product, on this machine, with this dtype and number of threads.
    bandwidth : float
        Bytes a second, read and written, of the best copy of memory by as many threads.
    load : float or None
        How many programs ran or waited for a core in the minute before (the load average), where the system says so.
    """

    rows: list[ProfileRow] = field(repr=False)
    total: ProfileRow
    batch: int
    repeats: int
    dtype: str
    threads: int
    peak: float
    bandwidth: float
    load: float | None = None

    def __str__(self) -> str:
        return _table(self)


def profile_model(
    model: Sequential, x: ArrayLike, y: ArrayLike, repeats: int = 20, print_fn: Callable[[str], None] = show
) -> Profile:
    """Print a table of what a training step costs: each item of the plan, the loss and the optimizer.

    Nothing is learned: the steps are taken by a copy of the model.

    Parameters
    ----------
    x : array of shape (N, *input_shape)
        One batch.
    y : array of shape (N,) or (N, K)
    repeats : int
        Steps to time, after some untimed ones; each figure is the median.
    print_fn : callable
        Gets the table as one text.

    Returns
    -------
    Profile
        The figures: ``profile.rows``, ``profile.total``, ``profile.peak``.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The model is not built or not compiled, or `x` and `y` do not suit it.
    """
    model._require_compiled("profile")
    model._require_built("profile")
    check_function(print_fn, "print_fn", "(text)")
    repeats = check_count(repeats, "repeats")
    x, y = check_data(model, x, y)
    x = np.array(x, model.dtype, order="C")  # as fit prepares a batch, untimed
    dtype, threads, load = model.dtype.name, get_num_threads(), load_average()
    peak = measure_peak(dtype, threads, ops.active)
    twin = copy.deepcopy(model)
    seconds = _time_steps(twin, x, y, repeats)
    rows = _rows(model, len(x), seconds, _executed_shares(twin, x))
    profile = Profile(rows, _total(rows), len(x), repeats, dtype, threads, peak, measure_bandwidth(threads), load)
    print_fn(str(profile))
    return profile


def load_average() -> float | None:
    """Return how many programs ran or waited for a core in the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


@functools.cache
def measure_peak(dtype: str, threads: int, kernel_set: str) -> float:
    """Return the FLOPs a second of the best of many matrix products; measured once for these arguments.

    `threads` and `kernel_set` are those in use (``get_num_threads()``, ``ops.active``).
    """
    rows, depth, columns = PEAK_SHAPE[0] * threads, *PEAK_SHAPE[1:]
    shapes = (rows, depth), (depth, columns), (columns,), (rows, columns)
    x, w, b, y = (empty_aligned(math.prod(shape), dtype).reshape(shape) for shape in shapes)
    for operand in (x, w, b):
        operand.fill(1)
    ops.affine(x, w, b, False, y)  # compiles
    best = math.inf
    end = time.perf_counter() + PEAK_SECONDS
    while (start := time.perf_counter()) < end:
        ops.affine(x, w, b, False, y)
        best = min(best, time.perf_counter() - start)
    return 2 * rows * depth * columns / best


@functools.cache
def measure_bandwidth(threads: int) -> float:
    """Return the bytes a second, read and written, of the best of some copies; measured once for so many threads."""
    arrays = [(np.ones(COPY_BYTES, np.uint8), np.empty(COPY_BYTES, np.uint8)) for _ in range(threads)]
    best = math.inf
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(COPIES):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), arrays))
            best = min(best, time.perf_counter() - start)
    return 2 * threads * COPY_BYTES / best


# Timing


def _time_steps(model: Sequential, x: NDArray, y: NDArray, repeats: int) -> NDArray:
    """Return the seconds of each part of each step, (repeats, 2 * items of the plan + 2); the model learns."""
    start = model.arena.values.copy()
    seconds = []
    for _ in range(WARM_UP_STEPS + repeats):
        model.arena.values[:] = start  # else the twin learns the batch by heart, and its gradients fill with zeros
        seconds.append(_timed_step(model, x, y))
    return np.array(seconds[WARM_UP_STEPS:])


def _timed_step(model: Sequential, x: NDArray, y: NDArray) -> NDArray:
    """Take one training step, as ``training.step`` does; return the seconds of each part, in the order they ran."""
    times = [time.perf_counter()]

    def lap() -> None:
        times.append(time.perf_counter())

    outputs = x
    for item in model.plan:
        outputs = item.forward(outputs, True)
        lap()
    gradient: NDArray | None
    _, gradient = in_training(model.loss)(outputs.copy(), y)  # a copy, as from model.forward
    lap()
    first = model.first_trained()
    for position in reversed(range(len(model.plan))):
        if position >= first:
            gradient = model.plan[position].backward(gradient, position > first)  # type: ignore[arg-type]
        lap()
    update(model, model.optimizer)
    lap()
    return np.diff(times)


# Counting


def _executed_shares(model: Sequential, x: NDArray) -> list[tuple[float, float]]:
    """Return what share of its FLOPs each item of the plan does at most, forward and backward, on this batch."""
    if not any(isinstance(item, Block) for item in model.plan):
        return [(1.0, 1.0)] * len(model.plan)
    outputs, shares = x, []
    for position, item in enumerate(model.plan):
        outputs = item.forward(outputs, True)
        shares.append(shares_of(item, position > model.first_trained()))
    return shares


def _rows(model: Sequential, batch: int, seconds: NDArray, shares: list[tuple[float, float]]) -> list[ProfileRow]:
    """Return the table's rows from ``_time_steps``'s figures."""
    medians = np.median(seconds, axis=0).tolist()
    items = len(model.plan)
    forward, loss, backward, optimizer = medians[:items], medians[items], medians[-2:items:-1], medians[-1]
    rows = []
    for position, item in enumerate(model.plan):
        layers = item.layers if isinstance(item, Block) else (item,)
        flops = count_flops(layers, batch, position > model.first_trained())
        rows.append(
            ProfileRow(
                ", ".join(type(layer).__name__ for layer in layers),
                forward[position] + backward[position],
                item.output_shape,
                forward[position],
                backward[position],
                *flops,
                _count_bytes(item, batch),
                None if None in flops else round(sum(a * b for a, b in zip(flops, shares[position]))),  # type: ignore
            )
        )
    rows.append(ProfileRow(type(model.loss).__name__, loss))
    rows.append(ProfileRow(type(model.optimizer).__name__, optimizer))
    return rows


def count_flops(layers: Sequence[Layer], batch: int, need_dx: bool) -> tuple[int | None, int | None]:
    """Return the FLOPs of layers that run as one, forward and backward; None if no formula is known for any of them.

    `need_dx` says whether the gradient with respect to the first one's input is wanted. A later one's is, too, where
    a layer before it learns. The weights' gradient is, unless the layer is frozen.
    """
    forward = backward = 0
    known = False
    for layer in layers:
        if type(layer) in FLOPS:  # a subclass may compute something else
            known = True
            flops = FLOPS[type(layer)](layer, batch)
            forward += flops
            backward += flops * (layer.trainable + need_dx)
        need_dx = need_dx or layer.learns
    return (forward, backward) if known else (None, None)


def _count_bytes(item: Layer, batch: int) -> int:
    activations = batch * (math.prod(item.input_shape) + math.prod(item.output_shape))
    return (activations + sum(p.value.size for p in item.parameters)) * item.dtype.itemsize


def _total(rows: list[ProfileRow]) -> ProfileRow:
    def known(name: str) -> Any:
        values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        return sum(values) if values else None

    names = "forward_seconds", "backward_seconds", "forward_flops", "backward_flops", "bytes", "executed_flops"
    return ProfileRow("total", known("seconds"), None, *map(known, names))


# Printing


WIDTH = 120  # where the output is no terminal
COLUMNS = (
    "Part of the plan", "Output shape", "ms", "forward", "backward", "share",
    "MFLOP\nforward", "MFLOP\nbackward", "MB", "GFLOP/s", "of\npeak",
)  # fmt: skip
LEFT_OUT_FIRST = (  # where the terminal is too narrow
    "GFLOP/s", "MB", "MFLOP\nbackward", "MFLOP\nforward", "of\npeak", "backward", "forward", "Output shape",
)  # fmt: skip


def _table(profile: Profile, columns: int | None = None) -> str:
    from rich.console import Console

    columns = width(WIDTH) if columns is None else columns
    text = io.StringIO()
    # Plain text for print_fn, whatever surrounds us, as in summary.py.
    console = Console(file=text, width=columns, force_terminal=False, force_jupyter=False, markup=False)
    for count in range(len(LEFT_OUT_FIRST) + 1):
        table = _draw(profile, [name for name in COLUMNS if name not in LEFT_OUT_FIRST[:count]])
        if table.__rich_measure__(console, console.options.update(width=WIDTH)).maximum <= columns:
            break
    console.print(table)
    lines = [line.rstrip() for line in text.getvalue().rstrip().splitlines()]
    return "\n".join([*lines, "", *(textwrap.fill(note, min(columns, WIDTH)) for note in _notes(profile))])


def _draw(profile: Profile, names: list[str]) -> Any:
    from rich import box
    from rich.table import Table

    title = (
        f"One training step: batch {profile.batch}, {profile.dtype}, {profile.threads} "
        f"thread{'s' if profile.threads > 1 else ''}, median of {profile.repeats}"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        justify: Any = "left" if name in COLUMNS[:2] else "right"
        table.add_column(name, justify=justify, vertical="bottom", no_wrap=name != COLUMNS[0])
    for row in (*profile.rows, profile.total):
        cells = dict(zip(COLUMNS, _cells(row, profile)))
        table.add_row(*(cells[name] for name in names), end_section=row is profile.rows[-1])
    return table


def _cells(row: ProfileRow, profile: Profile) -> list[str]:
    shape = "" if row.output_shape is None else f"({', '.join(map(str, ('N', *row.output_shape)))})"
    return [
        row.name,
        shape,
        *(_number(s, 1e-3, 3) for s in (row.seconds, row.forward_seconds, row.backward_seconds)),
        f"{100 * row.seconds / profile.total.seconds:.1f} %",
        *(_number(n, 1e6, 2) for n in (row.forward_flops, row.backward_flops, row.bytes)),
        _number(row.rate, 1e9, 1),
        "-" if row.rate is None else f"{100 * row.rate / profile.peak:.0f} %",
    ]


def _number(value: float | None, unit: float, digits: int) -> str:
    return "-" if value is None else f"{value / unit:,.{digits}f}"


def _notes(profile: Profile) -> list[str]:
    load, cores = profile.load or 0, os.cpu_count() or 1
    busy = f"The machine was busy: load average {load:.1f} on {cores} cores. Times may be too long, rates too low."
    return [
        *([busy] if load > cores else []),
        f"Peak: {profile.peak / 1e9:,.0f} GFLOP/s, measured: our matrix product in the cache, on as many threads.",
        "FLOPs: products with weights only, a multiply-add is 2, counted as dense arithmetic: a part that skips zeros "
        "can exceed 100 %. MB: parameters, input and output, each once, the least that forward has to move.",
    ]
