"""Mutation testing: make a small mistake in a copy of the code, see whether a test notices, and again, 400 times.

    pip install -e ".[test,mutation]" && python tests/campaigns/mutation.py --sample 400 --seed 0

The mistakes are those of Cosmic Ray (https://cosmic-ray.readthedocs.io): another binary, unary or comparison operator,
a number that is one off, ``not`` before a condition, ``and`` for ``or``, True for False, ``break`` for ``continue``, a
loop that never runs, no decorator. Type annotations, what a ``raise`` statement says, and f-strings are left alone; no
operator touches docstrings and other strings.

First places are drawn, the same share of each file's, and then for each place one of its mutations: a ``+`` can become
eleven things and a ``<`` or a number only a few, yet all are as easy to get wrong.

A mutant counts as killed if a test fails or Python crashes. One that uses up its processor time counts as a survivor.
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

PROCESSOR_SECONDS = 300  # for a command; several times what the slowest one below takes
WALL_SECONDS = 3600  # for a mutant that waits forever without using the processor
ADDRESS_SPACE = 8 * 2**30  # for a mutant that asks for all memory there is

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

    def prepare(self) -> None:
        """Copy the repository, run all commands on it, which have to pass, and keep what was compiled."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(ROOT, self.copy, ignore=shutil.ignore_patterns("__pycache__", ".*", "runs"))
        if self.kernels.exists():
            shutil.copytree(self.kernels, self.copy / "cache")
        for command in sorted({command for found in COMMANDS.values() for command in found}):
            outcome = self.run(command.format(kernels="-", files="["))
            print(f"the unmutated code: {command}: {outcome}", flush=True)
            if outcome != "survived":
                raise SystemExit((self.copy / "output").read_text())
        shutil.copytree(self.copy / "cache", self.kernels, dirs_exist_ok=True)
        shutil.copytree(self.copy, self.fresh, ignore=shutil.ignore_patterns("cache", "tmp", ".*"), dirs_exist_ok=True)

    def judge(self, mutant: Mutant, command: str) -> str:
        """Run the command on a copy with the mutant: "killed", "survived", "timed out" or "no program"."""
        try:
            code = mutant.code()
            compile(code, mutant.file, "exec")
        except SyntaxError:
            return "no program"
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.fresh, self.copy)
        (self.copy / "numpycnn" / mutant.file).write_text(code)
        # The kernels are compiled anew for a mutant among them. For others the entries of the unmutated package are
        # right: nothing else is compiled, and an entry is found by the hash of all files in kernels/.
        if not mutant.file.startswith("kernels/"):
            shutil.copytree(self.kernels, self.copy / "cache")
        return self.run(command)

    def run(self, arguments: str) -> str:
        """Run pytest in the copy: "killed" if a test fails or Python crashes, else "survived" or "timed out"."""
        child = os.fork()
        if child == 0:
            self._be_pytest(arguments)
        deadline = time.monotonic() + WALL_SECONDS
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.02)
        if ended == (0, 0):
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timed out"
        code = os.waitstatus_to_exitcode(ended[1])
        if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"pytest {arguments}: exit code {code}\n{(self.copy / 'output').read_text()}")
        if code == -signal.SIGXCPU:
            return "timed out"
        return "survived" if code == 0 else "killed"

    def _be_pytest(self, arguments: str) -> None:
        """Turn this process, a fork, into a run of pytest in the copy."""
        code: int = pytest.ExitCode.INTERNAL_ERROR
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 10))
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
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
            options = ["-q", "-x", "-p", "no:cacheprovider", "-W", "ignore:Module already imported so cannot"]
            if arguments.startswith("NUMBA_BOUNDSCHECK=1 "):
                numba.config.BOUNDSCHECK = 1
                arguments = arguments.removeprefix("NUMBA_BOUNDSCHECK=1 ")
            code = pytest.main(options + shlex.split(arguments))
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
    print(f"{by_file['all']['killed'] / len(outcomes):.1%} killed")
    for mutant, outcome in outcomes.items():
        if outcome != "killed":
            print(f"\n{outcome}: {mutant.key}\n{difference(mutant)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=400, help="mutants, at least (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--session", type=Path, default=ROOT / "runs" / "mutation",
                        help="folder that keeps what is done: started again, it goes on there (default runs/mutation)")
    parser.add_argument("--again", action="store_true", help="judge the survivors once more")
    arguments = parser.parse_args()

    mutants = draw(arguments.sample, arguments.seed)
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in TARGETS)).hexdigest()
    session = arguments.session.resolve() / sources[:12]  # outcomes of other sources say nothing about these
    workshop, done = Workshop(session), session / "outcomes.jsonl"
    if arguments.again or not workshop.fresh.exists():
        workshop.prepare()
    rounds: dict[str, list[str]] = defaultdict(list)  # the outcomes of each mutant's commands, as far as they have run
    if done.exists():
        for key, outcome in map(json.loads, done.read_text().splitlines()):
            rounds[key].append(outcome)
    if arguments.again:
        for key in [key for key, outcomes in rounds.items() if outcomes[-1] in ("survived", "timed out")]:
            del rounds[key]
        done.write_text("".join(f"{json.dumps([key, one])}\n" for key, outcomes in rounds.items() for one in outcomes))
    with open(done, "a") as file:
        for number in range(max(map(len, COMMANDS.values()))):
            for mutant in mutants:  # first all by their quickest command
                outcomes, found = rounds[mutant.key], commands_for(mutant.file, mutant.line)
                if len(outcomes) == number < len(found) and (not outcomes or outcomes[-1] == "survived"):
                    outcomes.append(workshop.judge(mutant, found[number]))
                    print(json.dumps([mutant.key, outcomes[-1]]), file=file, flush=True)
                    print(f"command {number + 1}: {outcomes[-1]}: {mutant.key}", flush=True)
    report({mutant: rounds[mutant.key][-1] for mutant in mutants if rounds[mutant.key] != ["no program"]})


if __name__ == "__main__":
    main()
