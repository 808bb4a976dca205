"""Seconds that one epoch takes, here and in the frameworks that are installed.

    python benchmarks/bench_training.py [--network all] [--batch-size 1 64]

Each engine lives in a process of its own, starts from the same weights, is warmed up (and compiled) untimed, and then
they take turns: A B C A B C. The table shows medians, spreads, ratios, and the dense floor: the time that the same
arithmetic takes at the rate of the best matrix product of the same run. ``--busy`` times them beside a second program
that keeps one core busy, ``--isa avx2`` with the instructions that most laptops have. ``--record`` keeps the result in
``benchmarks/reference.json``, ``--check`` compares with it, ``--update-readme`` writes its tables into
``benchmarks/README.md``.
"""

from __future__ import annotations

import argparse
from typing import Any, Callable

import command
import images as data
import rates
from engines import TRAINING, installed
from networks import NETWORKS
from records import Record, dense_floor, new_record
from tables import training, training_name
from turns import Worker, busy_program, serve, workers

EPOCH_IMAGES = 60_000
LOSS_TOLERANCE = 1e-3  # between the engines, of the first batch before training
# What holds each engine, and the libraries below it, to some instructions.
INSTRUCTIONS = {
    "avx2": {
        "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX X86_V4",
        "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
}


def work(engine: str, threads: int, network: str, images: int, batch_size: int, random: bool,
         data_dir: str | None) -> None:
    """Serve one engine: train once over the images, tell the loss, or multiply matrices."""

    def prepare() -> dict[str, Callable[..., Any]]:
        chosen = TRAINING[engine]
        x, y = data.load(network, images, random, data_dir)
        epoch, loss = chosen.load().trainer(NETWORKS[network], x, y, batch_size, threads, **chosen.options)
        return {"epoch": epoch, "loss": loss, "matmul": rates.matmul_rate}

    serve(threads, prepare)


def measure(arguments: argparse.Namespace) -> dict[str, Record]:
    """Time all networks and batch sizes that the command line asks for."""
    names = list(NETWORKS) if "all" in arguments.network else arguments.network
    return {
        training_name(name, batch_size, arguments.busy, arguments.isa): measure_one(name, batch_size, arguments)
        for name in names for batch_size in arguments.batch_size
    }


def measure_one(name: str, batch_size: int, arguments: argparse.Namespace) -> Record:
    """Time the engines in turns on one network; return the record."""
    network = NETWORKS[name]
    images = arguments.images or default_images(network.images, batch_size)
    task = {"network": name, "images": images, "batch_size": batch_size, "random": arguments.random,
            "data_dir": arguments.data_dir}
    versions = installed(TRAINING, arguments.engines)
    print(f"{network.title}, batch {batch_size}, {images:,} images a turn")
    with workers(
        "bench_training.py", versions, arguments.threads, INSTRUCTIONS.get(arguments.isa), **task
    ) as running:
        losses = {engine: [worker.ask("loss")] for engine, worker in running.items()}
        check_losses(losses)
        with busy_program(arguments.busy):
            values, best_rates = take_turns(running, arguments, EPOCH_IMAGES / images)
        for engine, worker in running.items():
            losses[engine].append(worker.ask("loss"))
    record = new_record(
        f"seconds an epoch (60,000 images) of training, {network.title}, float32"
        + ", beside a program that keeps one core busy" * arguments.busy
        + (f", every engine held to {arguments.isa}" if arguments.isa else ""), "s",
        f"python benchmarks/bench_training.py --network {name} --batch-size {batch_size} --images {images} "
        f"--repeats {arguments.repeats} --threads {arguments.threads}" + " --random" * arguments.random
        + " --busy" * arguments.busy + (f" --isa {arguments.isa}" if arguments.isa else ""),
        data.data_name(name, arguments.random), arguments.threads,
        batch_size=batch_size, images_a_repeat=images,
        engines={
            engine: {"versions": versions[engine], "values": values[engine], "losses": losses[engine]}
            for engine in running
        },
    )
    if best_rates:
        record.update(dense_gflop=network.training_flops() * EPOCH_IMAGES / 1e9, matmul_gflops=best_rates)
        record["dense_floor_seconds"] = round(dense_floor(record), 3)
    return record


def default_images(images: int, batch_size: int) -> int:
    """Return as many steps for small batches as for 64, and whole batches for large ones."""
    return max(images * min(batch_size, 64) // 64 // batch_size, 1) * batch_size


def check_losses(losses: dict[str, list[float]]) -> None:
    """Raise if the engines, which start from the same weights, differ in the loss of the first batch.

    Raises
    ------
    RuntimeError
        They do not compute the same network.
    """
    first = {engine: values[0] for engine, values in losses.items()}
    if max(first.values()) - min(first.values()) > LOSS_TOLERANCE:
        raise RuntimeError(f"expected the same loss of the first batch from every engine, got {first}")


def take_turns(
    running: dict[str, Worker], arguments: argparse.Namespace, scale: float
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return each engine's seconds, times `scale`, and each library's best rate of matrix products in GFLOP/s."""
    values: dict[str, list[float]] = {engine: [] for engine in running}
    best_rates: dict[str, float] = {}
    for repeat in range(-arguments.warmup, arguments.repeats):
        for engine, worker in running.items():
            taken = worker.ask("epoch") * scale
            if repeat >= 0:
                values[engine].append(round(taken, 4))
            for library in () if arguments.busy else TRAINING[engine].libraries:
                best_rates[library] = round(max(worker.ask("matmul", library), best_rates.get(library, 0)), 1)
        print(f"round {repeat + 1 + arguments.warmup} of {arguments.warmup + arguments.repeats} done", flush=True)
    return values, best_rates


def main() -> None:
    parser = command.parser("Time an epoch of training.", repeats=7)
    parser.add_argument("--network", nargs="+", default=["reference"], choices=[*NETWORKS, "all"],
                        help="which networks (reference)")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[64], help="images a step (64)")
    parser.add_argument("--images", type=int, help="images a turn, scaled to 60,000 (default: some seconds' work)")
    parser.add_argument("--warmup", type=int, default=1, help="untimed rounds before (1)")
    parser.add_argument("--busy", action="store_true", help="beside a program that keeps one core busy")
    parser.add_argument("--isa", choices=INSTRUCTIONS, help="hold every engine to these instructions")
    parser.add_argument("--engines", nargs="+", choices=TRAINING, help="only these")
    arguments = parser.parse_args()
    if arguments.worker:
        work(**arguments.worker)
    else:
        command.run(arguments, measure, training)


if __name__ == "__main__":
    main()
