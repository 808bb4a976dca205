"""The table that ``summary`` prints, with Keras's short names."""

from __future__ import annotations

from typing import Any, Callable

from ...terminal import show
from .base import Chain


class Table(Chain):
    """The part of a model that prints itself."""

    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Callable | None = None,
                expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None) -> None:
        """Print each layer's name, output shape and number of parameters."""
        if self._shape is None:
            raise ValueError(f"{self.name} is not built yet: give its first layer input_shape, or call build or fit")
        self._symbols()
        rows = [(f"{layer.name} ({type(layer).__name__})", str(_shape(layer)), f"{layer.count_params():,}")
                for layer in self._layers]  # fmt: skip
        heads = ("Layer (type)", "Output Shape", "Param #")
        if show_trainable:
            heads = (*heads, "Trainable")  # type: ignore[assignment]
            rows = [(*row, "Y" if layer.trainable else "N") for row, layer in zip(rows, self._layers)]  # type: ignore
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        rule = "=" * (sum(widths) + 2 * len(widths))
        lines = [f'Model: "{self.name}"', rule]
        lines += ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in [heads, *rows]]
        lines[3:3] = [rule]
        (print_fn or show)("\n".join([*lines, rule, *self._totals()]))

    def _totals(self) -> list[str]:
        trained = sum(variable.numpy().size for variable in self.trainable_weights)
        whole = self.count_params()
        counts = {"Total": whole, "Trainable": trained, "Non-trainable": whole - trained}
        return [f"{kind} params: {count:,} ({count * 4 / 1024:,.2f} KB)" for kind, count in counts.items()]


def _shape(layer: Any) -> tuple:
    if type(layer).__name__ == "InputLayer":
        return (None, *layer.given_shape)
    return layer.output_shape
