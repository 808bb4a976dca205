"""Mutation testing: make a small mistake in a copy of the code, see whether a test notices, and again, 400 times.

    pip install -e ".[test,mutation]" && python tests/campaigns/mutation.py --sample 400 --seed 0

The mistakes are those of Cosmic Ray (https://cosmic-ray.readthedocs.io): another binary, unary or comparison operator,
a number that is one off, ``not`` before a condition, ``and`` for ``or``, True for False, ``break`` for ``continue``, a
loop that never runs, no decorator. Type annotations, what a ``raise`` statement says, and f-strings are left alone; no
operator touches docstrings and other strings.

First places are drawn, the same share of each file's, and then for each place one of its mutations: a ``+`` can become
eleven things and a ``<`` or a number only a few, yet all are as easy to get wrong.

First the tests that run a mutant's line judge it, the shortest first (``touched.py``), then what ``judges.py`` names
for its file. A mutant counts as killed if a test fails or Python crashes, or if a test does not end (the table has a
column of its own for these: a loop that never ends is noticed by anybody who waits for the tests).
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import os
import random
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

# Each test run is a fork of this process, so that what takes long to load is loaded once. No part of numpycnn is.
import hypothesis  # noqa: F401
import numba
import pytest
from judges import COMMANDS, PACKAGE, ROOT, TARGETS, commands_for
from touched import PROBE, PROBE_CODE, Chosen, Notes, probe_line, shortest_first, with_probes

PROCESSOR_SECONDS = 600  # for a command; several times what the slowest one takes
WALL_SECONDS = 1800  # for a mutant that waits forever without using the processor
# Long, and they start programs that judge nothing in the package, or have commands of their own.
NOT_PROBED = ["tests/references", "tests/campaigns", "tests/package/test_benchmarks.py", "tests/kernels"]
ADDRESS_SPACE = 8 * 2**30  # for a mutant that asks for all memory there is
WIDE = "exchange/c/"  # whose tests compile C with sanitizers, which take terabytes of addresses and little memory

# The first two need arguments; the last one fails on names with a dot, such as gzip.BadGzipFile.
LEFT_OUT = ["core/VariableInserter", "core/VariableReplacer", "core/ExceptionReplacer"]


@dataclass(frozen=True)
class Mutant:
    """One mutation: the operator's `occurrence`-th place in the file, which begins at line and column."""

    file: str
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def key(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.operator} {self.occurrence}"

    def code(self) -> str:
        """Return the file's mutated text."""
        from cosmic_ray.mutating import mutate_code  # when a campaign runs: --help needs no extra
        from cosmic_ray.plugins import get_operator

        return mutate_code((PACKAGE / self.file).read_text(), get_operator(self.operator)(), self.occurrence)


# -- which mutants ---------------------------------------------------------------------------------------------------


