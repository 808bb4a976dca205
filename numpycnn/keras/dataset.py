"""``tf.data.Dataset`` over arrays: rows, shuffled, changed and batched when they are asked for."""

from __future__ import annotations

import functools
import itertools
import types
from typing import Any, Callable, Iterator

import numpy as np

from .random import next_seed
from .tensors import constant, tensor


class _Explained(type):
    """Says of the class, too, what it has."""

    def __getattr__(cls, name: str) -> Any:
        known = ", ".join(word for word in vars(Dataset) if not word.startswith("_"))
        raise AttributeError(f"a Dataset has no {name!r} here; it has {known}; or use NumPy on the arrays before")


class Dataset(metaclass=_Explained):
    """Elements in order, again and again; each method returns another dataset."""

    def __init__(self, make: Callable[[], Iterator[Any]], length: int | None) -> None:
        self._make, self._length = make, length

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """Rows of one array, or of several together."""
        if isinstance(tensors, dict):
            raise ValueError("from_tensor_slices: expected an array or a tuple of arrays, got a dict")
        single = not isinstance(tensors, tuple)
        if not single and any(isinstance(each, (dict, tuple)) for each in tensors):
            raise ValueError("from_tensor_slices: expected one array for the inputs and one for the targets, got more: "
                             "the model has one input and one output")  # fmt: skip
        arrays = [constant(each) for each in ((tensors,) if single else tensors)]
        length = len(arrays[0])
        if any(len(each) != length for each in arrays):
            raise ValueError(f"from_tensor_slices: expected arrays of one length, got {[len(a) for a in arrays]}")

        def rows() -> Iterator[Any]:
            for i in range(length):
                yield tensor(arrays[0][i]) if single else tuple(tensor(a[i]) for a in arrays)

        return Dataset(rows, length)

    @staticmethod
    def from_generator(generator: Callable[..., Any], output_types: Any = None, output_shapes: Any = None,
                       args: Any = (), **_: Any) -> Dataset:  # fmt: skip
        """What a generator function gives."""

        def elements() -> Iterator[Any]:
            for each in generator(*(args or ())):
                if not isinstance(each, tuple):
                    yield constant(each, output_types)
                    continue
                dtypes = output_types if isinstance(output_types, tuple) else [output_types] * len(each)
                yield tuple(constant(part, dtype) for part, dtype in zip(each, dtypes))

        return Dataset(elements, None)

    @staticmethod
    def range(*bounds: int) -> Dataset:
        """Numbers."""
        return Dataset.from_tensor_slices(np.arange(*bounds))

    @staticmethod
    def zip(*datasets: Any) -> Dataset:
        """Elements of several datasets together."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        lengths = [each._length for each in parts if each._length is not None]
        return Dataset(lambda: iter(zip(*(iter(each) for each in parts))), min(lengths) if lengths else None)

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> Dataset:
        """In a random order, drawn from a buffer of so many elements: another one each time, or always the same."""
        start = np.random.SeedSequence(next_seed() if seed is None else seed)
        ongoing = np.random.default_rng(start)

        def shuffled() -> Iterator[Any]:
            rng, source = ongoing if reshuffle_each_iteration else np.random.default_rng(start), iter(self)
            buffer = list(itertools.islice(source, max(1, int(buffer_size))))
            for element in source:
                i = rng.integers(len(buffer))
                yield buffer[i]
                buffer[i] = element
            yield from (buffer[i] for i in rng.permutation(len(buffer)))

        return Dataset(shuffled, self._length)

    def batch(self, batch_size: int, drop_remainder: bool = False, **_: Any) -> Dataset:
        """So many elements as one."""
        size, count = int(batch_size), self._length

        def batches() -> Iterator[Any]:
            source = iter(self)
            while rows := list(itertools.islice(source, size)):
                if len(rows) == size or not drop_remainder:
                    yield _stacked(rows)

        return Dataset(batches, None if count is None else count // size if drop_remainder else -(-count // size))

    def unbatch(self) -> Dataset:
        """The elements of batches."""
        return Dataset(lambda: (row for e in self for row in (zip(*e) if isinstance(e, tuple) else e)), None)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, **_: Any) -> Dataset:
        """Each element changed by a function."""
        return Dataset(lambda: (_called(map_func, each) for each in self), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements that a function says yes to."""
        return Dataset(lambda: (each for each in self if _called(predicate, each)), None)

    def take(self, count: int) -> Dataset:
        """The first elements; -1 is all."""
        if count < 0:
            return self
        return Dataset(lambda: itertools.islice(iter(self), count), self._counted(lambda n: min(count, n)))

    def skip(self, count: int) -> Dataset:
        """All but the first elements."""
        return Dataset(lambda: itertools.islice(iter(self), count, None), self._counted(lambda n: max(0, n - count)))

    def shard(self, num_shards: int, index: int) -> Dataset:
        """One of so many parts: elements `index`, `index` + `num_shards` and so on."""
        return Dataset(lambda: itertools.islice(iter(self), index, None, num_shards),
                       self._counted(lambda n: len(range(index, n, num_shards))))  # fmt: skip

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: Any = None) -> Any:
        """Return what a function (state, element) makes of all elements, one after another."""
        return tensor(functools.reduce(reduce_func, self, initial_state))

    def repeat(self, count: int | None = None) -> Dataset:
        """All elements so many times, or without end."""
        endless = count in (None, -1)

        def repeated() -> Iterator[Any]:
            for _ in itertools.count() if endless else range(count or 0):
                yield from self

        return Dataset(repeated, None if endless else self._counted(lambda n: n * (count or 0)))

    def concatenate(self, dataset: Dataset) -> Dataset:
        """All elements, then those of another."""
        return Dataset(lambda: itertools.chain(self, dataset), self._counted(
            lambda n: None if dataset._length is None else n + dataset._length))  # fmt: skip

    def cache(self, filename: Any = "") -> Dataset:
        """The elements of the first time that all are asked for, kept in memory: they are not made anew after it."""
        kept: list[Any] = []

        def elements() -> Iterator[Any]:
            if kept:
                yield from kept
                return
            made = []
            for element in self:
                made.append(element)
                yield element
            kept[:] = made

        return Dataset(elements, self._length)

    def prefetch(self, buffer_size: Any = None) -> Dataset:
        """The same dataset: there is nothing to gain here."""
        return self

    with_options = prefetch

    def enumerate(self, start: int = 0) -> Dataset:
        """Elements with their numbers."""
        return Dataset(lambda: ((tensor(i), each) for i, each in enumerate(self, start)), self._length)

    def cardinality(self) -> Any:
        """Return the number of elements, -2 if unknown."""
        return tensor(-2 if self._length is None else self._length)

    @property
    def element_spec(self) -> Any:
        """Shape and dtype of the first element; a batch has its size there, for which TensorFlow says None."""
        first = next(iter(self))
        parts = first if isinstance(first, tuple) else (first,)
        specs = tuple(types.SimpleNamespace(shape=np.shape(each), dtype=np.asarray(each).dtype) for each in parts)
        return specs if isinstance(first, tuple) else specs[0]

    def __getattr__(self, name: str) -> Any:
        return _Explained.__getattr__(Dataset, name)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return the elements as plain arrays."""
        return Elements(tuple(np.asarray(a) for a in e) if isinstance(e, tuple) else np.asarray(e) for e in self)

    def _counted(self, change: Callable[[int], int | None]) -> int | None:
        return None if self._length is None else change(self._length)

    def __iter__(self) -> Iterator[Any]:
        return Elements(self._make())

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the number of elements of this dataset is not known")
        return self._length


class Elements:
    """Elements one by one, by TensorFlow's names too."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._source)

    next = get_next = __next__


def _called(function: Callable[..., Any], element: Any) -> Any:
    return function(*element) if isinstance(element, tuple) else function(element)


def _stacked(rows: list[Any]) -> Any:
    if isinstance(rows[0], tuple):
        return tuple(tensor(np.stack([np.asarray(row[i]) for row in rows])) for i in range(len(rows[0])))
    return tensor(np.stack([np.asarray(row) for row in rows]))
