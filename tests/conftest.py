"""What all tests need."""

import compileall
import gc
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
SECONDS = 1800  # for a test, kernels that are compiled on a busy machine included; campaigns take longer

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


def pytest_configure(config):
    """Compile once, before xdist's workers, what each of them, and hundreds of processes, would compile for itself."""
    if hasattr(config, "workerinput"):
        return
    for folder in (TESTS.parent / "numpycnn", TESTS.parent / "benchmarks", TESTS / "helpers"):
        compileall.compile_dir(folder, quiet=2)
    all_tests = any(TESTS.is_relative_to(Path(path).resolve()) for path in config.args)
    found = importlib.util.find_spec("numpycnn")  # the package that will be tested; without one the tests say so
    has_workers = all_tests and config.getoption("numprocesses", None)
    if found and has_workers and os.environ.get("NUMBA_DISABLE_JIT", "0") == "0":
        folder = Path(found.origin).parents[1]
        subprocess.run([sys.executable, "-m", "numpycnn.kernels", "--dtype", "float32", "float64"], cwd=folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let the garbage collector rest: ten thousand tests make many objects, and all of them stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()  # and it need not look at them again and again


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Let Ctrl-C interrupt, although whoever started the tests (a shell's ``&``, nohup) may have switched it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def ends(request):
    """A test that waits for ever fails in the end, so that the others run."""
    if not hasattr(signal, "SIGALRM") or request.node.get_closest_marker("campaign"):
        yield
        return

    def stop(*arguments):
        pytest.fail(f"not at its end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
