"""Compiled kernels in processes of their own: the cache on disk, forks, threads, other CPUs, the ends of memory."""

import ctypes
import hashlib
import importlib.metadata
import os
import pickle
import platform
import shutil
import signal
from pathlib import Path

import pytest
from processes import finish, run, start

import numpycnn
from numpycnn import kernels

pytestmark = pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")


posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package: the cache depends on its source, which somebody may be editing."""
    original = Path(numpycnn.__file__).parent
    copy = tmp_path_factory.mktemp("source") / "numpycnn"
    return shutil.copytree(original, copy, ignore=shutil.ignore_patterns("*.pyc.*"))  # those are just being written


# -- the cache ---------------------------------------------------------------------------------------

RELU = """
import numpy as np
from numpycnn.kernels import ops
y = np.empty(3, np.float32)
ops.relu_forward(np.array([-1, 0, 2], np.float32), y)
assert y.tolist() == [0, 0, 2], y
"""


def files_of(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def filled(package, tmp_path_factory):
    """A cache in which one process has left one kernel, and what that process wrote to stderr."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, run(package, RELU, cache)


def once(*cases):
    """Mark the cases that ``.ci/run`` tries once, as campaigns: each compiles kernels."""
    return [pytest.param(case, marks=pytest.mark.campaign) for case in cases]


@pytest.fixture
def cache(filled, tmp_path):
    """A copy of the filled cache."""
    return Path(shutil.copytree(filled[0], tmp_path / "cache"))


def test_the_first_process_compiles_and_says_so_and_the_second_does_neither(package, filled):
    cache, said_first = filled
    assert said_first.count("compiling kernels") == 1
    assert len(files_of(cache)) == 1
    assert run(package, RELU, cache) == ""


@pytest.mark.parametrize("damage", ["one byte", *once("truncated", "empty")])
def test_a_damaged_file_is_compiled_again_and_healed(package, cache, damage):
    (file,) = files_of(cache)
    content = file.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    file.write_bytes({"truncated": content[:middle], "one byte": changed, "empty": b""}[damage])
    assert "compiling kernels" in run(package, RELU, cache)
    assert files_of(cache) == [file]
    assert run(package, RELU, cache) == ""


# -- what others can have written -------------------------------------------------------------------------

class Bomb:
    """What an attacker would put into the cache: loading it runs a command."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def forge(file, payload):
    """Write a file of the cache whose checksum is right."""
    file.write_bytes(hashlib.sha256(payload).digest() + payload)


def belongs_to_another(path):
    """Make it so, and return code with which a process sees it."""
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        return ""
    return "import os\nos.geteuid = lambda: 12345\n"  # only root can give files away


@posix
@pytest.mark.parametrize("how", [
    "another's file", "others may write", *once("another's folder", "group may write", "link")
])
def test_what_others_can_have_written_is_not_loaded(package, cache, tmp_path, how):
    (file,), marker, code = files_of(cache), tmp_path / "the bomb went off", ""
    forge(file, pickle.dumps(Bomb(marker)))
    folder = file.parent
    if how.startswith("another"):
        code = belongs_to_another(file if "file" in how else folder)
    elif how == "link":
        file.symlink_to(file.rename(tmp_path / "elsewhere"))
    else:
        file.chmod(0o620 if "group" in how else 0o602)
    said = run(package, code + RELU + RELU.replace("float32", "float64"), cache)
    assert not marker.exists()
    assert said.count("compiling kernels") == 1
    read_by_nobody = said.count("others can have written") + said.count("others can write to it")
    assert read_by_nobody == (0 if how == "link" else 1)  # once, though two kernels were compiled
    if "folder" not in how and not code:  # and it heals
        assert file.stat().st_mode & 0o777 == 0o600
        assert run(package, RELU, cache) == ""


@posix
def test_the_forger_forges_well(package, cache, tmp_path):
    """In a file of one's own the bomb does go off: it is the owner and the rights that keep others out."""
    (file,) = files_of(cache)
    forge(file, pickle.dumps(Bomb(tmp_path / "the bomb went off")))
    run(package, RELU, cache)
    assert (tmp_path / "the bomb went off").is_dir()


