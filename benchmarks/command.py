"""The options that all benchmarks share, and what they do with new records."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Callable

from records import REFERENCE, Record, compare, is_slower, read_records, write_records
from tables import Table, comparison, readme_with

README = Path(__file__).resolve().parent / "README.md"
TOLERANCE = 0.2


def parser(description: str, repeats: int) -> argparse.ArgumentParser:
    """Return a parser with the shared options."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    made.add_argument("--random", action="store_true", help="use random images: needs no MNIST")
    made.add_argument("--repeats", type=int, default=repeats, help=f"timed rounds ({repeats})")
    made.add_argument("--threads", type=int, default=cores, help="threads of every engine (all cores)")
    made.add_argument("--output", type=Path, help="write the records to this JSON file, too")
    made.add_argument("--record", action="store_true", help=f"keep the records in {REFERENCE.name}")
    made.add_argument("--check", action="store_true", help=f"compare with {REFERENCE.name}; exit with 1 if slower")
    made.add_argument("--tolerance", type=float, default=TOLERANCE,
                      help=f"how much slower, relative to the others, still passes --check ({TOLERANCE})")
    made.add_argument("--update-readme", action="store_true",
                      help=f"measure nothing: write the tables of {REFERENCE.name} into benchmarks/README.md")
    made.add_argument("--worker", type=json.loads, help=argparse.SUPPRESS)
    return made


def run(
    arguments: argparse.Namespace,
    measure: Callable[[argparse.Namespace], dict[str, Record]],
    table: Callable[[Record], Table],
) -> None:
    """Measure, show, and do with the records what the command line asks for; or update the README alone."""
    if arguments.update_readme:
        text = README.read_text(encoding="utf-8")
        README.write_text(readme_with(text, read_records(REFERENCE)), encoding="utf-8")
        return
    records = measure(arguments)
    for record in records.values():
        table(record).show()
    if arguments.output:
        write_records(arguments.output, records)
    slower = check(records, arguments.tolerance) if arguments.check else []
    if arguments.record:
        write_records(REFERENCE, records)
    if slower:
        sys.exit(f"slower than the reference: {'; '.join(slower)}")


def check(records: dict[str, Record], tolerance: float) -> list[str]:
    """Print how records compare with the reference's; return the names of what got slower.

    Raises
    ------
    SystemExit
        There is nothing to compare with.
    """
    reference, slower = read_records(REFERENCE), []
    for name, record in records.items():
        compared = list(compare(record, reference[name])) if name in reference else []
        if not compared:
            sys.exit(f"{name}: {REFERENCE.name} has no engine in common with this run; record it, or run more engines")
        comparison(name, compared, tolerance).show()
        slower += [f"{name}: {subject}" for subject, _, change in compared if is_slower(change, tolerance)]
    return slower
