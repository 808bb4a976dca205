"""Default arguments are promises: they stand in ``defaults.txt``, with the commands' options and the recipes.

    python tests/package/test_defaults.py   # writes the file, after a default was changed on purpose
"""

import argparse
import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import numpycnn
from numpycnn.command.recipes import RECIPES

WRITTEN = Path(__file__).with_name("defaults.txt")
PLAIN = (bool, int, float, str, tuple, list, type(None))
WRONG = ("numpycnn.bug_zoo.", "numpycnn.mistakes.")  # rooms of what is wrong on purpose


def lines():
    """Yield the default arguments of the package's functions and classes, its commands' options and its recipes."""
    for found in sorted(pkgutil.walk_packages(numpycnn.__path__, "numpycnn."), key=lambda found: found.name):
        if found.name.startswith(WRONG):
            continue
        module = importlib.import_module(found.name)
        for name, value in sorted(vars(module).items()):
            if inspect.isclass(value) and value.__module__ == found.name:
                yield from of_function(f"{found.name}.{name}", vars(value).get("__init__"))
                for method, function in sorted(vars(value).items()):
                    if not method.startswith("__"):
                        yield from of_function(f"{found.name}.{name}.{method}", getattr(function, "__func__", function))
            elif getattr(value, "__module__", None) == found.name:
                yield from of_function(f"{found.name}.{name}", value)
        if hasattr(module, "add_arguments"):
            parser = argparse.ArgumentParser()
            module.add_arguments(parser)
            for action in parser._actions[1:]:
                name = (action.option_strings or [action.dest])[-1]
                if name != "--kernels":  # its default is what runs without it
                    yield f"{found.name} {name}: {action.nargs}, {action.default!r}, {action.required}"
    for name, recipe in RECIPES.items():
        fields = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
        yield f"recipe {name}: " + ", ".join(f"{k}={v!r}" for k, v in fields.items() if not callable(v))


def of_function(name, function):
    function = inspect.unwrap(function) if callable(function) else None
    if inspect.isfunction(function):
        parameters = inspect.signature(function).parameters.values()
        found = [f"{p.name}={p.default!r}" for p in parameters if isinstance(p.default, PLAIN)]
        if found:
            yield f"{name}: {', '.join(found)}"


def test_defaults():
    known, found = WRITTEN.read_text().splitlines(), list(lines())
    assert [line for line in found if line not in known] == [line for line in known if line not in found] == []


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(lines()) + "\n")
