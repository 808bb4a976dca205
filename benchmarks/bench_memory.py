"""Peak resident memory of training the reference CNN for one epoch, here and in the frameworks that are installed.

    python benchmarks/bench_memory.py

Each measurement is a process of its own that loads the images in the same way, trains, and asks the system for the most
memory it ever had; "the images alone" does not train.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable

import command
import images as data
from engines import TRAINING, installed
from networks import NETWORKS
from records import Record, new_record
from tables import memory
from turns import serve, workers

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

NETWORK = "reference"
IMAGES_ALONE = "the images alone"


def work(engine: str, threads: int, images: int, batch_size: int, random: bool, data_dir: str | None) -> None:
    """Serve one engine: train once, then tell the peak."""

    def prepare() -> dict[str, Callable[..., Any]]:
        x, y = data.load(NETWORK, images, random, data_dir)
        if engine == IMAGES_ALONE:
            return {"train": lambda: None, "peak": peak}
        chosen = TRAINING[engine]
        epoch, _ = chosen.load().trainer(NETWORKS[NETWORK], x, y, batch_size, threads, **chosen.options)
        return {"train": epoch, "peak": peak}

    serve(threads, prepare)


def peak() -> float:
    """Return the most memory that this process ever had resident, in MiB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(size / (2**20 if sys.platform == "darwin" else 2**10), 1)  # macOS counts in bytes, Linux in KiB


def measure(arguments: argparse.Namespace) -> dict[str, Record]:
    """Train each engine in a fresh process, one after the other, as often as asked for; return the record."""
    versions = {IMAGES_ALONE: {}, **installed(TRAINING, arguments.engines)}
    task = {"images": arguments.images, "batch_size": arguments.batch_size, "random": arguments.random,
            "data_dir": arguments.data_dir}
    values: dict[str, list[float]] = {}
    for repeat in range(arguments.repeats):
        for name in versions:
            with workers("bench_memory.py", [name], arguments.threads, **task) as running:
                for worker in running.values():  # none if it cannot run
                    worker.ask("train")
                    values.setdefault(name, []).append(worker.ask("peak"))
        print(f"round {repeat + 1} of {arguments.repeats} done", flush=True)
    return {"memory": new_record(
        f"peak resident memory of training, {NETWORKS[NETWORK].title}, float32", "MiB",
        f"python benchmarks/bench_memory.py --images {arguments.images} --repeats {arguments.repeats} "
        f"--batch-size {arguments.batch_size} --threads {arguments.threads}" + " --random" * arguments.random,
        data.data_name(NETWORK, arguments.random), arguments.threads,
        setting=f"one epoch of {arguments.images:,} images, batch {arguments.batch_size}",
        engines={name: {"versions": versions[name], "values": values[name]} for name in values},
    )}


def main() -> None:
    parser = command.parser("Measure the memory of training.", repeats=3)
    parser.add_argument("--images", type=int, default=12_800, help="images of the epoch (12,800)")
    parser.add_argument("--batch-size", type=int, default=64, help="images a step (64)")
    parser.add_argument("--engines", nargs="+", choices=TRAINING, help="only these")
    arguments = parser.parse_args()
    if resource is None and not arguments.update_readme:
        sys.exit("bench_memory: this system does not tell how much memory a process had (Windows: no module resource)")
    if arguments.worker:
        work(**arguments.worker)
    else:
        command.run(arguments, measure, memory)


if __name__ == "__main__":
    main()
