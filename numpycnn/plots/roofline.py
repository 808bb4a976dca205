"""The roofline: how fast each part of a model runs, beside what the machine's arithmetic and memory allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks import check_instance
from ..profile import Profile, ProfileRow
from .style import BLUE, GREY, INK, RED, in_our_style, new_figure

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.figure import Figure


def roofline_points(row: ProfileRow) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return (FLOPs a byte, FLOPs a second), counted as dense arithmetic and as executed; None if nothing is known.

    Each pass moves about what forward does, so FLOPs a byte are those of forward.
    """
    if not row.forward_flops or not row.bytes or row.flops is None or row.rate is None:
        return None
    share = 1 if row.executed_flops is None else row.executed_flops / row.flops
    dense = row.forward_flops / row.bytes, row.rate
    return dense, (dense[0] * share, dense[1] * share)


@in_our_style
def plot_roofline(profile: Profile) -> Figure:
    """Draw a dot for each part of the model that has products with weights (Williams et al., "Roofline", 2009).

    The roof's slope is the memory's speed, its flat part the peak of matrix products. Filled dots count dense
    arithmetic, so where zeros are skipped or Winograd multiplies less they may lie above it; the hollow dot beside such
    a one counts what was executed at most. Small arrays stay in the cache, which is faster than the memory.

    Parameters
    ----------
    profile : Profile
        What ``model.profile(x, y)`` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        It is no profile.
    ValueError
        No part of it has known FLOPs.
    """
    check_instance(profile, Profile, "profile", "what model.profile(x, y) returned")
    rows = [(row, points) for row in profile.rows if (points := roofline_points(row))]
    if not rows:
        raise ValueError("profile: expected at least one part with known FLOPs, such as a Dense layer, got none")
    figure = new_figure(7.4, 4.2)
    ax = figure.subplots()
    ridge = profile.peak / profile.bandwidth
    across = [x for _, points in rows for x, _ in points] + [ridge]
    x = np.geomspace(min(across) / 2, 4 * max(across), 100)
    ax.plot(x, np.minimum(profile.peak, profile.bandwidth * x) / 1e9, color=INK, label="the machine's roof")
    for number, (row, (dense, executed)) in enumerate(rows, start=1):
        xs, ys = [dense[0], executed[0]], [dense[1] / 1e9, executed[1] / 1e9]
        ax.plot(xs, ys, color=GREY, linewidth=0.8, zorder=1)
        ax.plot(xs[:1], ys[:1], "o", color=BLUE, label=None if number > 1 else "counted as dense arithmetic")
        if executed != dense:
            ax.plot(xs[1:], ys[1:], "o", color=RED, mfc="white", label="executed, at most")
        ax.annotate(f" {number}", (xs[0], ys[0]), va="bottom", size=9)
    ax.set(xscale="log", yscale="log", xlabel="FLOPs a byte", ylabel="GFLOP/s")
    ax.set_title(f"Roofline: batch {profile.batch}, {profile.dtype}, peak {profile.peak / 1e9:.0f} GFLOP/s", loc="left")
    handles = {label: handle for handle, label in zip(*ax.get_legend_handles_labels())}
    names = "\n".join(f"{number}  {row.name}" for number, (row, _) in enumerate(rows, start=1))
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", title=names, alignment="left")
    return figure
