"""Models in several threads, after forks, in pools: the results are those of one thread alone, to the bit."""

import os
from pathlib import Path

import pytest
from processes import finish, run, start

import numpycnn
from numpycnn.kernels import jit_disabled

PACKAGE = Path(numpycnn.__file__).parent
CAMPAIGN = pytest.mark.campaign

SHARED = """
import multiprocessing, sys, threading, warnings
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from small_models import make_images, small_cnn, small_stateful_cnn

x, y = make_images(60)
MAKERS = [small_cnn, small_stateful_cnn, lambda **options: small_cnn(fused=False, **options)]

def train(seed):
    model = MAKERS[seed % 3](seed=seed)
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_split=0.2)
    return b"".join(a.tobytes() for a in (*model.get_weights(), model.predict(x))), repr(history.history)

rounds = {rounds}
"""


def run_here(code, rounds, layer="default"):
    environment = {} if layer == "default" else {"NUMBA_THREADING_LAYER": layer}
    run(PACKAGE, SHARED.replace("{rounds}", str(rounds)) + code, **environment)


@pytest.mark.parametrize("layer, rounds", [
    ("workqueue", 1), *(pytest.param(layer, 5, marks=CAMPAIGN) for layer in ("tbb", "omp", "workqueue")),
])  # fmt: skip
def test_models_train_in_threads_as_they_do_alone(layer, rounds):
    run_here("""
seeds = list(range(6)) * rounds
expected = [train(seed) for seed in range(6)] * rounds
with ThreadPoolExecutor(6) as pool:
    assert list(pool.map(train, seeds)) == expected
""", rounds, layer)  # fmt: skip


@pytest.mark.parametrize("layer, rounds", [
    ("default", 1), *(pytest.param(layer, 5, marks=CAMPAIGN) for layer in ("tbb", "omp", "workqueue")),
])  # fmt: skip
def test_one_model_is_used_by_threads_while_it_trains(layer, rounds):
    run_here("""
def shared(make, with_users):
    model, weights, failures, ended = make(seed=1), [], [], threading.Event()

    def use():
        while not ended.is_set():
            try:
                before = model.predict(x[:5])
                assert np.isfinite(before).all()
                model.evaluate(x, y)
                weights.append(model.get_weights())
            except BaseException as error:
                failures.append(error)
                raise

    users = [threading.Thread(target=use) for _ in range(3 if with_users else 0)]
    for user in users:
        user.start()
    history = model.fit(x, y, batch_size=16, epochs=5, verbose=0)
    ended.set()
    for user in users:
        user.join()
    assert not failures, failures
    return b"".join(a.tobytes() for a in model.get_weights()), repr(history.history)

for _ in range(rounds):
    for make in MAKERS:
        assert shared(make, True) == shared(make, False)

model = small_cnn()
expected = [model.predict(x[i : i + 7]) for i in range(50)]
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda i: model.predict(x[i : i + 7]), list(range(50)) * rounds))
assert all(np.array_equal(a, b) for a, b in zip(found, expected * rounds))
""", rounds, layer)  # fmt: skip


POOLS = """
def main():
    model = small_cnn(seed=1)
    expected = [train(seed) for seed in range(4)], model.predict(x)
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: "multi-threaded, use of fork()"
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        assert pool.map(train, range(3)) == expected[0][:3]  # it compiles, after a fork: two would compile the same
    for _ in range(rounds):
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            assert pool.map(train, range(4)) == expected[0]
            assert np.array_equal(pool.apply(model.predict, (x,)), expected[1])  # the model is sent there
    assert [train(seed) for seed in range(4)] == expected[0]  # and the parent goes on

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("method, rounds", [
    ("fork", 1), *(pytest.param(method, 3, marks=CAMPAIGN) for method in ("fork", "spawn", "forkserver")),
])  # fmt: skip
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_pools_of_processes(method, rounds, tmp_path):
    script = tmp_path / "script.py"  # spawn imports it again
    script.write_text(SHARED.replace("{rounds}", str(rounds)) + POOLS.replace("{method}", method))
    run(PACKAGE, f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); import script; script.main()")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_while_another_thread_trains():
    """The child has its own locks: those of the parent are held by a thread that does not exist there."""
    run_here("""
expected = train(0)
sys.setswitchinterval(1e-6)  # threads take turns anywhere
warnings.simplefilter("ignore", DeprecationWarning)

def child():
    assert np.isfinite(model.predict(x)).all()
    assert train(0) == expected

for _ in range(10):
    model = small_cnn(seed=1)  # which the thread begins to train
    thread = threading.Thread(target=lambda: model.fit(x, y, batch_size=8, epochs=3, verbose=0))
    thread.start()
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(120)
    process.kill()
    thread.join()
    assert process.exitcode == 0, process.exitcode
""", 1)  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_on_one_core_a_program_ends_whose_first_kernel_a_thread_called():
    run(PACKAGE, f"""
import os
os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})
import threading
import numpy as np
from numpycnn import Sequential, ReLU
thread = threading.Thread(target=Sequential([ReLU()], input_shape=(3,)).predict, args=(np.zeros((2, 3)),))
thread.start()
thread.join()
""", patience=120)  # fmt: skip


@pytest.mark.parametrize("moment", ["it lists patches", "a kernel runs", "a kernel is compiled"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_at_the_moment_when_in_another_thread(moment):
    run_here(f"""
import time
import numpycnn.fusion.convolution as blocks
from numba.core import compiler_lock
from numpycnn.kernels import threads

expected, there = train(0), threading.Event()
lists_patches = blocks.shared_patches

