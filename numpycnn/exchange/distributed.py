"""Training on several processes and machines with MPI: ``fit(..., communicator=start())`` under ``mpirun -n 4``.

``training/parallel.py`` and ``layers/share.py`` say what the processes do; here is how they begin and end. Every
process runs the whole program with the same data; ``start().rank == 0`` is the one that should save and print. The
weights are those that one process would get, but for rounding. If a process dies, mpirun ends the others, and a line
says how to go on; ``BackupAndRestore`` does so from the last backup, on any number of processes. A layer of one's own
that draws random numbers or looks at other rows has to ask ``self.share`` (see ``Dropout``, ``BatchNorm``). Batches
that are handed out have to be the same on all processes.

A step of P processes on B images takes, with D bytes of gradients (four for each parameter: 0.90 MB of the reference
CNN) and u, what is done whole by everyone (Adam's step and the loop around it)::

    u + t B / P  +  2 (P - 1) / P  D / bandwidth  +  (2 + 3 BatchNorm layers + 2) messages  2 log2(P) latency

On a Xeon of two cores one thread has u = 0.55 ms and t = 45 us; MPICH sums 0.90 MB of two processes in 0.19 ms, and a
few numbers in 2 us. For B = 64 and 256 that gives 2.2 and 6.5 ms; measured 2.6 and 7.5, since each step waits for the
slower process, and both share the memory's bandwidth. One process takes 3.4 and 12.1 ms with one thread, 2.2 and 6.9
with two: within a machine threads are better, unless there are more cores than a step's loops can feed. Over 10 Gbit/s
the gradients take 0.7 ms for two machines and 1.4 for many (between two network namespaces with such a limit 0.79 ms
were measured, and at 1 Gbit/s 7.5 for 7.2): of machines with two cores (t = 25 us a pair) further ones pay for batches
of more than 60 images on average, and a step is never shorter than u + 1.4 ms. To send the gradients of one layer
while the next is worked on did not pay: 2.2 to 2.5 ms in place of 1.7 to 2.5, as MPI moves nothing between its calls,
and twice the time with a thread for it (``MPICH_ASYNC_PROGRESS=1``). Outputs go to everybody: a loss on whole images,
as an autoencoder's, sends these, too.

Examples
--------
``mpirun -n 4 numpycnn train --recipe cnn --distributed``, or a program of one's own, ``mpirun -n 4 python train.py``::

    communicator = start()
    model.fit(x, y, batch_size=256, verbose=2, communicator=communicator, callbacks=[BackupAndRestore("backup.npz")])
    if communicator.rank == 0:
        model.save("model.npz")
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import subprocess
import sys
import time
from typing import Any, Iterator

from ..kernels import set_num_threads, threads
from ..layers.share import Share

DIED = """
numpycnn: a process was ended before its time, and mpirun ends all of them. The last backup is whole, if there is one:
numpycnn: start the same command again, with --resume if it is `numpycnn train`, and it goes on from there.
"""
PATIENCE = 10.0  # seconds; an error that the others have not met by then is this process's alone
# The watch's program: its input ends with the process that started it; one that comes to its end says so before.
WATCH = "import sys\nif not sys.stdin.read(): sys.stderr.write(sys.argv[1])"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C has ended the training on all processes: none of them waits for another."""


def start() -> Any:
    """Return ``MPI.COMM_WORLD``, with this process's kernels on its share of the machine's cores.

    If the processes die, by a signal or another's death, a line on the first one's stderr says how to go on.

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
    if MPI.COMM_WORLD.rank == 0 and MPI.COMM_WORLD.size > 1:
        watch()
    set_num_threads(_own_cores(MPI.COMM_WORLD.Split_type(MPI.COMM_TYPE_SHARED)))  # here they wait for each other
    return MPI.COMM_WORLD


@functools.cache
def watch() -> None:
    """Start a small process that outlives this one, and says what to do if this one is killed: MPI kills at once."""
    command = [sys.executable, "-I", "-S", "-c", WATCH, DIED]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # mpirun's signals pass it by
    atexit.register(process.communicate, b"finished")


def _own_cores(machine: Any) -> int:
    """Return how many threads this process may use beside the others on its machine."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    everybody_s = set.union(*machine.allgather(allowed))
    bound = allowed != everybody_s  # mpirun gave each process cores of its own
    return min(threads.get_num_threads(), max(1, threads.cores() // (1 if bound else machine.size)))


@contextlib.contextmanager
def together() -> Iterator[Share | None]:
    """Run a program's block on all processes, of which the first alone prints; where one fails, all end.

    An error that all of them meet is the first one's to tell. Yields None if this process is the only one.
    """
    communicator = start()
    if communicator.size == 1:
        yield None
        return
    share, ends = Share(communicator), communicator.Dup()  # nothing else is said on the second
    try:
        with open(os.devnull, "w") as nothing:
            with contextlib.redirect_stdout(sys.stdout if share.rank == 0 else nothing):
                yield share
    except (Interrupted, SystemExit):  # all of them know
        raise
    except BaseException as error:
        if not _all_end(ends, PATIENCE):  # the others would wait for it
            share.abort(error)
        if share.rank > 0:
            sys.exit(1)
        raise
    else:
        _all_end(ends, float("inf"))


def _all_end(communicator: Any, patience: float) -> bool:
    """Wait until all processes have come here, at most for so many seconds; return whether they have."""
    last, request = time.monotonic() + patience, communicator.Ibarrier()
    while not (here := request.Test()) and time.monotonic() < last:
        time.sleep(0.01)
    return here
