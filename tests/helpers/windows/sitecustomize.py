"""Python as it is on Windows, as far as that shows: what only POSIX has is taken away when a process starts.

It is imported by any Python process that has this folder on its PYTHONPATH; the processes that those start have it too.
What the standard library and the dependencies need of POSIX they take before, since on Windows they have other code.

Simulated: missing modules, functions, flags and signals; a file that is open can be neither replaced nor removed; what
is put under a name may for a moment be held by a virus scanner; characters that no name may have; ``spawn`` alone; the
encodings of pipes and files are left to ``PYTHONIOENCODING``, and opening a text file without saying which is an error.
"""

import contextlib
import errno
import importlib
import multiprocessing.context
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path

warnings.simplefilter("ignore", EncodingWarning)  # of the dependencies
for module in (
    "numba", "numba.np.ufunc.parallel", "numpy", "matplotlib.figure", "matplotlib.font_manager", "PIL.Image", "pooch",
    "requests", "platformdirs", "rich.console", "rich.progress", "multiprocessing.pool", "concurrent.futures",
    "asyncio", "tarfile", "platform", "uuid", "h5py", "ctypes.util",
):  # fmt: skip
    with contextlib.suppress(ImportError):  # some are optional
        importlib.import_module(module)

MODULES = "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"
FUNCTIONS = (
    "chown", "chroot", "ctermid", "fchmod", "fchown", "fdatasync", "fork", "forkpty", "getegid", "geteuid",
    "getgid", "getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority", "getresuid", "getsid", "getuid",
    "killpg", "lchown", "lockf", "mkfifo", "mknod", "nice", "openpty", "pathconf", "pipe2", "posix_fadvise",
    "posix_fallocate", "posix_spawn", "pread", "preadv", "pwrite", "pwritev", "readv", "register_at_fork",
    "sched_getaffinity", "sched_setaffinity", "sched_yield", "sendfile", "setpgid", "setpriority", "setsid",
    "setuid", "statvfs", "sync", "sysconf", "uname", "wait", "wait3", "wait4", "waitid", "writev",
)  # fmt: skip
FLAGS = "O_CLOEXEC", "O_DIRECTORY", "O_DSYNC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "O_TMPFILE"
SIGNALS = "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP", "SIGUSR1"
FORBIDDEN = set('<>:"|?*')


class SharingViolation(PermissionError):
    """What Windows says when a file is open elsewhere."""

    winerror = 32


def check_name(*paths: object) -> None:
    """Raise as Windows does for characters that a name must not have; for two paths the error begins with the first."""
    if FORBIDDEN & set(Path(os.fsdecode(paths[-1])).name):
        raise OSError(errno.EINVAL, "the name of the file is not allowed", os.fsdecode(paths[0]))


def is_open(path: object) -> bool:
    """Whether this process has the file open."""
    real = os.path.realpath(path)
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}") == real:
                return True
    return False


def unless_open(function: object, scanned: bool = False) -> object:
    """Wrap a function that moves or removes a file."""
    seen = set()

    def wrapped(*paths: object, **options: object) -> None:
        if options.get("dir_fd") is None and not isinstance(paths[0], int):
            check_name(*paths)
            names = [os.path.realpath(path) for path in paths]
            if any(map(is_open, names)):
                raise SharingViolation(errno.EACCES, "it is open in another process", str(paths[0]), 32, str(paths[-1]))
            if scanned and os.path.exists(names[-1]) and names[-1] not in seen:  # the scanner looks at it once
                seen.add(names[-1])
                raise SharingViolation(errno.EACCES, "it is open in another process", str(paths[0]), 32, str(paths[-1]))
        return function(*paths, **options)

    return wrapped


def plain_names(function: object) -> object:
    """Wrap a function that makes a file or folder: some characters are not for names."""

    def wrapped(path: object, *arguments: object, **options: object) -> object:
        if not isinstance(path, int):
            check_name(path)
        return function(path, *arguments, **options)

    return wrapped


def take_away() -> None:
    subprocess.signal = types.SimpleNamespace(**vars(signal))  # Popen.kill: Windows has a call for that
    subprocess._USE_POSIX_SPAWN = subprocess._USE_VFORK = False
    for name in FUNCTIONS + FLAGS:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        delattr(signal, name)
    for name in MODULES:
        sys.modules[name] = None  # importing it is an ImportError
    shutil._use_fd_functions = False
    tempfile.TemporaryFile = tempfile.NamedTemporaryFile
    shutil.rmtree.avoids_symlink_attacks = False
    multiprocessing.context._default_context.set_start_method("spawn")
    for name in ("fork", "forkserver"):
        multiprocessing.context._concrete_contexts.pop(name, None)
    os.replace = unless_open(os.replace, scanned=True)
    os.rename, os.unlink, os.remove = map(unless_open, (os.rename, os.unlink, os.remove))
    os.mkdir, os.open = map(plain_names, (os.mkdir, os.open))


take_away()
warnings.simplefilter("error", EncodingWarning)
