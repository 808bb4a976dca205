"""MNIST and Fashion-MNIST: 70,000 grey images of 28x28 pixels in ten classes each.

MNIST shows handwritten digits; Fashion-MNIST shows clothes, in the same format and under the same file names. Every
file is checked against its known SHA-256, wherever it comes from. Sources: LeCun, Bottou, Bengio and Haffner,
"Gradient-based learning applied to document recognition", 1998; Xiao, Rasul and Vollgraf, "Fashion-MNIST",
arXiv:1708.07747, 2017.
"""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import printable
from .download import DownloadError, check_sha256, download
from .elsewhere import copies, first_file, keras_folder, listing, read_npz
from .idx import idx_content, read_idx
from .places import by_hand, cache_folder, data_root, own_folder, unreachable

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Split = tuple[Images, Labels]

NUM_CLASSES = 10


@dataclass(frozen=True)
class IdxFile:
    """One file of a data set, by the name, shape and checksums that it must have."""

    name: str
    shape: tuple[int, ...]
    gzip_sha256: str  # of the .gz file as it is distributed
    sha256: str | None = None  # of the unpacked bytes; None: not known


@dataclass(frozen=True)
class DataSet:
    """A data set: where to get it, and its files (training, then test; images, then labels)."""

    name: str
    folder: str  # the subfolder's name in NUMPYCNN_DATA and in the cache; Keras's, too
    mirrors: tuple[str, ...]
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    torchvision: str  # the subfolder's name in torchvision's root
    npz: str | None = None  # Keras's file with all of it, if there is one


def idx_files(
    gzip_sha256: tuple[str, ...], sha256: tuple[str | None, ...] = (None,) * 4
) -> tuple[IdxFile, IdxFile, IdxFile, IdxFile]:
    """Return the four files by the names and shapes of MNIST's, which other sets took over, with these checksums."""
    train_images, train_labels, test_images, test_labels = zip(gzip_sha256, sha256, strict=True)
    return (
        IdxFile("train-images-idx3-ubyte", (60000, 28, 28), *train_images),
        IdxFile("train-labels-idx1-ubyte", (60000,), *train_labels),
        IdxFile("t10k-images-idx3-ubyte", (10000, 28, 28), *test_images),
        IdxFile("t10k-labels-idx1-ubyte", (10000,), *test_labels),
    )


