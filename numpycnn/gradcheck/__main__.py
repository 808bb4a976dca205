"""The command ``python -m numpycnn.gradcheck``: a table over the whole package, and an exit status."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Sequence

from rich.console import Console
from rich.text import Text

from .. import kernels
from ..bug_zoo import BUGS
from ..terminal import Stdout, show_folded, wrap_arguments
from .check import check_package
from .slopes import EXACT_TOLERANCE, Row

WIDTH = 120  # where the output is no terminal
COLUMNS = ("Gradient of", "Error", "Worst at", "Analytic", "Numeric", "Kinks", "Result")
LEFT_OUT_FIRST = ("Numeric", "Analytic", "Kinks", "Worst at")  # where the terminal is too narrow

KINDS = {
    "difference": "every element, by central differences",
    "complex": "every element, by complex steps",
    "adjoint": "at full size, along random directions, by complex steps: <dy, J v> = <J^T dy, v>",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    description = "Check every gradient of the package, in float64; or show how the check finds a planted bug."
    parser = argparse.ArgumentParser(prog="python -m numpycnn.gradcheck", description=description)
    add_arguments(parser)
    return run(parser.parse_args(arguments), parser)


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print a table for each set of kernels and kind of check; return 0 if every row passed, else 1.

    With ``--break`` the other way round: 0 if the check rejects the bug and says why.
    """
    if kernels.jit_disabled() and options.kernels != "reference":
        parser.error(f"--kernels {options.kernels}: NUMBA_DISABLE_JIT is set, expected reference")
    if options.bug:
        return _break(options.bug)
    active = ("compiled", "reference") if options.kernels == "both" else (options.kernels,)
    kinds = tuple(KINDS) if options.kind == "all" else (options.kind,)
    summaries = [_run_one(kernel_set, kind) for kernel_set in active for kind in kinds]
    for summary, _ in summaries:
        _console().print(summary, highlight=False)
    return 1 if any(failed for _, failed in summaries) else 0


def _run_one(kernel_set: str, kind: str) -> tuple[str, int]:
    """Print one table; return a line about it, and the number of rows that failed."""
    start = time.perf_counter()
    with kernels.using(kernel_set):
        reports = list(check_package(kind))
    rows = [row for _, report in reports for row in report.rows]
    console = _console()
    console.print(f"Gradient check, {kernel_set} kernels, float64: {KINDS[kind]}\n", highlight=False)
    console.print(_table(reports, console.width), soft_wrap=True)
    wrong = [row for row in rows if not row.passed]
    for row in wrong:
        console.print(Text(str(row), style="red"))
    exact = [row.error for row in rows if kind == "difference" and row.tolerance == EXACT_TOLERANCE]
    of_those = f" (with a step of 1, where exact: {max(exact):.1e})" if exact else ""
    return (
        f"{kernel_set} kernels, {kind}: {len(rows)} arrays, {sum(row.elements for row in rows):,} "
        f"{'directions' if kind == 'adjoint' else 'elements'}, worst error {max(row.error for row in rows):.1e}"
        f"{of_those}, {sum(row.skipped for row in rows)} kinks skipped, {len(wrong)} failed, "
        f"{time.perf_counter() - start:.1f} s"
    ), len(wrong)


def _break(name: str) -> int:
    """List the bugs, or run the check on one or all of them; return 0 if each is rejected for the right reason."""
    console = _console()
    if name == "list":
        for bug in BUGS.values():
            show_folded(f"{bug.name:30} {bug.kind}: {bug.mistake}")
        return 0
    chosen = list(BUGS.values()) if name == "all" else [BUGS[name]]
    missed = 0
    for bug in chosen:
        console.print(Text(f"{bug.name} ({bug.kind}): {bug.mistake}", style="bold"), soft_wrap=not console.is_terminal)
        report = bug.check()
        for row in report.rows:
            if not row.passed:
                console.print(Text(f"  {row}", style="red"), soft_wrap=not console.is_terminal)
        missed += not bug.is_found_in(report)
    console.print(f"{len(chosen) - missed} of {len(chosen)} rejected, and the message says why", highlight=False)
    return 1 if missed else 0


def _console() -> Console:
    stdout: Any = Stdout()
    return Console(file=stdout, width=None if stdout.isatty() else WIDTH)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    active = "reference" if kernels.jit_disabled() else "compiled"
    parser.add_argument(
        "--kernels", choices=("compiled", "reference", "both"), default=active,
        help="which loops run: compiled, their plain NumPy twins, or one after the other (default: %(default)s)",
    )
    parser.add_argument(
        "--kind", choices=(*KINDS, "all"), default="difference",
        help="; ".join(f"{kind}: {text}" for kind, text in KINDS.items()) + " (default: %(default)s)",
    )
    parser.add_argument(
        "--break", dest="bug", metavar="NAME", choices=("list", "all", *BUGS),
        help="check a layer with this bug instead, to see it found (exit status 0 if it is); list: what there is; all",
    )


def _table(reports: Sequence, columns: int) -> Text:
    """Return the rows of all reports below a line for each subject; what does not fit into the columns is left out."""
    tables = [(subject, [_cells(row) for row in report.rows]) for subject, report in reports]
    cells = [row for _, rows in tables for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in cells)) for name in COLUMNS}
    for name in LEFT_OUT_FIRST:
        if sum(widths.values()) + len(widths) - 1 > columns:
            del widths[name]
    gap = "  " if sum(widths.values()) + 2 * len(widths) - 2 <= columns else " "
    lines = [_line({name: name for name in COLUMNS}, widths, gap), Text("─" * len(_line(cells[0], widths, gap)))]
    for subject, rows in tables:
        lines += [Text(line, style="bold") for line in wrap_arguments(subject, columns)]
        lines += [_line(row, widths, gap) for row in rows]
    return Text("\n").join([*lines, Text()])


def _cells(row: Row) -> dict[str, str]:
    index = "" if row.index is None else ",".join(map(str, row.index))
    texts = (
        f"  {row.name}", f"{row.error:.1e}", index, f"{row.analytic:.4g}", f"{row.numeric:.4g}",
        f"{row.skipped}/{row.elements}", "pass" if row.passed else "FAIL",
    )  # fmt: skip
    return dict(zip(COLUMNS, texts))


def _line(cells: dict[str, str], widths: dict[str, int], gap: str) -> Text:
    left = COLUMNS[0], COLUMNS[-1]
    parts = [cells[name].ljust(width) if name in left else cells[name].rjust(width) for name, width in widths.items()]
    line = Text(gap.join(parts).rstrip())
    line.highlight_words(["pass"], "green")
    line.highlight_words(["FAIL"], "bold red")
    return line


if __name__ == "__main__":
    sys.exit(main())
