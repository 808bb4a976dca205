"""Folders of pictures, a subfolder a class: which files they hold, and a ``tf.data.Dataset`` that reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Iterator, Sequence

import numpy as np

from .. import data
from ..checks import check_pair
from ..files import is_hidden, path_text, printable
from .dataset import Dataset
from .notes import refuse
from .pictures import (
    CHANNELS, INTERPOLATIONS, centre, check_format, check_words, img_to_array, read_image, resized,
)
from .random import next_seed
from .tensors import tensor

OWNER = "image_dataset_from_directory"
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # in lower case
CHOICES: dict[str, tuple] = {
    "label_mode": ("int", "categorical", "binary", None), "interpolation": INTERPOLATIONS,
    "color_mode": tuple(CHANNELS), "format": ("tf",), "subset": ("training", "validation", "both", None),
}  # fmt: skip


def class_folders(directory: Any, wanted: Sequence[str] | None = None) -> list[str]:
    """Return the names of the subfolders, sorted, without hidden ones; or those `wanted`, "." for all."""
    root = path_text(directory, "directory")
    if not os.path.isdir(root):
        raise FileNotFoundError(f"{printable(root)}: expected a folder with a subfolder for each class, got none")
    found = sorted(each.name for each in os.scandir(root) if each.is_dir() and not is_hidden(each.name))
    if wanted and not all(os.path.isdir(os.path.join(root, str(name))) for name in wanted):
        raise ValueError(f"class names: expected some of the subfolders of {printable(root)}, {', '.join(found)}, got "
                         f"{', '.join(map(str, wanted))}")  # fmt: skip
    return list(map(str, wanted)) if wanted else found


def files_below(folder: str, suffixes: tuple[str, ...], follow_links: bool = False) -> list[str]:
    """Return the files with such names in a folder and those in it, folder by folder, sorted; hidden ones are none."""
    found = []
    for place, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        found += [os.path.join(place, name) for name in sorted(names)
                  if name.lower().endswith(suffixes) and not is_hidden(name)]  # fmt: skip
    return found


def is_picture(path: str, suffixes: tuple[str, ...]) -> bool:
    """Whether there is a file with such a name."""
    return path.lower().endswith(suffixes) and os.path.isfile(path)


def image_dataset_from_directory(
    directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
    color_mode: str = "rgb", batch_size: int | None = 32, image_size: Any = (256, 256), shuffle: bool = True,
    seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
    interpolation: str = "bilinear", follow_links: bool = False, crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False, data_format: Any = None, format: str = "tf", verbose: bool = True,
) -> Any:  # fmt: skip
    """Return a Dataset of pictures and the numbers of their classes, read anew in each epoch unless it is cached.

    The same seed gives the order and the parts that Keras gives.
    """
    refuse(OWNER, "crop_to_aspect_ratio=True, or pad the pictures before", pad_to_aspect_ratio=pad_to_aspect_ratio)
    check_format(data_format)
    check_words(OWNER, CHOICES, label_mode=label_mode, interpolation=interpolation, color_mode=color_mode,
                format=format, subset=subset)  # fmt: skip
    _check_split(validation_split, subset, shuffle, seed)
    root, say = path_text(directory, "directory"), print if verbose else lambda text: None
    files, numbers, names = _indexed(root, None if label_mode is None else labels, class_names, follow_links)
    say(f"Found {len(files)} files" + (f" belonging to {len(names)} classes." if names else "."))
    targets = None if numbers is None else _targets(numbers, label_mode, len(names or ()))
    seed = next_seed() if seed is None else seed
    size, found = check_pair(image_size, "image_size"), []
    how = _Pictures(color_mode, size, interpolation, crop_to_aspect_ratio, batch_size)
    for part, rows in _parts(len(files), shuffle, seed, validation_split or 0, subset).items():
        if part:
            say(f"Using {len(rows)} files for {part}.")
        if not len(rows):
            kinds, lost = ", ".join(SUFFIXES), f", none of them for {part}" if part else ""
            raise ValueError(f"{OWNER}: expected pictures ({kinds}) in {printable(root)}, got {len(files)}{lost}")
        paths, mixed = [files[row] for row in rows], shuffle and not (subset == "both" and part == "validation")
        dataset: Any = how.dataset(paths, None if targets is None else targets[rows], mixed, seed)
        dataset.class_names, dataset.file_paths = names, paths
        found.append(dataset)
    return found if subset == "both" else found[0]


@dataclass(frozen=True)
class _Pictures:
    """How pictures are read."""

    color_mode: str
    size: Sequence[int]
    interpolation: str
    crop: bool
    batch_size: int | None

    def dataset(self, paths: list[str], targets: np.ndarray | None, shuffle: bool, seed: int | None) -> Dataset:
        """Return the pictures in these files, with their targets if there are any."""

        def elements() -> Iterator[Any]:
            return iter(paths) if targets is None else zip(paths, map(tensor, targets))

        found = Dataset(elements, len(paths))
        if shuffle:
            found = found.shuffle(1024 if self.batch_size is None else 8 * self.batch_size, seed)
        found = found.map(self.read)
        return found if self.batch_size is None else found.batch(self.batch_size)

    def read(self, path: str, *target: Any) -> Any:
        """Return a picture, and what it is to be."""
        pixels = img_to_array(read_image(path, self.color_mode, eight_bits=True), dtype=np.uint8)
        if self.crop:
            left, top, right, bottom = centre(pixels.shape[0], pixels.shape[1], self.size)
            pixels = pixels[top:bottom, left:right]
        image = tensor(resized(pixels, self.size, self.interpolation))
        return (image, *target) if target else image


def _check_split(split: Any, subset: Any, shuffle: bool, seed: Any) -> None:
    if split and not 0 < split < 1:
        raise ValueError(f"{OWNER}: validation_split: expected a number between 0 and 1, got {split!r}")
    if bool(split) != (subset is not None):
        raise ValueError(f"{OWNER}: expected validation_split and subset together, got {split!r} and {subset!r}")
    if split and shuffle and seed is None:
        raise ValueError(f"{OWNER}: expected a seed or shuffle=False beside validation_split: else a picture may be in "
                         "both parts")  # fmt: skip


def _parts(count: int, shuffle: bool, seed: int | None, split: float, subset: str | None) -> dict[str | None, Any]:
    """Return the numbers of the files to take, in order: of all, of one part, or of both."""
    order = np.arange(count)
    if shuffle:
        np.random.RandomState(seed).shuffle(order)
    first = count - int(split * count)
    parts = {None: order, "training": order[:first], "validation": order[first:]}
    return {part: parts[part] for part in (("training", "validation") if subset == "both" else (subset,))}


def _indexed(
    root: str, labels: Any, wanted: Any, follow_links: bool
) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Return files, the numbers of their classes and the classes' names."""
    if isinstance(labels, str) and labels == "inferred":
        names = class_folders(root, wanted)
        found = [files_below(os.path.join(root, name), SUFFIXES, follow_links) for name in names]
        return sum(found, []), np.repeat(np.arange(len(names)), list(map(len, found))), names
    class_folders(root)  # there is such a folder
    if wanted is not None:
        raise ValueError(f"{OWNER}: class_names: expected labels='inferred' beside it")
    files = files_below(root, SUFFIXES, follow_links)
    if labels is None:
        return files, None, None
    if len(labels) != len(files):
        raise ValueError(f"{OWNER}: labels: expected one for each of {len(files)} files, got "
                         f"{len(labels)}")  # fmt: skip
    return files, np.asarray(labels), [str(each) for each in sorted(set(labels))]


def _targets(numbers: np.ndarray, mode: str | None, classes: int) -> np.ndarray:
    """Return numbers of classes as int32 (fractions as float32), as one-hot rows, or as rows of one 0 or 1."""
    if mode == "int":
        return numbers.astype(np.float32 if numbers.dtype.kind == "f" else np.int32)
    if mode == "categorical":
        return data.to_categorical(numbers, classes).astype(np.float32)
    if classes != 2:
        raise ValueError(f"{OWNER}: label_mode='binary': expected two classes, got {classes}")
    return numbers.astype(np.float32)[:, None]
