"""Where data sets are looked for: a folder that the caller names, NUMPYCNN_DATA, the user's cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..files import path_text
from .download import DownloadError

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
    root = data_root()
    return root / subfolder if root is not None and (root / subfolder).is_dir() else None


def data_root() -> Path | None:
    """Return the folder that ``NUMPYCNN_DATA`` names, None if it is not set.

    Raises
    ------
    FileNotFoundError
        It names no folder.
    """
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    if not variable:
        return None
    root = Path(variable).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"{ENVIRONMENT_VARIABLE}: expected a folder with one subfolder a data set, got "
                                f"{variable!r}, which is no folder; correct it or unset it")
    return root


def cache_folder(subfolder: str) -> Path:
    """Return the folder of a data set in the user's cache, which may not exist yet."""
    import pooch  # here, because it would slow down `import numpycnn` for everyone

    return Path(pooch.os_cache("numpycnn")).expanduser() / subfolder


def unreachable(name: str, subfolder: str, places: str, reasons: str, advice: str) -> DownloadError:
    """Return the error that a data set is nowhere: looked for where the environment says, and in other places."""
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    came_of_it = f"{variable}, which has no folder {subfolder}" if variable else "not set"
    return DownloadError(
        f"{name} is not on this machine and could not be downloaded.\n"
        f"Looked in {ENVIRONMENT_VARIABLE} ({came_of_it}){places}.\n{reasons}\n{advice}"
    )


def by_hand(files: Iterable[str], mirrors: Iterable[str], subfolder: str, call: str) -> str:
    """Say how to get a data set's files by hand, and which call loads them then."""
    return "\n".join([
        "What to do: on a machine with internet access, download",
        *(f"  {file}" for file in files),
        "from one of these addresses (followed by the file's name),",
        *(f"  {mirror}" for mirror in mirrors),
        f"put it all, packed or not, into one folder named {subfolder}, and either call",
        f"{call} or set the environment variable",
        f"{ENVIRONMENT_VARIABLE} to the folder that {subfolder} is in.",
    ])
