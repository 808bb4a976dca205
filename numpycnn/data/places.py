"""Where data sets are looked for: a folder that the caller names, NUMPYCNN_DATA, the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

from ..files import path_text

ENVIRONMENT_VARIABLE = "NUMPYCNN_DATA"


def own_folder(subfolder: str, data_dir: str | os.PathLike[str] | None) -> Path | None:
    """Return the folder that the caller or the environment names for a data set, if any.

    Parameters
    ----------
    subfolder : str
        The data set's own, in ``NUMPYCNN_DATA``.
    data_dir : path, optional
        The folder with its files.

    Raises
    ------
    FileNotFoundError
        ``NUMPYCNN_DATA`` names no folder.
    """
    if data_dir is not None:
        return Path(path_text(data_dir, "data_dir")).expanduser()
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    if not variable:
        return None
    root = Path(variable).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"{ENVIRONMENT_VARIABLE}: expected a folder with one subfolder a data set, "
            f"got {variable!r}, which is no folder; correct it or unset it"
        )
    folder = root / subfolder
    return folder if folder.is_dir() else None


def cache_folder(subfolder: str) -> Path:
    """Return the folder of a data set in the user's cache, which may not exist yet."""
    import pooch  # here, because it would slow down `import numpycnn` for everyone

    return Path(pooch.os_cache("numpycnn")).expanduser() / subfolder


def places_text(subfolder: str) -> str:
    """Say what came of the environment variable, for an error message."""
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    if not variable:
        return f"{ENVIRONMENT_VARIABLE} (not set)"
    return f"{ENVIRONMENT_VARIABLE} ({variable}, which has no folder {subfolder})"