def takes_its_time(*args):
    there.set()
    time.sleep(1)
    return lists_patches(*args)

def hold(lock):
    with lock:
        there.set()
        time.sleep(1)

def begin_training():
    blocks.shared_patches = takes_its_time
    small_cnn().predict(x)

moments = {{
    "it lists patches": begin_training,
    "a kernel runs": lambda: hold(threads.lock),
    "a kernel is compiled": lambda: hold(compiler_lock.global_compiler_lock),
}}
thread = threading.Thread(target=moments[{moment!r}])
thread.start()
there.wait()
blocks.shared_patches = lists_patches
warnings.simplefilter("ignore", DeprecationWarning)
process = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(train(0) != expected))
process.start()
process.join(120)
process.kill()
thread.join()
assert process.exitcode == 0, process.exitcode
assert train(0) == expected  # and the parent goes on
""", 1)  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.skipif(jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
@pytest.mark.parametrize("name", ["threads", "matmul"])
def test_a_fork_while_another_thread_imports(name):
    """In the child, the module that the thread has begun to import would be waited for without end."""
    run_here("""
import logging, time

class Slow:
    def find_spec(name, path=None, target=None):
        if name == "numpycnn.kernels.{name}":
            began.set()
            time.sleep(0.5)
            logging.getLogger(name)  # Python's own lock, which a fork takes, too

began = threading.Event()
sys.meta_path.insert(0, Slow)
thread = threading.Thread(target=lambda: small_cnn().predict(x))
thread.start()
began.wait()
warnings.simplefilter("ignore", DeprecationWarning)
process = multiprocessing.get_context("fork").Process(target=lambda: small_cnn().predict(x))
process.start()
process.join(120)
process.kill()
thread.join()
assert process.exitcode == 0, process.exitcode
""".replace("{name}", name), 1)  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_forked_within_a_forward_ends_as_it_likes():
    """It leaves the blocks that hold the model's lock, which is its own."""
    run_here("""
import os
from numpycnn import Dense, Layer, Sequential

class Forks(Layer):
    def setup(self, rng):
        return self.input_shape

    def forward(self, x, training=False):
        child = os.fork()
        if child == 0:
            sys.exit(5)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return x

    def backward(self, dy, need_dx=True):
        return dy

warnings.simplefilter("ignore", DeprecationWarning)
codes = []
Sequential([Dense(3), Forks()], input_shape=(2,)).predict(np.zeros((1, 2)))
assert codes == [5], codes
""", 1)  # fmt: skip


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib(backend, tmp_path):
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    paths = [str(tmp_path), str(Path(joblib.__file__).parents[1])]
    script = tmp_path / "script.py"
    script.write_text(SHARED.replace("{rounds}", "1"))
    run(PACKAGE, f"""
import sys, os, warnings
sys.path += {paths!r}
os.environ["PYTHONPATH"] = os.pathsep.join([os.environ["PYTHONPATH"], *{paths!r}])
import joblib, script, numpy as np
warnings.simplefilter("ignore")  # joblib's own
expected = [script.train(seed) for seed in range(4)]
model = script.small_cnn(seed=1)
parallel = joblib.Parallel(2, backend={backend!r})
assert parallel(joblib.delayed(script.train)(seed) for seed in range(4)) == expected
(found,) = parallel([joblib.delayed(model.predict)(script.x)])
assert np.array_equal(found, model.predict(script.x))
""")  # fmt: skip


BITS = SHARED.replace("{rounds}", "1") + """
import hashlib
print(hashlib.sha256(repr([train(seed) for seed in range(3)]).encode()).hexdigest())
"""


@pytest.mark.skipif(jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
def test_neither_the_layer_nor_its_threads_change_a_bit():
    ways = [("default", 1), ("default", 2), ("default", 7), ("omp", 3), ("omp", 7), ("workqueue", 3)]
    processes = [
        start(PACKAGE, BITS, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS=str(count)) for layer, count in ways
    ]
    found = set()
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        found.add(output)
    assert len(found) == 1, found


FIRST_STEP = """
from numpycnn import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential
from small_models import make_images

model = Sequential([Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(4)], input_shape=(12, 12, 1), seed=1)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(*make_images(), verbose=0)
print(b"".join(a.tobytes() for a in model.get_weights()).hex())
"""


@pytest.mark.campaign
@pytest.mark.skipif(jit_disabled(), reason="NUMBA_DISABLE_JIT is set: nothing is compiled")
def test_eight_processes_compile_at_once_on_an_empty_cache(tmp_path):
    """20 rounds; `test_kernel_processes` has a short version."""

    def begin(cache):
        return start(PACKAGE, FIRST_STEP, cache, NUMBA_OPT="0")  # slow code is soon compiled

    def names(cache):
        return sorted(path.name for path in cache.rglob("*") if path.is_file())

    alone, results, compiled = tmp_path / "alone", set(), 0
    finish(begin(alone))
    for i in range(20):
        cache = tmp_path / f"cache-{i}"
        processes = [begin(cache) for _ in range(8)]
        for process in processes:
            output, errors = process.communicate(timeout=3600)
            assert process.returncode == 0, errors
            assert "cannot keep" not in errors
            compiled += "compiling kernels" in errors
            results.add(output)
        assert names(cache) == names(alone)  # a whole file a kernel, and no temporary one
        assert finish(begin(cache)) == ""  # nothing left to compile
        print(f"{i + 1} rounds of 8 processes, {compiled} of which compiled; {len(names(cache))} kernels each")
    assert len(results) == 1 and compiled > 20
