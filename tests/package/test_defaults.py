"""Default arguments are promises: the package's stand in ``defaults.txt``, and those of Keras's words are Keras's.

    python tests/package/test_defaults.py   # writes the file, after a default was changed on purpose
"""

import argparse
import dataclasses
import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import keras_defaults
import pytest

import numpycnn
from numpycnn.command.recipes import RECIPES

WRITTEN = Path(__file__).with_name("defaults.txt")
FOUND_LATER = {"axis", "on_value", "off_value", "maxval", "dtype"}  # Keras takes None, and then these values
OF_KERAS_2 = {("keras.regularizers.l1_l2", "l1"), ("keras.regularizers.l1_l2", "l2")}


def lines():
    """Yield the default arguments of the package's functions and classes, its commands' options and its recipes."""
    for found in sorted(pkgutil.walk_packages(numpycnn.__path__, "numpycnn."), key=lambda found: found.name):
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
        found = keras_defaults.defaults(function)
        if found:
            yield f"{name}: " + ", ".join(f"{word}={value!r}" for word, value in found.items())


def test_defaults():
    known, found = WRITTEN.read_text().splitlines(), list(lines())
    assert [line for line in found if line not in known] == [line for line in known if line not in found] == []


@pytest.fixture(scope="module")
def recorded():
    return json.loads(keras_defaults.RECORDED.read_text())


def test_keras_s_words_have_keras_s_defaults(recorded):
    compared = 0
    for path, function in keras_defaults.ours():
        theirs = recorded.get(path, {})
        for word, value in keras_defaults.defaults(function).items():
            if word not in theirs or value is None or (path, word) in OF_KERAS_2:
                continue  # None: the value is Keras's, but looked up in the function
            if theirs[word] is not None or word not in FOUND_LATER:
                assert (type(value), value) == (type(theirs[word]), theirs[word]), f"{path}: {word}"
            compared += 1
    assert compared > 120


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(lines()) + "\n")
