"""Kernels that are compiled ahead: side by side in processes, from what a run with their twins notes."""

import re
import stat
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from processes import finish, run, start

import numpycnn
from numpycnn import kernels

if kernels.jit_disabled():
    pytest.skip("NUMBA_DISABLE_JIT is set: nothing is compiled", allow_module_level=True)

from numpycnn.kernels import __main__ as command, ahead, jit, reference, threads  # noqa: E402

PACKAGE = Path(numpycnn.__file__).parent
SOON = {"NUMBA_OPT": "0"}  # slow code is soon compiled

# Two kernels that are soon compiled, and a list of what other processes did; the script is no module with a guard.
TOGETHER = """
import os, sys
import numpy as np
from numpycnn.kernels import activations, ahead, compiled_together, ops, threads

threads.cores = lambda: 2  # also where there is one
used, helped = (activations.relu_forward, activations.relu_backward), []

class Helper(ahead.Helper):
    def compile(self, task):
        error = super().compile(task)
        helped.append((task[1], error))
        return error

ahead.Helper = Helper

def use():
    x, y, dx = np.array([-1, 0, 2], np.float32), *np.empty((2, 3), np.float32)
    ops.relu_forward(x, y)
    ops.relu_backward(x, y, dx)
    assert y.tolist() == dx.tolist() == [0, 0, 2]

{before}
with compiled_together():
    use()
    assert not any(kernel._parallel.overloads for kernel in used)  # the twins ran
assert all(len(kernel._parallel.overloads) == 1 for kernel in used)
use()
{after}
"""


def code(before="", after=""):
    return TOGETHER.replace("{before}", before).replace("{after}", after)


def kept(cache):
    return sorted(path.name.split("-")[0] for path in cache.rglob("*.bin"))


def test_kernels_are_compiled_side_by_side_and_once(tmp_path):
    check = "assert [error for name, error in helped] == [None], helped"
    said = run(PACKAGE, code(after=check), tmp_path, **SOON)
    assert said.count("\n") == said.count("compiling kernels") == 1
    assert kept(tmp_path) == ["relu_backward", "relu_forward"]
    if sys.platform != "win32":
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.bin")} == {0o600}
    there = code().replace("assert not any", "assert all")  # what is on disk runs at once
    assert run(PACKAGE, there + "\nassert not helped", tmp_path, **SOON) == ""


BROKEN = """
import pathlib
program = pathlib.Path({folder}) / "python-that-fails"
program.write_text("#!/bin/sh\\necho no such thing\\nexit 3\\n")
program.chmod(0o700)
sys.executable = str(program)
"""


@pytest.mark.parametrize(("before", "said"), [
    ("sys.executable = '/nowhere/python'", "cannot start a process"),
    pytest.param(BROKEN, "are compiled in this one: .*no such thing", marks=pytest.mark.skipif(
        sys.platform == "win32", reason="the program is a shell's")),
    ("import pathlib\nfrom numpycnn.kernels import jit\njit.cache_dir = lambda: pathlib.Path({folder})",
     "what it compiled is not on disk"),
])  # fmt: skip
def test_where_another_process_fails_this_one_compiles_and_says_so(tmp_path, before, said):
    found = run(PACKAGE, code(before.replace("{folder}", repr(str(tmp_path)))), tmp_path / "cache", **SOON)
    lines = found.splitlines()
    assert len(lines) == 2 and "compiling kernels" in lines[0] and re.search(said, lines[1]), found


@pytest.mark.parametrize(("where", "name", "value", "expected"), [
    (sys, "executable", sys.executable, 3), (sys, "executable", "", 1), (sys, "executable", "/usr/bin/blender", 1),
    (sys, "executable", None, 1), (sys, "frozen", True, 1), (jit, "cache_is_own", lambda: False, 1),
    (threads, "cores", lambda: 1, 1), (threads, "cores", lambda: 2, 2), (threads, "cores", lambda: 50, 5),
    (threads, "get_num_threads", lambda: 1, 1),
])  # fmt: skip
def test_how_many_processes_share_the_work(monkeypatch, where, name, value, expected):
    found, tasks = [], [("numpycnn.kernels.activations", "relu_forward", (i,)) for i in range(5)]
    monkeypatch.setattr(threads, "cores", lambda: 3)
    monkeypatch.setattr(threads, "get_num_threads", lambda: 64)
    monkeypatch.setattr(jit, "cache_is_own", lambda: True)
    monkeypatch.setattr(ahead, "is_there", lambda task: False)
    monkeypatch.setattr(ahead, "compile_here", lambda task: None)
    monkeypatch.setattr(ahead, "_share", lambda missing, processes: found.append((len(missing), processes)))
    monkeypatch.setattr(where, name, value, raising=False)
    ahead.compile_all(tasks)
    assert found == [(5, expected)]


