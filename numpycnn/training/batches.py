"""Where the batches of an epoch come from: arrays, cut up in a new order each time, or the user's own batches."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any, Callable, Iterator, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import check_numeric
from ..hints import shown
from ..kernels import ops
from .data import check_data, row_weights
from .run import FitOptions

if TYPE_CHECKING:
    from ..model import Sequential
    from .run import Run


END = object()  # of a source that is iterated over; None would be a batch that is none


class Batch(NamedTuple):
    """Images, targets, the weights of the rows or None, and the rows' numbers in the data.

    Of several processes that train together each has images of its own, and the rest of all.
    """

    x: NDArray
    y: NDArray
    weights: NDArray | None
    rows: NDArray


class ArrayBatches:
    """Batches of arrays that were checked; an epoch visits every row once, or takes its first `steps_per_epoch`."""

    def __init__(self, model: Sequential, x: NDArray, y: NDArray, weights: NDArray | None, options: FitOptions) -> None:
        self.x, self.y, self.weights, self.loss, self.options = x, y, weights, model.loss, options
        self.rows = len(x)
        steps, wanted = -(-self.rows // options.batch_size), options.steps_per_epoch
        if wanted is not None and wanted > steps:
            text = f"expected at most the {steps} batches of {options.batch_size} that {self.rows} rows make"
            raise ValueError(f"steps_per_epoch: {text}, got {wanted}")
        self.steps = steps if wanted is None else wanted

    def sample(self, model: Sequential) -> tuple[NDArray, NDArray]:
        """Return the first row, twice, to compile the kernels with."""
        return self.x[[0, 0]], self.y[[0, 0]]

    def epoch(self, model: Sequential, run: Run) -> Iterator[Batch]:
        """Yield the batches of an epoch, or what is left of them."""
        size, order = self.options.batch_size, run.draw_order(self.rows)
        for batch in range(run.batch, self.steps):
            rows = order[batch * size : (batch + 1) * size]
            images, targets = self.images(rows, model.dtype, run), self.targets(model)[rows]
            yield Batch(images, targets, None if self.weights is None else self.weights[rows], rows)

    def images(self, rows: NDArray, dtype: np.dtype, run: Run) -> NDArray:
        """Return the images of these rows, augmented; of several processes, each takes its share."""
        augment, share, batch = self.options.augment, run.share, len(rows)
        part = slice(None) if share is None else share.cut(batch)
        if augment is None:
            return take(self.x, rows[part], dtype)
        if share is not None and hasattr(augment, "of_part"):
            return augment.of_part(take(self.x, rows[part], dtype), run.rng, part.start, batch)
        images = augmented(augment, take(self.x, rows, dtype), run)  # a function of the user's may look at all of them
        return images if share is None else images[part]

    def targets(self, model: Sequential) -> NDArray:
        """Return all targets as the model's loss takes them; checked again only if a callback compiled another one."""
        if model.loss is not self.loss:
            self.y, self.loss = model.loss.check_targets(self.y, model.output_shape), model.loss
        return self.y


def augmented(augment: Callable[..., Any], images: NDArray, run: Run) -> NDArray:
    """Return the images that a function puts in the place of these; raise if they have another shape."""
    shape = images.shape
    found = augment(images, run.rng)
    if np.shape(found) != shape:
        got = "nothing" if found is None else f"{np.shape(found)}"
        raise ValueError(f"augment: expected it to return images of shape {shape}, got {got}")
    return check_numeric(found, "augment: the images it returned")


class GivenBatches:
    """Batches (x, y) or (x, y, weights) that come from elsewhere; each is checked."""

    rows = None  # how many, nobody knows
    steps: int | None

    def __init__(self, options: FitOptions, first: Any) -> None:
        self.options = options
        self.x, self.y, _ = split_batch(first)  # of the first batch

    def sample(self, model: Sequential) -> tuple[NDArray, NDArray]:
        """Return the first row, twice, to compile the kernels with."""
        x, y = check_data(model, self.x, self.y)
        return x[[0, 0]], y[[0, 0]]

    def epoch(self, model: Sequential, run: Run) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        seen, options = 0, self.options
        for item in self._items(run):
            x, y, sample_weight = split_batch(item)
            x, y = check_data(model, x, y, options.check_finite)
            weights = row_weights(model, y, sample_weight, options.class_weight)
            if options.augment is not None:
                x = augmented(options.augment, np.array(x, model.dtype), run)  # a copy: it may write into it
            rows = np.arange(seen, seen + len(x))
            yield Batch(x if run.share is None else x[run.share.cut(len(x))], y, weights, rows)
            seen += len(x)

    def _items(self, run: Run) -> Iterator[Any]:
        raise NotImplementedError


