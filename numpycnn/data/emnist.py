"""EMNIST: handwritten digits and letters, grey images of 28x28 pixels, in six splits.

It is distributed as one archive of 562 MB. Its images are stored on their side, rows and columns exchanged; here they
stand upright, as MNIST's do. Source: Cohen, Afshar, Tapson and van Schaik, "EMNIST: an extension of MNIST to
handwritten letters", arXiv:1702.05373, 2017.
"""

from __future__ import annotations

import io
import os
import string
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_choice
from ..files import printable
from .download import DownloadError, check_archive, download
from .elsewhere import copies, first_file, listing
from .idx import read_idx
from .mnist import Split
from .places import by_hand, cache_folder, own_folder, unreachable

MIRRORS = ("https://biometrics.nist.gov/cs_links/EMNIST/", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/")
ARCHIVE = "gzip.zip"
ARCHIVE_SHA256 = "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"  # from TensorFlow Datasets
ARCHIVE_BYTES = 2**30  # at most
PARTS = "train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"

ALL = string.digits + string.ascii_uppercase + string.ascii_lowercase
MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"  # the other small letters look like capitals
CLASS_NAMES: dict[str, tuple[str, ...]] = {  # of each split, in the order of the labels
    "balanced": tuple(MERGED), "byclass": tuple(ALL), "bymerge": tuple(MERGED),
    "letters": tuple(string.ascii_uppercase), "digits": tuple(string.digits), "mnist": tuple(string.digits),
}  # fmt: skip


def load_emnist(split: str = "balanced", data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load a split of EMNIST.

    The places are those of `load_mnist` but Keras's, with the folder name ``emnist`` (torchvision's is ``EMNIST/raw``).
    There must be the archive ``gzip.zip``, whose SHA-256 is checked every time, or the split's four files, packed or
    not, themselves or in the archive's folder ``gzip``. Of these files no checksums are published: only their shapes
    and labels are checked.

    Parameters
    ----------
    split : {"balanced", "byclass", "bymerge", "letters", "digits", "mnist"}
        47 classes of equal size; 62, each digit, capital and small letter; 47, where small letters that look like their
        capitals count as these; 26 letters of either size; 10 digits; 10 digits as in MNIST.
    data_dir : path, optional
        The folder that holds the archive or the files.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images of shape (N, 28, 28), 0 (background) to 255 (ink), upright; labels of shape (N,), from 0 on. What they
        are called: ``numpycnn.data.emnist.CLASS_NAMES[split]``, ``"0"``, ..., ``"A"``, ...

    Raises
    ------
    TypeError, ValueError, FileNotFoundError, DownloadError
        `split` is none of these; otherwise as `load_mnist`.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_emnist("letters")  # doctest: +SKIP
    >>> x_train.shape[1:], y_train.max()  # doctest: +SKIP
    ((28, 28), 25)
    """
    split = check_choice(split, "split", CLASS_NAMES)
    names = [f"emnist-{split}-{part}-ubyte" for part in PARTS]
    own = own_folder("emnist", data_dir)
    root = cache_folder("emnist") if own is None else own
    bases = root, root / "emnist", root / "EMNIST"
    places = [base / folder for base in bases for folder in ("", "gzip", "raw")]
    if all(copies(places, name) for name in names):
        paths = [copies(places, name)[0] for name in names]
        return _splits([(str(path), read_idx(path)) for path in paths], split)
    archive = first_file(places, ARCHIVE)
    if archive is not None:
        check_archive(archive, "EMNIST", ARCHIVE_SHA256)
    elif own is None:
        archive = _download(root)
    else:
        raise FileNotFoundError(f"expected {ARCHIVE}, or {', '.join(names)}, in {printable(own)}, which "
                                f"{listing(own) if own.is_dir() else 'is no folder'}.\n{_advice()}")
    return _splits(_read_archive(archive, names), split)


def _splits(files: list[tuple[str, NDArray[Any]]], split: str) -> tuple[Split, Split]:
    """Return the four arrays, checked, turned upright and with labels from 0 on."""
    first, count = int(split == "letters"), len(CLASS_NAMES[split])  # the letters are 1 to 26
    splits = []
    for (name, images), (labels_name, labels) in (files[:2], files[2:]):
        if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
            raise ValueError(f"{name}: expected images, uint8 (N, 28, 28), got {images.dtype} of shape {images.shape}")
        if labels.dtype != np.uint8 or labels.shape != (len(images),):
            raise ValueError(f"{labels_name}: expected a label for each of {len(images)} images, uint8, got "
                             f"{labels.dtype} of shape {labels.shape}; put the right file there")
        if labels.min() < first or labels.max() >= first + count:
            raise ValueError(f"{labels_name}: expected labels {first} to {first + count - 1}, got {labels.min()} to "
                             f"{labels.max()}; put the right file there")
        upright = np.ascontiguousarray(images.transpose(0, 2, 1))  # (N, 28, 28)
        splits.append((upright, labels - np.uint8(first)))
    return splits[0], splits[1]


def _read_archive(path: Path, names: list[str]) -> list[tuple[str, NDArray[Any]]]:
    """Return what the archive, which is the right one, holds under these names."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in names:
            member = f"gzip/{name}.gz"
            found.append((f"{path}: {member}", read_idx(io.BytesIO(archive.read(member)))))
    return found


def _download(folder: Path) -> Path:
    try:
        check = partial(check_archive, owner="EMNIST", sha256=ARCHIVE_SHA256)
        return download(ARCHIVE, MIRRORS, folder, check, ARCHIVE_BYTES)
    except DownloadError as error:
        raise unreachable("EMNIST", "emnist", f" and the cache {folder}", str(error), _advice()) from error


def _advice() -> str:
    """Say how to get it by hand."""
    return by_hand([f"{ARCHIVE} (562 MB)"], MIRRORS, "emnist", 'load_emnist(data_dir="path/to/emnist")')
