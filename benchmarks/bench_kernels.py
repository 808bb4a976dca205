"""Microseconds, rate and share of the machine's peak of every kernel, on the shapes of the reference CNN at batch 64.

    python benchmarks/bench_kernels.py [--kernels affine adam]

Each kernel is first held against its twin in ``numpycnn/kernels/reference.py``. The peak is measured in the same run:
the best matrix product of NumPy and numpycnn for kernels that calculate, the best copy for those that move memory.
"""

from __future__ import annotations

import argparse
import time
from typing import Callable

import numpy as np

import command
import images as data
import kernel_cases
import rates
from engines import use_cores
from kernel_cases import BYTES, FLOPS, Case
from numpycnn.kernels import KERNELS, ops, reference
from records import Record, new_record
from tables import kernels as table

TURN = 0.02  # seconds of one kernel's turn
RELATIVE_ERROR = 1e-4  # of the largest number in an array of floats: single precision, summed in another order
DIFFERING_INTEGERS = 1e-4  # as a fraction: which of two nearly equal pixels is the largest may depend on rounding


def verify(case: Case) -> None:
    """Hold a kernel against its twin.

    Raises
    ------
    RuntimeError
        An array that it writes differs.
    """
    case = case.without_ties()
    found, expected = case.run(getattr(ops, case.kernel)), case.run(getattr(reference, case.kernel))
    given = [a for a in case.arguments if isinstance(a, np.ndarray)]
    for position, (before, ours, twins) in enumerate(zip(given, found, expected)):
        written = ~(same(before, ours) & same(before, twins))  # elsewhere may be anything: work space is not cleared
        if not agree(ours[written], twins[written]):
            raise RuntimeError(f"{case.name}: array {position} of its arguments differs from the twin's")


def agree(ours: np.ndarray, twins: np.ndarray) -> bool:
    """Whether two results differ by rounding alone."""
    if ours.dtype.kind == "f":
        scale = np.abs(twins).max(initial=0, where=np.isfinite(twins))
        return np.allclose(ours, twins, rtol=0, atol=RELATIVE_ERROR * scale, equal_nan=True)
    return np.count_nonzero(ours != twins) <= DIFFERING_INTEGERS * ours.size


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where two arrays are equal; NaN is equal to NaN."""
    return (a == b) | ((a != a) & (b != b))


def turn(call: Callable[[], object], calls: int) -> float:
    """Return the mean microseconds of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls * 1e6


def time_in_turns(
    calls: dict[str, Callable[[], object]], threads: int, repeats: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the microseconds of every call, round by round, and the peaks by unit."""
    values: dict[str, list[float]] = {name: [] for name in calls}
    counts = {name: max(1, int(TURN * 1e6 / turn(call, 3))) for name, call in calls.items()}
    peaks = {FLOPS: 0.0, BYTES: 0.0}
    for repeat in range(repeats):
        for name, call in calls.items():
            values[name].append(round(turn(call, counts[name]), 3))
        products = [rates.matmul_rate(library) for library in ("NumPy", "numpycnn")]
        peaks[FLOPS] = round(max(peaks[FLOPS], *products), 1)
        peaks[BYTES] = round(max(peaks[BYTES], rates.copy_rate(threads)), 1)
        print(f"round {repeat + 1} of {repeats} done", flush=True)
    return values, peaks


def measure(arguments: argparse.Namespace) -> dict[str, Record]:
    """Verify the kernels, time them in turns, and return the record."""
    use_cores(arguments.threads)
    images, labels = data.load("reference", kernel_cases.TRAINED, arguments.random, arguments.data_dir)
    cases = kernel_cases.recorded_cases(images, labels, arguments.threads)
    cases = [case for case in cases if case.kernel in (arguments.kernels or KERNELS)]
    kernels = {case.name: dict(zip(("unit", "work"), case.work())) for case in cases}
    for case in cases:
        verify(case)
    print(f"{len(cases)} cases of {len({case.kernel for case in cases})} kernels agree with their twins")

    def caller(case: Case) -> Callable[[], object]:
        kernel, own = getattr(ops, case.kernel), kernel_cases.copies(case.arguments)
        return lambda: kernel(*own)

    values, peaks = time_in_turns({case.name: caller(case) for case in cases}, arguments.threads, arguments.repeats)
    for name, entry in kernels.items():
        entry["values"] = values[name]
    return {"kernels": new_record(
        "kernels on the shapes of the reference CNN at batch 64, float32", "µs",
        f"python benchmarks/bench_kernels.py --repeats {arguments.repeats} --threads {arguments.threads}"
        + " --random" * arguments.random,
        data.data_name("reference", arguments.random), arguments.threads, peak=peaks, kernels=kernels,
    )}


def main() -> None:
    parser = command.parser("Verify and time every kernel.", repeats=15)
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, help="only these")
    command.run(parser.parse_args(), measure, table)


if __name__ == "__main__":
    main()
