"""Who may import whom, read from the source; what ``import numpycnn`` loads; the public names."""

import ast
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import house
import pytest

import numpycnn

PACKAGE = Path(numpycnn.__file__).parent
MODULES = house.modules(PACKAGE)
GRAPH = house.import_graph(PACKAGE)

# The rooms from top to bottom: each may import what stands below it, and its own. A module in none of them fails.
FLOORS = [
    {"__main__"},
    {"command"},
    {"gradcheck.__main__", "kernels.__main__", "learn.__main__", "keras", "sklearn"},
    {"exchange", "learn", "page"},
    {"plots", "testing", "bug_zoo", "architectures"},
    {"gradcheck"},
    {"model"},
    {"profile", "summary", "predictor"},
    {"training"},
    {"callbacks"},
    {"nonfinite", "io"},
    {"fusion", "metrics"},
    {"losses", "optimizers"},
    {"layers"},
    {"regularizers", "schedules", "initializers", "memory"},
    {"data"},
    {"checks", "configured", "files", "kernels", "mistakes", "terminal"},
    {"hints"},
]


def test_no_circle_of_imports_anywhere():
    assert house.circles(GRAPH) == []
    assert house.circles(house.rooms(GRAPH)) == []


def test_imports_go_one_way():
    floor_of = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    upwards = [
        f"{room} imports {other}" for room, others in house.rooms(GRAPH).items() for other in sorted(others)
        if floor_of[other] <= floor_of[room]
    ]
    assert upwards == []


def test_every_room_has_its_floor():
    rooms = house.rooms(GRAPH)
    assert sorted(rooms) == sorted(set().union(*FLOORS))


def test_data_and_files_stand_on_their_own():
    rooms = house.rooms(GRAPH)
    assert rooms["data"] <= {"checks", "files", "kernels"} and rooms["files"] == set()


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}, [["a", "b", "c"], ["d", "e"]]),
    ],
)
def test_circles_are_found(edges, expected):
    assert house.circles(edges) == expected


def test_the_reading_of_imports_itself(tmp_path):
    (tmp_path / "layers").mkdir()
    source = """
from typing import TYPE_CHECKING
import os.path, numpycnn.losses
from ..kernels import ops
from . import base
from .base import Layer
from .. import workspace
if TYPE_CHECKING:
    from ..model import Sequential
else:
    from .. import files
def late():
    from ..training.loop import fit
    import matplotlib.pyplot
"""
    names = "losses", "workspace", "files", "model", "layers/__init__", "layers/base", "kernels/__init__"
    for name in (*names, "training/__init__", "training/loop"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "layers/conv.py").write_text(source)
    found = {"losses", "kernels", "layers.base", "workspace", "files", "training", "training.loop"}
    assert house.import_graph(tmp_path)["layers.conv"] == found
    assert house.imports_of("layers.conv", tmp_path / "layers/conv.py")[1] == {
        "typing.TYPE_CHECKING", "os.path", "matplotlib.pyplot",
    }


def test_a_folder_s_init_only_hands_on_names():
    for module, path in MODULES.items():
        if path.name == "__init__.py" and module != "kernels":  # it holds what it hands on
            body = ast.parse(path.read_text(encoding="utf-8")).body
            kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
            assert all(isinstance(statement, kinds) for statement in body), module


def test_the_house_is_one_to_live_in():
    assert len(house.flat_modules(PACKAGE)) <= 16
    files = house.file_lengths(PACKAGE)
    assert [name for lines, name in files if lines > (600 if name.startswith("kernels") else 400)] == []
    # A generator of machine code is as long as the loop nest that it writes.
    long = [(lines, name) for lines, name in house.function_lengths(PACKAGE) if lines > 40]
    assert [name for _, name in long if not name.startswith("kernels.")] == []
    assert len((house.ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 240


@pytest.mark.parametrize("module", MODULES)
def test_only_kernels_compile(module):
    _, outside = house.imports_of(module, MODULES[module])
    compilers = {name for name in outside if name.split(".")[0] in ("numba", "llvmlite")}
    assert module.split(".")[0] == "kernels" or not compilers


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


def test_names_of_the_package_in_its_texts_exist():
    """As in "a subclass of numpycnn.metrics.Metric"; ONNX files have a key that looks like one."""
    texts = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"\bnumpycnn(?:\.\w+)+", text)}
    absent = []
    for name in sorted(named - {"numpycnn.input_format"}):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            absent.append(name)
    assert len(named) > 20 and not absent
