"""Compile the kernels that a program is about to need: all of them at once, in processes side by side.

Numba compiles in one thread, and a first training step needs a dozen kernels. ``compiled_together()`` lets the program
run once with the twins of those that are not there yet, which tells their names and types; then they are compiled, by
this process and by others that each take the next one off a list. What those compile comes back through the cache on
disk. A process that fails costs time only, and is told of.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import importlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

from . import jit, threads

# Files whose kernels compile longest: they begin.
SLOWEST = ("winograd", "winograd_map", "winograd_gradient", "matmul", "convolution")
MOST = 8  # processes: no more would have something to do
ANSWER = "numpycnn-kernels: "  # begins the lines by which a process answers; anything may print others

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def compiled_together() -> Iterator[None]:
    """Run the block with the twins of kernels that are neither here nor on disk; at its end, compile these."""
    if threads.forked or jit.note().kernels is not None:
        yield  # a forked child runs the serial builds
        return
    with noting() as tasks:
        yield
    compile_all(tasks)


@contextlib.contextmanager
def noting() -> Iterator[dict[jit.Task, None]]:
    """Run the block with the twins of kernels that are neither here nor on disk; yield what they stand for."""
    tasks: dict[jit.Task, None] = {}
    with jit.noting(kernels=tasks):
        yield tasks


def compile_all(tasks: Iterable[jit.Task], processes: int | None = None) -> None:
    """Compile kernels, each for the types of its arguments, unless they are on disk; and load them.

    Parameters
    ----------
    tasks : iterable of (module, name, types)
    processes : int, optional
        How many share the work, this one included. Default: one a core, but no more than kernels use threads.
    """
    processes = min(threads.cores(), threads.get_num_threads(), MOST) if processes is None else processes
    with _one_at_a_time:
        missing = sorted((task for task in tasks if not is_there(task)), key=_slowest_first)
        if missing:
            _share(missing, min(processes, len(missing)) if _can_help() else 1)
        for task in tasks:
            compile_here(task)


def is_there(task: jit.Task) -> bool:
    """Whether the kernel is on disk, or in this process, for these types."""
    return _kernel(task).is_there(task[2])


def compile_here(task: jit.Task) -> None:
    """Load the kernel from disk, or compile it in this process."""
    _kernel(task).compile(task[2])


def _kernel(task: jit.Task) -> jit.Kernel:
    return getattr(importlib.import_module(task[0]), task[1])


def _slowest_first(task: jit.Task) -> int:
    file = task[0].rpartition(".")[2]
    return SLOWEST.index(file) if file in SLOWEST else len(SLOWEST)


def _can_help() -> bool:
    """Whether other processes can: what they compile is kept, and ``sys.executable`` is Python itself."""
    is_python = Path(sys.executable or "").name.lower().startswith("py") and not hasattr(sys, "frozen")
    return is_python and jit.cache_is_own()


def _share(missing: list[jit.Task], processes: int) -> None:
    """Compile what is missing: here, and in `processes` - 1 others."""
    jit.announce()
    waiting = collections.deque(missing)
    with _progress(len(missing)) as advance, jit.resting_collector(), contextlib.ExitStack() as started:
        others = []
        for _ in range(processes - 1):
            try:
                others.append(started.enter_context(Helper()))
            except OSError as error:
                jit.warn_once(f"cannot start a process that compiles kernels ({error}); they are compiled in this one")
                break
        feeders = [threading.Thread(target=_feed, args=(other, waiting, advance), daemon=True) for other in others]
        for feeder in feeders:
            feeder.start()
        while (task := _next(waiting)) is not None:
            compile_here(task)
            advance()
        for feeder in feeders:
            feeder.join()


def _next(waiting: collections.deque[jit.Task]) -> jit.Task | None:
    """Take the next task; None when nothing is left."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _feed(other: Helper, waiting: collections.deque[jit.Task], advance: Callable[[], None]) -> None:
    """Let another process compile tasks until none is left, or it fails; its last one is then compiled at the end."""
    while (task := _next(waiting)) is not None:
        error = other.compile(task)
        if error is None and not is_there(task):
            error = "what it compiled is not on disk"
        if error is not None:
            if not other.stopped:
                jit.warn_once(f"a process that compiles kernels failed, and they are compiled in this one: {error}")
            return
        advance()


class Helper:
    """A process that compiles kernels; it ends with this one, which also answers Ctrl-C.

    Attributes
    ----------
    stopped : bool
        Whether this process has ended it.
    """

    def __init__(self) -> None:
        path = [str(Path(entry).absolute()) if entry else os.getcwd() for entry in sys.path]
        code = f"import sys; sys.path[:] = {path!r}; from {__name__} import serve; serve()"
        self.stopped = False
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            process_group=0,  # Ctrl-C goes to a whole group
        )  # fmt: skip

    def __enter__(self) -> Helper:
        return self

    def compile(self, task: jit.Task) -> str | None:
        """Let it compile a kernel; return None, or what went wrong."""
        said = ["it ended"]
        with contextlib.suppress(ValueError):  # closed: this process has ended it, as after Ctrl-C
            with contextlib.suppress(OSError):  # a broken pipe: it has ended
                self.process.stdin.write(pickle.dumps(task).hex() + "\n")
                self.process.stdin.flush()
            for line in self.process.stdout:
                if line.startswith(ANSWER):
                    return line.removeprefix(ANSWER).strip() or None
                said = [*said[-2:], line.strip()]
        return "; ".join(said)

    def __exit__(self, *exception: Any) -> None:
        self.stopped = True
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


def serve() -> None:
    """Compile what standard input names, a task a line, and answer each with a line: empty, or what went wrong."""
    gc.disable()  # it lives for some seconds
    jit.say = lambda message: None  # it has been said
    for line in sys.stdin:
        try:
            compile_here(pickle.loads(bytes.fromhex(line)))
            error = ""
        except Exception as failure:
            error = " ".join(f"{type(failure).__name__}: {failure}".split())
        print(f"{ANSWER}{error}", flush=True)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error if it is a terminal; yield what moves it on by one kernel."""
    if not getattr(sys.stderr, "isatty", lambda: False)():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("compiling kernels", total=total)
        yield lambda: progress.advance(bar)
