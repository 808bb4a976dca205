"""The threads that kernels run on: which layer starts them, how many there are, and what a fork leaves.

Numba runs a parallel loop on one of three layers. TBB's threads take pieces of the loop as they become free; OpenMP's
each have their share, and all wait for the last: beside another program, which has one of two cores half of the time,
a training step takes several times as long. So TBB comes first where its library is.

========================  ==========================================================================================
Linux, Windows on x86-64  TBB: pip installs the package ``tbb`` with this one, and Numba's wheel has the layer.
Linux on Arm              OpenMP (GNU's), made to wait only briefly; there is no wheel of ``tbb``.
macOS                     Numba's wheel has no layer for TBB: OpenMP where its library is found (conda's
                          ``llvm-openmp``), else Numba's ``workqueue``, which takes longer to start a loop.
conda                     TBB, if conda's package ``tbb`` is in the environment.
========================  ==========================================================================================

Results are the same bits on every layer and with any number of threads. A forked child has no threads and runs the
serial builds, whatever the layer. TBB's layer itself writes a line when a process with such threads forks: to standard
output when another thread has run kernels, to standard error when it is another thread that forks.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import numbers
import os
import sys
import threading
from pathlib import Path
from typing import Iterator

import numba
from numba.core import compiler_lock, config

from . import fork_locks, lock  # noqa: F401  # `lock` is known as one of threads

TBB_LIBRARY = {"win32": "Library/bin/tbb12.dll", "darwin": "lib/libtbb.12.dylib"}.get(sys.platform, "lib/libtbb.so.12")
TBB_LAYER = "numba.np.ufunc.tbbpool"
OLDEST_TBB = 12060  # its interface's version that Numba takes: 2021.6
SPIN = "10000"  # rounds of GNU OpenMP's waiting loop, some 0.5 ms; with 2000 a step on an idle Xeon took 25 % more time
CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # "150000 100000": microseconds of work in a period

forked = False
wanted = config.NUMBA_NUM_THREADS


class _Caller(threading.local):
    count = 0  # the number that was set when Numba was told how many threads the kernels called from this one use
    alone = False  # see on_one_thread


caller = _Caller()


def set_num_threads(n: int) -> None:
    """Use `n` threads in every kernel from now on; results do not depend on it."""
    global wanted
    limit = config.NUMBA_NUM_THREADS
    is_integer = isinstance(n, numbers.Integral) and not isinstance(n, bool)
    if not is_integer or not 1 <= n <= limit:
        raise (ValueError if is_integer else TypeError)(
            f"set_num_threads: expected an integer from 1 to {limit}, got {n!r}; "
            "the limit is NUMBA_NUM_THREADS, read when the process starts"
        )
    wanted = int(n)


def get_num_threads() -> int:
    """Number of threads that kernels called from here use."""
    return 1 if caller.alone else wanted


def use() -> None:
    """Make the kernels that this thread calls use the number of threads that is set; the first call starts them.

    TBB's layer starts its threads with an empty task, and waits for that when Python ends. On one core nobody but the
    thread that asked for it takes it: if that has ended by then, the program would never end. So it is taken here.
    """
    was_loaded = TBB_LAYER in sys.modules
    with _calm_openmp():
        numba.set_num_threads(get_num_threads())
    caller.count = wanted
    if not was_loaded and TBB_LAYER in sys.modules:
        ctypes.CFUNCTYPE(None)(sys.modules[TBB_LAYER].synchronize)()


@contextlib.contextmanager
def on_one_thread() -> Iterator[None]:
    """Run what this thread calls in this block on it alone, whatever is set, and whatever other threads do."""
    before, caller.alone, caller.count = caller.alone, True, 0
    try:
        yield
    finally:
        caller.alone, caller.count = before, 0


@contextlib.contextmanager
def _calm_openmp() -> Iterator[None]:
    """Tell OpenMP, if it is loaded in this block, to wait only briefly for a thread, and to start no more than cores.

    When a second program keeps a core busy, the core that a waiting thread burns is the one the other thread needs.
    """
    wanted = {"GOMP_SPINCOUNT": SPIN, "OMP_THREAD_LIMIT": str(cores())}
    if "OMP_WAIT_POLICY" in os.environ:
        del wanted["GOMP_SPINCOUNT"]
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def cores() -> int:
    """Number of cores that this process may use, at least 1: its affinity and a container's limit are looked at."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # other systems; "max": no limit
        quota, period = map(int, CGROUP_LIMIT.read_text(encoding="ascii").split())
        found = min(found, -(-quota // period))
    return max(found, 1)


def _choose_layer() -> None:
    """Load TBB and put it first, else OpenMP, unless the user has chosen."""
    asked = os.environ.get("NUMBA_THREADING_LAYER", "default")
    if asked in ("omp", "workqueue"):
        return
    has_tbb = _load_tbb()
    if asked == "default" and "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
        config.THREADING_LAYER_PRIORITY = [*(("tbb", "omp") if has_tbb else ("omp", "tbb")), "workqueue"]


def _load_tbb() -> bool:
    """Load TBB's library from where pip or conda put it, where Numba does not look; whether it is new enough."""
    for path in _places_of_tbb():
        with contextlib.suppress(OSError, AttributeError):
            return ctypes.CDLL(str(path)).TBB_runtime_interface_version() >= OLDEST_TBB
    return False


def _places_of_tbb() -> Iterator[Path]:
    yield Path(sys.prefix) / TBB_LIBRARY
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # pip may have put it elsewhere, as with --user
        for file in importlib.metadata.files("tbb") or ():
            if file.name == Path(TBB_LIBRARY).name:
                yield Path(file.locate())


def _after_fork_in_child() -> None:
    global forked
    forked = True


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_after_fork_in_child)
fork_locks.append(compiler_lock.global_compiler_lock)
_choose_layer()
