"""One-hot rows, vectors of length 1, and batches by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import data


def to_categorical(x: Any, num_classes: int | None = None, dtype: Any = "float32") -> np.ndarray:
    """Return one-hot rows; the core's ``to_categorical``."""
    y = np.asarray(x)
    shape = y.shape[:-1] if y.ndim > 1 and y.shape[-1] == 1 else y.shape
    return data.to_categorical(y.reshape(-1), num_classes).reshape(*shape, -1).astype(dtype)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return x with vectors of length 1 along an axis."""
    x = np.asarray(x, np.float64)
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(length == 0, 1, length)


class PyDataset:
    """Batches by number: a subclass defines ``__len__`` and ``__getitem__``."""

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        pass

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has to define __getitem__(index): (x, y) of a batch")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has to define __len__(): the number of batches")

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset
