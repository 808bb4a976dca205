"""Who may import whom, read from the source; what ``import numpycnn`` loads; the public names."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import numpycnn

PACKAGE = Path(numpycnn.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py" or path.parent != PACKAGE
}

BASICS = {"initializers", "parameter", "workspace"}
CHECKS = {"layers._arguments", "layers.base"}  # what layers, losses and the rest share: checks of arguments

# Module or folder: what it may import from the package, besides its own folder. The first entry that fits counts.
ALLOWED = {
    "kernels": set(),
    "initializers": set(),
    "parameter": {"workspace"},
    "workspace": set(),
    "layers": {"kernels", *BASICS},
    "schedules": CHECKS,
    "losses": {"kernels", *CHECKS},
    "optimizers": {"kernels", "schedules", *CHECKS},
    "fusion": {"kernels", "layers", *BASICS},
}
# Nothing here may import these: they take the model as an argument, or are imported by it.
BELOW_THE_MODEL = [*ALLOWED, "training", "callbacks", "metrics", "plots", "plot_network", "progress", "data"]


def runtime_imports(tree):
    """Yield the import statements that run, at the top or in functions: all but those under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        yield from runtime_imports(node)


def imports_of(module, source=None):
    """Return what a module imports: (modules of the package, names of other packages)."""
    path = MODULES[module]
    inside, outside = set(), set()
    parents = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in runtime_imports(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            base = ["numpycnn", *parents[: len(parents) - node.level + 1], *(node.module or "").split(".")]
            names = [".".join(filter(None, [*base, alias.name])) for alias in node.names]
        for name in names:
            (inside if name.split(".")[0] == "numpycnn" else outside).add(name)
    return {known(name.removeprefix("numpycnn").removeprefix(".")) for name in inside}, outside


def known(name):
    """Cut names of functions and classes off: ``layers.base.Layer`` is ``layers.base``."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name  # the package itself is ""


def lies_in(module, place):
    return module == place or module.startswith(f"{place}.")


def test_the_reading_of_imports_itself():
    source = """
from typing import TYPE_CHECKING
import os.path, numpycnn.losses
from ..kernels import ops
from . import base
from .base import Layer
from .. import workspace
if TYPE_CHECKING:
    from ..model import Sequential
def late():
    from ..training import fit
    import matplotlib.pyplot
"""
    inside, outside = imports_of("layers.conv", source)
    assert inside == {"losses", "kernels", "layers.base", "workspace", "training"}
    assert outside == {"typing.TYPE_CHECKING", "os.path", "matplotlib.pyplot"}


@pytest.mark.parametrize("module", [m for m in MODULES if any(lies_in(m, place) for place in ALLOWED)])
def test_imports_go_one_way(module):
    (place,) = (p for p in ALLOWED if lies_in(module, p))
    found, _ = imports_of(module)
    allowed = {place, *ALLOWED[place]}
    assert {m for m in found if not any(lies_in(m, a) for a in allowed)} == set()


def test_every_rule_has_its_modules():
    for place in [*ALLOWED, *BELOW_THE_MODEL, "model"]:
        assert any(lies_in(module, place) for module in MODULES), place


@pytest.mark.parametrize("module", [m for m in MODULES if any(lies_in(m, place) for place in BELOW_THE_MODEL)])
def test_nothing_below_the_model_imports_it_or_the_package(module):
    found, _ = imports_of(module)
    assert "model" not in found and "" not in found


@pytest.mark.parametrize("module", MODULES)
def test_only_kernels_compile(module):
    _, outside = imports_of(module)
    compilers = {name for name in outside if name.split(".")[0] in ("numba", "llvmlite")}
    assert lies_in(module, "kernels") or not compilers


@pytest.mark.parametrize("module", MODULES)
def test_matplotlib_is_imported_when_something_is_drawn(module):
    top_level = [
        node
        for node in ast.parse(MODULES[module].read_text()).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and "matplotlib" in (getattr(node, "module", None) or node.names[0].name)
    ]
    assert top_level == []


def loaded_by(code):
    """Return the names of the modules that are loaded after running this code in a new process."""
    code += "\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_slow():
    loaded = loaded_by("import numpycnn")
    assert "numpycnn.model" in loaded
    slow = {"matplotlib", "numba", "llvmlite", "pooch", "rich", "platformdirs", "requests", "numpycnn.gradcheck"}
    assert loaded & slow == set()


def test_the_first_kernel_loads_numba():
    code = "import numpycnn; numpycnn.Dense(1).build((1,)); from numpycnn.kernels import using, ops"
    assert "numba" not in loaded_by(code + "\nwith using('reference'): ops.affine")
    assert "numba" in loaded_by(code + "\nwith using('compiled'): ops.affine")


# -- public names ----------------------------------------------------------------------------------------


def functions_of(public):
    """Yield (function, described elsewhere) for a public function, or a class's constructor, methods and properties.

    A class's docstring describes the constructor's arguments and, under Attributes, the properties.
    """
    if not inspect.isclass(public):
        yield public, False
        return
    class_doc = " ".join(filter(None, map(inspect.getdoc, inspect.getmro(public))))
    for name, member in inspect.getmembers_static(public):
        is_property = isinstance(member, property)
        function = inspect.unwrap(member.fget if is_property else getattr(public, name))
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if inspect.isfunction(function) and function.__module__.startswith("numpycnn"):
            yield function, name == "__init__" or (is_property and re.search(rf"\b{name}\b", class_doc) is not None)


@pytest.mark.parametrize("name", numpycnn.__all__)
def test_public_names_exist_and_are_documented(name):
    public = getattr(numpycnn, name)
    assert public.__doc__ and not public.__doc__.startswith(f"{name}(")  # not the one that a dataclass makes up
    for function, described in functions_of(public):
        assert described or overridden_doc(public, function), function


def overridden_doc(public, function):
    """A method without a docstring has that of the method it overrides."""
    return inspect.getdoc(getattr(public, function.__name__, function) if inspect.isclass(public) else function)


@pytest.mark.parametrize("name", numpycnn.__all__)
def test_public_names_are_annotated(name):
    for function, _ in functions_of(getattr(numpycnn, name)):
        signature = inspect.signature(function)
        unannotated = [
            p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name not in ("self", "cls")
        ]
        assert unannotated == [], function
        assert signature.return_annotation is not signature.empty, function


def test_public_names_are_sorted_out():
    assert len(set(numpycnn.__all__)) == len(numpycnn.__all__)
    imported = {name for name, value in vars(numpycnn).items() if inspect.isclass(value) or inspect.isfunction(value)}
    assert {name for name in imported if not name.startswith("_")} == set(numpycnn.__all__)
    assert set(numpycnn.layers.__all__) <= set(numpycnn.__all__)
    assert (PACKAGE / "py.typed").exists()