def spared(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a file that are not mutated."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Raise, ast.JoinedStr)):
            yield node
        elif isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns


def places(path: Path) -> list[list[Mutant]]:
    """Return the mutants of a file, those of one place together."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    source = path.read_text()
    spans = [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in spared(ast.parse(source))]
    nodes = list(ast_nodes(get_ast(source)))
    found = defaultdict(list)
    for name in sorted(operator_names()):
        if name in LEFT_OUT:
            continue
        operator = get_operator(name)()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start < last for first, last in spans):
                found[start, end].append(Mutant(str(path.relative_to(PACKAGE)), name, occurrence, *start))
    return [found[span] for span in sorted(found)]


def draw(sample: int, seed: int) -> list[Mutant]:
    """Draw at least `sample` mutants, the same share of each file's places."""
    rng = random.Random(seed)
    by_file = {path: places(path) for path in TARGETS}
    share = sample / sum(map(len, by_file.values()))
    drawn = []
    for found in by_file.values():
        for place in rng.sample(found, min(len(found), math.ceil(share * len(found)))):
            drawn.append(rng.choice(place))
    rng.shuffle(drawn)  # so that the first hundred say something about all
    return drawn


# -- one run ---------------------------------------------------------------------------------------------------------


class Workshop:
    """A copy of the repository to make mistakes in, always in the same place, and what each run starts from."""

    def __init__(self, folder: Path) -> None:
        self.copy, self.fresh, self.kernels = folder / "copy", folder / "fresh", folder / "kernels"
        self.table = folder / "touched.json"
        self.limit = resource.RLIM_INFINITY

    def prepare(self, mutants: list[Mutant]) -> None:
        """Copy the repository, run its tests with a probe at each mutant, keep what was compiled and what was met."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        shutil.copytree(ROOT, self.fresh, ignore=shutil.ignore_patterns("__pycache__", ".*", "runs"))
        self.kernels.mkdir(exist_ok=True)
        self._copy_fresh("kernels/reference.py")
        hits, at_line = self.table.with_name("hits"), defaultdict(lambda: defaultdict(list))
        for number, mutant in enumerate(mutants):
            line = probe_line((PACKAGE / mutant.file).read_text(), mutant.line)
            if line and (not mutant.file.startswith("kernels/") or mutant.file == "kernels/reference.py"):
                at_line[mutant.file][line].append(number)
        for file, numbers in at_line.items():
            self._write(file, with_probes((self.copy / "numpycnn" / file).read_text(), numbers))
        (self.copy / f"{PROBE}.py").write_text(PROBE_CODE.format(file=str(hits)))
        hits.write_bytes(b"")
        ignored = [f"--ignore={folder}" for folder in NOT_PROBED]
        print("the unmutated code:", self.run("tests", *ignored, hits=hits), flush=True)
        print((self.copy / "output").read_text(), flush=True)
        found = json.loads(self.table.read_text())
        # The exercises' judge makes mistakes in sources, in the probes' numbers, too: some stand for nothing.
        found["tests_of"] = {
            mutant.key: found["tests_of"][str(number)] for number, mutant in enumerate(mutants)
            if str(number) in found["tests_of"]
        }
        shutil.rmtree(self.kernels)
        (self.copy / "cache").rename(self.kernels)
        self._copy_fresh("")
        self.run("tests", "--collect-only")  # what Python and pytest make of the files: once, not for each mutant
        for path in self.copy.rglob("*.pyc"):
            kept = self.fresh / path.relative_to(self.copy)
            kept.parent.mkdir(exist_ok=True)
            shutil.copy2(path, kept)
        # Some tests fail because of the probes: they read the sources.
        found["failed"] = [test for test in found["failed"] if self.run(test.split("::")[0], chosen=[test]) == "killed"]
        print("fail unmutated, and judge nothing:", found["failed"], flush=True)
        self.table.write_text(json.dumps(found))

    def _copy_fresh(self, mutated: str) -> None:
        """Make the copy anew, with the kernels of the unmutated package but for a mutant among them."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.fresh, self.copy, copy_function=os.link)
        # The kernels are compiled anew for a mutant among them. For others the entries of the unmutated package are
        # right: nothing else is compiled. An entry is found by the hash of all files in kernels/; the twins there are
        # plain Python, so the hash stays that of the unmutated package's files.
        if mutated == "kernels/reference.py":
            text = (self.fresh / "numpycnn/kernels/jit.py").read_text()
            before, after = "Path(__file__).parent.glob", f"Path({str(self.fresh / 'numpycnn/kernels')!r}).glob"
            self._write("kernels/jit.py", text.replace(before, after))
        if not mutated.startswith("kernels/") or mutated == "kernels/reference.py":
            shutil.copytree(self.kernels, self.copy / "cache", copy_function=os.link)

    def _write(self, file: str, code: str) -> None:
        path = self.copy / "numpycnn" / file
        path.unlink()  # a link to the unmutated one
        path.write_text(code)

    def judge(self, mutant: Mutant, command: str | None) -> str:
        """Run the command (None: the tests that run its line) on a copy with the mutant; return what came of it.

        That is "killed", "survived", "timed out" or "no program".
        """
        try:
            code = mutant.code()
            compile(code, mutant.file, "exec")
        except SyntaxError:
            return "no program"
        self._copy_fresh(mutant.file)
        self._write(mutant.file, code)
        self.limit = resource.RLIM_INFINITY if mutant.file.startswith(WIDE) else ADDRESS_SPACE
        table = json.loads(self.table.read_text())
        if command is not None:
            return self.run(command, *(f"--deselect={test}" for test in table["failed"]))
        outcome = "survived"
        for file, tests in shortest_first(table["tests_of"].get(mutant.key, []), table["failed"]).items():
            outcome = self.run(file, chosen=tests)
            if outcome != "survived":
                break
        return outcome

    def run(self, arguments: str, *options: str, hits: Path | None = None, chosen: list[str] | None = None) -> str:
        """Run pytest in the copy: "killed" if a test fails or Python crashes, else "survived" or "timed out"."""
        child = os.fork()
        if child == 0:
            self._be_pytest(arguments, [*options], hits, chosen)
        deadline = time.monotonic() + (WALL_SECONDS if hits is None else math.inf)
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.02)
        if ended == (0, 0):
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timed out"
        code = os.waitstatus_to_exitcode(ended[1])
        if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            if chosen is not None or "--collect-only" in options:
                return "survived" if code == pytest.ExitCode.NO_TESTS_COLLECTED else "killed"
            raise RuntimeError(f"pytest {arguments}: exit code {code}\n{(self.copy / 'output').read_text()}")
        if code == -signal.SIGXCPU:
            return "timed out"
        return "survived" if code == 0 else "killed"

    def _be_pytest(self, arguments: str, more: list[str], hits: Path | None, chosen: list[str] | None) -> None:
        """Turn this process, a fork, into a run of pytest in the copy."""
        code: int = pytest.ExitCode.INTERNAL_ERROR
        try:
            os.setsid()
            if hits is None:
                resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 10))
            resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.limit))
            output = os.open(self.copy / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.copy)
            sys.path.insert(0, str(self.copy))  # our own folder stays: spawned processes run this file
            (self.copy / "tmp").mkdir(exist_ok=True)
            tempfile.tempdir = str(self.copy / "tmp")
            numba.config.CACHE_DIR = str(self.copy / "cache")
            os.environ["PYTHONPATH"], os.environ["TMPDIR"] = sys.path[0], tempfile.tempdir
            os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR
            sys.dont_write_bytecode = False
            options = ["-q", "-p", "no:cacheprovider", "-W", "ignore:Module already imported so cannot", *more]
            plugins = [Chosen(chosen)] if chosen is not None else []
            if hits is not None:
                plugins = [Notes(hits, self.table)]
            else:
                options.append("-x")
            if arguments.startswith("NUMBA_BOUNDSCHECK=1 "):
                numba.config.BOUNDSCHECK = 1
                arguments = arguments.removeprefix("NUMBA_BOUNDSCHECK=1 ")
            code = pytest.main(options + shlex.split(arguments), plugins=plugins)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)


