"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import IO, Iterator

KERAS_SUFFIXES = (".h5", ".hdf5")  # of model files for Keras


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of `path` when the block ends without an error.

    It is written under a temporary name in the same folder, flushed to the disk and then renamed, so whoever looks
    finds the old file or the new one. A symbolic link stays a link.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    OSError
        The folder is missing or cannot be written to, or the disk is full; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
