"""Seconds that one epoch of the reference CNN takes, here and in the frameworks that are installed.

    python benchmarks/bench_training.py

Each engine lives in a process of its own, is warmed up (and compiled) untimed, and then they take turns: A B C A B C.
The table shows medians, spreads and ratios beside the reference timings kept in ``benchmarks/reference.json``;
``--record`` replaces that file, ``--update-readme`` writes its table into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np

from engines import ENGINES, versions
from machine import fingerprint

HERE = Path(__file__).resolve().parent
REFERENCE = HERE / "reference.json"
README = HERE.parent / "README.md"
EPOCH_IMAGES = 60_000
BEGIN, END = "<!-- training table: begin -->", "<!-- training table: end -->"


def load_images(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, 28, 28, 1) in [0, 1] and labels (count,): MNIST, or random ones if asked for."""
    count = arguments.images
    from numpycnn import load_mnist

    if arguments.random:
        rng = np.random.default_rng(0)
        images, labels = rng.integers(0, 256, (count, 28, 28)), rng.integers(0, 10, count)
    else:
        (images, labels), _ = load_mnist(arguments.data_dir)
    return images[:count, ..., None].astype(np.float32) / 255, labels[:count].astype(np.int64)


def work(arguments: argparse.Namespace) -> None:
    """Serve one engine: each line read trains once over the images and prints the seconds."""
    images, labels = load_images(arguments)
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)  # whatever a framework prints goes elsewhere
        run = ENGINES[arguments.worker][0](images, labels, arguments.batch_size, arguments.threads)
        for _ in sys.stdin:
            print(run(), file=answers)


def start_worker(engine: str, arguments: argparse.Namespace) -> subprocess.Popen:
    command = [sys.executable, __file__, "--worker", engine, "--images", str(arguments.images)]
    command += ["--batch-size", str(arguments.batch_size), "--threads", str(arguments.threads)]
    command += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
    command += ["--random"] if arguments.random else []
    threads = {name: str(arguments.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        env={**os.environ, **threads},
    )


def ask(worker: subprocess.Popen, engine: str) -> float:
    worker.stdin.write("run\n")
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(f"{engine}: the worker died; run it alone with --worker {engine!r} to see why")
    return float(answer)


def measure(arguments: argparse.Namespace) -> dict:
    """Time the engines in turns; return the record."""
    installed = {}
    for engine in arguments.engines or ENGINES:
        try:
            installed[engine] = versions(engine)
        except PackageNotFoundError as error:
            print(f"{engine}: left out, {error.name} is not installed")
    workers = {engine: start_worker(engine, arguments) for engine in installed}
    seconds: dict[str, list[float]] = {engine: [] for engine in workers}
    try:
        for repeat in range(-arguments.warmup, arguments.repeats):
            for engine, worker in workers.items():
                taken = ask(worker, engine) * EPOCH_IMAGES / arguments.images
                if repeat >= 0:
                    seconds[engine].append(round(taken, 3))
            print(f"round {repeat + 1 + arguments.warmup} of {arguments.warmup + arguments.repeats} done", flush=True)
    finally:
        for worker in workers.values():
            worker.kill()
    return {
        "what": "seconds an epoch (60,000 images) of training, reference CNN, float32",
        "command": f"python benchmarks/bench_training.py --images {arguments.images} --repeats {arguments.repeats} "
                   f"--batch-size {arguments.batch_size} --threads {arguments.threads}",
        "data": "random images" if arguments.random else "MNIST",
        "batch_size": arguments.batch_size,
        "threads": arguments.threads,
        "images_a_repeat": arguments.images,
        "machine": fingerprint(),
        "engines": {engine: {"versions": installed[engine], "seconds": seconds[engine]} for engine in workers},
    }


def table(record: dict) -> str:
    """Return the record as a Markdown table, fastest first."""
    medians = {engine: statistics.median(entry["seconds"]) for engine, entry in record["engines"].items()}
    ours = medians.get("numpycnn")
    lines = ["| engine | seconds an epoch, median | min to max | times numpycnn's |", "|---|---|---|---|"]
    for engine in sorted(medians, key=medians.get):
        entry = record["engines"][engine]
        names = ", ".join(f"{name} {version}" for name, version in entry["versions"].items())
        ratio = f"{medians[engine] / ours:.2f}" if ours else ""
        spread = f"{min(entry['seconds']):.2f} to {max(entry['seconds']):.2f}"
        lines.append(f"| {engine} ({names}) | {medians[engine]:.2f} | {spread} | {ratio} |")
    machine = record["machine"]
    repeats = max(len(entry["seconds"]) for entry in record["engines"].values())
    lines += [
        "",
        f"{machine['processor']}, {record['threads']} threads, batch {record['batch_size']}, {record['data']}, "
        f"Python {machine['python']}; {repeats} interleaved repeats of {record['images_a_repeat']:,} images, scaled to "
        f"60,000: `{record['command']}`",
    ]
    return "\n".join(lines)


def readme_with(text: str, new_table: str) -> str:
    """Return the README's text with the table between its two markers replaced."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{new_table}\n{END}{after}"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time an epoch of the reference CNN.")
    parser.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    parser.add_argument("--random", action="store_true", help="time on random images: needs no MNIST")
    parser.add_argument("--images", type=int, default=12_800, help="images a repeat, scaled to 60,000 (12,800)")
    parser.add_argument("--repeats", type=int, default=7, help="timed rounds (7)")
    parser.add_argument("--warmup", type=int, default=1, help="untimed rounds before (1)")
    parser.add_argument("--batch-size", type=int, default=64, help="images a step (64)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every engine (all cores)")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="only these")
    parser.add_argument("--output", type=Path, help="write the record to this JSON file")
    parser.add_argument("--record", action="store_true", help=f"write the record to {REFERENCE.name}")
    parser.add_argument("--update-readme", action="store_true", help="only write the reference's table into the README")
    parser.add_argument("--worker", choices=ENGINES, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.worker:
        work(arguments)
        return
    if not arguments.update_readme:
        record = measure(arguments)
        print(f"\n{table(record)}\n")
        for path in [arguments.output] * bool(arguments.output) + [REFERENCE] * arguments.record:
            path.write_text(json.dumps(record, indent=1) + "\n")
    reference = json.loads(REFERENCE.read_text())
    print(f"Reference timings, kept in {REFERENCE.name}:\n\n{table(reference)}")
    if arguments.update_readme:
        README.write_text(readme_with(README.read_text(), table(reference)))


if __name__ == "__main__":
    main()
