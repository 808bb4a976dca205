"""Windows, as far as it can be simulated: everything runs where what only POSIX has is taken away.

``tests/helpers/windows/sitecustomize.py`` takes it away, in the processes that are started here and in theirs.
"""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading

import pytest
from generated_data import make_set
from places import ROOT, TESTS, python_path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="takes POSIX away, and looks into Linux's /proc")


def run(folder, command, succeeds=True, **environment):
    """Run a Python command in the folder as if on Windows, with pipes in cp1252; return what it printed."""
    env = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS / "helpers" / "windows"), python_path()]),
        "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "PYTHONWARNDEFAULTENCODING": "1", "NO_PROXY": "*",
        **environment,
    }  # fmt: skip
    process = subprocess.run(
        [sys.executable, *map(str, command)], cwd=folder, env=env, capture_output=True, encoding="cp1252", timeout=300,
    )  # fmt: skip
    assert (process.returncode == 0) == succeeds, process.stderr
    assert succeeds or "Traceback" not in process.stderr, process.stderr
    return process.stdout + process.stderr


def test_the_simulation_takes_posix_away(tmp_path):
    """Otherwise the tests below would say nothing."""
    run(tmp_path, ["-c", """
import multiprocessing, os, signal, subprocess, sys
import numpy, numba
for name in ("fork", "register_at_fork", "sched_getaffinity", "geteuid", "getuid", "setsid", "killpg", "wait", "uname"):
    assert not hasattr(os, name), name
assert not hasattr(signal, "SIGSTOP") and not hasattr(os, "O_NONBLOCK")
for module in ("fcntl", "resource", "termios", "pty", "grp", "pwd"):
    try:
        __import__(module)
    except ImportError:
        continue
    raise SystemExit(module)
assert multiprocessing.get_start_method() == "spawn"
for method in ("fork", "forkserver"):
    try:
        multiprocessing.get_context(method)
    except ValueError:
        continue
    raise SystemExit(method)
assert sys.stdout.encoding == "cp1252"
for path in ("a", "b"):
    open(path, "wb").close()
attempts = 0
for attempt in range(2):  # the scanner has the file for a moment
    try:
        os.replace("a", "b")
    except PermissionError:
        attempts += 1
assert attempts == 1 and os.listdir() == ["b"]
with open("b", "rb"):
    for move in (os.unlink, os.remove, lambda path: os.replace(path, "c")):
        try:
            move("b")
        except PermissionError:
            continue
        raise SystemExit("an open file was moved")
for act in (lambda: open("a?"), lambda: os.mkdir("a:b"), lambda: open("b", "r")):
    try:
        act()
    except (OSError, EncodingWarning):
        continue
    raise SystemExit("accepted")
assert subprocess.run([sys.executable, "-c", "import os; os.fork"], stderr=subprocess.DEVNULL).returncode == 1
"""])


TRAINING = """
import sys
from pathlib import Path
import numpy as np
from numpycnn import BackupAndRestore, CSVLogger, ModelCheckpoint, Sequential
from small_models import make_images, small_cnn, weights_equal

(x, y), best = make_images(), Path("folder/best.npz")
"""


def test_trains_saves_and_loads(tmp_path):
    output = run(tmp_path, ["-c", TRAINING + """
model = small_cnn()
model.summary()
model.fit(x, y, 8, 3, callbacks=[ModelCheckpoint(best), CSVLogger("log.csv"), CSVLogger("log.csv", append=True)])
assert weights_equal(Sequential.load(best), model)
for name in ("model.npz", "model.npz"):  # the second replaces the first
    model.save(name)
    assert weights_equal(Sequential.load(name), model)
model.evaluate(x, y)
model.predict(x)
model.profile(x, y, repeats=1)
"""])
    assert "Conv2D" in output and "val_" not in output
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["best.npz", "folder", "log.csv", "model.npz"]


