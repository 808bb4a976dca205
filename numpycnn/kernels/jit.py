"""Compile a loop once on each machine, and call it safely from anywhere.

``@kernel`` turns a plain Python loop into a compiled one. Around Numba's ``njit`` it adds what strangers' machines
need: an on-disk cache that survives edits, crashes and eight processes at once; a serial twin for forked children,
where no threads are; one lock, because not every threading layer bears concurrent callers (see `threads`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import hashlib
import os
import pickle
import re
import stat
import sys
import tempfile
import threading
import types
from pathlib import Path
from typing import Any, Callable, Iterator

import numba
import numpy as np
import platformdirs
from numba.core import caching, compiler, compiler_lock, config, serialize
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.core.runtime import nrt

from . import reference, threads

# No fastmath: a diverging network has to show its NaN and infinity.
JIT_OPTIONS = {"nogil": True, "error_model": "numpy"}

_announced = False
Task = tuple[str, str, tuple]  # a kernel to compile: its module, its name, the types of its arguments


@dataclasses.dataclass(frozen=True)
class Note:
    """What a thread wants from the kernels that it calls in a block, beside their results."""

    kernels: dict[Task, None] | None = None  # takes in what is missing, and twins run in its place
    launches: list[Callable[[], None]] | None = None  # takes in what was called
    serial: bool = False  # whether the serial builds run


noted: dict[int, Note] = {}  # by thread; nearly always empty, so that most calls ask one question


def note() -> Note:
    """Return what this thread wants."""
    return noted.get(threading.get_ident(), Note())


@contextlib.contextmanager
def noting(**wanted: Any) -> Iterator[None]:
    """Want this, too, in the block."""
    thread, before = threading.get_ident(), note()
    noted[thread] = dataclasses.replace(before, **wanted)
    try:
        yield
    finally:
        noted[thread] = before
        if before == Note():
            del noted[thread]


class Kernel:
    """A compiled loop; calling it picks the parallel or, after a fork, the serial build."""

    def __init__(self, function: Callable[..., None]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._parallel = _build(function, parallel=True)
        self._serial = _build(function, parallel=False)
        self.again = _as_before

    def __call__(self, *args: Any) -> None:
        if (noted or threads.forked) and self._call_otherwise(args):
            return
        with threads.lock:
            if threads.caller.count != threads.wanted:
                threads.use()
            self._parallel(*args)

    def _call_otherwise(self, args: tuple) -> bool:
        """Do what this thread wants noted; run the serial build, or a twin, if that is wanted, and return whether."""
        wanted = note()
        if wanted.launches is not None:
            again = self._serial if wanted.serial else self
            wanted.launches.append(functools.partial(again, *self.again(*args)))
        if threads.forked or wanted.serial:
            self._serial(*args)
            return True
        return self.put_off(args, self.__name__, args)

    def put_off(self, args: tuple, name: str, twins_args: tuple) -> bool:
        """If this is not compiled for such arguments and that is noted, run a twin in its place; return whether."""
        kernels = note().kernels
        if kernels is None:
            return False
        task = self.__module__, self.__name__, tuple(map(self._parallel.typeof_pyval, args))
        if not hasattr(reference, name) or self.is_there(task[2]):
            return False
        kernels[task] = None
        with np.errstate(all="ignore"):  # a compiled kernel warns of nothing
            getattr(reference, name)(*twins_args)
        return True

    def is_there(self, types: tuple) -> bool:
        """Whether the parallel build for such types is in this process or on disk."""
        with threads.lock:  # a fork must not find Numba half set up
            return types in self._parallel.overloads or self._parallel._cache.is_kept(types)

    def compile(self, types: tuple) -> None:
        """Load the parallel build for such types from disk, or compile it; both start the threads."""
        with threads.lock:
            threads.use()
        self._parallel.compile(types)

    def called_again(self, arrange: Callable[..., tuple]) -> Callable[..., tuple]:
        """Decorate a function that arranges the arguments of recorded calls, whose weights stay as they are."""
        self.again = arrange
        return arrange

    def called_as(self, arrange: Callable[..., tuple]) -> CallOf:
        """Decorate a function that arranges arguments: a kernel of its own name, compiled once with this one."""
        return CallOf(self, arrange)

    def __reduce__(self) -> str:
        return self.__name__


class CallOf:
    """Another kernel, called with arguments that a function arranges for it."""

    def __init__(self, other: Kernel, arrange: Callable[..., tuple]) -> None:
        functools.update_wrapper(self, arrange)
        self.other, self.arrange = other, arrange

    def __call__(self, *args: Any) -> None:
        arranged = self.arrange(*args)
        if not (noted and self.other.put_off(arranged, self.__name__, args)):
            self.other(*arranged)

    def _parallel(self, *args: Any) -> None:
        self.other._parallel(*self.arrange(*args))

    def _serial(self, *args: Any) -> None:
        self.other._serial(*self.arrange(*args))

    def __reduce__(self) -> str:
        return self.__name__


def _as_before(*args: Any) -> tuple:
    return args


@contextlib.contextmanager
def recorded(serial: bool) -> Iterator[list[Callable[[], None]]]:
    """Yield a list that gets, for each kernel called in the block by this thread, a function that calls it so again.

    With `serial` their serial builds run, in the block and again: on the calling thread, without the lock. Weights must
    not change from the first call to the next: what is made of them alone is made once (``Kernel.called_again``).
    """
    launches: list[Callable[[], None]] = []
    with noting(launches=launches, serial=serial):
        yield launches


def kernel(function: Callable[..., None]) -> Kernel:
    """Decorate a loop over arrays: inputs first, then integers, outputs last; it returns nothing."""
    return Kernel(function)


# A helper that kernels call; it is compiled into each of them.
device = numba.njit(inline="always", **JIT_OPTIONS)
_called_names: set[str] = set()


def called(function: Callable) -> Any:
    """Decorate a helper that is compiled by itself and then called: a parallel loop goes through many more passes."""
    _called_names.add(function.__qualname__)
    return numba.njit(**JIT_OPTIONS)(function)


def _build(function: Callable[..., None], parallel: bool) -> Any:
    dispatcher = numba.njit(parallel=parallel, **JIT_OPTIONS)(function)
    if not config.DISABLE_JIT:
        dispatcher._cache = KernelCache(function, parallel)
        dispatcher.compile = _in_less_time(dispatcher.compile)
        if not parallel:
            dispatcher._compiler._customize_flags = _as_in_a_parallel_loop
    return dispatcher


def _as_in_a_parallel_loop(flags: Any) -> Any:
    """Let the compiler take it that what is written to one array is not read from another, as Numba does in `prange`.

    It would ask at run time, and makes no vectors of y = tanh(x) where y is x itself: that took twelve times as long.
    """
    flags.noalias = True
    return flags


def _in_less_time(compile_signature: Callable) -> Callable:
    """Wrap the compiler: its libraries are ours (see `_Library`), and the garbage collector rests."""

    @functools.wraps(compile_signature)
    def wrapped(*args: Any) -> Any:
        with compiler_lock.global_compiler_lock:  # what a program compiles besides is not concerned
            codegen = cpu_target.target_context.codegen()
            library_class, codegen._library_class = codegen._library_class, _Library
            try:
                with resting_collector():
                    return compile_signature(*args)
            finally:
                codegen._library_class = library_class

    return wrapped


@contextlib.contextmanager
def resting_collector() -> Iterator[None]:
    """Let no garbage be collected: the compiler makes so many objects that the collector takes a tenth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Library(JITCodeLibrary):
    """Code as Numba's, but the parts of a parallel loop are optimised and assembled once, within their kernel.

    Numba makes a library of the loop, one of its wrapper, one of the wrapper's wrapper and one of the function that has
    the loop. Each contains the one before, and all four are compiled to the end, though only the last is ever called:
    without this class, the first training step takes 22 s to come in place of 14. What a kernel has `called` is in its
    library, too, and needs no machine code of its own.
    """

    @property
    def _is_part(self) -> bool:
        # "gufunc" is Numba's word for the loop's function: all three bear it. What is `called` bears its own name.
        return "gufunc" in self.name.lower() or self.name in _called_names

    def _optimize_functions(self, module: Any) -> None:
        if not self._is_part:
            super()._optimize_functions(module)

    def _optimize_final_module(self) -> None:
        if not self._is_part:
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        if self._is_part:
            self._finalized = True
        else:
            super()._finalize_final_module()

    @property
    def codegen(self) -> Any:
        # Numba tells the machine code of each function where its Python objects are; a part has no machine code.
        return types.SimpleNamespace(set_env=lambda *args: None) if self._is_part else super().codegen


