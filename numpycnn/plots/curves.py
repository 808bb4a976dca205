"""Accuracy and loss by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import check_history
from .style import BLUE, RED, in_our_style, new_figure

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_EPOCHS_WITH_MARKERS = 40


@in_our_style
def plot_curves(history: Any) -> Figure:
    """Draw accuracy and loss, training and validation, by epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float, or an object with one in `.history`
        One number an epoch (epochs count from 1) under "loss" and, where they were measured,
        "accuracy" (a fraction), "val_loss" and "val_accuracy". Other keys are left alone. One epoch
        is no curve: its points have their values beside them, on an axis that begins at 0.

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
        if len(epochs) == 1:
            _write_values(ax, name)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        if len(epochs) > 1:
            ax.legend()
    return figure


def _write_values(ax: Axes, name: str) -> None:
    """Write beside each point of a single epoch what it is: training to the left, validation to the right."""
    largest = 1.0 if name == "accuracy" else 0.0
    for line, (offset, side) in zip(ax.get_lines(), ((-8, "right"), (8, "left"))):
        (value,) = np.asarray(line.get_ydata(), float)
        largest = max(largest, value) if np.isfinite(value) else largest
        text, place = f"{line.get_label()} {value:.4g}", (1, value if np.isfinite(value) else 0)
        style: dict[str, Any] = {"ha": side, "va": "center", "color": line.get_color()}
        ax.annotate(text, place, (offset, 0), textcoords="offset points", **style)
    ax.set_ylim(0, 1.06 * largest or 1)
