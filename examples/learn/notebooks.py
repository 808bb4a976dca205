"""Make the notebooks: each chapter as an executed .ipynb file beside it.

    python examples/learn/notebooks.py          # all of them, anew
    python examples/learn/notebooks.py FOLDER   # into another folder

The chapters are the source: text after ``# %% [markdown]``, code after ``# %%``. A notebook is a JSON file (nbformat
4.5), so nothing but Python is needed to write one; Jupyter or any editor that knows notebooks opens it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import course

HERE = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cells_of(text: str) -> list[tuple[str, str]]:
    """Return the cells of a percent-format program: ("markdown" or "code", source)."""
    cells = []
    for part in re.split(r"^# %%", text, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        kind = "markdown" if "[markdown]" in title else "code"
        lines = body.strip("\n").split("\n")
        source = "\n".join(line[2:] for line in lines) if kind == "markdown" else "\n".join(lines)
        cells.append((kind, source))
    return cells


def notebook_of(chapter: Path) -> dict[str, Any]:
    """Run a chapter cell by cell in one namespace, and return it as a notebook with what was printed."""
    course.EQUALITIES.clear()
    cells: list[dict[str, Any]] = []
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for kind, source in cells_of(chapter.read_text(encoding="utf-8")):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}, "source": _lines(source)}
        if kind == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(source, str(chapter), "exec"), namespace)
            output = {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
            number = sum(other["cell_type"] == "code" for other in cells) + 1
            cell.update(execution_count=number, outputs=[output] if output["text"] else [])
        cells.append(cell)
    return {"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make an executed notebook of each chapter.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in sorted(HERE.glob("[0-9][0-9]_*.py")):
        content = json.dumps(notebook_of(chapter), indent=1, ensure_ascii=False) + "\n"
        (folder / f"{chapter.stem}.ipynb").write_text(content, encoding="utf-8")
        print(f"{chapter.stem}.ipynb", file=sys.stderr)


if __name__ == "__main__":
    main()
