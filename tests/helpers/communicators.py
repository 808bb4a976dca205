"""A communicator without MPI: its processes are threads of this one."""

import threading

import numpy as np


class Ended(BaseException):
    """What ends the other processes when one of them aborts."""


class Threads:
    """What one of several threads sees: the methods of mpi4py's communicators that training uses."""

    def __init__(self, rank, size, shared):
        self.rank, self.size, self._shared = rank, size, shared

    def allgather(self, obj):
        objects, barrier = self._shared["objects"], self._shared["barrier"]
        self._wait(barrier)
        objects[self.rank] = obj
        self._wait(barrier)
        return list(objects)

    def bcast(self, obj, root=0):
        return self.allgather(obj)[root]

    def Allreduce(self, sendbuf, recvbuf):
        arrays = self.allgather(sendbuf.copy())
        assert {(a.shape, a.dtype) for a in arrays} == {(recvbuf.shape, recvbuf.dtype)}
        recvbuf[...] = sum(arrays[1:], arrays[0])

    def Abort(self, errorcode=0):
        self._shared["aborted"].append((self.rank, errorcode))
        self._shared["barrier"].abort()
        raise Ended

    def _wait(self, barrier):
        try:
            barrier.wait(timeout=120)
        except threading.BrokenBarrierError:
            raise Ended from None


def on_threads(size, function):
    """Call ``function(communicator)`` on so many threads; return what each returned or raised, and who aborted."""
    shared = {"objects": [None] * size, "barrier": threading.Barrier(size), "aborted": []}
    results = [None] * size

    def work(rank):
        try:
            results[rank] = function(Threads(rank, size, shared))
        except BaseException as error:
            results[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, shared["aborted"]


def worst_difference(first, second):
    """Return the largest difference between two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))
