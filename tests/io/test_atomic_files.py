"""Saving: killed at any moment, the disk full at any byte, eight at once: the old file or a whole new one."""

import contextlib
import errno
import itertools
import os
import signal
import stat
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from model_files import versions, which
from places import python_path
from small_models import small_mlp

from numpycnn import BackupAndRestore, CSVLogger, Sequential, prepare_digit, read_idx, write_idx
from numpycnn.exchange.torch import read_state_dict
from numpycnn.files import atomic_write
from numpycnn.keras.utils import load_img
from numpycnn.learn.grading import load
from numpycnn.learn.trace_command import read_image
from numpycnn.page.serve import page_server
from numpycnn.plots import plot_curves, save_figure

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")


def start(code, *arguments):
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": python_path()}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# -- killed -----------------------------------------------------------------------------------

# Children of one process that has imported everything: for each line of input one that saves until it is killed.
SAVE_FOREVER = """
import itertools, os, sys
from numpycnn import Sequential
from model_files import versions

models = versions(8)
models[0].save(sys.argv[1])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        for i in itertools.count(int(line)):
            models[i % 8].save(sys.argv[1])
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@posix
@pytest.mark.parametrize("kills", [10, pytest.param(1000, marks=pytest.mark.campaign)])
def test_kill_9_at_a_random_moment(kills, tmp_path):
    path, models, rng = tmp_path / "model.npz", versions(8), np.random.default_rng(0)
    begin = time.perf_counter()
    for model in models:
        model.save(path)
    span = 4 * (time.perf_counter() - begin) / 8  # as long as four saves take
    found, leftovers, most = [], 0, 0
    parent = start(SAVE_FOREVER, path)
    with parent:
        for kill in itertools.count():
            if kill >= kills and (len(set(found)) > 1 or kill >= 20 * kills):  # on a busy machine a child may save late
                break
            print(kill, file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            time.sleep(rng.uniform(0, span))
            os.kill(child, 9)
            assert parent.stdout.readline() == "dead\n"
            found.append(which(path, models))
            here = len(os.listdir(tmp_path)) - 1
            leftovers, most = leftovers + here, max(most, here)
        parent.stdin.close()
    assert parent.returncode == 0
    print(f"{kills} kills: {len(set(found))} versions found, {leftovers} leftovers, at most {most} at a time")
    assert len(set(found)) > 1
    for leftover in tmp_path.glob(".*.tmp"):
        os.utime(leftover, (1, 1))  # empty ones have to be old
    models[0].save(path)
    assert os.listdir(tmp_path) == ["model.npz"]


def test_a_living_owner_keeps_its_temporary_file(tmp_path):
    path = tmp_path / "file"
    with atomic_write(path) as outer:
        outer.write(b"outer" * 10_000)
        outer.flush()
        with atomic_write(path) as inner:
            inner.write(b"inner")
        assert path.read_bytes() == b"inner" and len(os.listdir(tmp_path)) == 2
    assert path.read_bytes() == b"outer" * 10_000 and os.listdir(tmp_path) == ["file"]


@posix
def test_leftovers_of_this_file_alone_are_removed(tmp_path):
    for name in ("file", "other"):
        with contextlib.suppress(SystemExit), atomic_write(tmp_path / name) as file:
            (temporary,) = tmp_path.glob(".*.tmp")
            file.write(b"x")
            temporary.rename(tmp_path / f"{temporary.name}.kept")  # as if it had not been cleaned up
            raise SystemExit
    left = [path.rename(path.with_suffix("")) for path in tmp_path.glob("*.kept")]
    assert len(left) == 2
    write_idx(tmp_path / "file", np.zeros(3))
    assert sum(path.exists() for path in left) == 1
    write_idx(tmp_path / "other", np.zeros(3))
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


# -- what lies there already --------------------------------------------------------------------

WRITERS = {
    "model.npz": lambda path: small_mlp().save(path),
    "model.h5": lambda path: small_mlp().save(path),
    "data.idx": lambda path: write_idx(path, np.zeros(3)),
    "curves.png": lambda path: save_figure(plot_curves({"loss": [1.0]}), path),
}
writers = pytest.mark.parametrize("name", WRITERS)


@posix
@writers
def test_a_pipe_under_a_temporary_name_is_left_alone(name, tmp_path):
    """Who opens a pipe to read waits for a writer, who may never come."""
    path = tmp_path / name
    left = tmp_path / f".{zlib.crc32(name.encode()):08x}-{'0' * 32}.tmp"
    link = left.with_name(left.name.replace("0.tmp", "1.tmp"))
    os.mkfifo(left)
    link.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("not ours")
    os.utime(tmp_path / "elsewhere", (1, 1))
    with deadline(20):
        WRITERS[name](path)
    assert path.stat().st_size and left.is_fifo() and link.is_symlink()


@contextlib.contextmanager
def deadline(seconds):
    """Raise in the middle of a call that does not come back."""

    def late(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@posix
@writers
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_who_may_read_an_earlier_file_may_read_the_new_one(name, mode, tmp_path, monkeypatch):
    path, seen = tmp_path / name, []
    WRITERS[name](path)
    path.chmod(mode)
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append(os.fstat(handle).st_mode), real(handle)))
    before = path.stat().st_ino
    WRITERS[name](path)
    assert path.stat().st_ino != before and stat.S_IMODE(path.stat().st_mode) == mode
    assert [stat.S_IMODE(found) for found in seen] == [mode]  # nor could anybody while it was written


@posix
@writers
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_is_for_whom_the_umask_says(name, mask, tmp_path):
    before = os.umask(mask)
    try:
        WRITERS[name](tmp_path / "not" / "yet" / name)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "not" / "yet" / name).stat().st_mode) == 0o666 & ~mask


@posix
@writers
def test_errors_name_the_file_that_was_asked_for(name, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).mkdir()
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / name)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / name).symlink_to(name)
    long = f"{'x' * 300}{name}"
    cases = [("file", name, "Not a directory"), ("folder", name, "got a folder"), ("pipe", name, "got a pipe"),
             ("loop", name, "symbolic links"), (".", long, "name too long")]  # fmt: skip
    for folder, last, message in cases:
        with pytest.raises(OSError, match=message) as caught:
            WRITERS[name](tmp_path / folder / last)
        assert str(tmp_path / folder / last) in str(caught.value) and ".tmp" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "loop", "pipe"]
    assert os.listdir(tmp_path / "pipe") == [name] and (tmp_path / "pipe" / name).is_fifo()


@posix
def test_a_current_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError, match="the current folder is gone: .* 'model.npz'"):
        small_mlp().save("model.npz")
    small_mlp().save(tmp_path / "model.npz")


@writers
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_told_with_the_file(name, number, tmp_path, monkeypatch):
    """The system says it of bytes that are written, without a name."""

    def full(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        WRITERS[name](tmp_path / name)
    assert caught.value.filename == str(tmp_path / name) and os.listdir(tmp_path) == []


def test_a_full_disk_is_told_with_the_log(tmp_path, monkeypatch):
    def full(writer, row):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("csv.DictWriter.writerow", full)
    with pytest.raises(OSError, match="No space left on device: .*log.csv"):
        log(tmp_path / "log.csv")


def read_backup(path):
    model = small_mlp()
    model.fit(np.zeros((2, 6)), np.zeros(2, int), verbose=0, callbacks=[BackupAndRestore(path)])


def log(path):
    small_mlp().fit(np.zeros((2, 6)), np.zeros(2, int), verbose=0, callbacks=[CSVLogger(path)])


def judge(path):
    raise ValueError(str(load(str(path), "relu")))


@posix
@pytest.mark.parametrize("name, read", [
    *((f"model{suffix}", Sequential.load) for suffix in (".npz", ".h5", ".keras", ".onnx")),
    ("state.pt", read_state_dict), ("state.safetensors", read_state_dict), ("digit.png", prepare_digit),
    ("backup.npz", read_backup), ("images.idx", read_idx), ("picture.png", load_img), ("page.html", page_server),
    ("log.csv", log), ("image.npy", lambda path: read_image(path, small_mlp())), ("mine.py", judge),
])  # fmt: skip
def test_a_pipe_is_not_waited_for(name, read, tmp_path):
    os.mkfifo(tmp_path / name)
    with deadline(20), pytest.raises(ValueError, match=f"expected a file, got a pipe or a device: .*{name}"):
        read(tmp_path / name)


def test_a_folder_that_cannot_be_written_to_is_named_by_the_file(tmp_path, monkeypatch):
    """The refusal is simulated: who runs the tests may be root, who can write anywhere."""

    def refuse(path, flags, mode=0o777):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("numpycnn.files._private", refuse)
    small_mlp().save(tmp_path / "model.npz")
    with pytest.raises(PermissionError, match="model.npz'$") as caught:
        small_mlp().save(tmp_path / "model.npz")
    assert ".tmp" not in str(caught.value)


# -- the disk is full -------------------------------------------------------------------------

FULL_DISK = """
import os, resource, signal, sys
from pathlib import Path
from model_files import versions, which

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python has it: write fails with EFBIG
path, stride = Path(sys.argv[1]), int(sys.argv[2])
models = versions(2)
models[1].save(path)
size = path.stat().st_size
models[0].save(path)
before, faults = path.read_bytes(), 0
for limit in range(0, size, stride):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        models[1].save(path)
    except OSError:
        faults += 1
    else:
        raise SystemExit(f"no error with room for {limit} of {size} bytes")
    assert path.read_bytes() == before and os.listdir(path.parent) == ["model.npz"], limit
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
models[1].save(path)
assert which(path, models) == 1
print(f"{faults} faults")
"""


@posix
@pytest.mark.parametrize("stride", [101, pytest.param(1, marks=pytest.mark.campaign)])
def test_no_room_after_any_number_of_bytes(stride, tmp_path):
    process = start(FULL_DISK, tmp_path / "model.npz", stride)
    output, _ = process.communicate(timeout=1200)
    print(output)
    assert process.returncode == 0 and "faults" in output


class FailingFile:
    """A file in which the k-th call that touches the disk fails."""

    def __init__(self, file, calls):
        self.file, self.calls = file, calls

    def __getattr__(self, name):
        method = getattr(self.file, name)
        if name not in ("write", "flush", "seek", "tell", "close", "fileno"):
            return method

        def counted(*arguments):
            self.calls.count()
            return method(*arguments)

        return counted

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


class Calls:
    def __init__(self, limit):
        self.left = limit

    def count(self):
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")


# NumPy 1.26 leaves its ZipFile open after an error, and its end then fails, too.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function ZipFile.__del__:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", ["model.npz", "model.h5", "data.idx", "data.idx.gz"])
def test_every_call_may_fail(name, tmp_path, monkeypatch):
    def save(version):
        path = tmp_path / name
        if "model" in name:
            small_mlp(seed=version).save(path)
        else:
            write_idx(path, np.full(30_000, version, np.int32))

    if name.endswith(".h5"):
        pytest.importorskip("h5py")
    save(0)
    old = (tmp_path / name).read_bytes()
    real_open, real_fsync, real_replace = open, os.fsync, os.replace
    for k in range(10_000):
        calls = Calls(k)

        def failing_open(file, mode="r", *rest, calls=calls, **options):
            if "x" not in mode:
                return real_open(file, mode, *rest, **options)
            calls.count()
            return FailingFile(real_open(file, mode, *rest, **options), calls)

        with monkeypatch.context() as patch:
            patch.setattr("builtins.open", failing_open)
            patch.setattr(os, "fsync", lambda handle, calls=calls: (calls.count(), real_fsync(handle)))
            patch.setattr(os, "replace", lambda *paths, calls=calls: (calls.count(), real_replace(*paths)))
            try:
                save(1)
            except OSError:
                assert (tmp_path / name).read_bytes() == old and os.listdir(tmp_path) == [name], k
                continue
        break
    print(f"{name}: {k} calls, each failed once")
    assert k >= 5 and (tmp_path / name).read_bytes() != old and os.listdir(tmp_path) == [name]


# -- many at once -----------------------------------------------------------------------------

SAVE_MANY = """
import sys
from model_files import versions

path, i, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = versions(8)[i]
sys.stdin.readline()  # all begin together
for _ in range(times):
    model.save(path)
"""


@pytest.mark.parametrize("times", [10, pytest.param(500, marks=pytest.mark.campaign)])
def test_eight_processes_save_to_one_name_while_it_is_read(times, tmp_path):
    path, models = tmp_path / "model.npz", versions(8)
    models[0].save(path)
    savers = [start(SAVE_MANY, path, i, times) for i in range(8)]
    for saver in savers:
        print("go", file=saver.stdin, flush=True)
    loads, found = 0, set()
    while any(saver.poll() is None for saver in savers):
        found.add(which(path, models))
        loads += 1
    for saver in savers:
        saver.communicate()
        assert saver.returncode == 0
    print(f"{8 * times} saves, {loads} loads between them, {len(found)} versions seen")
    assert loads > 0 and which(path, models) in range(8) and os.listdir(tmp_path) == ["model.npz"]
