"""A folder of images: each subfolder a class, its name the class's.

    pets/cat/1.jpg, pets/cat/more/2.png, ..., pets/dog/1.jpg, ...

Files that are no pictures, or broken ones, are listed and left out; what would make a wrong data set is an error.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count, check_flag, check_fraction, check_memory, check_pair
from ..files import is_hidden, path_text, printable
from .inputs import InputFormat, resized

SPLITS = "train", "training", "test", "testing", "val", "valid", "validation"  # in lower case
SUFFIXES = (  # of pictures, in lower case
    ".avif", ".bmp", ".gif", ".heic", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tga", ".tif", ".tiff", ".webp",
)  # fmt: skip

Split = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """What `load_image_folder` read.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, H, W), or (N, H, W, 3) in colour
    labels : ndarray of int64, shape (N,)
        Numbers of the classes, in the order of `class_names`.
    files : list of str
        Where each image came from.
    broken : list of str
        Files that could not be read, and why.
    input_format : InputFormat
        For ``model.input_format``: how a picture is to be treated later, and the names of the classes.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: list[str]
    broken: list[str]
    input_format: InputFormat

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the subfolders, sorted."""
        return self.input_format.class_names or ()

    def split(self, validation_split: float = 0.2, seed: int = 0) -> tuple[Split, Split]:
        """Return images and labels to train on, and others to validate on, with the same share of every class.

        Parameters
        ----------
        validation_split : float
            Of each class; at least one image, and at least one is left to train on: a single one stays there.
        seed : int
            Which ones: same seed, same split. Both parts are in random order.

        Returns
        -------
        (x_train, y_train), (x_validation, y_validation)

        Raises
        ------
        ValueError
            No class has two images.
        """
        share = check_fraction(validation_split, "validation_split")
        rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
        kept, held = [], []
        for number in range(len(self.class_names)):
            rows = rng.permutation(np.flatnonzero(self.labels == number))
            count = min(max(round(share * len(rows)), 1), len(rows) - 1) if share else 0
            held.append(rows[:count])
            kept.append(rows[count:])
        if share and not sum(map(len, held)):
            raise ValueError("split: expected at least two images in some class, to hold one out, got one in each")
        first, second = (rng.permutation(np.concatenate(rows)) for rows in (kept, held))
        return (self.images[first], self.labels[first]), (self.images[second], self.labels[second])


def load_image_folder(
    path: str | os.PathLike[str], size: int | tuple[int, int] = (32, 32), grey: bool = False
) -> ImageFolder:
    """Read a folder of images, a subfolder a class, resized to one size.

    Every file below a class's folder is tried, but hidden ones (their names begin with a dot) and folders that are
    links. A picture is turned as its EXIF orientation says and resized as a whole: its proportions are given up.

    Parameters
    ----------
    path : path
    size : int or (int, int)
        Rows and columns of the images.
    grey : bool
        One channel instead of red, green, blue.

    Returns
    -------
    ImageFolder

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        There is no such folder, or fewer than two classes in it, or ``train`` and ``test`` in place of classes; a class
        has no picture that can be read; its name cannot be printed; its folder is a link to one around it; or the
        images would not fit into memory.

    Examples
    --------
    >>> pets = load_image_folder("pets", size=64)  # doctest: +SKIP
    >>> (x_train, y_train), (x_test, y_test) = pets.split(0.2)  # doctest: +SKIP
    >>> model.input_format = pets.input_format  # doctest: +SKIP
    """
    root = Path(path_text(path)).expanduser()
    (height, width), grey = check_pair(size, "size"), check_flag(grey, "grey")
    folders = _classes(root)
    form = InputFormat((height, width), grey, class_names=tuple(each.name for each in folders))
    found = [(file, label) for label, folder in enumerate(folders) for file in _files(folder)]
    shape = (len(found), height, width) if grey else (len(found), height, width, 3)
    check_memory(shape, np.dtype(np.uint8), "the images", "load_image_folder")
    images, labels = np.empty(shape, np.uint8), []
    files: list[str] = []
    broken: list[str] = []
    for file, label in found:
        try:
            if not file.is_file():  # to open a pipe is to wait for ever
                raise ValueError(f"{file}: expected a file, got a pipe, a device or a link to nothing")
            images[len(files)] = resized(file, (height, width), grey)
        except (OSError, ValueError) as error:
            broken.append(printable(error))
            continue
        files.append(str(file))
        labels.append(label)
    numbers = np.array(labels, np.int64)
    _refuse_empty(folders, numbers, broken)
    return ImageFolder(images[: len(files)], numbers, files, broken, form)


def _classes(root: Path) -> list[Path]:
    """Return the folders of the classes, sorted by name."""
    if not root.is_dir():
        got = "a file" if root.is_file() else "nothing of that name"
        raise FileNotFoundError(f"{printable(root)}: expected a folder with a subfolder for each class, got {got}")
    found = sorted(each for each in root.iterdir() if each.is_dir() and not is_hidden(each.name))
    if len(found) < 2:
        only = f"only {printable(found[0].name)!r}" if found else "none"
        raise ValueError(f"{printable(root)}: expected at least two subfolders, each with the pictures of a class, got "
                         f"{only}")
    _refuse_splits(root, found)
    for each in found:
        if each.is_symlink() and root.resolve().is_relative_to(each.resolve()):
            raise ValueError(f"{printable(each)}: expected a folder of pictures, got a link to a folder around it")
    return found


def _refuse_splits(root: Path, folders: list[Path]) -> None:
    """Raise if there are folders to train and to test on in place of classes: they hold the classes' folders."""
    splits = [each for each in folders if each.name.lower() in SPLITS]
    if len(splits) < 2 or not all(map(_holds_folders, splits)):
        return
    first = next((each for each in splits if each.name.lower().startswith("train")), splits[0])
    names = " and ".join(printable(each.name) for each in splits)
    raise ValueError(f"{printable(root)}: expected a subfolder for each class, got {names}, which hold folders of "
                     f"classes themselves; give {printable(first)}")


def _holds_folders(folder: Path) -> bool:
    """Whether there are folders in it, and no pictures beside them."""
    inside = [each for each in folder.iterdir() if not is_hidden(each.name)]
    pictures = any(each.suffix.lower() in SUFFIXES and not each.is_dir() for each in inside)
    return any(each.is_dir() for each in inside) and not pictures


def _files(folder: Path) -> list[Path]:
    """Return what is in a folder and the folders in it, sorted; links to folders are not followed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [Path(place) / name for name in names if not is_hidden(name)]
    return sorted(found)


def _refuse_empty(folders: list[Path], labels: NDArray[np.int64], broken: list[str]) -> None:
    counts = np.bincount(labels, minlength=len(folders))
    empty = [printable(folder) for folder, count in zip(folders, counts) if count == 0]
    if empty:
        why = f"; the first of {len(broken)} files that could not be read: {broken[0]}" if broken else ""
        raise ValueError(f"{empty[0]}: expected at least one picture of this class, got none; "
                         f"add pictures or remove the folder{why}")
