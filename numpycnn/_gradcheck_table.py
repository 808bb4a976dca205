"""The command ``python -m numpycnn.gradcheck``: a table over the whole package, and an exit status."""

from __future__ import annotations

import argparse
import time
from typing import Callable, Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import kernels
from ._gradcheck_numeric import Row

WIDTH = 120  # where the output is no terminal


def run(check: Callable[[], Iterable], arguments: Sequence[str] | None) -> int:
    """Print a table for each set of kernels; return 0 if every row passed, else 1."""
    failed = 0
    for kernel_set in _kernel_sets(arguments):
        start = time.perf_counter()
        with kernels.using(kernel_set):
            reports = list(check())
        rows = [row for _, report in reports for row in report.rows]
        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDTH)
        console.print(_table(reports, f"Gradient check, {kernel_set} kernels, float64"))
        wrong = [row for row in rows if not row.passed]
        for row in wrong:
            console.print(Text(str(row), style="red"))
        console.print(
            f"{kernel_set} kernels: {len(rows)} arrays, {sum(row.elements for row in rows):,} elements, "
            f"worst error {max(row.error for row in rows):.1e}, {sum(row.skipped for row in rows)} kinks skipped, "
            f"{len(wrong)} failed, {time.perf_counter() - start:.1f} s",
            highlight=False,
        )
        failed += len(wrong)
    return 1 if failed else 0


def _kernel_sets(arguments: Sequence[str] | None) -> tuple[str, ...]:
    parser = argparse.ArgumentParser(
        prog="python -m numpycnn.gradcheck",
        description="Check every gradient of the package against finite differences, in float64.",
    )
    active = "reference" if kernels.jit_disabled() else "compiled"
    parser.add_argument(
        "--kernels", choices=("compiled", "reference", "both"), default=active,
        help="which loops run: compiled, their plain NumPy twins, or one after the other (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments).kernels
    if kernels.jit_disabled() and chosen != "reference":
        parser.error(f"--kernels {chosen}: NUMBA_DISABLE_JIT is set, expected reference")
    return ("compiled", "reference") if chosen == "both" else (chosen,)


def _table(reports: Sequence, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Gradient of", overflow="fold")
    for name in ("Error", "Worst at", "Analytic", "Numeric", "Kinks"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Result", no_wrap=True)
    for subject, report in reports:
        table.add_row(Text(subject, style="bold"))
        for row in report.rows:
            table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[str | Text]:
    index = "" if row.index is None else ", ".join(map(str, row.index))
    result = Text("pass", style="green") if row.passed else Text("FAIL", style="bold red")
    return [
        Text("  " + row.name), f"{row.error:.1e}", index, f"{row.analytic:.6g}", f"{row.numeric:.6g}",
        f"{row.skipped} of {row.elements}", result,
    ]
