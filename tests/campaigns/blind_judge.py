"""The judge of the exercises on mistakes that its library was not written from: named rightly, named wrongly, unnamed.

    python tests/campaigns/blind_judge.py            (a minute)
    python tests/campaigns/blind_judge.py --seed 3   other inputs

A name is right where it is the one that a person, who compared message and mistake, wrote down in `blind_mistakes.py`,
`blind_second.py` and `blind_third.py`. What the first contact with each set gave stands there, too; since then the library has grown.
"""

from __future__ import annotations

import argparse
import collections
from typing import Iterable

import blind_mistakes
import blind_second
import blind_solutions
import blind_third
import numpy as np
from blind_mistakes import Blind

from numpycnn import learn

SETS = {"first set": blind_mistakes.ROWS, "second set": blind_second.ROWS, "third set": blind_third.ROWS}
SOLUTIONS = {**blind_solutions.SOLUTIONS, **blind_second.SOLUTIONS, **blind_third.SOLUTIONS}


def function_of(name: str, text: str):
    """Return the function that a text defines."""
    names = {"np": np}
    exec(text, names)
    return names[name]


def verdict_on(row: Blind, seed: int = 0) -> learn.Verdict:
    """Return what the judge says of a mistake."""
    text, name = SOLUTIONS[row.solution], row.solution.split()[0]
    if row.old not in text:
        raise ValueError(f"{row.solution}: the solution does not contain {row.old!r}")
    return learn.check(name, function_of(name, text.replace(row.old, row.new)), seed=seed)


def outcome(row: Blind, verdict: learn.Verdict) -> str:
    """Return in one word what became of a mistake."""
    if verdict.passed:
        return "passed"
    if verdict.mistake in (None, "raises"):
        return "unnamed"
    return "rightly" if verdict.mistake == row.named else "wrongly"


def judge(title: str, rows: Iterable[Blind], seed: int) -> None:
    """Print what is not named rightly, and a table."""
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for row in rows:
        verdict = verdict_on(row, seed)
        word = outcome(row, verdict)
        counts[row.solution.split()[0]][word] += 1
        if word != "rightly":
            print(f"{word:<8} {row.solution}: {row.wrong}\n         {verdict.mistake}: {verdict.message}")
    total = sum(counts.values(), collections.Counter())
    for name, count in [*counts.items(), (title, total)]:
        shares = ", ".join(f"{count[word]} {word}" for word in ("rightly", "wrongly", "unnamed", "passed"))
        print(f"{name:<24} {sum(count.values()):>4}: {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    for solution, text in SOLUTIONS.items():
        if not (verdict := learn.check(name := solution.split()[0], function_of(name, text), seed=seed)).passed:
            print(f"RIGHT BUT REFUSED  {solution}: {verdict.message}")
    for title, rows in SETS.items():
        judge(title, rows, seed)


if __name__ == "__main__":
    main()
