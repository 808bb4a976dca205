"""Batches without end: of arrays of images, or of pictures in files, changed at random by an ImageDataGenerator."""

from __future__ import annotations

import os
from typing import Any, Iterator

import numpy as np

from .. import data
from ..checks import check_count
from .pictures import CHANNELS, array_to_img, img_to_array, load_img


class Flow:
    """Batches without end, in a new order after all images."""

    def __init__(self, generator: Any, arrays: list, saving: tuple[Any, str, str], batch_size: int, shuffle: bool,
                 rng: np.random.Generator) -> None:  # fmt: skip
        self.generator, self.shuffle, self.rng = generator, shuffle, rng
        self.batch_size = check_count(batch_size, "batch_size")
        self.x, self.y, self.sample_weight = arrays
        self.save_to_dir, self.save_prefix, self.save_format = saving
        if self.y is not None and len(self.y) != len(self.x):
            raise ValueError(f"flow: expected as many labels as images, got {len(self.x)} and {len(self.y)}")
        self.n, self._order, self._at, self.total_batches_seen = len(self.x), np.arange(0), 0, 0

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._at >= len(self._order):
            self._order, self._at = self._new_order(), 0
        rows = self._order[self._at : self._at + self.batch_size]
        self._at += self.batch_size
        self.total_batches_seen += 1
        return self._batch(rows)

    next = __next__

    def batches(self) -> Iterator[Any]:
        """Yield batches without end from the first one on, wherever ``next`` is."""
        while self.n:
            order = self._new_order()
            for first in range(0, self.n, self.batch_size):
                yield self._batch(order[first : first + self.batch_size])

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"flow: expected a batch below {len(self)}, got {index}")
        return self._batch(np.arange(self.n)[index * self.batch_size : (index + 1) * self.batch_size])

    @property
    def batch_index(self) -> int:
        """Number of the next batch."""
        return 0 if self._at >= len(self._order) else self._at // self.batch_size

    def reset(self) -> None:
        """Begin a new order."""
        self._at = len(self._order)

    def _new_order(self) -> np.ndarray:
        return self.rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _images(self, rows: np.ndarray) -> np.ndarray:
        return self.x[rows].astype(np.float32)

    def _batch(self, rows: np.ndarray) -> Any:
        moved = self.generator._moved(self._images(rows), self.rng)
        batch = [self.generator._standardized(moved)]
        for row, image in zip(rows, batch[0] if self.save_to_dir is not None else ()):
            name = f"{self.save_prefix}_{row}_{self.rng.integers(10**7)}.{self.save_format}"
            array_to_img(image).save(os.path.join(self.save_to_dir, name))
        batch += [a[rows] for a in (self.y, self.sample_weight) if a is not None]
        return tuple(batch) if len(batch) > 1 else batch[0]


class FileFlow(Flow):
    """The same of pictures that are read from files when they are due."""

    class_indices: dict[str, int]

    def __init__(self, generator: Any, root: str, files: list[str], targets: Any, weights: Any,
                 class_mode: str | None, loading: dict[str, Any], *order: Any) -> None:  # fmt: skip
        super().__init__(generator, [np.array(files), targets, weights], *order)
        self.directory, self.class_mode, self.loading, self.samples = root, class_mode, loading, self.n
        self.filepaths = files
        self.filenames = [os.path.relpath(file, root) for file in files] if root else files
        self.target_size, self.color_mode = loading["target_size"], loading["color_mode"]
        self.image_shape = (*self.target_size, CHANNELS[self.color_mode])

    def with_classes(self, names: list[str], numbers: Any) -> FileFlow:
        """Know the classes' names, and the number of each picture's."""
        self.class_indices, self.num_classes = dict(zip(names, range(len(names)))), len(names)
        self.classes = self.labels = np.asarray(numbers, np.int32)
        return self

    def _images(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([img_to_array(load_img(str(file), **self.loading)) for file in self.x[rows]])

    def _batch(self, rows: np.ndarray) -> Any:
        batch = super()._batch(rows)
        return (batch, batch.copy()) if self.class_mode == "input" else batch


def targets_of(numbers: Any, names: list[str], class_mode: str | None) -> np.ndarray | None:
    """Return numbers of classes as one-hot rows or as they are, float32; None where no classes are wanted."""
    if class_mode == "categorical":
        return data.to_categorical(np.asarray(numbers), len(names)).astype(np.float32)
    return np.asarray(numbers, np.float32) if class_mode in ("binary", "sparse") else None
