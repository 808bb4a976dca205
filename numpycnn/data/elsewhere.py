"""Files under the names and in the folders that other programs give them.

7-zip unpacks ``train-images-idx3-ubyte.gz`` to ``train-images.idx3-ubyte``; Kaggle's archive has a folder of the
file's own name around each file; torchvision keeps its files in ``MNIST/raw``; Keras keeps all of MNIST in one
``mnist.npz``. Only names are dealt with here: whether the content is the right one is for checksums to say.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOST_LISTED = 12  # names of a folder's content, in a message


def keras_folder() -> Path:
    """Return the folder in which Keras keeps the data sets that it downloaded; it may not exist."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets"


def copies(folders: Iterable[Path], name: str) -> list[Path]:
    """Return all copies of an IDX file in the folders, packed or not, under its own name or a usual other one."""
    stem, _, kind = name.rpartition("-idx")
    names = name, f"{stem}.idx{kind}"
    found = [
        place / each
        for folder in folders
        for place in (folder, *(folder / name for name in names))
        for each in (names[0], f"{names[0]}.gz", names[1], f"{names[1]}.gz")
    ]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def first_file(folders: Iterable[Path], name: str | None) -> Path | None:
    """Return the first file of this name in the folders; None if there is none."""
    return next((folder / name for folder in folders if name and (folder / name).is_file()), None)


def listing(folder: Path) -> str:
    """Say what is in a folder, for the message that it lacks something."""
    try:
        names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    except OSError as error:
        return f"cannot be listed ({error})"
    if not names:
        return "is empty"
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"holds {', '.join(map(ascii, names[:MOST_LISTED]))}{more}"


def read_npz(path: Path, members: Iterable[tuple[str, tuple[int, ...]]]) -> Iterator[NDArray[np.uint8]]:
    """Yield the arrays of these names and shapes from a ``.npz`` file, uint8; nothing in it is unpickled.

    No more is unpacked than the shapes ask for, whatever the file promises.

    Raises
    ------
    ValueError
        It is no such file, is damaged, or an array is missing or has another type or shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name, shape in members:
                yield _read_member(archive, name, shape)
    except (KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"{path}: expected Keras's file, got one that is damaged or of another kind ({error}); download it again"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = int(np.prod(shape))
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{name}: expected an array in version 1.0 of NumPy's format, got {version}")
        promised, column_major, dtype = np.lib.format.read_array_header_1_0(file)
        if promised != shape or column_major or dtype != np.uint8:
            order = ", column by column" * column_major
            raise ValueError(f"{name}: expected uint8 of shape {shape}, got {dtype} of shape {promised}{order}")
        content = bytearray(file.read(size + 1))  # one more shows whether anything follows
    if len(content) != size:
        raise ValueError(f"{name}: expected {size} bytes, got {'more' if len(content) > size else len(content)}")
    return np.frombuffer(content, np.uint8).reshape(shape)
