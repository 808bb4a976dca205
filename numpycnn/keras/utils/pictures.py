"""A picture of a model's chain of layers, by matplotlib."""

from __future__ import annotations

import os
from typing import Any

from ..notes import no_effect


def plot_model(model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False,
               show_layer_names: bool = False, rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200,
               show_layer_activations: bool = False, **others: Any) -> Any:  # fmt: skip
    """Draw each layer as a box, from top to bottom; return the figure, and write it if a file is named."""
    no_effect("plot_model", rankdir=None if rankdir == "TB" else rankdir)
    from matplotlib.figure import Figure

    if not model.built:
        raise ValueError(f"plot_model: {model.name} is not built yet: call build or fit first")
    model._symbols()
    texts = [_text(layer, show_shapes, show_layer_activations) for layer in model.layers]
    figure = Figure(figsize=(4.5, 0.7 * len(texts) + 0.3))
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(-len(texts) + 0.4, 0.6))
    for i, text in enumerate(texts):
        axes.text(0.5, -i, text, ha="center", va="center", fontsize=8, bbox={"boxstyle": "round", "facecolor": "white"})
        if i:
            axes.annotate("", (0.5, -i + 0.25), (0.5, -i + 0.75), arrowprops={"arrowstyle": "->"})
    if to_file is not None:
        figure.savefig(os.fspath(to_file), dpi=min(dpi, 200))
    return figure


def _text(layer: Any, shapes: bool, activations: bool) -> str:
    text = f"{layer.name} ({type(layer).__name__})"
    if activations and getattr(layer, "activation", None) is not None:
        text += f", {getattr(layer.activation, 'keras_name', layer.activation)}"
    if shapes and type(layer).__name__ != "InputLayer":
        text += f"\n{layer.input_shape} -> {layer.output_shape}"
    return text


class _Dot:
    """Stands in for a graph of pydot."""

    def __init__(self, model: Any, **options: Any) -> None:
        self.model, self.options = model, options

    def create(self, *_: Any, **__: Any) -> bytes:
        """Return the picture as SVG."""
        import io

        file = io.BytesIO()
        plot_model(self.model, None, **self.options).savefig(file, format="svg")
        return file.getvalue()


def model_to_dot(model: Any, **options: Any) -> Any:
    """Return an object whose ``create(prog, format)`` gives the picture as SVG."""
    known = ("show_shapes", "show_layer_names", "show_dtype")
    return _Dot(model, **{word: value for word, value in options.items() if word in known})
