"""Writing a file whole or not at all; and the optional libraries that some kinds of files need."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import stat
import time
import uuid
import zlib
from pathlib import Path
from typing import IO, Any, Callable, Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")  # of model files for Keras
WEIGHTS_SUFFIX = ".weights.h5"  # of files that hold weights alone
DISK_FULL = {getattr(errno, name, errno.ENOSPC) for name in ("ENOSPC", "EDQUOT", "EFBIG")}  # the disk or one's share
PATIENCE = 2.0  # seconds for another program to close a file
HELD_OPEN = (5, 32, 33)  # Windows's numbers for "access is denied", as a scanner's file is, and for a file in use


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


def printable(text: object) -> str:
    r"""Return the text with everything that is no letter, sign or space as ``\x1b``: a terminal obeys such characters.

    What a file says, its name included, goes through this before a message shows it.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def import_library(name: str, needed_for: str, extra: str, *parts: str) -> Any:
    """Return an optional library with these parts of it; ImportError, with what to install, if it is not there."""
    try:
        for part in parts:
            importlib.import_module(f"{name}.{part}")
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f'{needed_for} need {name}, which is not installed: python -m pip install -e ".[{extra}]" in the checkout, '
            f"or python -m pip install {name}"
        ) from error


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out where a folder's files are read: macOS writes such, too."""
    return name.startswith(".")


def shown_cause(error: BaseException) -> BaseException | None:
    """Return the error for ``raise ... from``, or None if a traceback with it would not be printable."""
    cause: BaseException | None = error
    while cause is not None:
        if printable(cause) != str(cause):
            return None
        cause = cause.__cause__ or cause.__context__
    return error


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of `path` when the block ends without an error.

    It is written under a temporary name in the same folder, flushed to the disk and then renamed, so whoever looks
    finds the old file or the new one. The folder is made if it is missing. A symbolic link stays a link, and who may
    read and write an earlier file of this name may do so with the new one. What a killed process left behind is removed
    by the next one that writes to the same `path` (not on Windows).

    Parameters
    ----------
    path : str or path

    Raises
    ------
    OSError
        It is a folder, or something else that is no file (a pipe, a device); the folder cannot be made or written to;
        or the disk is full. `path` is as it was.
    """
    try:
        target = Path(os.path.realpath(path))
    except FileNotFoundError:  # the current folder: a path may lead nowhere
        text = "the current folder is gone: change into another, or give the whole path"
        raise FileNotFoundError(errno.ENOENT, text, os.fspath(path)) from None
    mode = _mode_of_file(target, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{zlib.crc32(os.fsencode(target.name)):08x}-"
    _remove_leftovers(target.parent, prefix)
    temporary = target.with_name(f"{prefix}{uuid.uuid4().hex[:8]}.tmp")  # short: Windows takes 259 characters
    with contextlib.ExitStack() as until_renamed:
        until_renamed.enter_context(errors_of(temporary, path))
        until_renamed.callback(temporary.unlink, missing_ok=True)
        with open(temporary, "xb", opener=_private if mode is not None else None) as file:
            _hold(file, until_renamed)
            if mode is not None and fcntl is not None:  # on Windows a mark alone, with which no file can be removed
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        insist(os.replace, temporary, target)


def open_file(path: str | os.PathLike) -> IO[bytes]:
    """Open a file to read; ValueError for a pipe or a device, which one would wait for, or read without end."""
    at_once = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | at_once))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError(f"expected a file, got a pipe or a device: {printable(os.fspath(path))}")
    return file


@contextlib.contextmanager
def errors_of(written: str | os.PathLike, path: str | os.PathLike) -> Iterator[None]:
    """Name `path`, the file that the user knows, in errors about the one that is written, a temporary one perhaps.

    That the disk is full is said where bytes are written, by an error that names no file at all.
    """
    try:
        yield
    except OSError as error:
        full = error.filename is None and error.errno in DISK_FULL
        if full or error.filename in (written, str(written)):
            error.filename = os.fspath(path)
            del error.filename2  # of a rename, the same once more; None would be shown
        raise


def insist(act: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Replace or remove a file, as often as it takes: Windows refuses while any program has it open.

    Virus scanners and indexers open every new file for a moment.

    Parameters
    ----------
    act : callable
        What does it, with these arguments.

    Raises
    ------
    PermissionError
        After two seconds the file is still open; elsewhere than on Windows: at once, whatever the reason.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            act(*arguments, **options)
            return
        except PermissionError as error:
            if getattr(error, "winerror", None) not in HELD_OPEN:
                raise
            if time.monotonic() > end:
                text = f"{error.strerror}; close the program that has it open, or allow to write to it"
                raise PermissionError(error.errno, text, error.filename) from None
        time.sleep(0.02)


def _mode_of_file(target: Path, path: str | os.PathLike) -> int | None:
    """Return who may read and write the file, or None if there is none; raise if it is something else."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "expected the name of a file, got a folder", os.fspath(path))
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "expected the name of a file, got a pipe or a device", os.fspath(path))
    return stat.S_IMODE(mode)


def _private(path: str, flags: int) -> int:
    """Open a new file for oneself alone, until it is known who else may read it."""
    return os.open(path, flags, 0o600)


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
        # Whatever lies under such a name: a pipe must not be waited for, nor a link be followed.
        with contextlib.suppress(OSError), open(leftover, "rb", opener=_at_once) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                continue
            if found.st_size or time.time() - found.st_mtime > 60:  # a new, empty one may be about to be locked
                leftover.unlink()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
