"""The mutation campaign's table: every module has commands that judge it, and they name tests that exist."""

import functools
import re
import shlex

import judges
import pytest

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
