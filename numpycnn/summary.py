"""The table that ``Sequential.summary`` prints."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .layers import Layer
    from .model import Sequential


def summary_text(model: Sequential) -> str:
    """Return the layers, their output shapes and numbers of parameters, and the totals, as Keras counts them."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Model: {type(model).__name__}", title_justify="left")
    table.add_column("Layer")
    table.add_column("Output shape")
    table.add_column("Parameters", justify="right")
    trained = other = 0
    for layer in model.layers:
        of_layer = sum(p.value.size for p in layer.parameters), _untrained(layer)
        trained, other = trained + of_layer[0], other + of_layer[1]
        table.add_row(repr(layer), f"({', '.join(map(str, ('N', *layer.output_shape)))})", f"{sum(of_layer):,}")
    text = io.StringIO()
    # Plain text for print_fn, whatever surrounds us: no colours, no notebook output, no markup in layers' names.
    Console(file=text, width=100, force_terminal=False, force_jupyter=False, markup=False).print(table)
    text.write(f"Total params: {trained + other:,} ({(trained + other) * model.dtype.itemsize / 1024:,.2f} KB)")
    if other:
        text.write(f"\nTrainable params: {trained:,}\nNon-trainable params: {other:,} (moving statistics)")
    return text.getvalue()


def _untrained(layer: Layer) -> int:
    """Size of the arrays that a layer keeps besides its parameters."""
    return sum(value.size for value in layer.get_state().values() if isinstance(value, np.ndarray))
