"""Seconds from the start of a process to the end of its first training step, here and in the frameworks installed.

    python benchmarks/bench_first_use.py

numpycnn is measured twice: with nothing compiled yet, as on the day it is installed, and as on any later day. What the
other engines compile they compile in every process. Each measurement is a process of its own, its imports counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any, Callable

import command
import images as data
from engines import OURS, TRAINING, installed
from networks import NETWORKS
from records import Record, new_record
from tables import first_use
from turns import serve, workers

FIRST_DAY = f"{OURS}, nothing compiled yet"


def work(engine: str, threads: int, network: str, batch_size: int) -> None:
    """Serve one engine: train one step on random images."""

    def prepare() -> dict[str, Callable[..., Any]]:
        x, y = data.load(network, batch_size, True, None)
        chosen = TRAINING[engine]
        step, _ = chosen.load().trainer(NETWORKS[network], x, y, batch_size, threads, **chosen.options)
        return {"step": step}

    serve(threads, prepare)


def measure(arguments: argparse.Namespace) -> dict[str, Record]:
    """Start the engines one after the other, as often as asked for; return the record."""
    versions = installed(TRAINING, arguments.engines)
    if OURS in versions:
        versions = {FIRST_DAY: versions[OURS], **versions}
    values: dict[str, list[float]] = {}
    for repeat in range(arguments.repeats):
        for name in versions:
            taken = time_first_step(name, arguments)
            if taken is not None:
                values.setdefault(name, []).append(round(taken, 3))
        print(f"round {repeat + 1} of {arguments.repeats} done", flush=True)
    network = NETWORKS[arguments.network]
    return {"first use": new_record(
        f"seconds from a process's start to the end of its first training step, {network.title}, float32", "s",
        f"python benchmarks/bench_first_use.py --network {arguments.network} --batch-size {arguments.batch_size} "
        f"--repeats {arguments.repeats} --threads {arguments.threads}",
        data.data_name(arguments.network, True), arguments.threads, batch_size=arguments.batch_size,
        engines={name: {"versions": versions[name], "values": values[name]} for name in values},
    )}


def time_first_step(name: str, arguments: argparse.Namespace) -> float | None:
    """Return the seconds of one process; None if the engine cannot run here."""
    engine, cache = (OURS, tempfile.TemporaryDirectory()) if name == FIRST_DAY else (name, None)
    before = dict(os.environ)
    if cache is not None:
        os.environ["NUMBA_CACHE_DIR"] = cache.name
    task = {"network": arguments.network, "batch_size": arguments.batch_size}
    try:
        start = time.perf_counter()
        with workers("bench_first_use.py", [engine], arguments.threads, **task) as running:
            for worker in running.values():  # none if it cannot run
                worker.ask("step")
                return time.perf_counter() - start
        return None
    finally:
        os.environ.clear()
        os.environ.update(before)
        if cache is not None:
            cache.cleanup()


def main() -> None:
    parser = command.parser("Time the first step of a new process.", repeats=7)
    parser.add_argument("--network", default="reference", choices=NETWORKS, help="which network (reference)")
    parser.add_argument("--batch-size", type=int, default=64, help="images of the step (64)")
    parser.add_argument("--engines", nargs="+", choices=TRAINING, help="only these")
    arguments = parser.parse_args()
    if arguments.worker:
        work(**arguments.worker)
    else:
        command.run(arguments, measure, first_use)


if __name__ == "__main__":
    main()
