"""What ``fit`` is given to learn from: arrays, or batches that come one by one."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator

import numpy as np


def as_array(x: Any) -> np.ndarray:
    """Return an array of what has rows: a list of one, a table, a tensor."""
    if isinstance(x, (list, tuple)) and len(x) == 1 and np.ndim(x[0]) > 1:
        (x,) = x
    if isinstance(x, dict) and len(x) == 1:
        (x,) = x.values()
    return np.asarray(x)


def is_batches(x: Any) -> bool:
    """Return whether it gives batches, and is no array of rows."""
    if isinstance(x, (np.ndarray, list, tuple, dict)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__next__") or hasattr(x, "__getitem__")


class Rows:
    """Arrays: all rows at once."""

    def __init__(self, x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> None:
        self.x = as_array(x)
        self.y = None if y is None else as_array(y)
        self.sample_weight, self.batch_size = sample_weight, batch_size

    def one_shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return self.x.shape[1:]

    def ranked(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Let the model add or take away an axis of 1."""
        self.x = change(self.x)

    def core_words(self) -> dict[str, Any]:
        """Return the arguments of the core's ``fit`` and ``evaluate``."""
        words: dict[str, Any] = {"x": self.x, "y": self.y, "batch_size": self.batch_size or 32}
        if self.sample_weight is not None:
            words["sample_weight"] = np.asarray(self.sample_weight)
        return words

    def all_x(self) -> np.ndarray:
        """All rows."""
        return self.x


class Batches:
    """An iterable of batches: a generator, a Sequence, a Dataset."""

    def __init__(self, source: Any, steps: int | None, once: bool) -> None:
        self.source, self.steps = source, steps
        if steps is None and hasattr(source, "__len__"):
            self.steps = len(source)
        self.once = once
        self.change: Callable[[np.ndarray], np.ndarray] = lambda x: x
        self._first: Any = None
        self._going: Any = None

    def one_shape(self) -> tuple[int, ...]:
        """Shape of one row, from the first batch, which is kept for the training."""
        self._first = next(self._iterator())
        first = self._first[0] if isinstance(self._first, (tuple, list)) else self._first
        return np.asarray(first).shape[1:]

    def ranked(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Let the model add or take away an axis of 1."""
        self.change = change

    def _iterator(self) -> Iterator[Any]:
        if hasattr(self.source, "__next__"):
            return self.source
        if not hasattr(self.source, "__iter__"):
            return (self.source[i] for i in range(len(self.source)))
        return iter(self.source)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of one epoch: `steps` of them; a source that goes on is gone on with."""
        endless = hasattr(self.source, "__next__")
        if self._going is None or not endless:
            self._going = self._iterator()
        batches = self._going
        if self._first is not None:
            first, self._first = self._first, None
            batches = itertools.chain([first], batches) if endless else batches
        for batch in itertools.islice(batches, self.steps):
            yield self._pair(batch)
        end = getattr(self.source, "on_epoch_end", None)
        if end is not None:
            end()

    def _pair(self, batch: Any) -> tuple:
        if not isinstance(batch, (tuple, list)):
            batch = (batch,)
        x, *rest = batch
        return (self.change(as_array(x)), *(np.asarray(each) for each in rest if each is not None))

    def core_words(self) -> dict[str, Any]:
        """Return the arguments of the core's ``fit``."""
        words: dict[str, Any] = {"x": self}
        if not self.once and self.steps is not None:
            words["steps_per_epoch"] = self.steps
        return words

    def all_x(self) -> np.ndarray:
        """All rows of one epoch."""
        return np.concatenate([batch[0] for batch in self])

    def all(self) -> tuple:
        """All rows of one epoch, with targets."""
        parts = list(self)
        return tuple(np.concatenate([part[i] for part in parts]) for i in range(len(parts[0])))


def rows_of(x: Any, y: Any, sample_weight: Any, batch_size: int | None, steps: int | None, once: bool = False) -> Any:
    """Return what ``fit``, ``evaluate`` or ``predict`` was given, as Rows or Batches."""
    if not is_batches(x):
        return Rows(x, y, sample_weight, batch_size)
    if y is not None or sample_weight is not None:
        raise ValueError("expected y and sample_weight in the batches that x gives, got them apart")
    return Batches(x, steps, once)


def validation_rows(data: Any, steps: int | None, change: Callable[[np.ndarray], np.ndarray]) -> tuple:
    """Return the rows to validate on: (x, y), or (x, y, sample_weight)."""
    if is_batches(data):
        batches = Batches(data, steps, True)
        batches.change = change
        return batches.all()
    x, *rest = data
    return (change(as_array(x)), *(as_array(each) for each in rest))
