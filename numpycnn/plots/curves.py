"""Accuracy and loss by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import check_history
from .style import BLUE, RED, in_our_style, new_figure

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.figure import Figure


MOST_EPOCHS_WITH_MARKERS = 40


@in_our_style
def plot_curves(history: Any) -> Figure:
    """Draw accuracy and loss, training and validation, by epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float, or an object with one in `.history`
        One number an epoch (epochs count from 1) under "loss" and, where they were measured,
        "accuracy" (a fraction), "val_loss" and "val_accuracy". Other keys are left alone.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is no such mapping, or if the values are not numbers.
    ValueError
        If "loss" is missing, a list is empty, or the lists differ in length.
    """
    from matplotlib.ticker import MaxNLocator

    curves = check_history(history)
    epochs = np.arange(1, len(curves["loss"]) + 1)
    panels = [name for name in ("accuracy", "loss") if name in curves]
    figure = new_figure(4.6 * len(panels), 3.6)
    for ax, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for key, label, color, marker, line in (
            (name, "training", BLUE, "o", "-"),
            (f"val_{name}", "validation", RED, "s", "--"),
        ):
            if key in curves:
                marker = marker if len(epochs) <= MOST_EPOCHS_WITH_MARKERS else ""
                ax.plot(
                    epochs, curves[key], line, color=color, marker=marker, ms=4.5, label=label
                )
        ax.set(title=name.capitalize(), xlabel="epoch", xlim=(0.5, len(epochs) + 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        ax.legend()
    return figure