class KernelCache(caching._Cache):
    """One file a compiled kernel, named by the hash of everything the machine code depends on.

    Numba's own cache keeps an index file that concurrent writers can mix up, does not see edits in other files, and
    raises on a damaged entry. Here a file is either whole and right (its checksum says so) or compiled anew. What is
    loaded is code, so what others can have written is not read.
    """

    def __init__(self, function: Callable[..., None], parallel: bool) -> None:
        name = re.sub(r"[^\w.]", "_", function.__qualname__)  # Windows has no file make.<locals>.add
        self._name = f"{name}-{'parallel' if parallel else 'serial'}"
        self._source = _source_digest(function.__code__.co_filename)

    @property
    def cache_path(self) -> str:
        return str(cache_dir())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        nrt.rtsys.initialize(target_context)  # memory for arrays; all else is for compiling, and costs half a start
        path = self._path(sig, target_context.codegen())
        content = _read_own(path) if cache_is_own() else b""
        digest, payload = content[:32], content[32:]
        if hashlib.sha256(payload).digest() == digest:
            with contextlib.suppress(Exception):  # another program's, though the checksum is right
                return compiler.CompileResult._rebuild(target_context, *pickle.loads(payload))
        announce()
        return None

    def is_kept(self, types: tuple) -> bool:
        """Whether there is a file for such types."""
        return self._path(types, cpu_target.target_context.codegen()).exists()

    def save_overload(self, sig: Any, data: Any) -> None:
        if not cache_is_own():
            return
        payload = serialize.dumps(data._reduce())
        path = self._path(sig, data.codegen)
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(payload).digest() + payload)
                _put(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            _warn_of_the_folder(error.strerror)  # alone: with each kernel's file named, it would be said for each

    def _path(self, sig: Any, codegen: Any) -> Path:
        key = (self._name, str(sig), codegen.magic_tuple(), config.BOUNDSCHECK, config.OPT, sys.version_info[:2],
               numba.__version__, self._source)
        return cache_dir() / f"{self._name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.bin"

    def enable(self) -> None:
        """Nothing to switch: the cache is always on."""

    disable = flush = enable


@functools.cache
def cache_dir() -> Path:
    """Folder of the compiled kernels: below ``NUMBA_CACHE_DIR`` if set, else the user's cache folder."""
    root = config.CACHE_DIR or platformdirs.user_cache_dir("numpycnn", appauthor=False)
    return Path(root) / "numpycnn-kernels"


@functools.cache
def cache_is_own() -> bool:
    """Make the folder of the compiled kernels, for oneself alone; whether nobody else can write to it."""
    folder, reason = cache_dir(), "others can write to it; set NUMBA_CACHE_DIR to a folder of your own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "geteuid") and folder.stat().st_uid == os.geteuid() and not _is_own(folder.stat()):
            folder.chmod(0o700)
        if _is_own(folder.stat()):
            return True
    except OSError as error:
        reason = error.strerror
    _warn_of_the_folder(reason)
    return False


def _warn_of_the_folder(reason: str) -> None:
    warn_once(f"cannot keep compiled kernels in {cache_dir()} ({reason}); they are compiled again next time")


def _read_own(path: Path) -> bytes:
    """Return what the file holds: nothing if it is missing, or if another user can have written it."""
    at_once = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)  # a pipe or a link may lie there
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | at_once)) as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and _is_own(found):
                return file.read()
            warn_once(f"kernels in {path.parent} that others can have written are not read but compiled again")
    except OSError:
        pass
    return b""


