"""The plan of the house, read from the source: who imports whom, and how large everything is.

    python tests/helpers/house.py            # figures: circles, files, functions
    python tests/helpers/house.py --imports  # every module with what it imports

Imports inside functions count, those under TYPE_CHECKING do not: they never run. Importing a module of another folder
also runs that folder's ``__init__``, so the graph has this edge, too. The package's own ``__init__`` is left out: it
runs before everything else.
"""

from __future__ import annotations

import argparse
import ast
import statistics
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "numpycnn"


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Return every module by its name within the package; a folder's ``__init__`` bears the folder's name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
        if name:
            found[name] = path
    return found


def runtime_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements that run, at the top or in functions: all but those under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in node.orelse:
                yield from runtime_imports(ast.Module([statement], []))
            continue
        if isinstance(node, ast.expr):  # has no statements in it
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        yield from runtime_imports(node)


def imports_of(module: str, path: Path, source: str | None = None) -> tuple[set[str], set[str]]:
    """Return the full names that a module imports: (of the package, without its name; of other packages)."""
    inside, outside = set(), set()
    parents = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in runtime_imports(ast.parse(path.read_text(encoding="utf-8") if source is None else source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            base = ["numpycnn", *parents[: len(parents) - node.level + 1], *(node.module or "").split(".")]
            names = [".".join(filter(None, [*base, alias.name])) for alias in node.names]
        for name in names:
            (inside if name.split(".")[0] == "numpycnn" else outside).add(name)
    return {name.removeprefix("numpycnn").removeprefix(".") for name in inside}, outside


def import_graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Return, for each module, the modules of the package that importing and calling it can run."""
    known = modules(package)
    graph: dict[str, set[str]] = {}
    for module, path in known.items():
        edges = set()
        for name in imports_of(module, path)[0]:
            while name and name not in known:  # cut names of functions and classes off
                name = name.rpartition(".")[0]
            while name:  # the folders around it run, too, but for those that the importing module itself is in
                edges.add(name)
                name = name.rpartition(".")[0]
        graph[module] = {other for other in edges if other != module and not f"{module}.".startswith(f"{other}.")}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other."""
    reach = {module: reachable(module, graph) for module in graph}
    in_circles = [module for module in graph if module in reach[module]]
    groups = {tuple(sorted({m for m in reach[module] if module in reach[m]})) for module in in_circles}
    return [list(group) for group in sorted(groups)]


def reachable(module: str, graph: dict[str, set[str]]) -> set[str]:
    """Return all that a module leads to."""
    found: set[str] = set()
    new = set(graph[module])
    while new:
        found |= new
        new = set().union(*(graph[m] for m in new)) - found
    return found


def rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the same graph between rooms: folders directly in the package, and the modules beside them.

    A folder's ``__main__`` is a program above all rooms, so a room of its own.
    """
    def room(module: str) -> str:
        return module if module.endswith("__main__") else module.split(".")[0]

    found: dict[str, set[str]] = {}
    for module, others in graph.items():
        found.setdefault(room(module), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in found.items()}


def function_lengths(package: Path = PACKAGE) -> list[tuple[int, str]]:
    """Return (lines, place) for every function, its docstring and decorators included."""
    lengths = []
    for module, path in modules(package).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lengths.append((code_lines(node), f"{module}:{node.name}"))
    return sorted(lengths)


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function from ``def`` on, without its docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def file_lengths(package: Path = PACKAGE) -> list[tuple[int, str]]:
    """Return (lines, name) for every module."""
    return sorted((len(path.read_text(encoding="utf-8").splitlines()), name) for name, path in modules(package).items())


def flat_modules(package: Path = PACKAGE) -> list[str]:
    """Return the modules that lie directly in the package."""
    return sorted(path.stem for path in package.glob("*.py") if path.stem != "__init__")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--imports", action="store_true", help="print every module with what it imports")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="folder of the package (default: this one)")
    options = parser.parse_args()
    graph = import_graph(options.package)
    if options.imports:
        for module in sorted(graph):
            print(f"{module}: {', '.join(sorted(graph[module])) or '-'}")
        print()
    found = circles(graph) + circles(rooms(graph))
    print(f"modules: {len(graph)}; directly in the package: {len(flat_modules(options.package))}")
    print(f"circles of imports: {len(found)}", *map(" <-> ".join, found), sep="\n  ")
    files = file_lengths(options.package)
    most, largest = [(lines, name) for lines, name in files if not name.startswith("kernels")][-1]
    print(f"lines: {sum(lines for lines, _ in files):,}; largest file outside kernels: {largest}, {most}")
    lengths = [length for length, _ in function_lengths(options.package)]
    longest, name = function_lengths(options.package)[-1]
    share = statistics.quantiles(lengths, n=20)[-1]
    middle = statistics.median(lengths)
    print(f"functions: {len(lengths)}; lines: median {middle:g}, 95 % {share:.0f}, longest {longest} ({name})")
    readme = options.package.parent / "README.md"
    if readme.exists():
        print(f"README.md: {len(readme.read_text(encoding='utf-8').splitlines())} lines")


if __name__ == "__main__":
    main()