@pytest.mark.parametrize("payload", [b"no pickle", pickle.dumps((1, 2, 3)), *once(b"", pickle.dumps(None))])
def test_a_file_of_the_right_checksum_that_is_no_kernel_heals(package, cache, payload):
    (file,) = files_of(cache)
    forge(file, payload)
    assert "compiling kernels" in run(package, RELU, cache)
    assert run(package, RELU, cache) == ""


@posix
def test_the_folder_is_for_oneself_alone(package, tmp_path):
    cache = tmp_path / "cache"
    before = os.umask(0)
    try:
        run(package, RELU, cache)
    finally:
        os.umask(before)
    (file,) = files_of(cache)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.parent.chmod(0o777)  # as an older version made it where the umask let others in
    assert run(package, RELU, cache) == ""
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_system_without_owners_of_files_reads_its_cache(package, cache):
    """As Windows, which has no os.geteuid, and not all flags of os.open."""
    code = "import os\nfor name in ('geteuid', 'O_NONBLOCK', 'O_NOFOLLOW'):\n    delattr(os, name)\n"
    (file,) = files_of(cache)
    file.chmod(0o666)
    assert run(package, code + RELU, cache) == ""


def test_an_edited_kernel_is_noticed(package, cache, tmp_path):
    edited = shutil.copytree(package, tmp_path / "edited" / "numpycnn")
    with open(edited / "kernels" / "activations.py", "a") as file:
        file.write("\n\n@kernel\ndef relu_forward(x, y):\n    for i in prange(x.size):\n        y[i] = x[i] + 10\n")
    code = RELU.replace("[0, 0, 2]", "[9, 10, 12]")
    assert "compiling kernels" in run(edited, code, cache)
    with open(edited / "kernels" / "jit.py", "a") as file:
        file.write("\n# A helper in another file, where Numba's own cache does not look.\n")
    assert "compiling kernels" in run(edited, code, cache)
    assert run(package, RELU, cache) == ""  # and the original's entry is still there


def test_checked_code_is_another_entry(package, cache):
    other = "0" if os.environ.get("NUMBA_BOUNDSCHECK") == "1" else "1"
    assert "compiling kernels" in run(package, RELU, cache, NUMBA_BOUNDSCHECK=other)
    assert len(files_of(cache)) == 2


def test_a_cache_that_cannot_be_written_costs_time_only(package, tmp_path):
    blocked = tmp_path / "a file where the folder should be"
    blocked.write_text("")
    assert "cannot keep compiled kernels" in run(package, RELU, blocked)


def test_four_processes_at_once_on_an_empty_cache(package, tmp_path):
    cache = tmp_path / "not yet" / "there"
    processes = [start(package, RELU, cache) for _ in range(4)]
    for process in processes:
        finish(process)
    assert [path.suffix for path in files_of(cache)] == [".bin"]  # no temporary file is left
    assert run(package, RELU, cache) == ""


# -- forks and threads -----------------------------------------------------------------------------------

def has_tbb():
    try:
        return importlib.metadata.version("tbb") is not None
    except importlib.metadata.PackageNotFoundError:
        return False


needs_tbb = pytest.mark.skipif(not has_tbb(), reason="the package tbb is not installed")
NO_TBB = "import importlib.metadata, sys; importlib.metadata.files = lambda name: None; sys.prefix = 'nowhere'"
OLD_TBB = """
import ctypes

class OldTBB:
    def __init__(self, path):
        assert "tbb" in path

    def TBB_runtime_interface_version(self):
        return 12050

import numba  # which loads libraries of its own
ctypes.CDLL = OldTBB
"""


@pytest.mark.parametrize(("before", "asked", "expected"), [
    pytest.param("", None, "tbb omp workqueue", marks=needs_tbb), (NO_TBB, None, "omp tbb workqueue"),
    (OLD_TBB, None, "omp tbb workqueue"), ("", "workqueue omp tbb", "workqueue omp tbb"),
])  # fmt: skip
def test_tbb_comes_first_where_it_is_unless_the_user_asks_for_another_order(
    package, monkeypatch, before, asked, expected
):
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    monkeypatch.delenv("NUMBA_THREADING_LAYER_PRIORITY", raising=False)
    code = f"{before}\nimport numba, numpycnn.kernels.jit\n" + (
        f"found = numba.config.THREADING_LAYER_PRIORITY; assert found == {expected.split()}, found"
    )
    run(package, code, **({"NUMBA_THREADING_LAYER_PRIORITY": asked} if asked else {}))


