"""Figures into files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..checks import check_positive
from ..files import atomic_write, path_text

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.figure import Figure


LEAST_DPI = 10


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> None:
    """Write the figure to a PNG file, whole or not at all.

    It is written under another name in the same folder and then renamed, so a run that is
    interrupted leaves the former picture, never half of the new one.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or path
        Ends in ".png"; its folder is made if it does not exist.
    dpi : int, default 150
        Pixels an inch.

    Raises
    ------
    TypeError, ValueError
        If it is no figure, the path does not end in ".png", or `dpi` is not a number from 10 on.
    OSError
        If the file cannot be written.
    """
    if not hasattr(figure, "savefig"):
        raise TypeError(f"figure: expected a matplotlib Figure, got {figure!r}")
    if check_positive(dpi, "dpi") < LEAST_DPI:  # letters of less than a pixel are an error in matplotlib
        raise ValueError(f"dpi: expected at least {LEAST_DPI}, got {dpi}")
    path = Path(path_text(path))
    if path.suffix.lower() != ".png":
        raise ValueError(f"path: expected a file name that ends in .png, got {str(path)!r}")
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=dpi)
