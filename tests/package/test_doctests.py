"""The examples in the docstrings: each line after ``>>>`` runs and prints what stands below it.

Left out are those that would download a data set; they are marked ``# doctest: +SKIP``.
"""

import doctest
import importlib
import re

import house
import pytest

EXAMPLE = re.compile(r"^ *>>> (?!.*doctest: \+SKIP)", re.M)
WITH_EXAMPLES = [name for name, path in house.modules().items() if EXAMPLE.search(path.read_text(encoding="utf-8"))]


def test_there_are_examples():
    assert {"model", "layers.base", "data.own_digit.prepare"} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may write files
    result = doctest.testmod(importlib.import_module(f"numpycnn.{module}"))
    assert result.attempted > 0 and result.failed == 0
