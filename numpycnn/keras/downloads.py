"""``get_file``: a file from the network, kept in Keras's own folder of data sets, and unpacked if that is asked for."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

from ..data.download import download
from ..files import printable
from .notes import no_effect

MOST_BYTES = 2**36  # of a file
FORMATS = "auto", "tar", "zip"


def get_file(
    fname: Any = None, origin: str | None = None, untar: bool = False, md5_hash: str | None = None,
    file_hash: str | None = None, cache_subdir: str = "datasets", hash_algorithm: str = "auto", extract: bool = False,
    archive_format: Any = "auto", cache_dir: Any = None, force_download: bool = False,
) -> str:  # fmt: skip
    """Return the path of a file that is at hand, or is fetched from `origin`; unpacked, that of the folder."""
    if origin is None:
        raise ValueError("get_file: expected origin, the address of the file")
    no_effect("get_file", archive_format=None if archive_format in FORMATS else archive_format,
              hash_algorithm=None if hash_algorithm in ("auto", "md5", "sha256") else hash_algorithm)  # fmt: skip
    given, name = fname is not None, os.fspath(fname or os.path.basename(urllib.parse.urlsplit(origin).path))
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"get_file: fname: expected the name of a file, got {name!r}")
    folder = Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / cache_subdir
    unpacked, kept = folder / name, name
    if extract or untar:
        if given and "." in name:
            unpacked = folder / f"{name[: name.find('.')]}_extracted"
        else:
            kept = f"{name}_archive"

    target, expected = folder / kept, file_hash or md5_hash
    fresh = force_download or not target.is_file() or not _has_hash(target, expected)
    if fresh:
        download(kept, [origin], folder, lambda path: _check_hash(path, expected), MOST_BYTES)
    if not (extract or untar):
        return str(target)
    if fresh or not unpacked.is_dir():
        _unpack(target, unpacked)
    return str(unpacked)


def _has_hash(path: Path, expected: str | None) -> bool:
    """Whether the file's MD5 or SHA-256, whichever has as many digits, is this one, if one is expected."""
    if expected is None:
        return True
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256" if len(expected) == 64 else "md5").hexdigest() == expected.lower()


def _check_hash(path: Path, expected: str | None) -> None:
    if not _has_hash(path, expected):
        raise ValueError(f"{printable(path)}: expected a file with the hash {expected}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive beside the folder, and put it there when it is whole; nothing lands outside of it."""
    kind = "zip" if zipfile.is_zipfile(archive) else "tar" if tarfile.is_tarfile(archive) else None
    if kind is None:
        raise ValueError(f"{printable(archive)}: expected a tar or zip archive to extract")
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        new = Path(temporary) / folder.name
        safely: Any = {"filter": "data"} if kind == "tar" else {}  # of zip files it is the only way
        shutil.unpack_archive(archive, new, kind, **safely)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