def test_the_slowest_begin():
    files = ["rows", "convolution", "matmul", "activations", "winograd"]
    tasks = sorted(((f"numpycnn.kernels.{file}", "", ()) for file in files), key=ahead._slowest_first)
    assert [task[0].split(".")[-1] for task in tasks] == ["winograd", "matmul", "convolution", "rows", "activations"]
    assert {f"{file}.py" for file in ahead.SLOWEST} <= {path.name for path in (PACKAGE / "kernels").iterdir()}


def test_a_kept_kernel_s_name_says_all_that_its_code_depends_on(monkeypatch):
    cache = jit.KernelCache(reference.relu_forward, parallel=False)
    cpu, other_cpu = (types.SimpleNamespace(magic_tuple=lambda name=name: name) for name in ("a CPU", "another"))
    paths = {cache._path("types", cpu), cache._path("other types", cpu), cache._path("types", other_cpu)}
    later = types.SimpleNamespace(**{**vars(sys), "version_info": (sys.version_info[0], 99, 0)})
    for owner, name, value in (
        (jit, "sys", later), (jit.numba, "__version__", "99.0"), (jit.config, "BOUNDSCHECK", 99),
        (jit.config, "OPT", 99), (cache, "_source", "another"), (cache, "_name", "relu_forward-parallel"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            paths.add(cache._path("types", cpu))
    assert len(paths) == 9 and {path.parent for path in paths} == {jit.cache_dir()}


def test_a_forked_child_notes_nothing(monkeypatch):
    monkeypatch.setattr(threads, "forked", True)
    with kernels.compiled_together():
        assert not jit.noted


def test_helpers_end_with_what_they_help(tmp_path):
    before = """
started, groups, helpers = [], [], []
begin = Helper.__init__

def noted(self):
    begin(self)
    started.append(self.process)
    helpers.append(self)
    groups.append(os.getpgid(self.process.pid))

def interrupted(task):
    raise KeyboardInterrupt

Helper.__init__, ahead.compile_here = noted, interrupted
try:
    with compiled_together():
        use()
except KeyboardInterrupt:
    assert len(started) == 1 and started[0].poll() is not None  # it has ended, and was waited for
    assert groups == [started[0].pid]  # Ctrl-C, which a terminal and Jupyter send to a group, does not reach it
    assert helpers[0].compile(("module", "name", ())) == "it ended"  # as the thread does that has not noticed
    time.sleep(0.2)  # for who waits for its answer
    os._exit(0)
"""
    told = finish(start(PACKAGE, "import time\n" + code(before), tmp_path, **SOON))
    assert "failed" not in told  # it was interrupted


def test_a_block_that_raises_compiles_nothing(monkeypatch):
    monkeypatch.setattr(ahead, "compile_all", lambda tasks: pytest.fail("compiled"))
    with pytest.raises(ZeroDivisionError), kernels.compiled_together():
        1 / 0
    assert not jit.noted


def test_the_bar_is_for_terminals_alone(monkeypatch, capsys):
    with ahead._progress(2) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with ahead._progress(2) as advance:
        advance()
    assert "compiling kernels" in capsys.readouterr().err


# -- python -m numpycnn.kernels -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_command_knows_every_kernel(monkeypatch, dtype):
    monkeypatch.setattr(jit.Kernel, "is_there", lambda kernel, types: False)
    names = set()
    for name in kernels.KERNELS:
        twin = getattr(reference, name)
        monkeypatch.setattr(reference, name, lambda *args, n=name, twin=twin: names.add(n) or twin(*args))
    with ahead.noting() as tasks:
        command.use_all(dtype)
    assert names == set(kernels.KERNELS)
    assert all(f"Array({dtype}" in str(types) or f"array({dtype}" in str(types) for _, _, types in tasks)


def test_the_command_compiles_what_is_not_there(monkeypatch, tmp_path, capsys):
    def use(dtype):
        kernels.ops.relu_forward(np.ones(3, dtype), np.empty(3, dtype))

    monkeypatch.setattr(command, "use_all", use)
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(jit, "cache_is_own", lambda: True)
    relu = kernels.ops.relu_forward
    monkeypatch.setattr(relu, "_parallel", jit._build(relu.py_func, parallel=True))
    assert command.main(["--dtype", "float64", "--threads", "1"]) == 0
    assert kept(tmp_path) == ["relu_forward"] and "compiled 1 kernels (float64" in capsys.readouterr().out
    assert command.main(["--dtype", "float64"]) == 0
    assert "every kernel was there" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["--dtype", "float16"]])
def test_the_command_refuses_what_it_does_not_know(wrong, capsys):
    with pytest.raises(SystemExit):
        command.main(wrong)
    assert wrong[1] in capsys.readouterr().err
