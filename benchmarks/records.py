"""What a benchmark measured, and how two measurements compare.

A record says what it is about, with which command and on which machine, and has the values of every engine, lower being
better. Values of two machines do not compare, ratios do. The file ``reference.json`` keeps one record a name.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, Iterator

from engines import OURS
from machine import fingerprint

REFERENCE = Path(__file__).resolve().parent / "reference.json"

Record = dict[str, Any]


def new_record(what: str, unit: str, command: str, data: str, threads: int, **more: Any) -> Record:
    """Return a record without values.

    Parameters
    ----------
    what, unit : str
        What was measured, and in what.
    command : str
        That measures it again.
    data : str
        Name of the images.
    threads : int
        Of every engine.
    **more
        Anything else worth knowing, by name.
    """
    return {"what": what, "unit": unit, "command": command, "data": data, "threads": threads, **more,
            "machine": fingerprint()}


def read_records(path: Path) -> dict[str, Record]:
    """Return the records of a JSON file by name; none if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_records(path: Path, records: dict[str, Record]) -> None:
    """Write records to a JSON file, replacing those of the same names that it has."""
    merged = {**read_records(path), **records}
    path.write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n", encoding="utf-8")


def medians(record: Record) -> dict[str, float]:
    """Return the median of each engine's values."""
    return {engine: statistics.median(entry["values"]) for engine, entry in record["engines"].items()}


def is_ours(engine: str) -> bool:
    """Whether the engine is numpycnn, fused or not."""
    return engine.startswith(OURS)


def fastest_other(record: Record) -> tuple[str, float] | None:
    """Return the name and the median of the best engine that is not ours, if there is one."""
    others = {engine: value for engine, value in medians(record).items() if not is_ours(engine)}
    return min(others.items(), key=lambda item: item[1]) if others else None


def dense_floor(record: Record, library: str | None = None) -> float:
    """Return the seconds that the work, counted densely, takes at the best matrix-product rate (of one library)."""
    rates = record["matmul_gflops"]
    return record["dense_gflop"] / (rates[library] if library else max(rates.values()))


def rate(record: Record, kernel: str) -> float:
    """Return a kernel's median rate, in GFLOP/s or GB/s as its unit says."""
    entry = record["kernels"][kernel]
    return entry["work"] / 1e3 / statistics.median(entry["values"])  # work in (fl)op or bytes, values in microseconds


def share_of_peak(record: Record, kernel: str) -> float:
    """Return a kernel's rate divided by the best that this machine showed in the same run."""
    return rate(record, kernel) / record["peak"][record["kernels"][kernel]["unit"]]


def ratios(record: Record) -> dict[str, dict[str, float]]:
    """Return how many times better each thing of ours is than each yardstick: {ours: {yardstick: times}}.

    A yardstick is another engine, the dense floor at another library's rate, or for a kernel this machine's peak.
    """
    if "kernels" in record:
        return {kernel: {"peak": share_of_peak(record, kernel)} for kernel in record["kernels"]}
    found = medians(record)
    if OURS not in found:
        return {}
    others = {engine: value / found[OURS] for engine, value in found.items() if not is_ours(engine)}
    for library in sorted(set(record.get("matmul_gflops", ())) - {OURS}):
        others[f"dense floor, {library}"] = dense_floor(record, library) / found[OURS]
    return {OURS: others}


def compare(new: Record, old: Record) -> Iterator[tuple[str, dict[str, tuple[float, float]], float]]:
    """Yield for everything of ours in both records its name, {yardstick: (old ratio, new ratio)} and the change.

    The change is the median over the yardsticks of new / old, so that one engine's bad day does not decide.
    """
    before = ratios(old)
    for subject, now in ratios(new).items():
        known = before.get(subject, {})
        both = {name: (known[name], ratio) for name, ratio in now.items() if name in known}
        if both:
            yield subject, both, statistics.median(after / earlier for earlier, after in both.values())


def is_slower(change: float, tolerance: float) -> bool:
    """Whether our time, relative to the others', grew by more than the tolerance (0.2: a fifth)."""
    return change < 1 / (1 + tolerance)