@needs_tbb
@pytest.mark.parametrize("asked", ["default", "tbb", "omp"])
def test_the_layer_that_is_asked_for_runs(package, asked):
    code = RELU + f"\nimport numba; assert numba.threading_layer() == '{'tbb' if asked == 'default' else asked}'"
    run(package, code, NUMBA_THREADING_LAYER=asked)


RESULTS = """
import numpy as np
from numpycnn.kernels import ops
from kernel_table import calls

def jobs():
    return [(name, call) for name in ("affine", "relu_forward", "sum_rows") for call in calls(name, "float32")]

def run(job):
    name, call = job
    return call.run(getattr(ops, name))

def check(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert all(map(lambda x, y: np.array_equal(x, y, equal_nan=True), a, b))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("layer", ["default", "omp"])
def test_a_forked_child_can_run_kernels(package, layer):
    run(
        package,
        RESULTS
        + """
import multiprocessing, warnings

expected = list(map(run, jobs()))  # starts the threads, which a child does not inherit
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: "multi-threaded, use of fork()"; just so
child = multiprocessing.get_context("fork").Process(target=lambda: check(map(run, jobs()), expected))
child.start()
child.join(120)
assert child.exitcode == 0, child.exitcode
check(map(run, jobs()), expected)  # the parent goes on
""",
        NUMBA_THREADING_LAYER=layer,
    )


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_concurrent_calls_from_several_threads(package, layer):
    environment = {} if layer == "default" else {"NUMBA_THREADING_LAYER": layer}  # workqueue aborts where two meet
    run(
        package,
        RESULTS
        + """
from concurrent.futures import ThreadPoolExecutor

expected = list(map(run, jobs()))
with ThreadPoolExecutor(4) as pool:
    check(pool.map(run, jobs()), expected)
""",
        **environment,
    )


# -- vector widths ------------------------------------------------------------------------------------------

TILES = """
import numpy as np
from kernel_table import calls
from numpycnn.kernels import KERNELS, ops, reference, simd

assert simd.VECTOR_BYTES == {width}
tiled = ("matmul", "convolution", "direct", "pooling", "winograd")
names = [name for name, file in KERNELS.items() if file.startswith(tiled)]
for name in names:
    for call in list(calls(name, "{dtype}"))[::5]:
        found, expected = call.run(getattr(ops, name)), call.run(getattr(reference, name))
        for a, b, tolerance in zip(found, expected, call.tolerances(name), strict=True):
            if call.roundings == 0:
                assert np.array_equal(a, b, equal_nan=True), str(call)
            else:
                assert (abs(np.subtract(a, b, dtype=float)) <= tolerance).all(), str(call)
"""

GRADIENTS = """
from numpycnn import gradcheck
from numpycnn.gradcheck.cases import block_cases
from numpycnn.kernels import simd

assert simd.VECTOR_BYTES == {width}
for block in block_cases():
    gradcheck.assert_gradients(gradcheck.check_layer(block))
"""


def cpu_has(*features):
    """Whether this is an x86 CPU with these features."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    import llvmlite.binding

    return all(llvmlite.binding.get_host_cpu_features().get(feature) for feature in features)


CPUS = {"nehalem": (16, ["sse4.2"]), "haswell": (32, ["avx2", "fma"])}  # bytes of a vector, and what it takes
CODES = {
    "every tile": TILES.replace("{dtype}", "float32"), "every tile in float64": TILES.replace("{dtype}", "float64"),
    "gradients of the blocks": GRADIENTS,
}  # fmt: skip


@pytest.mark.campaign
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("cpu", CPUS)
def test_cpus_with_narrower_vectors(package, code, cpu):
    """All kernels are compiled anew: ``.ci/run`` does it once."""
    width, features = CPUS[cpu]
    if not cpu_has(*features):
        pytest.skip(f"this CPU does not run code for {cpu}")
    run(package, CODES[code].replace("{width}", str(width)), NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES="")


# -- the ends of memory ---------------------------------------------------------------------------------------