# -- the whole campaign ----------------------------------------------------------------------------------------------


def difference(mutant: Mutant) -> str:
    """Return the changed lines, before and after."""
    before, after = (PACKAGE / mutant.file).read_text().splitlines(), mutant.code().splitlines()
    if len(before) != len(after):
        return f"    - {before[mutant.line - 1].strip()}"
    return "\n".join(f"    - {a.strip()}\n    + {b.strip()}" for a, b in zip(before, after) if a != b)


def report(outcomes: dict[Mutant, str]) -> None:
    """Print a table of files, and the survivors."""
    by_file = defaultdict(Counter)
    for mutant, outcome in outcomes.items():
        by_file[mutant.file][outcome] += 1
        by_file["all"][outcome] += 1
    print(f"{'file':28}{'mutants':>8}{'killed':>8}{'survived':>10}{'timed out':>11}")
    for file in (*sorted(by_file.keys() - {"all"}), "all"):
        counts = by_file[file]
        print(f"{file:28}{counts.total():8}{counts['killed']:8}{counts['survived']:10}{counts['timed out']:11}")
    print(f"{(by_file['all']['killed'] + by_file['all']['timed out']) / len(outcomes):.1%} killed")
    for mutant, outcome in outcomes.items():
        if outcome != "killed":
            print(f"\n{outcome}: {mutant.key}\n{difference(mutant)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=400, help="mutants, at least (default 400)")
    parser.add_argument("--first", type=int, default=None, help="of these mutants, the first so many (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--session", type=Path, default=ROOT / "runs" / "mutation",
                        help="folder that keeps what is done: started again, it goes on there (default runs/mutation)")
    parser.add_argument("--again", action="store_true", help="judge the survivors once more")
    arguments = parser.parse_args()

    mutants = draw(arguments.sample, arguments.seed)[: arguments.first]
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in TARGETS)).hexdigest()
    session = arguments.session.resolve() / sources[:12]  # outcomes of other sources say nothing about these
    workshop, done = Workshop(session), session / "outcomes.jsonl"
    if arguments.again or not workshop.table.exists():
        session.mkdir(parents=True, exist_ok=True)
        workshop.prepare(mutants)
    rounds: dict[str, list[str]] = defaultdict(list)  # the outcomes of each mutant's commands, as far as they have run
    if done.exists():
        for key, outcome in map(json.loads, done.read_text().splitlines()):
            rounds[key].append(outcome)
    if arguments.again:
        for key in [key for key, outcomes in rounds.items() if outcomes[-1] in ("survived", "timed out")]:
            del rounds[key]
        done.write_text("".join(f"{json.dumps([key, one])}\n" for key, outcomes in rounds.items() for one in outcomes))
    with open(done, "a") as file:
        for number in range(2 + max(map(len, COMMANDS.values()))):
            for mutant in mutants:  # first all by what is quickest
                outcomes, found = rounds[mutant.key], [None, *commands_for(mutant.file, mutant.line)]
                if len(outcomes) == number < len(found) and (not outcomes or outcomes[-1] == "survived"):
                    outcomes.append(workshop.judge(mutant, found[number]))
                    print(json.dumps([mutant.key, outcomes[-1]]), file=file, flush=True)
                    print(f"round {number}: {outcomes[-1]}: {mutant.key}", flush=True)
    report({mutant: rounds[mutant.key][-1] for mutant in mutants if rounds[mutant.key] != ["no program"]})


if __name__ == "__main__":
    main()
