"""The mutation campaign: every module has commands that judge it, they name tests that exist; probes see what runs."""

import functools
import re
import shlex
import sys
import types

import judges
import pytest
import touched

TESTS = [path.relative_to(judges.ROOT).as_posix() for path in judges.ROOT.glob("tests/*/test_*.py")]


@functools.cache
def source_of(test):
    return (judges.ROOT / test).read_text()


def paths_of(command):
    """Return the test files that a command runs."""
    words = [word for word in shlex.split(command.removeprefix("NUMBA_BOUNDSCHECK=1 ")) if word.startswith("tests/")]
    return {word: [test for test in TESTS if test == word or test.startswith(f"{word}/")] for word in words}


@pytest.mark.parametrize("target", judges.TARGETS, ids=lambda path: path.relative_to(judges.PACKAGE).as_posix())
def test_every_module_has_commands_that_run_tests(target):
    for command in judges.commands_for(target.relative_to(judges.PACKAGE).as_posix(), 15):
        found = paths_of(command)
        assert found and all(found.values()), command
        sources = "".join(source_of(test) for tests in found.values() for test in tests)
        words = re.findall(r"\w+", re.sub(r"\[\w+\]|-\w+\]", "", shlex.split(command)[-1])) if " -k " in command else []
        missing = {word for word in words if word not in sources} - {"and", "or", "not"}
        assert not missing, f"-k {missing} chooses no test: {command}"


def test_every_entry_is_of_something_in_the_package():
    assert [name for name in judges.COMMANDS if not (judges.PACKAGE / name).exists()] == []


def test_a_file_without_commands_is_an_error():
    with pytest.raises(KeyError, match="no commands in COMMANDS"):
        judges.commands_for("absent/file.py", 1)


def test_a_kernel_is_judged_by_the_tests_of_those_that_run_it():
    name = next(iter(judges.KERNELS))
    assert judges.reachable("a", {"a": {"b"}, "b": {"c", "a"}, "d": {"a"}}) == {"a", "b", "c"}
    text = (judges.PACKAGE / "kernels/reference.py").read_text()
    line = text[: text.index(f"def {name}(")].count("\n") + 1
    assert name in judges.kernels_that_run("kernels/reference.py", line)
    assert set(judges.kernels_that_run("kernels/reference.py", 1)) == set(judges.KERNELS)  # the docstring: all


@pytest.mark.parametrize("file, kernel", [
    ("winograd", "winograd_relu_pool_forward"), ("winograd_map", "winograd_forward"),
    ("winograd_gradient", "winograd_weight_gradient"),
])
def test_functions_of_the_same_name_in_several_files_are_kept_apart(file, kernel):
    text = (judges.PACKAGE / f"kernels/{file}.py").read_text()
    for name in re.findall(r"^def (_?(?:run|prepare|finish)\w*)\(", text, re.M):
        line = text[: text.index(f"def {name}(")].count("\n") + 2
        assert judges.kernels_that_run(f"kernels/{file}.py", line) == [kernel], name


SOURCE = '''\
LIMIT = 3

def sign(n, zero=0):
    if n < 0:
        return -1
    elif n == 0: return zero
    try:
        while n > LIMIT:
            n -= 1
    except (TypeError,
            ValueError):
        pass
    return (1 +
            0)
'''


def test_a_probe_stands_before_the_statement_of_each_line_inside_a_function():
    before = [touched.probe_line(SOURCE, line) for line in range(1, SOURCE.count("\n") + 1)]
    assert before == [None, None, None, 4, 5, 4, 7, 8, 9, 7, 7, 12, 13, 13]


def test_a_probe_reports_once_what_runs(monkeypatch):
    met = []
    monkeypatch.setitem(sys.modules, touched.PROBE, types.SimpleNamespace(hit=met.append))
    namespace = {}
    exec(touched.with_probes(SOURCE, {5: [0, 1], 8: [2], 12: [3], 13: [4]}), namespace)
    assert (namespace["sign"](-2), namespace["sign"](5), sorted(met)) == (-1, 1, [0, 1, 2, 4])


def test_the_quickest_tests_come_first_as_many_as_there_is_time_for():
    tests = [(40.0, "a.py::long"), (1.0, "a.py::short"), (2.0, "b.py::one"), (5.0, "b.py::fails"), (30.0, "c.py::two")]
    assert touched.shortest_first(tests, ["b.py::fails"]) == {
        "b.py": ["b.py::one"], "c.py": ["c.py::two"], "a.py": ["a.py::short"]}
    assert touched.shortest_first([(99.0, "a.py::only")], []) == {"a.py": ["a.py::only"]}
    assert touched.shortest_first([], []) == {}
