"""Training on several processes and machines with MPI: ``fit(..., communicator=start())`` under ``mpirun -n 4``.

What the processes do stands in ``training/parallel.py`` and ``layers/share.py``; here is how they begin and end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Iterator

from ..kernels import set_num_threads, threads
from ..layers.share import Share


def start() -> Any:
    """Return ``MPI.COMM_WORLD``, with this process's kernels on its share of the machine's cores.

    Raises
    ------
    ImportError
        mpi4py is not installed, or finds no MPI.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # the second: there is no MPI library
        text = "training on several processes needs mpi4py and an MPI: pip install mpi4py mpich, or your system's MPI"
        raise ImportError(f"{text} ({error})") from error
    set_num_threads(_own_cores(MPI.COMM_WORLD.Split_type(MPI.COMM_TYPE_SHARED)))
    return MPI.COMM_WORLD


def _own_cores(machine: Any) -> int:
    """Return how many threads this process may use beside the others on its machine."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    everybody_s = set.union(*machine.allgather(allowed))
    bound = allowed != everybody_s  # mpirun gave each process cores of its own
    return min(threads.get_num_threads(), max(1, threads.cores() // (1 if bound else machine.size)))


@contextlib.contextmanager
def together() -> Iterator[Share | None]:
    """Run a program's block on all processes, of which the first alone prints; where one fails, all end.

    Yields None if this process is the only one.
    """
    communicator = start()
    if communicator.size == 1:
        yield None
        return
    share = Share(communicator)
    try:
        with open(os.devnull, "w") as nothing:
            with contextlib.redirect_stdout(sys.stdout if share.rank == 0 else nothing):
                yield share
    except (InterruptedError, SystemExit):  # all of them know
        raise
    except BaseException as error:
        share.abort(error)
        raise
