"""The course's ladder, timed here: one convolution from Python loops to the fused block (`examples/learn/ladder/`).

    python benchmarks/bench_ladder.py [--picture ladder.png]

Two convolutions: the second one of the reference CNN, batch 64, and the one that CS231n's students time (stride 2).
FLOPs are those of the definition, two for each product, the same for every rung; so a rung that multiplies less can
exceed the peak, which is the best matrix product of NumPy and numpycnn in this run. MB: what a call allocates at most.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any, Callable

import numpy as np
import rates
from machine import fingerprint
from tables import Table, figure

from numpycnn import get_num_threads
from numpycnn.plots import save_figure
from numpycnn.plots.style import BLUE, INK, RED, in_our_style, new_figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "learn"))
from ladder import RUNGS, fused, numba_loops, python_loops, winograd  # noqa: E402

TURN = 0.5  # seconds of one rung's turn, but at least four calls
LONG = 1.0  # seconds of a call that is not repeated
TOLERANCE = 2e-4  # of the largest number: single precision, summed in another order


@dataclasses.dataclass(frozen=True)
class Shape:
    """A convolution."""

    title: str
    image: tuple[int, int, int, int]
    filters: tuple[int, int, int, int]
    stride: int = 1
    padding: int = 0

    def arrays(self, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, w and b, the first `images` of the batch."""
        rng = np.random.default_rng(0)
        shapes = self.image, self.filters, self.filters[-1:]
        x, w, b = (rng.standard_normal(shape, np.float32) for shape in shapes)
        return np.maximum(x[:images], 0), w / np.sqrt(w[..., 0].size, dtype=w.dtype), b

    def flops(self, y: tuple[int, ...]) -> int:
        """FLOPs of the definition, forward, for a y of this shape."""
        return 2 * int(np.prod(y)) * int(np.prod(self.filters[:-1]))

    @property
    def geometry(self) -> tuple[int, int]:
        return self.stride, self.padding


SHAPES = {
    "cnn": Shape("second convolution of the reference CNN, batch 64", (64, 13, 13, 32), (3, 3, 32, 64)),
    "cs231n": Shape("CS231n's convolution, batch 100, stride 2", (100, 31, 31, 3), (3, 3, 3, 25), stride=2, padding=1),
}


@dataclasses.dataclass
class Times:
    """Of one rung: seconds for the whole batch, and megabytes that a call allocates."""

    forward: float
    backward: float
    megabytes: float | None


def pooled(y: np.ndarray) -> np.ndarray:
    """Return what ReLU and 2 x 2 pooling make of y."""
    height, width = y.shape[1] // 2, y.shape[2] // 2
    windows = np.maximum(y, 0)[:, : 2 * height, : 2 * width].reshape(len(y), height, 2, width, 2, -1)
    return windows.max(axis=(2, 4))


