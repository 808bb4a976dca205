"""Fetching a file from the first of several mirrors that delivers it.

No mirror is trusted: it may be gone, answer with a page of HTML, send something else, send
without end or one byte a minute. Whatever goes wrong, the next one is tried. A file is fetched
into a private folder, checked there and only then renamed into place, so that several processes
may download at once and none ever sees half a file.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

# Limits for one file from one mirror.
TIMEOUT = (10.0, 30.0)  # seconds: to connect, and between two packets
DEADLINE = 600.0  # seconds altogether: a timeout alone lets a trickle of bytes go on for ever
MAX_BYTES = 2**28


class DownloadError(OSError):
    """No mirror delivered the file, or there is no place to put it; the message says why."""


def download(
    name: str, mirrors: Iterable[str], folder: Path, check: Callable[[Path], object]
) -> Path:
    """Fetch the file `name` into `folder` and return its path there.

    Parameters
    ----------
    name : str
        The file's name, at the mirrors and in the folder.
    mirrors : iterable of str
        Addresses that the name is appended to, tried in this order.
    folder : Path
        Where the file is placed; made if it does not exist.
    check : callable
        Called with the path of the fetched file before it is placed. If it raises, the file is
        dropped and the next mirror tried.

    Raises
    ------
    DownloadError
        Every mirror failed (the message says how each did), or the folder cannot be written.
    """
    failures = []
    for mirror in mirrors:
        with _private_folder(folder) as private:
            fetched = Path(private) / name
            try:
                _fetch(mirror + name, fetched)
                check(fetched)
            except Exception as error:  # whatever it was, the next mirror may work
                reason = str(error).replace(str(fetched), name)
                failures.append(f"  {mirror}{name}: {reason}")
            else:
                return _place(fetched, folder / name)
    raise DownloadError("\n".join([f"{name} could not be downloaded:", *failures]))


def _private_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder inside `folder`, hence on the same disk, where renaming is atomic."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(
            prefix=".download-", dir=folder, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise DownloadError(
            f"expected a folder that can be written to for the download, got {folder} ({error})"
        ) from error


def _place(fetched: Path, target: Path) -> Path:
    try:
        os.replace(fetched, target)
    except OSError as error:
        # Windows refuses to replace a file that is being read: another process was faster, and
        # its copy has passed the same check.
        if not target.is_file():
            raise DownloadError(f"{target} could not be written ({error})") from error
    return target


def _fetch(url: str, path: Path) -> None:
    """Download `url` to `path` within the limits above, or raise DownloadError.

    The transfer runs in a thread, because nothing else bounds its whole duration: timeouts count
    anew with every packet, and looking up a host name has none. A thread that misses the deadline
    is left behind; it ends at its next write, and it does not keep the program from ending.
    """
    failures: list[str] = []
    deadline = time.monotonic() + DEADLINE

    def transfer() -> None:
        try:
            _transfer(url, path, deadline)
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=transfer, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if thread.is_alive():
        raise DownloadError(f"not complete after {DEADLINE:g} seconds")
    if failures:
        raise DownloadError(failures[0])


def _transfer(url: str, path: Path, deadline: float) -> None:
    import pooch  # here, because it would slow down `import numpycnn` for everyone

    downloader = pooch.HTTPDownloader(
        progressbar=_ProgressLine(url),
        chunk_size=2**16,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # the file as it is, not packed once more
    )
    with open(path, "wb") as file:
        downloader(url, _LimitedFile(file, MAX_BYTES, deadline), None)


class _LimitedFile:
    """A file to write to that refuses more than `max_bytes` bytes and anything too late."""

    def __init__(self, file: IO[bytes], max_bytes: int, deadline: float) -> None:
        self.file = file
        self.remaining = max_bytes
        self.deadline = deadline

    def write(self, data: bytes) -> None:
        self.remaining -= len(data)
        if self.remaining < 0:
            raise DownloadError(f"larger than {MAX_BYTES} bytes, so not the file")
        if time.monotonic() > self.deadline:
            raise DownloadError(f"not complete after {DEADLINE:g} seconds")
        self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


class _ProgressLine:
    """A progress bar as pooch wants it: on a terminal a percentage, elsewhere just one line."""

    def __init__(self, url: str) -> None:
        self.text = f"Downloading {url}"
        self.total = 0  # bytes; pooch sets it when the server tells
        self.done = 0
        self.live = sys.stderr is not None and sys.stderr.isatty()
        print(self.text, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        self.done += count
        if self.live and self.total:
            percent = min(100, 100 * self.done // self.total)
            print(f"\r{self.text} {percent:3d} %", end="", file=sys.stderr, flush=True)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        if self.live:
            print(file=sys.stderr)