MNIST = DataSet(
    name="MNIST",
    folder="mnist",
    torchvision="MNIST",
    npz="mnist.npz",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    files=idx_files(
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)

FASHION_MNIST = DataSet(
    name="Fashion-MNIST",
    folder="fashion-mnist",
    torchvision="FashionMNIST",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    files=idx_files(
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)

DATA_SETS = (MNIST, FASHION_MNIST)

NPZ_ARRAYS = "x_train", "y_train", "x_test", "y_test"  # in the order of the files

# The size of the largest file, unpacked. No file is unpacked beyond it, even if its header promises more.
MAX_BYTES = max(math.prod(file.shape) for data_set in DATA_SETS for file in data_set.files)


def load_mnist(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load the MNIST handwritten digits.

    The four files are taken from the first of these places:

    1. the folder `data_dir`, if it is given;
    2. the folder ``mnist`` inside the folder that the environment variable ``NUMPYCNN_DATA``
       names, if there is one (you may keep only some data sets there, so without it the search goes on);
    3. the user's cache folder (``~/.cache/numpycnn/mnist`` on Linux);
    4. the folder in which Keras keeps what it downloaded (``~/.keras/datasets``);
    5. the mirrors on the internet, from which they are downloaded into the cache.

    Files may be unpacked or gzip-compressed (``.gz``). They may have the names that 7-zip gives them
    (``train-images.idx3-ubyte``), lie in folders of their own names (as from Kaggle), in the folder ``mnist``,
    in torchvision's ``MNIST/raw``, or all be one file, Keras's ``mnist.npz``; nowhere else below the folder
    is looked. Their SHA-256 is checked every time.

    Parameters
    ----------
    data_dir : path, optional
        The folder that holds the four files, torchvision's root or Keras's ``datasets``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images of shape (60000, 28, 28) and (10000, 28, 28), 0 (background) to 255 (ink), and
        their labels of shape (60000,) and (10000,), the digits 0 to 9.

    Raises
    ------
    FileNotFoundError
        `data_dir` or the ``mnist`` folder of ``NUMPYCNN_DATA`` lacks a file, or ``NUMPYCNN_DATA`` names no folder.
    ValueError
        A file there is damaged, or is not MNIST's.
    DownloadError
        A subclass of OSError: the files are not on this machine and could not be downloaded.
        The message says what failed and how to get them by hand.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_mnist()  # doctest: +SKIP
    >>> x_train.shape, y_train[:5]  # doctest: +SKIP
    ((60000, 28, 28), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    return load(MNIST, data_dir)


def load_fashion_mnist(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load Fashion-MNIST, which has MNIST's format but shows clothes.

    The places are those of `load_mnist`, with the folder name ``fashion-mnist`` (torchvision's is ``FashionMNIST/raw``;
    Keras has no ``.npz`` of it). Only the checksums of the distributed ``.gz`` files are known: a gzip file must be one
    of those, an unpacked file must have the right shape and labels and not be MNIST's.

    Parameters
    ----------
    data_dir : path, optional
        The folder that holds the four files.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images of shape (60000, 28, 28) and (10000, 28, 28), 0 (background) to 255, and their
        labels of shape (60000,) and (10000,): 0 T-shirt, 1 trousers, 2 pullover, 3 dress,
        4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Raises
    ------
    FileNotFoundError, ValueError, DownloadError
        As `load_mnist`.
    """
    return load(FASHION_MNIST, data_dir)


def load(data_set: DataSet, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load any data set of four such files; see `load_mnist` for the places and errors."""
    folder = own_folder(data_set.folder, data_dir)
    root = data_root() if folder is None else None
    if folder is not None:
        arrays = _read_folder(data_set, folder)
    elif root is not None and _is_there(data_set, named := _subfolders(data_set, root), [root]):
        arrays = _read_all(data_set, named, [root])
    else:
        arrays = _read_cache(data_set)
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train), (x_test, y_test)


def folder_of(data_set: DataSet) -> Path | None:
    """Return the folder whose files `load` reads, to be given as its `data_dir`; None if it would download some."""
    own, root = own_folder(data_set.folder, None), data_root()
    if own is not None:
        return own
    if root is not None and _is_there(data_set, _subfolders(data_set, root), [root]):
        return root
    cache, keras = cache_folder(data_set.folder), keras_folder()
    if not _missing(data_set, [cache]):
        return cache
    return keras if _is_there(data_set, _subfolders(data_set, keras), [keras]) else None


def _subfolders(data_set: DataSet, folder: Path) -> list[Path]:
    """Return the folders below `folder` whose name says that the data set is in them."""
    return [folder / data_set.folder, folder / data_set.torchvision / "raw", folder / data_set.torchvision]


def _missing(data_set: DataSet, folders: list[Path]) -> list[str]:
    return [file.name for file in data_set.files if not copies(folders, file.name)]


def _is_there(data_set: DataSet, folders: list[Path], npz_folders: list[Path]) -> bool:
    """Return whether these folders hold the four files, or those folders Keras's file with all of them."""
    return not _missing(data_set, folders) or first_file(npz_folders, data_set.npz) is not None


def _read_all(data_set: DataSet, folders: list[Path], npz_folders: list[Path]) -> list[NDArray[np.uint8]]:
    """Read the four files from these folders or, if one is missing, Keras's file from those."""
    if not _missing(data_set, folders):
        return [_read_file(data_set, file, copies(folders, file.name)[0]) for file in data_set.files]
    path = first_file(npz_folders, data_set.npz)
    if path is None:
        raise FileNotFoundError(f"expected the files of {data_set.name}, but they are gone")
    arrays = list(read_npz(path, zip(NPZ_ARRAYS, (file.shape for file in data_set.files))))
    for name, array, file in zip(NPZ_ARRAYS, arrays, data_set.files):
        check_sha256(str(path), f"{name} to be {data_set.name}'s {file.name}", file.sha256, _raw_sha256(array))
    return arrays


def _read_folder(data_set: DataSet, folder: Path) -> list[NDArray[np.uint8]]:
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder with the files of {data_set.name}, got {printable(folder)}, which "
                                f"is no folder.\n{_recipe(data_set)}")
    named = _subfolders(data_set, folder)
    folders = [folder, folder / "raw", *named]
    if not _is_there(data_set, folders, [folder, *named]):
        seen = "; ".join(f"{printable(each)} {listing(each)}" for each in folders if each.is_dir())
        raise FileNotFoundError(f"expected the files of {data_set.name} in {printable(folder)}, but it lacks "
                                f"{', '.join(_missing(data_set, folders))}.\n"
                                f"What is there: {seen}.\n{_recipe(data_set)}")
    return _read_all(data_set, folders, [folder, *named])


def _read_cache(data_set: DataSet) -> list[NDArray[np.uint8]]:
    folder, keras = cache_folder(data_set.folder), keras_folder()
    damage = ""
    named = _subfolders(data_set, keras)
    if _missing(data_set, [folder]) and _is_there(data_set, named, [keras]):
        try:
            return _read_all(data_set, named, [keras])
        except (OSError, ValueError) as error:
            damage = f"Keras's copy cannot be used: {error}\n"
    try:
        return [_read_cached(data_set, file, folder) for file in data_set.files]
    except DownloadError as error:
        places = f", the cache {folder} and Keras's {keras}"
        raise unreachable(data_set.name, data_set.folder, places, f"{damage}{error}", _recipe(data_set)) from error


def _read_cached(data_set: DataSet, file: IdxFile, folder: Path) -> NDArray[np.uint8]:
    """Read a file from the cache, downloading it first if it is absent or damaged."""
    damage = ""
    for path in copies([folder], file.name):
        try:
            return _read_file(data_set, file, path)
        except (OSError, ValueError) as error:
            damage = f"The copy in the cache cannot be used: {error}\n"

    def check(fetched: Path) -> None:
        _read_file(data_set, file, fetched, need_checksum=True)

    try:
        path = download(f"{file.name}.gz", data_set.mirrors, folder, check)
    except DownloadError as error:
        raise DownloadError(f"{damage}{error}") from error
    return _read_file(data_set, file, path)


def _read_file(data_set: DataSet, file: IdxFile, path: Path, need_checksum: bool = False) -> NDArray[np.uint8]:
    """Read one file and check that it is what the table says, or raise ValueError.

    An unpacked file whose checksum is not known passes, unless `need_checksum` is set, as it is
    for what comes from the network.
    """
    with open(path, "rb") as stream:
        array = read_idx(stream, MAX_BYTES)
        stream.seek(0)
        packed_digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        packed = stream.read(2) == b"\x1f\x8b"
    digest = _raw_sha256(array)
    wanted, found, form = file.gzip_sha256, packed_digest, "as a .gz file"
    if file.sha256:
        wanted, found, form = file.sha256, digest, "unpacked"
    if found != wanted:
        _refuse_other_file(data_set, file, path, digest, packed_digest)
    if array.shape != file.shape or array.dtype != np.uint8:
        raise ValueError(f"{path}: expected uint8 of shape {file.shape} for {data_set.name}'s {file.name}, got "
                         f"{array.dtype} of shape {array.shape}; put the right file there")
    if file.sha256 or packed or need_checksum:
        check_sha256(str(path), f"{data_set.name}'s {file.name}", wanted, found, form)
    if array.ndim == 1 and array.size and array.max() >= NUM_CLASSES:
        raise ValueError(f"{path}: expected labels 0 to {NUM_CLASSES - 1}, got {array.max()}; the file is damaged: "
                         "download it again")
    return array


def _raw_sha256(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of the array's unpacked IDX file, which its header and bytes fix."""
    return hashlib.sha256(idx_content(array)).hexdigest()


def _refuse_other_file(data_set: DataSet, file: IdxFile, path: Path, digest: str, packed_digest: str) -> None:
    """Raise ValueError if the checksums are those of some other file that we know."""
    for other_set in DATA_SETS:
        for other in other_set.files:
            if digest == other.sha256 or packed_digest == other.gzip_sha256:
                raise ValueError(f"{path}: expected {data_set.name}'s {file.name}, got {other_set.name}'s {other.name} "
                                 "(different sets use the same file names); put the right file there")


def _recipe(data_set: DataSet) -> str:
    """Say how to get the files by hand."""
    files = [f"{file.name}.gz" for file in data_set.files]
    call = f'load_{data_set.folder.replace("-", "_")}("path/to/{data_set.folder}")'
    return by_hand(files, data_set.mirrors, data_set.folder, call)