class SequenceBatches(GivenBatches):
    """Batches that have numbers, from 0 to ``len(source) - 1``; visited in a new order each epoch, with `shuffle`."""

    def __init__(self, source: Any, options: FitOptions) -> None:
        self.source, self.steps = source, options.steps_per_epoch or len(source)
        check_enough(source, self.steps, "steps_per_epoch")
        super().__init__(options, source[0])

    def _items(self, run: Run) -> Iterator[Any]:
        for position in run.draw_order(len(self.source))[run.batch : self.steps]:
            yield self.source[int(position)]
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()


class IteratedBatches(GivenBatches):
    """Batches one after another, from a generator or anything to iterate over.

    Without `steps_per_epoch` an epoch ends with the data. With it, an epoch goes on where the one before it ended, and
    what can be iterated over again starts anew at its end.
    """

    def __init__(self, source: Any, options: FitOptions) -> None:
        self.source, self._iterator = source, iter(source)
        self.steps = options.steps_per_epoch or operator.length_hint(source) or None
        first = next(self._iterator, END)
        if first is END:
            raise ValueError("x: expected at least one batch (x, y), got none")
        self._iterator = itertools.chain([first], self._iterator)
        super().__init__(options, first)

    def _items(self, run: Run) -> Iterator[Any]:
        if self.options.steps_per_epoch is None:
            yield from self._iterator
            self._iterator, self.steps = iter(self.source), run.batch
            return
        for step in range(self.options.steps_per_epoch):
            item = next(self._iterator, END)
            if item is END:  # a generator is its own iterator, and has come to its end
                self._iterator = iter(self.source)
                item = next(self._iterator, END)
            if item is END:
                return
            yield item


def given_batches(source: Any, options: FitOptions) -> GivenBatches:
    """Return the batches of a source for ``fit``."""
    return SequenceBatches(source, options) if is_sequence(source) else IteratedBatches(source, options)


def in_order(source: Any, steps: int | None) -> Iterator[Any]:
    """Return the batches of a source as they come, at most so many."""
    if is_sequence(source) and steps is not None:
        check_enough(source, steps, "steps")
    return itertools.islice(map(source.__getitem__, range(len(source))) if is_sequence(source) else source, steps)


def check_enough(source: Any, steps: int, name: str) -> None:
    """Raise if a source whose batches have numbers has fewer than so many, or none."""
    if len(source) == 0:
        raise ValueError("expected at least one batch (x, y), got none")
    if steps > len(source):
        raise ValueError(f"{name}: expected at most the {len(source)} batches there are, got {steps}")


def hands_out_batches(x: Any, y: Any) -> bool:
    """Whether `x` is no array, but something that hands out batches (x, y)."""
    if y is not None or hasattr(x, "__array__") or isinstance(x, (str, bytes, dict, set)):
        return False
    if isinstance(x, (list, tuple)):
        return len(x) > 0 and all(map(_begins_with_array, x))
    return hasattr(x, "__iter__") or is_sequence(x)


def _begins_with_array(item: Any) -> bool:
    """Whether it may be a batch (x, y); a row of numbers is none, though NumPy's numbers call themselves arrays."""
    return isinstance(item, (list, tuple)) and len(item) > 0 and getattr(item[0], "ndim", 0) > 0


def is_sequence(source: Any) -> bool:
    """Whether batches can be asked for by number."""
    return hasattr(source, "__len__") and hasattr(source, "__getitem__")


def split_batch(item: Any) -> tuple[Any, Any, Any]:
    """Return x, y and the weights, or None, of a batch; raise if it is none."""
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        found = f"{len(item)} things" if isinstance(item, (tuple, list)) else shown(item)
        raise TypeError(f"x: expected batches (x, y) or (x, y, weights), got {found}")
    return (*item, None)[:3]  # type: ignore[return-value]


def take(x: NDArray, rows: NDArray, dtype: np.dtype) -> NDArray:
    """Return ``x[rows]`` in this dtype; where nothing is converted, all threads copy."""
    if x.dtype != dtype or not x.flags.carray:
        return x[rows].astype(dtype, copy=False)
    images = np.empty((len(rows), *x.shape[1:]), dtype)
    ops.take_rows(x.reshape(len(x), -1), rows, images.reshape(len(rows), -1))
    return images
