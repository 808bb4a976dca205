"""What ``fit`` is given to learn from: arrays, or batches that come one by one."""

from __future__ import annotations

import itertools
import operator
from typing import Any, Callable, Iterator

import numpy as np

from ...checks import check_count
from ...training.data import rows_kept
from ...training.run import FitOptions
from ..flows import Flow
from ..notes import no_effect, note

BATCH = FitOptions.batch_size  # rows of arrays in a batch, if nobody says
Change = Callable[[np.ndarray], np.ndarray]


def as_array(x: Any) -> np.ndarray:
    """Return an array of what has rows: a list of one, a table, a tensor."""
    if isinstance(x, (list, tuple)) and len(x) == 1 and np.ndim(x[0]) > 1:
        (x,) = x
    if isinstance(x, dict) and len(x) == 1:
        (x,) = x.values()
    try:
        array = np.asarray(x)
    except ValueError:  # of lists, where they do not fit into one array
        shapes = " and ".join(sorted({str(np.shape(row)) for row in x})[:2])
        raise ValueError(f"expected one array of rows of one shape, for the one input and output that a model has, "
                         f"got a list with shapes {shapes}") from None  # fmt: skip
    if array.ndim == 0:
        raise TypeError(f"expected an array of rows, got {x!r}")
    return array


