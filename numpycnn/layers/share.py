"""Several processes on one batch: which rows this one has, and what it asks the others.

The processes speak through a communicator of MPI, or anything with the same few methods. All of them call the same
methods of their `Share` in the same order; each waits for the others there.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any, Callable, Protocol

import numpy as np
from numpy.typing import NDArray


class Communicator(Protocol):
    """What training needs of mpi4py's communicators, such as ``MPI.COMM_WORLD``: these names, and nothing else."""

    rank: int
    size: int

    def Allreduce(self, sendbuf: NDArray, recvbuf: NDArray) -> None:
        """Write the sum of all processes' arrays, which are of one shape and dtype, to everybody's `recvbuf`."""

    def allgather(self, sendobj: Any) -> list[Any]:
        """Return the objects of all processes, by rank."""

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return the object of the process with this rank."""

    def Abort(self, errorcode: int = 0) -> None:
        """End all processes."""


METHODS = "Allreduce", "allgather", "bcast", "Abort"


class Share:
    """The part of each batch that this process has: neighbouring rows, as many as the others have, or one less.

    A process without a row (there are fewer rows than processes) works on the batch's first one, and what it makes of
    it does not count: so every process takes part in every sum.

    Parameters
    ----------
    communicator : Communicator

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and of all.
    total, rows : int
        Rows of the batch at hand, and how many of them are this process's.
    part : slice
        Which of them this process has.
    agreed : bool
        Whether an error that all processes know of ends the training: nobody waits then.
    """

    def __init__(self, communicator: Communicator) -> None:
        self.communicator = communicator
        self.rank, self.size = int(communicator.rank), int(communicator.size)
        self.agreed = False
        self._received = np.empty(0)
        self.cut(0)

    # Rows

    def cut(self, total: int) -> slice:
        """Share a batch of so many rows; return those to work on: this process's, or the first if it has none."""
        edges = np.arange(self.size + 1) * total // self.size
        first, stop = int(edges[self.rank]), int(edges[self.rank + 1])
        self.total, self.rows, self.part, self._counts = total, stop - first, slice(first, stop), np.diff(edges)
        return self.part if stop > first else slice(0, 1)

    def gather(self, own: NDArray) -> NDArray:
        """Return the rows of all processes (total, ...) in the batch's order, of each one's rows to work on."""
        rows = np.zeros((self.total, *own.shape[1:]), own.dtype)
        rows[self.part] = own[: self.rows]
        return self.sum(rows)

    def own(self, gradient: NDArray) -> NDArray:
        """Return of the gradient of all rows (total, ...) that of the rows to work on; 0 for one that is another's."""
        return gradient[self.part] if self.rows else np.zeros_like(gradient[:1])

    # Numbers

    def sum(self, array: NDArray) -> NDArray:
        """Return the sum of all processes' arrays: the same bits for everybody."""
        total = np.empty_like(array)
        self.communicator.Allreduce(np.ascontiguousarray(array), total)
        return total

    def sum_in_place(self, vector: NDArray) -> None:
        """Write the sum of all processes' vectors into it; the memory for that is kept from step to step."""
        if self._received.shape != vector.shape or self._received.dtype != vector.dtype:
            self._received = np.empty_like(vector)
        self.communicator.Allreduce(vector, self._received)
        vector[...] = self._received

    def moments(self, mean: NDArray, variance: NDArray) -> tuple[NDArray, NDArray]:
        """Return mean and variance (C,) of the batch, from those of the rows that each process works on.

        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
        """
        both = np.zeros((self.size, 2, mean.size))
        both[self.rank] = mean, variance
        means, variances = self.sum(both).swapaxes(0, 1)  # (P, C) each
        shares = self._counts / self.total
        whole = shares @ means
        return whole.astype(mean.dtype), (shares @ (variances + (means - whole) ** 2)).astype(mean.dtype)

    def any(self, happened: bool) -> bool:
        """Whether it happened to any process."""
        return bool(self.sum(np.array([float(happened)]))[0])

    # Errors

    def together(self, function: Callable[[], Any]) -> Any:
        """Return what the function returns here; where it raises on one process, all raise."""
        result: Any = None
        error: Exception | None = None
        try:
            result = function()
        except Exception as caught:
            error = caught
        told = self.communicator.allgather(None if error is None else f"{type(error).__name__}: {error}")
        self.agreed = any(told)
        if error is not None:
            raise error
        for rank, text in enumerate(told):
            if text is not None:
                raise RuntimeError(f"process {rank} of {self.size} failed: {text}")
        return result

    def from_first(self, function: Callable[[], Any]) -> Any:
        """Return what the function returns on process 0, which alone calls it; if it raises there, all do."""
        told: tuple[Any, Exception | None] = None, None
        if self.rank == 0:
            try:
                told = function(), None
            except Exception as caught:
                told = None, caught
        result, error = self.communicator.bcast(told)
        if error is not None:
            raise error
        return result

    def abort(self, error: BaseException) -> None:
        """End all processes because of an error that this one met alone: the others wait for it."""
        traceback.print_exception(error)
        text = "was interrupted" if isinstance(error, KeyboardInterrupt) else f"failed ({type(error).__name__})"
        print(
            f"fit: process {self.rank} of {self.size} {text}, so all of them end. With BackupAndRestore the same "
            "command (`numpycnn train`: with --resume) goes on from the last backup.", file=sys.stderr, flush=True,
        )  # fmt: skip
        self.communicator.Abort(1)


def place(share: Share | None, rows: int) -> tuple[int, int]:
    """Return where a layer's rows stand in the batch: the first one's number in it, and how many the batch has.

    A layer draws its random numbers for the whole batch, and uses those of its rows.
    """
    return (0, rows) if share is None else (min(share.part.start, share.total - rows), share.total)


def check_communicator(communicator: Any) -> Communicator:
    """Return it; raise unless it has what training needs."""
    missing = [name for name in ("rank", "size", *METHODS) if not hasattr(communicator, name)]
    if missing:
        text = f"communicator: expected mpi4py's, such as MPI.COMM_WORLD, got {communicator!r}"
        raise TypeError(f"{text}, which has no {', '.join(missing)}")
    return communicator