def _is_own(found: os.stat_result) -> bool:
    """Whether a file or folder is one's own or root's, and nobody else can write to it; Windows does not tell."""
    return not hasattr(os, "geteuid") or (found.st_uid in (0, os.geteuid()) and not found.st_mode & 0o022)


def _put(temporary: str, path: Path) -> None:
    """Give the file its name, unless another process has just kept the same kernel."""
    try:
        os.replace(temporary, path)
    except PermissionError:
        if not path.exists():
            raise
        os.unlink(temporary)  # Windows replaces no file that somebody reads


@functools.cache
def _source_digest(filename: str) -> str:
    """Hash of the file and of every file in this folder: an edit in any of them may change any kernel."""
    digest = hashlib.sha256()
    for path in (Path(filename), *sorted(Path(__file__).parent.glob("*.py"))):
        try:
            digest.update(path.read_bytes())
        except OSError:
            raise ImportError(f"expected the source of the kernels, got no file {path}; "
                              "unpack the zip file, or install with pip") from None
    return digest.hexdigest()


def announce() -> None:
    """Say once that compiling is under way; the first step of a first run would otherwise look hung."""
    global _announced
    if not _announced:
        _announced = True
        say("compiling kernels, once for each kind of layer (some seconds) ...")


@functools.cache
def warn_once(message: str) -> None:
    """Say it, unless it has been said."""
    say(message)


def say(message: str) -> None:
    """Print a line to standard error, if there is one and somebody reads it."""
    if sys.stderr is not None:  # print would take standard output in its place
        with contextlib.suppress(OSError):
            print(f"numpycnn: {message}", file=sys.stderr)
