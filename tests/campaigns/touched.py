"""Which tests run a line: a copy of the package with a probe before each such line, one run of the tests, a table.

``mutation.py`` first judges a mutant by the tests that run its line, the shortest first. A line that no function holds
(a constant, a default argument) is run by whoever imports the module, a compiled kernel's by no Python: such lines get
no probe. What a fixture runs counts for all tests that use it, what a file of tests runs when it is read for all in it.
"""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Iterator

import pytest

PROBE = "mutation_probe"  # beside the copied package, so that the processes that tests start find it, too
PROBE_CODE = '''\
import os
FILE = os.open({file!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # once: a test may count what is opened
seen = set()
def hit(number):
    if number not in seen:
        seen.add(number)
        os.write(FILE, b"%d\\n" % number)
'''


def probe_line(source: str, line: int) -> int | None:
    """Return the line before which a probe sees that a function's statement at `line` runs; None outside functions."""
    lines, found = source.splitlines(), None

    def visit(body: list[ast.stmt], inside: bool) -> None:
        nonlocal found
        for statement in body:
            first = min([statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", []))])
            if not first <= line <= (statement.end_lineno or 0):
                continue
            text = lines[first - 1]
            if inside and not text.strip().startswith(("elif", "else")) and text[: statement.col_offset].isspace():
                found = first
            parts = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            parts += [handler.body for handler in getattr(statement, "handlers", [])]
            parts += [case.body for case in getattr(statement, "cases", [])]
            function = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
            if function and line < statement.body[0].lineno:
                return  # its decorators, its arguments
            for part in parts:
                visit(part, function or (inside and not isinstance(statement, ast.ClassDef)))

    visit(ast.parse(source).body, False)
    return found


def with_probes(source: str, numbers: dict[int, list[int]]) -> str:
    """Return the source with a probe before each given line, which reports the numbers that stand for it."""
    lines = source.splitlines(keepends=True)
    for line in sorted(numbers, reverse=True):
        indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
        for number in numbers[line]:
            lines.insert(line - 1, f'{indent}__import__("{PROBE}").hit({number})\n')
    return "".join(lines)


class Notes:
    """A pytest plugin: which probes each test has met, and how many seconds it took."""

    def __init__(self, hits: Path, table: Path) -> None:
        self.hits, self.table, self.read = hits, table, 0
        self.by_test: dict[str, set[int]] = defaultdict(set)
        self.by_fixture: dict[Any, set[int]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self.users: dict[str, list[Any]] = {}
        self.failed: set[str] = set()
        self.pending: set[int] = set()

    def take(self) -> set[int]:
        """Return the probes met since the last call, and let them report again."""
        with open(self.hits, "rb") as file:
            file.seek(self.read)
            new = file.read()
        self.read += len(new)
        __import__(PROBE).seen.clear()
        return set(map(int, new.split()))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        self.take()
        yield
        self.by_test[collector.nodeid] |= self.take()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        before = self.take()
        yield
        self.by_fixture[fixturedef] |= self.take()
        self.pending |= before

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self.take()
        self.pending = set()
        yield
        self.by_test[item.nodeid] |= self.take() | self.pending
        self.users[item.nodeid] = [one for found in item._fixtureinfo.name2fixturedefs.values() for one in found]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        tests_of: dict[int, list[tuple[float, str]]] = defaultdict(list)
        for test, fixtures in self.users.items():
            met = self.by_test[test] | self.by_test[test.split("::")[0]]
            for number in met.union(*(self.by_fixture[fixture] for fixture in fixtures)):
                tests_of[number].append((round(self.seconds[test], 4), test))
        tests = {number: sorted(found) for number, found in tests_of.items()}
        self.table.write_text(json.dumps({"failed": sorted(self.failed), "tests_of": tests}))


class Chosen:
    """A pytest plugin: only these tests run, in this order."""

    def __init__(self, tests: list[str]) -> None:
        self.rank = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.rank), key=lambda item: self.rank[item.nodeid])
