"""Milliseconds that a network takes to classify 1, 8, 64 and 1,000 images, here and in what is installed.

    python benchmarks/bench_inference.py [--network all]

Each engine lives in a process of its own and has the same weights; all must give the same probabilities before any is
timed. Then they take turns; a turn is as many calls as fit in a fraction of a second. What a call gets and returns lies
in the engine's own form. An engine that is faster when 1,000 images come in smaller batches gets them so.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, Callable

import numpy as np

import command
import images as data
from engines import INFERENCE, installed
from networks import NETWORKS
from records import Record, new_record
from tables import inference, inference_name
from turns import Worker, serve, workers

TOLERANCE = 1e-4  # between the engines' probabilities
SMALLEST_PART = 50  # images: smaller batches are no faster in any engine


class Predictor:
    """An engine on batches of several sizes; each runs cut into parts of the size that proves fastest."""

    def __init__(self, convert: Callable[[np.ndarray], Any], predict: Callable[[Any], Any], images: np.ndarray) -> None:
        self.convert, self.predict, self.images = convert, predict, images
        self.parts: dict[int, list[Any]] = {}

    def probabilities(self, count: int) -> list[list[float]]:
        """Return those of the first `count` images (count, 10)."""
        return np.asarray(self.predict(self.convert(self.images[:count]))).tolist()

    def prepare(self, count: int, turn: float) -> int:
        """Choose how to cut `count` images, on what `turn` seconds of each show; return the size of a part."""
        sizes = [count // n for n in (1, 2, 4, 8, 20) if count % n == 0 and (n == 1 or count // n >= SMALLEST_PART)]
        timings = {}
        for size in sizes:
            parts = self.parts[count] = [
                self.convert(self.images[first : first + size]) for first in range(0, count, size)
            ]
            self.seconds(count, turn)  # compiles
            timings[size] = self.seconds(count, turn), parts
        best = min(sizes, key=lambda size: timings[size][0])
        self.parts[count] = timings[best][1]
        return best

    def seconds(self, count: int, turn: float) -> float:
        """Return the mean seconds of a call on `count` images, over at least `turn` seconds."""
        parts, calls = self.parts[count], 0
        start = time.perf_counter()
        while (taken := time.perf_counter() - start) < turn or calls == 0:
            for part in parts:
                self.predict(part)
            calls += 1
        return taken / calls


def work(engine: str, threads: int, network: str, images: int, random: bool, data_dir: str | None) -> None:
    """Serve one engine."""

    def prepare() -> dict[str, Callable[..., Any]]:
        chosen = INFERENCE[engine]
        x, _ = data.load(network, images, random, data_dir)
        predictor = Predictor(*chosen.load().predictor(NETWORKS[network], threads, **chosen.options), x)
        return {"probabilities": predictor.probabilities, "prepare": predictor.prepare, "seconds": predictor.seconds}

    serve(threads, prepare)


def measure(arguments: argparse.Namespace) -> dict[str, Record]:
    """Time all networks that the command line asks for."""
    names = list(NETWORKS) if "all" in arguments.network else arguments.network
    records: dict[str, Record] = {}
    for name in names:
        records |= measure_one(name, arguments)
    return records


def measure_one(network: str, arguments: argparse.Namespace) -> dict[str, Record]:
    """Time the engines in turns at all batch sizes; return a record of each."""
    print(NETWORKS[network].title)
    sizes = arguments.batch_size
    versions = installed(INFERENCE, arguments.engines)
    task = {"network": network, "images": max(sizes), "random": arguments.random, "data_dir": arguments.data_dir}
    with workers("bench_inference.py", versions, arguments.threads, **task) as running:
        check_probabilities(running, min(max(sizes), 64))
        parts = {name: {n: worker.ask("prepare", n, arguments.turn) for n in sizes} for name, worker in running.items()}
        values: dict[str, dict[int, list[float]]] = {name: {n: [] for n in sizes} for name in running}
        for repeat in range(arguments.repeats):
            for size in sizes:
                for name, worker in running.items():
                    values[name][size].append(round(worker.ask("seconds", size, arguments.turn), 8))
            print(f"round {repeat + 1} of {arguments.repeats} done", flush=True)
    return {
        inference_name(network, size): new_record(
            f"seconds a call of inference, {size:,} images, {NETWORKS[network].title}, float32", "s",
            f"python benchmarks/bench_inference.py --network {network} --repeats {arguments.repeats} "
            f"--turn {arguments.turn} --threads {arguments.threads}" + " --random" * arguments.random,
            data.data_name(network, arguments.random), arguments.threads, batch_size=size,
            engines={
                name: {"versions": versions[name], "images_at_a_time": parts[name][size], "values": values[name][size]}
                for name in running
            },
        )
        for size in sizes
    }


def check_probabilities(running: dict[str, Worker], count: int) -> None:
    """Raise if the engines differ.

    Raises
    ------
    RuntimeError
        An engine's probabilities are not those of the first one.
    """
    answers = {name: np.array(worker.ask("probabilities", count)) for name, worker in running.items()}
    expected = next(iter(answers.values()))
    for name, found in answers.items():
        if found.shape != expected.shape or not np.abs(found - expected).max() <= TOLERANCE:
            raise RuntimeError(f"{name}: expected the same probabilities as {next(iter(answers))}, got others")


def main() -> None:
    parser = command.parser("Time inference.", repeats=15)
    parser.add_argument("--network", nargs="+", default=["reference"], choices=[*NETWORKS, "all"],
                        help="which networks (reference)")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 8, 64, 1000],
                        help="images a call (1 8 64 1000)")
    parser.add_argument("--turn", type=float, default=0.25, help="seconds of one engine's turn (0.25)")
    parser.add_argument("--engines", nargs="+", choices=INFERENCE, help="only these")
    arguments = parser.parse_args()
    if arguments.worker:
        work(**arguments.worker)
    else:
        command.run(arguments, measure, inference)


if __name__ == "__main__":
    main()
