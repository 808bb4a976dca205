"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
import zlib
from pathlib import Path
from typing import IO, Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

KERAS_SUFFIXES = (".h5", ".hdf5")  # of model files for Keras


def path_text(path: str | bytes | os.PathLike, name: str = "path") -> str:
    """Return the path as text.

    Raises
    ------
    TypeError, ValueError
        It is not a path, or has a zero byte in it.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"{name}: expected a path, got {path!r}") from None
    if "\0" in text:
        raise ValueError(f"{name}: expected a path, got {text!r}, with a zero byte in it")
    return text


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of `path` when the block ends without an error.

    It is written under a temporary name in the same folder, flushed to the disk and then renamed, so whoever looks
    finds the old file or the new one. A symbolic link stays a link. What a killed process left behind is removed by
    the next one that writes to the same `path` (not on Windows).

    Parameters
    ----------
    path : str or path

    Raises
    ------
    OSError
        The folder is missing or cannot be written to, or the disk is full; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    prefix = f".{zlib.crc32(os.fsencode(target.name)):08x}-"
    _remove_leftovers(target.parent, prefix)
    temporary = target.with_name(f"{prefix}{uuid.uuid4().hex}.tmp")
    with contextlib.ExitStack() as until_renamed:
        until_renamed.callback(temporary.unlink, missing_ok=True)
        with open(temporary, "xb") as file:
            _hold(file, until_renamed)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)


def _hold(file: IO[bytes], until: contextlib.ExitStack) -> None:
    """Lock the file, closed or not: it has a living owner."""
    if fcntl is not None:
        handle = os.dup(file.fileno())  # the lock lasts until this one is closed, too
        until.callback(os.close, handle)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_SH)


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Delete temporary files without a living owner."""
    if fcntl is None:
        return
    for leftover in folder.glob(f"{prefix}*.tmp"):
        with contextlib.suppress(OSError), open(leftover, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file.fileno())
            if found.st_size or time.time() - found.st_mtime > 60:  # a new, empty one may be about to be locked
                leftover.unlink()
