"""The table that ``Sequential.summary`` prints."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from .terminal import width, wrap_arguments

if TYPE_CHECKING:
    from .layers import Layer
    from .model import Sequential

LAYER, SHAPE, PARAMETERS = "Layer", "Output shape", "Parameters"


def summary_text(model: Sequential, columns: int | None = None) -> str:
    """Return the layers, their output shapes and numbers of parameters, and the totals, as Keras counts them.

    The table fits into `columns` (default: those of the terminal): where there is too little room for the layers'
    arguments it leaves these out, and then the shapes.
    """
    rows, trained, frozen, moving = [], 0, 0, 0
    for layer in model.layers:
        of_layer = sum(p.value.size for p in layer.parameters), _untrained(layer)
        trained, frozen = trained + layer.trainable * of_layer[0], frozen + (not layer.trainable) * of_layer[0]
        moving += of_layer[1]
        shape = f"({', '.join(map(str, ('N', *layer.output_shape)))})"
        rows.append({LAYER: repr(layer), SHAPE: shape, PARAMETERS: f"{sum(of_layer):,}"})
    columns = width() if columns is None else columns
    table = _draw(f"Model: {type(model).__name__}", _fitted(model, rows, columns))
    other = frozen + moving
    totals = [f"Total params: {trained + other:,} ({(trained + other) * model.dtype.itemsize / 1024:,.2f} KB)"]
    if other:
        kinds = ", ".join(name for name, n in (("frozen layers", frozen), ("moving statistics", moving)) if n)
        totals += [f"Trainable params: {trained:,}", f"Non-trainable params: {other:,} ({kinds})"]
    return table + "\n".join(textwrap.fill(line, max(columns, 3), break_long_words=False) for line in totals)


def _fitted(model: Sequential, rows: list[dict[str, str]], columns: int) -> list[dict[str, str]]:
    """Return the rows with what there is room for, the layers wrapped."""
    others = sum(max(len(row[name]) for row in (*rows, {name: name})) for name in (SHAPE, PARAMETERS))
    room = columns - others - len("|  |  |  |")
    wrapped = [wrap_arguments(row[LAYER], room) for row in rows]
    if all(len(line) <= room for layer in wrapped for line in layer):
        return [{**row, LAYER: "\n".join(layer)} for row, layer in zip(rows, wrapped)]
    names = [type(layer).__name__ for layer in model.layers]
    shown = (LAYER, SHAPE, PARAMETERS) if max(map(len, names)) <= room else (LAYER, PARAMETERS)
    return [{name: {**row, LAYER: layer}[name] for name in shown} for row, layer in zip(rows, names)]


def _draw(title: str, rows: list[dict[str, str]]) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="right" if name == PARAMETERS else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    text = io.StringIO()
    # Plain text for print_fn, whatever surrounds us: no colours, no notebook output, no markup in layers' names.
    Console(file=text, width=1000, force_terminal=False, force_jupyter=False, markup=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _untrained(layer: Layer) -> int:
    """Size of the arrays that a layer keeps besides its parameters."""
    return sum(value.size for value in layer.get_state().values() if isinstance(value, np.ndarray))