def is_batches(x: Any) -> bool:
    """Return whether it gives batches, and is no array of rows."""
    if isinstance(x, (np.ndarray, list, tuple, dict)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


class Data:
    """Arrays x and y, or an iterable of batches in x: a generator, a Sequence, a Dataset."""

    def __init__(self, x: Any, y: Any, batch_size: int | None, steps: int | None) -> None:
        self.batches = is_batches(x)
        if self.batches and y is not None:
            raise ValueError("expected y in the batches that x gives, got it apart")
        if self.batches:
            x, steps = _one_pass(x, steps)
        elif steps is not None:
            check_count(steps, "steps")
        self.x: Any = x if self.batches else as_array(x)
        self.y: Any = None if y is None else as_array(y)
        self.batch_size, self.steps = batch_size, steps

    def settle_steps(self, held_out: float = 0.0) -> None:
        """Of arrays take no more batches than there are; without a size, so many batches hold all rows."""
        if self.batches or self.steps is None:
            return
        rows = rows_kept(len(self.x), held_out if 0 < held_out < 1 else 0.0)
        self.batch_size = self.batch_size or max(1, -(-rows // self.steps))
        self.steps = _at_most(self.steps, -(-rows // self.batch_size))

    def note_idle(self, owner: str, batch_size: int | None, shuffle: Any = True) -> None:
        """Note a size that was given for batches, which are as large as they are, and rows that no epoch reaches."""
        if self.batches:
            no_effect(owner, batch_size=batch_size)
        elif self.steps is not None and not shuffle:
            note("fit: steps_per_epoch with shuffle=False: every epoch takes the same first rows; Keras goes on where "
                 "the epoch before ended")  # fmt: skip

    def batches_an_epoch(self, held_out: float) -> int | None:
        """Return how many batches an epoch of ``fit`` has, if that is known."""
        if self.batches or self.steps is not None:
            return self.steps or operator.length_hint(self.x, 0) or None
        rows = rows_kept(len(self.x), held_out)
        return -(-rows // (self.batch_size or BATCH))

    def hold_out(self, weights: Any, share: Any, in_batches: bool) -> tuple[Any, Any, Any]:
        """Keep the first rows; return their weights, the others as validation data, and the share still to hold out.

        The core holds out what is not looked at in batches, and says why something cannot be held out.
        """
        possible = in_batches and not self.batches and self.y is not None and 0 < share < 1
        kept = rows_kept(len(self.x), share) if possible else 0
        if kept == 0:
            return weights, None, share
        weights = None if weights is None else as_array(weights)
        first, others = ([None if each is None else each[part] for each in (self.x, self.y, weights)]
                         for part in (slice(kept), slice(kept, None)))  # fmt: skip
        self.x, self.y, weights = first
        return weights, others, 0.0

    def one_shape(self) -> tuple[int, ...]:
        """Shape of one row; of a generator the first batch is kept for the training."""
        if not self.batches:
            return self.x.shape[1:]
        first = self.x[0] if hasattr(self.x, "__getitem__") else next(iter(self.x))
        if hasattr(self.x, "__next__"):
            self.x = itertools.chain([first], self.x)
        return np.shape(_parts(first)[0])[1:]

    def core_words(self, ranked: Change) -> dict[str, Any]:
        """Return the core's arguments; `ranked` adds or takes away an axis of 1."""
        if not self.batches:
            steps = {} if self.steps is None else {"steps_per_epoch": self.steps}
            size = {} if self.batch_size is None else {"batch_size": self.batch_size}
            return {"x": ranked(self.x), "y": self.y, **size, **steps}
        numbered = hasattr(self.x, "__len__") and hasattr(self.x, "__getitem__")
        visited = numbered and self.steps in (None, len(self.x))  # whole, by numbers: in a new order each epoch
        return {"x": (Numbered if visited else Adapted)(self.x, ranked), "steps_per_epoch": self.steps}

    def measure_words(self, ranked: Change, sample_weight: Any = None) -> dict[str, Any]:
        """Return the core's arguments for ``evaluate`` and ``predict``: of arrays the first `steps` batches."""
        words = {} if sample_weight is None else {"sample_weight": as_array(sample_weight)}
        if self.batches:
            return {**words, "x": Adapted(self.x, ranked), "steps": self.steps}
        words |= self.core_words(ranked)
        steps = words.pop("steps_per_epoch", None)
        rows = None if steps is None else steps * self.batch_size
        return {word: value[:rows] if isinstance(value, np.ndarray) else value for word, value in words.items()}


def _one_pass(batches: Any, steps: int | None) -> tuple[Any, int | None]:
    """Return the batches from the first one on, and how many to take: at most all, and for 0 all, as in Keras."""
    count = operator.length_hint(batches, 0)  # 0 if it is not known
    steps = _at_most(steps, count)
    return (batches.batches(), steps or count) if isinstance(batches, Flow) else (batches, steps or None)


def _at_most(steps: int | None, count: int) -> int | None:
    if not count or steps is None or steps <= count:
        return steps
    note(f"{steps} steps were asked for, but there are {count} batches: all of them are taken, once an epoch")
    return count


def _parts(batch: Any) -> Any:
    """Return a batch's inputs and, if it has them, targets and weights."""
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    if len(parts) > 1 and parts[1] is not None and np.ndim(parts[1]) == 0:
        raise ValueError("expected batches of rows, got one row at a time: batch them, as dataset.batch(32) does")
    return parts


class Adapted:
    """Batches as the core takes them: tuples of arrays, again and again where the source can be asked again."""

    def __init__(self, source: Any, ranked: Change) -> None:
        self.source, self.ranked = source, ranked

    def __iter__(self) -> Iterator[Any]:
        source = self.source
        numbered = not hasattr(source, "__iter__")
        for batch in (source[i] for i in range(len(source))) if numbered else source:
            yield self.adapted(batch)
        self.on_epoch_end()

    def __length_hint__(self) -> int:
        return len(self.source) if hasattr(self.source, "__len__") else 0

    def adapted(self, batch: Any) -> tuple:
        """Return a batch as the core takes it."""
        x, *rest = _parts(batch)
        return (self.ranked(as_array(x)), *(np.asarray(each) for each in rest if each is not None))

    def on_epoch_end(self) -> None:
        """Tell the source, if it wants to know."""
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()


class Numbered(Adapted):
    """The same for a source whose batches have numbers: ``fit`` may visit them in any order."""

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> tuple:
        return self.adapted(self.source[number])


def one_by_one(words: dict[str, Any], batch_size: int) -> Iterator[np.ndarray]:
    """Yield the batches that the core's ``predict`` would make of these arguments."""
    x = words["x"]
    if isinstance(x, np.ndarray):
        size = words.get("batch_size", batch_size)
        return (x[i : i + size] for i in range(0, len(x), size))
    return (batch[0] for batch in itertools.islice(x, words.get("steps")))


def validation_words(data: Any, batch_size: int, steps: int | None, ranked: Change, in_batches: bool) -> dict[str, Any]:
    """Return the core's arguments for rows or batches to validate on: of rows those in the first `steps` batches.

    With `in_batches`, rows become batches, of that size; else they are taken as is quickest.
    """
    if is_batches(data):
        data, steps = _one_pass(data, steps)
        return {"validation_data": Adapted(data, ranked), "validation_steps": steps}
    rows = [as_array(each)[: None if steps is None else steps * batch_size] for each in data if each is not None]
    if in_batches:
        parts = [slice(first, first + batch_size) for first in range(0, len(rows[0]), batch_size)]
        return {"validation_data": Adapted([tuple(each[part] for each in rows) for part in parts], ranked)}
    return {"validation_data": (ranked(rows[0]), *rows[1:])}
