"""Mistakes made by rule: one argument replaced, or one operation of the right solution changed.

What the library does not list is often one of these. What is said of them is what they are, and no more.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
from typing import Any, Callable, Iterator

from . import styles
from .library import Mistake, source_of

SCALARS = (
    "kernel_h", "kernel_w", "stride", "padding", "size", "epsilon", "t", "learning_rate", "beta1", "beta2", "momentum",
    "decay_rate",
)  # fmt: skip
OTHERS = ("labels", "shape", "rng", "rate")
# In words and in code; {a} is the argument, {i} an axis.
REPLACED = (
    ("ones", "np.ones({a}.shape)"), ("its opposite", "-{a}"), ("its magnitude", "abs({a})"),
    ("its positive part", "np.maximum({a}, 0)"), ("1 where it is positive, else 0", "({a} > 0) * 1.0"),
    ("its square", "{a}**2"), ("its root", "np.sqrt(abs({a}))"), ("itself less its mean", "{a} - {a}.mean()"),
    ("its sum", "np.full({a}.shape, {a}.sum())"), ("its mean", "np.full({a}.shape, {a}.mean())"),
    ("itself reshaped where it should be transposed", "{a}.T.reshape({a}.shape)"),
    ("twice itself", "2 * {a}"), ("itself plus 1", "{a} + 1"), ("itself less 1", "{a} - 1"),
)  # fmt: skip
ALONG_AN_AXIS = (
    ("itself reversed along axis {i}", "np.flip({a}, {i})"),
    ("its first along axis {i}, for all", "np.repeat(np.take({a}, [0], {i}), {a}.shape[{i}], {i})"),
    ("its last along axis {i}, for all", "np.repeat(np.take({a}, [-1], {i}), {a}.shape[{i}], {i})"),
    ("its sum along axis {i}", "np.repeat({a}.sum({i}, keepdims=True), {a}.shape[{i}], {i})"),
    ("its mean along axis {i}", "np.repeat({a}.mean({i}, keepdims=True), {a}.shape[{i}], {i})"),
    ("itself less its mean along axis {i}", "{a} - {a}.mean({i}, keepdims=True)"),
    ("its first along axis {i} only, else 0", "{a} * (np.indices({a}.shape)[{i}] == 0)"),
    ("all but its last along axis {i}, which is 0", "{a} * (np.indices({a}.shape)[{i}] < {a}.shape[{i}] - 1)"),
    ("all but its first along axis {i}, which is 0", "{a} * (np.indices({a}.shape)[{i}] > 0)"),
    ("its last along axis {i} only, else 0", "{a} * (np.indices({a}.shape)[{i}] == {a}.shape[{i}] - 1)"),
    ("itself with axis {i} and the next one swapped", "{a}.swapaxes({i}, {i} + 1)"),
)  # fmt: skip
IN_ROWS_AND_COLUMNS = (
    ("its first along axes 1 and 2 only, else 0", "{a} * (np.indices({a}.shape)[1:3] == 0).all(axis=0)"),
    ("itself, but 0 in the first of axes 1 and 2", "{a} * (np.indices({a}.shape)[1:3] > 0).all(axis=0)"),
    ("itself, but 0 in the last of axes 1 and 2",
     "np.pad({a}[:, :-1, :-1], [(0, 0), (0, 1), (0, 1), *[(0, 0)] * ({a}.ndim - 3)])"),
)  # fmt: skip
NUMBERS = (
    ("0", "0"), ("1", "1"), ("twice itself", "2 * {a}"), ("half of itself", "{a} / 2"), ("itself plus 1", "{a} + 1"),
    ("itself less 1", "{a} - 1"), ("its square", "{a}**2"), ("its root", "{a}**0.5"),
)  # fmt: skip
METHODS = ("max", "min", "mean", "sum", "std", "var")
OPERATORS: dict[type, Any] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt,), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,),
}  # fmt: skip
MADE_OF_ONE = (
    "(-{})", "abs({})", "np.sign({})", "({}**2)", "np.sqrt({})", "(1 / {})", "np.exp({})", "np.maximum({}, 0)",
    "np.mean({})", "np.max({})", "np.sum({})", "np.mean({}, axis=0)", "np.mean({}, axis=-1, keepdims=True)",
)  # fmt: skip


@functools.cache
def systematic(solution: Callable) -> list[Mistake]:
    """Return the mistakes that the rules make of a solution."""
    return [*_replacements(solution), *_changes(solution), *_other_names(solution)]


@functools.cache
def in_other_styles(solution: Callable) -> list[Mistake]:
    """Return the mistakes that the rules make in a line of the same solution, written in other ways."""
    found = []
    for name, style in vars(styles).items():
        if name.startswith(f"{solution.__name__}_by_"):
            for each in (*_changes(style), *_other_names(style)):
                source = each.source.replace(f"def {name}(", f"def {solution.__name__}(")
                found.append(Mistake(each.name, (), f"{each.says}, if it is written {style.__doc__}", source))
    return found


def _replacements(solution: Callable) -> Iterator[Mistake]:
    """One argument replaced by something made of it, or by another argument."""
    names = [name for name in inspect.signature(solution).parameters if name not in OTHERS]
    head, _, body = source_of(solution).partition(":\n")
    for name in names:
        rules = list(NUMBERS if name in SCALARS else REPLACED)
        if name not in SCALARS:
            rules += [(w.replace("{i}", str(i)), c.replace("{i}", str(i))) for w, c in ALONG_AN_AXIS for i in range(4)]
            rules += IN_ROWS_AND_COLUMNS
        rules += [(other, other) for other in names if other != name and (other in SCALARS) == (name in SCALARS)]
        for words, code in rules:
            says = f"it is what comes out if {name} were {words}"
            line = f"    {name} = {code.replace('{a}', name)}\n"
            yield Mistake(f"{name}-replaced", (), says, f"{head}:\n{line}{body}")


def _changes(solution: Callable) -> Iterator[Mistake]:
    """One operation changed, left out, or an `=` for a `+=`."""
    tree = ast.parse(source_of(solution))
    for i, node in enumerate(ast.walk(tree)):
        for new in _changed(node):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[i]
            _Exchange(target, new).visit(changed)
            before, after = ast.unparse(node), ast.unparse(new)
            says = f"it is what comes out with `{after}` where `{before}` belongs"
            if after == "pass":
                says = f"it is what comes out without `{before}`"
            yield Mistake("line-changed", (), says, ast.unparse(ast.fix_missing_locations(changed)))


def _other_names(solution: Callable) -> Iterator[Mistake]:
    """One name replaced, in one place: by another, by a small number, by something made of it."""
    source, arguments = source_of(solution), [*inspect.signature(solution).parameters]
    named: list[Any] = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    stored = [node.id for node in named if isinstance(node.ctx, ast.Store) and node.id != "_"]
    own = dict.fromkeys([*arguments, *stored])
    lines = source.splitlines(keepends=True)
    for node in [node for node in named if isinstance(node.ctx, ast.Load) and node.id in own]:
        made = [f"({node.id} {operator} {other})" for operator in "*/" for other in arguments]
        made += [code.format(node.id) for code in MADE_OF_ONE]
        old = lines[node.lineno - 1]
        small = () if old[node.end_col_offset] == "." else ("1", "2")
        for code in (*[name for name in own if name != node.id], *small, *made):
            new = old[: node.col_offset] + code + old[node.end_col_offset :]
            says = f"it is what comes out with `{new.strip()}` where `{old.strip()}` belongs"
            changed = "".join([*lines[: node.lineno - 1], new, *lines[node.lineno :]])
            yield Mistake("line-changed", (), says, changed)


class _Exchange(ast.NodeTransformer):
    """Puts one node where another is."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value, lineno=node.lineno)
        if isinstance(node.op, ast.Add):
            yield ast.AugAssign(node.target, ast.Sub(), node.value)
        yield ast.Pass()
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield ast.BinOp(node.left, operator(), node.right)
        yield node.left
        yield node.right
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult)):
            yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node, ast.Compare):
        for operator in OPERATORS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [operator(), *node.ops[1:]], node.comparators)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node, ast.Call):
        for left_out in node.keywords:
            yield ast.Call(node.func, node.args, [other for other in node.keywords if other is not left_out])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        for code in ("range(1, {})", "range({} - 1)", "range({} + 1)", "range(1)", "reversed(range({}))"):
            yield ast.parse(code.format(ast.unparse(node.args[0])), mode="eval").body
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in METHODS:
            for method in METHODS:
                if method != node.func.attr:
                    yield ast.Call(ast.Attribute(node.func.value, method, ast.Load()), node.args, node.keywords)
        if node.func.attr in ("sqrt", "log", "exp") and len(node.args) == 1:
            yield node.args[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value:
        yield ast.Constant(2 * node.value)
        yield ast.Constant(-node.value)