def calls(rung: Any, shape: Shape, images: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return forward and backward of a rung, verified: against rung 2, which is rung 1, compiled."""
    x, w, b = shape.arrays(images)
    y = rung.forward(x, w, b, *shape.geometry)
    dy = np.random.default_rng(1).standard_normal(y.shape, np.float32)
    expected = numba_loops.forward(x, w, b, *shape.geometry)
    pairs, found = [(y, pooled(expected) if rung is fused else expected)], rung.backward(dy, x, w, *shape.geometry)
    if rung is not fused:  # its gradients are those of another function: of the pooled image
        pairs += zip(found, numba_loops.backward(dy, x, w, *shape.geometry))
    if not all(np.allclose(a, b, rtol=0, atol=TOLERANCE * abs(b).max()) for a, b in pairs):
        raise RuntimeError(f"{rung.__name__} differs from rung 2")
    return lambda: rung.forward(x, w, b, *shape.geometry), lambda: rung.backward(dy, x, w, *shape.geometry)


def seconds(call: Callable[[], Any], turn: float) -> float:
    """Return the median of the calls that a turn has time for, after one that does not count, unless it is long."""
    taken: list[float] = []
    while len(taken) < 4 or sum(taken) < turn:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
        if taken[0] > LONG:
            return taken[0]
    return statistics.median(taken[1:])


def megabytes(*functions: Callable[[], Any]) -> float:
    """Return how much the larger of these calls allocates."""
    most = 0
    for call in functions:
        tracemalloc.start()
        call()
        most = max(most, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return most / 1e6


def measure(shape: Shape, turn: float = TURN) -> dict[str, Times]:
    """Time every rung that can do this convolution; Python loops on one image, which stands for the others."""
    found = {}
    for name, rung in RUNGS.items():
        if rung is winograd and (shape.stride != 1 or shape.filters[:2] != (3, 3)):
            continue
        images = 1 if rung is python_loops else shape.image[0]
        forward, backward = calls(rung, shape, images)
        times = (seconds(call, turn) * shape.image[0] / images for call in (forward, backward))
        # Looking at Python's allocations slows its loops tenfold, and they make nothing but y.
        found[name] = Times(*times, None if rung is python_loops else megabytes(forward, backward))
    return found


def table(shape: Shape, found: dict[str, Times], peak: float) -> Table:
    x, w, b = shape.arrays(shape.image[0])
    y = python_loops.outputs(python_loops.padded(x, shape.padding), w, shape.stride)
    flops, least = shape.flops(y), 4 * (x.size + w.size + int(np.prod(y)))
    first, rows = next(iter(found.values())), []
    for name, times in found.items():
        cells = [name]
        sides = (times.forward, first.forward, flops), (times.backward, first.backward, 2 * flops)
        for taken, slowest, work in sides:
            rate = work / taken / 1e9
            cells += [figure(1e3 * taken), figure(slowest / taken), figure(rate), f"{100 * rate / peak:.3g} %"]
        rows.append([*cells, "-" if times.megabytes is None else figure(times.megabytes)])
    units = "ms", "faster", "GFLOP/s", "peak"
    header = ["rung", *(f"{side}{unit}" for side in ("", "back: ") for unit in units), "MB"]
    note = (
        f"{flops / 1e6:,.0f} MFLOP forward, twice as many backward; x, w and y are {least / 1e6:.1f} MB: "
        f"{flops / least:.0f} FLOPs a byte. Peak {peak:,.0f} GFLOP/s. {fingerprint()['processor']}, "
        f"{get_num_threads()} threads, float32. The fused block does ReLU and pooling besides, and its backward starts "
        "from the pooled gradient."
    )
    return Table(shape.title, header, rows, note)


@in_our_style
def draw(found: dict[str, Times], shape: Shape, peak: float) -> Any:
    """Draw GFLOP/s of each rung, forward and backward, and the peak."""
    x, w, _ = shape.arrays(shape.image[0])
    flops = shape.flops(python_loops.outputs(python_loops.padded(x, shape.padding), w, shape.stride))
    chart = new_figure(7.2, 3.9)
    ax = chart.add_subplot()
    for position, times in enumerate(found.values()):
        bars = ("forward", -0.19, times.forward, flops, BLUE), ("backward", 0.19, times.backward, 2 * flops, RED)
        for side, shift, taken, work, colour in bars:
            rate = work / taken / 1e9
            ax.barh(position + shift, rate, 0.36, color=colour, label=None if position else side)
            ax.text(rate * 1.12, position + shift, f"{rate:.3g}", va="center", size=8, color=INK)
    ax.axvline(peak, color=INK, linestyle="--", linewidth=1)
    ax.text(peak * 0.93, -0.75, f"peak {peak:.0f}", ha="right", va="center", size=8, color=INK)
    ax.set(xscale="log", ylim=(len(found) - 0.4, -1), title=shape.title)
    ax.set_xlabel("GFLOP/s, counted as the definition does")
    ax.set_xlim(right=ax.get_xlim()[1] * 2.5)
    ax.set_yticks(range(len(found)), [f"{i + 1}. {name}" for i, name in enumerate(found)])
    ax.legend(loc="upper center")
    return chart


def best_product() -> float:
    """Return the GFLOP/s of the best matrix product."""
    return max(rates.matmul_rate(library) for library in ("NumPy", "numpycnn"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=[*SHAPES])
    parser.add_argument("--turn", type=float, default=TURN, help=f"seconds of one rung's turn ({TURN})")
    parser.add_argument("--picture", help="draw the first of the shapes into this PNG file")
    options = parser.parse_args()
    peak = best_product()
    times = {name: measure(SHAPES[name], options.turn) for name in options.shapes}
    peak = max(peak, best_product())  # before and after: others may use the machine for a while
    for name, found in times.items():
        table(SHAPES[name], found, peak).show()
        if options.picture and name == options.shapes[0]:
            save_figure(draw(found, SHAPES[name], peak), options.picture, dpi=75)


if __name__ == "__main__":
    main()
