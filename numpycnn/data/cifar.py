"""CIFAR-10: 60,000 colour photographs of 32x32 pixels in ten classes, in the binary version.

Six files of 10,000 records each, five to train on and one to test on. A record is 3,073 bytes: the class, then
1,024 bytes of red, 1,024 of green, 1,024 of blue, row by row. Nothing is unpacked to the disk: the files are read from
the archive where it lies. Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import printable
from .download import DownloadError, check_archive, check_sha256, download
from .elsewhere import listing
from .places import by_hand, cache_folder, own_folder, unreachable

Split = tuple[NDArray[np.uint8], NDArray[np.uint8]]

SIDE, CHANNELS = 32, 3
RECORD_BYTES = 1 + CHANNELS * SIDE * SIDE
NUM_CLASSES = 10
EXTRACTED = "cifar-10-batches-bin"  # the archive's only folder


@dataclass(frozen=True)
class BinarySet:
    """A data set in CIFAR-10's format: where to get it, and its checksums.

    `batches` are names and SHA-256 of the files in the archive; the last one is the test set.
    """

    name: str
    folder: str  # the subfolder's name in NUMPYCNN_DATA and in the cache
    mirrors: tuple[str, ...]
    archive: str
    archive_sha256: str
    batches: tuple[tuple[str, str], ...]
    records: int  # in each file


CIFAR10 = BinarySet(
    name="CIFAR-10",
    folder="cifar-10",
    mirrors=("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
    archive="cifar-10-binary.tar.gz",
    archive_sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    batches=(
        ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ),
    records=10_000,
)


def load_cifar10(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load the CIFAR-10 photographs.

    The places are those of `load_mnist`, with the folder name ``cifar-10``. There must be the archive
    ``cifar-10-binary.tar.gz`` (170 MB), or the six ``.bin`` files that are in it, themselves or in their folder
    ``cifar-10-batches-bin``; what torchvision and Keras keep is the Python version, pickles, which are programs and
    not read. Their SHA-256 is checked every time.

    Parameters
    ----------
    data_dir : path, optional
        The folder that holds the files.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), red, green, blue from 0 to 255, and their labels of
        shape (50000,) and (10000,): 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship,
        9 truck.

    Raises
    ------
    FileNotFoundError, ValueError, DownloadError
        As `load_mnist`.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_cifar10()  # doctest: +SKIP
    >>> x_train.shape, x_train.dtype  # doctest: +SKIP
    ((50000, 32, 32, 3), dtype('uint8'))
    """
    return load(CIFAR10, data_dir)


def load(data_set: BinarySet, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load any data set in this format; see `load_cifar10` for the places and errors."""
    folder = own_folder(data_set.folder, data_dir)
    contents = _read_cache(data_set) if folder is None else _read_folder(data_set, folder)
    splits = [_decode(data) for data in (b"".join(contents[:-1]), contents[-1])]
    return splits[0], splits[1]


def _read_folder(data_set: BinarySet, folder: Path) -> list[bytes]:
    """Return the contents of the batch files, from the files themselves or from the archive."""
    folders = folder, folder / data_set.folder
    for place in (*folders, *(each / EXTRACTED for each in folders)):
        paths = [place / name for name, _ in data_set.batches]
        if all(path.is_file() for path in paths):
            return [
                _checked(data_set, str(path), _limited(path, data_set), digest)
                for path, (_, digest) in zip(paths, data_set.batches)
            ]
    for each in folders:
        if (each / data_set.archive).is_file():
            return _read_archive(data_set, each / data_set.archive)
    shown = printable(folder)
    there = (f"{printable(each)} {listing(each)}" for each in folders if each.is_dir())
    seen = "; ".join(there) or f"{shown} is no folder"
    raise FileNotFoundError(f"expected {data_set.archive}, or the files "
                            f"{', '.join(name for name, _ in data_set.batches)}, in {shown}, which "
                            f"{'lacks them' if folder.is_dir() else 'is no folder'}.\nWhat is there: {seen}. The "
                            "Python version, cifar-10-batches-py, which torchvision and Keras keep, holds pickles: "
                            f"they are programs, and not read.\n{_recipe(data_set)}")


def _limited(path: Path, data_set: BinarySet) -> bytes:
    """Read a file, at most one byte more than it should have."""
    with open(path, "rb") as file:
        return file.read(data_set.records * RECORD_BYTES + 1)


def _read_archive(data_set: BinarySet, path: Path) -> list[bytes]:
    """Read the batch files inside the archive, and nothing else of it."""
    check_archive(path, data_set.name, data_set.archive_sha256)
    wanted = {f"{EXTRACTED}/{name}": name for name, _ in data_set.batches}
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() and member.name in wanted else None
            if content is not None:
                found[wanted[member.name]] = content.read(data_set.records * RECORD_BYTES + 1)
    missing = [name for name, _ in data_set.batches if name not in found]
    if missing:
        raise ValueError(f"{path}: expected the files {', '.join(wanted)} in it, but it lacks {', '.join(missing)}")
    return [_checked(data_set, f"{path}: {name}", found[name], sha256) for name, sha256 in data_set.batches]


def _checked(data_set: BinarySet, name: str, content: bytes, sha256: str) -> bytes:
    """Return the content of a batch file if it is what it should be."""
    size = data_set.records * RECORD_BYTES
    if len(content) != size:
        got = f"{len(content):,}" if len(content) < size else "more"
        raise ValueError(f"{name}: expected {data_set.records:,} records of {RECORD_BYTES:,} bytes, {size:,} bytes "
                         f"altogether, got {got}; the file is damaged or of another kind: download it again")
    largest = max(content[::RECORD_BYTES])
    if largest >= NUM_CLASSES:
        raise ValueError(
            f"{name}: expected labels 0 to {NUM_CLASSES - 1}, got {largest}; the file is damaged: download it again"
        )
    check_sha256(name, f"{data_set.name}'s file", sha256, hashlib.sha256(content).hexdigest())
    return content


def _decode(content: bytes) -> Split:
    """Return images (N, 32, 32, 3) and labels (N,) of whole records."""
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)  # (N, C, H, W)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))  # (N, H, W, C)
    return images, records[:, 0].copy()


def _read_cache(data_set: BinarySet) -> list[bytes]:
    """Read the archive in the cache, downloading it first if it is absent or damaged."""
    folder = cache_folder(data_set.folder)
    damage = ""
    if (folder / data_set.archive).is_file():
        try:
            return _read_archive(data_set, folder / data_set.archive)
        except (OSError, ValueError) as error:
            damage = f"The copy in the cache cannot be used: {error}\n"
    try:
        path = download(data_set.archive, data_set.mirrors, folder, lambda fetched: _read_archive(data_set, fetched))
    except DownloadError as error:
        places = f" and the cache {folder}"
        raise unreachable(data_set.name, data_set.folder, places, f"{damage}{error}", _recipe(data_set)) from error
    return _read_archive(data_set, path)


def _recipe(data_set: BinarySet) -> str:
    """Say how to get the files by hand."""
    files = [f"{data_set.archive} (the binary version, not the Python one)"]
    return by_hand(files, data_set.mirrors, data_set.folder, f'load_cifar10("path/to/{data_set.folder}")')
