"""``check_layer``: run the checks on copies of a layer, and say what each one that fails expected and got."""

from __future__ import annotations

import copy
from typing import Iterable, Sequence

from ..checks import check_choice, check_instance, check_list, check_shape
from ..layers.base import Layer
from .building import CHECKS as BUILDING
from .calling import CHECKS as CALLING
from .case import Case

# By name; the first line of each function's docstring is the rule that it checks.
CHECKS = {function.__name__: function for function in (*BUILDING, *CALLING)}


class ContractError(AssertionError):
    """A layer breaks the contract; ``failures`` says where: the name of a check, what was expected and what came."""

    def __init__(self, message: str, failures: dict[str, str]) -> None:
        super().__init__(message)
        self.failures = failures


def check_layer(
    layer: Layer, input_shape: Sequence[int], *, checks: Iterable[str] | None = None, skip: Iterable[str] = ()
) -> list[str]:
    """Run every check on copies of a layer; if it fails some, raise one error that lists them all.

    Parameters
    ----------
    layer : Layer
        Any, built or not; it stays as it is.
    input_shape : tuple of int
        Shape of one input, without the batch axis. Small ones show as much, sooner.
    checks : iterable of str, optional
        Only these; default: all of ``CHECKS``.
    skip : iterable of str
        All but these, for a layer that breaks a rule on purpose, or takes some numbers only: inputs are normal numbers,
        of which a logarithm makes NaN. Its gradients are for ``gradcheck.check_layer(layer, x=...)``.

    Returns
    -------
    list of str
        The names of the checks that ran.

    Raises
    ------
    ContractError
        The layer fails; the message has a line for each failed check: its name, its rule, expected and got.
    ValueError, TypeError
        No layer, no shape, or an unknown check.

    Notes
    -----
    In training, the rows of a batch may depend on each other in a layer with ``state_names`` (BatchNorm, Dropout), and
    in no other. In prediction they never may.

    Examples
    --------
    >>> from numpycnn import Dense, testing
    >>> names = testing.check_layer(Dense(3), (4,))
    """
    check_instance(layer, Layer, "check_layer", "a layer")
    names = list(CHECKS) if checks is None else check_list(checks, "checks", "a list of names of checks")
    skipped = check_list(skip, "skip", "a list of names of checks")
    for name in (*names, *skipped):
        check_choice(name, "checks and skip", CHECKS)
    names = [name for name in names if name not in skipped]
    case = Case(copy.deepcopy(layer), check_shape(input_shape, layer))
    case.layer.built = False
    failures = {name: text for name in names if (text := _failure(name, case))}
    if failures:
        lines = [f"{layer!r} breaks the contract of a layer: {len(failures)} of {len(names)} checks failed"]
        lines += [f"  {name}: {text}\n    The rule: {_rule(name)}" for name, text in failures.items()]
        raise ContractError("\n".join(lines), failures)
    return names


def _failure(name: str, case: Case) -> str:
    """Run one check; return what is wrong, or an empty string."""
    try:
        CHECKS[name](case)
    except AssertionError as error:
        return str(error) or "failed"
    except Exception as error:
        return f"expected no error, got {type(error).__name__}: {error}"
    return ""


def _rule(name: str) -> str:
    return " ".join((CHECKS[name].__doc__ or "").split())