def test_saves_and_loads_keras_files(tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed")
    run(tmp_path, ["-c", TRAINING + """
model = small_cnn()
for _ in range(2):
    model.save("model.h5")
    assert weights_equal(Sequential.load("model.h5"), model)
"""])


def test_kernels_are_kept_and_compiled_by_two_at_once(tmp_path):
    code = "import numpy as np\nfrom numpycnn.kernels import ops\nops.relu_forward(np.ones(3), np.ones(3))"
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_OPT": "0"}
    with_jit = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
    assert run(tmp_path, ["-c", code], **environment).count("compiling") == with_jit
    assert run(tmp_path, ["-c", code], **environment) == ""
    late = code.replace("ops.relu", "\n".join([
        "from numpycnn.kernels.jit import KernelCache",
        "KernelCache.load_overload = lambda *args: None  # another process keeps it while this one compiles",
        "ops.relu",
    ]))  # fmt: skip
    assert run(tmp_path, ["-c", late], **environment) == ""  # nor is the one that is there a reason for a warning
    assert not with_jit or [path.suffix for path in tmp_path.rglob("cache/*/*")] == [".bin"]


def test_a_kernel_of_any_name_is_kept(tmp_path):
    code = """
import numpy as np
from numpycnn.kernels.jit import kernel

def make():
    @kernel
    def clear(x):
        x[:] = 0
    return clear

make()(np.ones(3))  # its full name is make.<locals>.clear
"""
    (tmp_path / "own.py").write_text(code)
    output = run(tmp_path, ["own.py"], NUMBA_CACHE_DIR=str(tmp_path / "cache"), NUMBA_OPT="0")
    assert "cannot keep" not in output
    assert len([*tmp_path.rglob("*.bin")]) == ("compiling" in output)


def test_a_training_that_died_goes_on(tmp_path):
    code = TRAINING + """
from numpycnn import LambdaCallback

def fit(die):
    model = small_cnn()
    deadly = LambdaCallback(on_epoch_end=lambda epoch, logs: sys.exit(7) if die and epoch == 2 else None)
    model.fit(x, y, 8, 4, 0, [deadly, BackupAndRestore("backup.npz", 2)])
    return model

try:
    fit(True)
except SystemExit:
    assert Path("backup.npz").exists()
    assert weights_equal(fit(False), fit(False))  # what goes on, and what was never stopped
assert not Path("backup.npz").exists()
"""
    run(tmp_path, ["-c", code])


def test_downloads(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    make_set(files, seed=1)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(files))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        output = run(tmp_path, ["-c", f"""
import tempfile
from pathlib import Path
from generated_data import assert_loaded, make_set
from numpycnn.data.mnist import load
with tempfile.TemporaryDirectory() as folder:
    data_set, arrays = make_set(Path(folder), seed=1, mirrors=[{address!r}])
for _ in range(2):
    assert_loaded(load(data_set), arrays)
"""], NUMPYCNN_DATA="", XDG_CACHE_HOME=str(tmp_path / "cache"))  # fmt: skip
        server.shutdown()
    assert output.count("Downloading") == 4
    assert len([path for path in tmp_path.rglob("cache/**/*.gz")]) == 4


def example(name, *options):
    return [ROOT / "examples" / f"{name}.py", *options]


def test_the_example_trains_resumes_and_predicts(tmp_path):
    data = "mnist" if os.environ.get("NUMPYCNN_DATA") else "synthetic"
    train = example("train_mnist", "--recipe", "mlp", "--model-file", "model.npz", "--limit", 300, "--dataset", data,
                    "--output-dir", "out", "--epochs")
    output = run(tmp_path, [*train, 2])
    assert "Test accuracy: 0." in output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"backup.npz", "model.npz", "metrics.json", "curves.png", "predictions.png", "report.txt"} <= names
    assert "Epoch 3/4" in run(tmp_path, [*train, 4, "--resume"])
    options = "out/samples.png", "--model", "out/model.npz", "--output", "seen.png"
    assert "Drew what the network saw" in run(tmp_path, example("predict_digit", *options))
    assert (tmp_path / "seen.png").exists()


def test_a_backup_is_not_overwritten_by_its_name_in_other_letters(tmp_path):
    for name in ("Backup.npz", "./backup.npz"):
        command = example("train_mnist", "--model-file", name, "--output-dir", "out")
        assert "--model-file: expected another name" in run(tmp_path, command, succeeds=False)


def benchmark(name, *options):
    return [ROOT / "benchmarks" / f"bench_{name}.py", "--random", *options]


@pytest.mark.parametrize("name, options", [
    ("training", ["--images", 128, "--warmup", 0, "--engines", "numpycnn"]),
    ("inference", ["--batch-size", 3, "--turn", 0.01, "--engines", "numpycnn"]),
])  # fmt: skip
def test_benchmarks(tmp_path, name, options):
    output = run(tmp_path, benchmark(name, "--threads", 1, "--repeats", 1, *options, "--output", "record.json"))
    assert "numpycnn (numpy" in output and (tmp_path / "record.json").exists()


def test_benchmarks_say_what_they_do_without(tmp_path):
    options = ["--images", 64, "--warmup", 0, "--repeats", 1, "--engines", "numpycnn", "numpycnn, fused=False"]
    assert "This system cannot stop a process" in run(tmp_path, benchmark("training", *options))
    memory = run(tmp_path, benchmark("memory"), succeeds=False)
    assert re.search(r"^bench_memory: this system does not tell how much memory", memory, re.MULTILINE)


def test_the_gradient_check(tmp_path):
    assert "1 of 1 rejected" in run(tmp_path, ["-m", "numpycnn.gradcheck", "--break", "maxpool-overlap"])


def test_what_cannot_be_written_is_an_error_in_words(tmp_path):
    """A file that stays open, and a name that no file can have."""
    output = run(tmp_path, ["-c", TRAINING + """
from numpycnn import files

files.PATIENCE = 0.2
model = small_cnn()
model.save("model.npz")
before = Path("model.npz").read_bytes()
with open("model.npz", "rb"):
    try:
        model.save("model.npz")
    except PermissionError as error:
        print(error)
assert Path("model.npz").read_bytes() == before and [path.name for path in Path().iterdir()] == ["model.npz"]
try:
    model.save("is it?.npz")
except OSError as error:
    print(error)
"""])
    assert "close the program that has it open, or allow to write to it: 'model.npz'" in output
    assert "is not allowed: 'is it?.npz'" in output and ".tmp" not in output
