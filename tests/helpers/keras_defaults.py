"""The default arguments of Keras's and TensorFlow's own functions, kept in ``tests/keras/defaults.json``.

    python tests/helpers/keras_defaults.py   # asks Keras and TensorFlow and writes the file
"""

import importlib
import inspect
import json
import types
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[1] / "keras/defaults.json"
PLAIN = (bool, int, float, str, tuple, list, type(None))


def callables(module, prefix, seen):
    """Yield (dotted name, function or class) for what a module of the facade and its submodules offer."""
    for name, value in sorted(vars(module).items()):
        path = f"{prefix}.{name}"
        home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "")
        if name.startswith("_") or not home.startswith("numpycnn.keras"):
            continue
        if isinstance(value, types.ModuleType):
            if value.__name__ not in seen:
                seen.add(value.__name__)
                yield from callables(value, path, seen)
        elif callable(value):
            yield path, value
            for method in sorted(vars(value)) if inspect.isclass(value) else ():
                if not method.startswith("_") and callable(getattr(value, method)):
                    yield f"{path}.{method}", getattr(value, method)


def defaults(function):
    """Return the parameters that have a default, in JSON's words; {} of what has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    found = {p.name: p.default for p in parameters if p.default is not p.empty}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()
            if isinstance(value, PLAIN)}


def ours():
    """Yield (dotted name, function or class) of the facade."""
    keras = importlib.import_module("numpycnn.keras")
    yield from callables(keras, "keras", set())
    yield from callables(importlib.import_module("numpycnn.keras.tf"), "tf", {"numpycnn.keras"})


def record():
    keras, tf = importlib.import_module("keras"), importlib.import_module("tensorflow")
    lines = []
    for path, _ in ours():
        root, *names = path.split(".")
        theirs = {"keras": keras, "tf": tf}[root]
        for name in names:
            theirs = getattr(theirs, name, None)
        if found := defaults(theirs):
            lines.append(f"{json.dumps(path)}: {json.dumps(found)}")
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    record()