GUARDED = """
import ctypes, itertools, mmap
import numpy as np
from kernel_table import calls
from numpycnn.kernels import KERNELS, ops, simd

libc = ctypes.CDLL(None, use_errno=True)

def guarded(a, at_end):
    # A copy of the array between two pages that nobody may touch: right before the second, or right after the first.
    page = mmap.PAGESIZE
    pages = max(1, -(-a.nbytes // page))
    memory = mmap.mmap(-1, (pages + 2) * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for forbidden in (start, start + (pages + 1) * page):
        assert libc.mprotect(ctypes.c_void_p(forbidden), ctypes.c_size_t(page), 0) == 0
    offset = page + (pages * page - a.nbytes if at_end else 0)
    copy = np.frombuffer(memory, a.dtype, a.size, offset).reshape(a.shape)
    copy[...] = a
    return copy

assert simd.VECTOR_BYTES == {width}
names = [name for name, file in KERNELS.items() if file in {files}]
for name, dtype in itertools.product(names, ["float32", "float64"]):
    chosen = list(calls(name, dtype))
    kernel = getattr(ops, name)
    for call, at_end in itertools.product(chosen[:: {step}], [False, True]):
        expected = call.run(kernel)
        for build in {builds}:
            found = call.run(build, copy=lambda a: guarded(a, at_end))
            assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, expected, strict=True)), str(call)
"""


FILES = sorted(set(kernels.KERNELS.values()))


def run_guarded(package, files, step, builds, width="simd.VECTOR_BYTES", **environment):
    """Run the kernels' calls, each `step`-th, against guard pages; a stray read or write ends it: exit code -11."""
    code = GUARDED.replace("{files}", str(files)).replace("{step}", step).replace("{builds}", builds)
    code = code.replace("{width}", str(width))
    run(package, code, **environment)


@pytest.mark.skipif(os.name != "posix", reason="mprotect is POSIX's")
@pytest.mark.parametrize("files", [FILES[k::4] for k in range(4)], ids=" ".join)  # a process takes longer to start
def test_no_kernel_touches_memory_beyond_its_arrays(package, files):
    run_guarded(package, files, "len(chosen) // 20 | 1", "[kernel]")


# What a kernel allocates itself lies between no guard pages: glibc marks the ends of such memory, looks at the marks
# when it is freed, and fills it with rubbish before.
MALLOC_DEBUG = "libc_malloc_debug.so.0"
CHECKED_HEAP = {"LD_PRELOAD": MALLOC_DEBUG, "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=165"}


def heap_can_be_checked():
    try:
        ctypes.CDLL(MALLOC_DEBUG)
    except OSError:
        return False
    return True


@pytest.mark.campaign
@pytest.mark.skipif(os.name != "posix", reason="mprotect is POSIX's")
@pytest.mark.parametrize("cpu", ["host", *CPUS])
def test_every_build_stays_inside_its_arrays(package, cpu):
    """All calls of all kernels, parallel and serial, at all widths of vectors; their own memory is checked, too."""
    environment = CHECKED_HEAP if heap_can_be_checked() else {}
    if cpu == "host":
        run_guarded(package, FILES, "1", "[kernel._parallel, kernel._serial]", patience=3600, **environment)
        return
    width, features = CPUS[cpu]
    if not cpu_has(*features):
        pytest.skip(f"this CPU does not run code for {cpu}")
    environment = {**environment, "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""}
    run_guarded(package, FILES, "1", "[kernel._parallel, kernel._serial]", width, patience=3600, **environment)


OVERRUN = """
import numba
{definitions}

@numba.njit(boundscheck=False)
def read(x, first):
    total = x[0]
    for i in range(x.size):
        total += x[np.uintp(i) + first]
    return total

read(guarded(np.ones(1000, np.float32), {at_end}), np.uintp({beyond} % 2**64))  # unsigned: -1 is before the first
"""


@pytest.mark.skipif(os.name != "posix", reason="mprotect is POSIX's")
@pytest.mark.parametrize(("beyond", "at_end", "dies"), [(1, True, True), (-1, False, True), (0, True, False)])
def test_the_guard_pages_guard(package, beyond, at_end, dies):
    definitions = GUARDED[: GUARDED.index("assert simd")]
    code = OVERRUN.replace("{definitions}", definitions).replace("{at_end}", str(at_end))
    # The variable would check this function's indices, too, whatever its decorator says.
    process = start(package, code.replace("{beyond}", str(beyond)), NUMBA_BOUNDSCHECK="0")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == (-signal.SIGSEGV if dies else 0), errors
