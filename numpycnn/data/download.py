"""Fetching a file from the first of several mirrors that delivers it.

No mirror is trusted: it may be gone, answer with a page of HTML, send something else, send without end or one byte a
minute. Whatever goes wrong, the next one is tried. A file is fetched under a temporary name, checked there and only
then renamed, so that several processes may download at once and none ever sees half a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from ..files import atomic_write, printable

# Limits for one file from one mirror.
TIMEOUT = (10.0, 30.0)  # seconds: to connect, and between two packets
DEADLINE = 600.0  # seconds altogether: a timeout alone lets a trickle of bytes go on for ever
MAX_BYTES = 2**28


class DownloadError(OSError):
    """No mirror delivered the file, or there is no place to put it; the message says why."""


class _MirrorError(Exception):
    """A mirror did not deliver; the next one may."""


def download(
    name: str, mirrors: Iterable[str], folder: Path, check: Callable[[Path], object], max_bytes: int | None = None
) -> Path:
    """Fetch the file `name` into `folder` and return its path there.

    Parameters
    ----------
    name : str
        The file's name, at the mirrors and in the folder.
    mirrors : iterable of str
        Addresses, tried in this order; the name is appended to those that end in a slash.
    folder : Path
        Where the file is placed; made if it does not exist.
    check : callable
        Called with the path of the fetched file before it is placed. If it raises, the file is
        dropped and the next mirror tried.
    max_bytes : int, optional
        A larger file is refused. Default: `MAX_BYTES`.

    Raises
    ------
    DownloadError
        Every mirror failed (the message says how each did), or the folder cannot be written to, or the disk is full.
    """
    target = folder / name
    failures = []
    for address in (mirror + name if mirror.endswith("/") else mirror for mirror in mirrors):
        try:
            with atomic_write(target) as file:
                _fetch(address, file, MAX_BYTES if max_bytes is None else max_bytes)
                _check(check, file, name)
            return target
        except _MirrorError as error:
            failures.append(f"  {address}: {error}")
        except OSError as error:
            if _passes(check, target):  # another process was faster
                return target
            raise DownloadError(
                f"expected a folder that can be written to, with room for the download, got {folder} ({error})"
            ) from error
    raise DownloadError("\n".join([f"{name} could not be downloaded:", *failures]))


def check_archive(path: Path, owner: str, sha256: str) -> None:
    """Raise ValueError if the file is not the archive of `owner` with this checksum."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    check_sha256(printable(path), f"{owner}'s archive", sha256, found)


def check_sha256(name: str, expected: str, wanted: str | None, found: str, form: str = "") -> None:
    """Raise ValueError if what is called `name` has another checksum than what was expected, in this form."""
    if found != wanted:
        of = f" ({form})" if form else ""
        raise ValueError(f"{name}: expected {expected} with the SHA-256 {wanted}{of}, got {found}; the file is cut "
                         "short, altered or of another kind: download it again")


def _check(check: Callable[[Path], object], file: IO[bytes], name: str) -> None:
    """Raise _MirrorError if the fetched file, which has another name as yet, does not pass."""
    file.flush()
    try:
        check(Path(file.name))
    except Exception as error:  # whatever it is, the next mirror may send better
        raise _MirrorError(str(error).replace(file.name, name)) from error


def _passes(check: Callable[[Path], object], path: Path) -> bool:
    try:
        check(path)
    except Exception:
        return False
    return True


def _fetch(url: str, file: IO[bytes], max_bytes: int) -> None:
    """Download `url` into the file within the limits above, or raise _MirrorError.

    An OSError says that the file could not be written.

    The transfer runs in a thread, because nothing else bounds its whole duration: timeouts count
    anew with every packet, and looking up a host name has none. A thread that misses the deadline
    is left behind; it ends at its next write, and it does not keep the program from ending.
    """
    failures: list[str] = []  # not the errors, which would keep the connection open
    progress = _Progress(url)
    limited = _LimitedFile(file, max_bytes, time.monotonic() + DEADLINE)

    def transfer() -> None:
        try:
            _transfer(url, limited, progress)
        except _MirrorError as error:
            failures.append(str(error))
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=transfer, daemon=True)
    with progress:
        thread.start()
        thread.join(DEADLINE)
    if thread.is_alive():
        raise _MirrorError(f"not complete after {DEADLINE:g} seconds")
    if limited.disk_error is not None:
        raise limited.disk_error
    if failures:
        raise _MirrorError(failures[0])


def _transfer(url: str, file: _LimitedFile, progress: _Progress) -> None:
    import pooch  # here, because it would slow down `import numpycnn` for everyone

    downloader = pooch.HTTPDownloader(
        progressbar=progress,
        chunk_size=2**16,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # the file as it is, not packed once more
        hooks={"response": _drop_body_of_redirect},
    )
    downloader(url, file, None)


def _drop_body_of_redirect(response: Any, **options: Any) -> None:
    """Close a response that only names another address; its body, maybe endless, would be read into memory."""
    if response.is_redirect:
        response.close()


class _LimitedFile:
    """A file to write to that refuses more than `max_bytes` bytes and anything too late.

    If the disk refuses something, `disk_error` is its error.
    """

    def __init__(self, file: IO[bytes], max_bytes: int, deadline: float) -> None:
        self.file = file
        self.max_bytes = self.remaining = max_bytes
        self.deadline = deadline
        self.disk_error: OSError | None = None

    def write(self, data: bytes) -> None:
        self.remaining -= len(data)
        if self.remaining < 0:
            raise _MirrorError(f"larger than {self.max_bytes} bytes, so not the file")
        if time.monotonic() > self.deadline:
            raise _MirrorError(f"not complete after {DEADLINE:g} seconds")
        try:
            self.file.write(data)
        except OSError as error:
            self.disk_error = OSError(*error.args)  # without what `error` refers to
            raise

    def flush(self) -> None:
        """Nothing is hurried: the file is flushed when it is complete."""


class _Progress:
    """What pooch reports its progress to: a bar that rich draws on a terminal, elsewhere just one line.

    Leaving the context ends the bar, however the transfer ended: a terminal must not be left without its cursor.
    """

    def __init__(self, url: str) -> None:
        self.total = 0  # bytes; pooch sets it when the server tells
        self.bar: Any = None
        if not getattr(sys.stderr, "isatty", lambda: False)():  # a stream of a program without a console, too
            with contextlib.suppress(OSError):  # nobody reads it any more
                print(f"Downloading {url}", file=sys.stderr)
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn

        text = TextColumn("Downloading {task.description}", markup=False)
        columns = text, BarColumn(bar_width=20), DownloadColumn(), TaskProgressColumn()
        self.bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False)
        self.task = self.bar.add_task(url, total=None)

    def __enter__(self) -> _Progress:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, count: int) -> None:
        if self.bar is not None:
            self.bar.update(self.task, total=self.total or None, advance=count)

    def reset(self) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=0)

    def close(self) -> None:
        """Nothing: pooch calls it only where all went well; `__exit__` ends the bar."""
