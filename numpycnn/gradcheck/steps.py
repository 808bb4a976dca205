"""Checking an optimizer: are its steps those of the formula that it claims, and does it keep the contract?"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from typing import Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .. import optimizers
from ..checks import check_count
from ..mistakes import MISTAKES, edited, solutions, systematic
from ..optimizers import Optimizer
from .methods import measuring
from .report import Report
from .slopes import Row

STEPS, TOLERANCE = 4, 1e-9
STILL = "no parameter moves: change them in place, as `values -= ...` does; `values = values - ...` is a new array"
_PACKAGE = [each for each in vars(optimizers).values() if isinstance(each, type) and issubclass(each, Optimizer)]


def _own_class(optimizer: Optimizer) -> type[Optimizer]:
    """The class of the package that an optimizer is, or derives from."""
    return next(cls for cls in type(optimizer).__mro__ if cls in _PACKAGE)


class StepRow(Row):
    """What the check found in one respect; `analytic` is what the optimizer did, `numeric` what was expected."""

    words = "got", "expected"


@dataclasses.dataclass(frozen=True)
class Formula:
    """A formula that an optimizer may claim: a step of ``mistakes.solutions``, and what stands in for its arguments."""

    solution: Callable[..., Any]
    memories: int
    arguments: tuple[Any, ...]
    counts: bool = False  # whether it is given the number of the step

    def path(self, grads: NDArray, rates: list[float], function: Callable[..., Any] | None = None) -> NDArray:
        """Where the parameters go, from 0: (steps, parameters); `function` in place of the solution."""
        state = [np.zeros(grads.shape[1]) for _ in range(1 + self.memories)]
        path = []
        for t, (g, rate) in enumerate(zip(grads, rates), start=1):
            w, *memories = state
            state = list((function or self.solution)(w, g, *memories, *[t] * self.counts, rate, *self.arguments))
            path.append(state[0])
        return np.array(path)

    def mistake(self, path: NDArray, grads: NDArray, rates: list[float]) -> str:
        """What is wrong with a path that a known mistake gives; empty if none does."""
        right = self.path(grads, rates)
        if not path.any():
            return STILL
        if _error(-path, right) < TOLERANCE:
            return "the parameters climb: the step is subtracted from them"
        for entry in (*MISTAKES[self.solution.__name__], *systematic(self.solution)):
            try:
                wrong = self.path(grads, rates, edited(self.solution, entry))
            except Exception:  # the mistake does not come to an end on these numbers
                continue
            if wrong.shape == path.shape and _error(path, wrong) < TOLERANCE <= _error(right, wrong):
                return entry.says
        return ""


@measuring()
def check_optimizer(optimizer: Optimizer | type[Optimizer], *, seed: int = 0) -> Report:
    """Check an optimizer of the package or of your own, in float64; it stays as it is.

    A row ``step`` compares a few steps with the formula that it claims: Adam's if it has `beta1`, `beta2` and
    `epsilon`, gradient descent's if it has `momentum`, RMSProp's (epsilon beside or inside the root) if it has
    `epsilon` and `rho` or `decay_rate`, or that of the class of the package that it derives from. The gradients are of
    all sizes, 0 among them, so that an epsilon in the wrong place shows. Where the steps are those of a known mistake,
    the hint names it.

    The other rows are for every optimizer: ``descent`` (200 steps on a bowl end lower than they began), ``restored``
    (it goes on as before after ``set_state(get_state())``), ``order`` (a parameter's step does not depend on where in
    the vector it stands), ``dead input`` (a gradient of 0 gives no NaN), ``grads`` (gradients are not changed).

    Parameters
    ----------
    optimizer : Optimizer or class
        A class is made with its defaults.
    seed : int
        Draws the gradients.

    Returns
    -------
    Report
        For ``assert_gradients``, too.

    Raises
    ------
    TypeError, ValueError
        It is no optimizer, or the seed is none.
    """
    made: Any = optimizer
    if isinstance(made, type) and issubclass(made, Optimizer):
        made = made()  # type: ignore[call-arg]  # its defaults
    if not isinstance(made, Optimizer):
        raise TypeError(f"check_optimizer: expected an optimizer, such as Adam(), got {optimizer!r}")
    rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
    fresh: Any = copy.deepcopy(made)
    fresh.steps, fresh._slots = 0, {}
    grads = rng.standard_normal((STEPS, 12)) * np.logspace(0, -10, 12)  # sizes at which any epsilon counts
    grads[:, 5] = 0
    rows = [*_steps(fresh, grads), _descent(fresh), _restored(fresh, grads), _order(fresh, grads, rng)]
    path, grads_after = _walk(copy.deepcopy(fresh), grads)
    still = np.zeros(STEPS)
    rows.append(_row(fresh, "dead input", path[:, 5:6] * 0, still[:, None], "0 / 0: is epsilon missing?"))
    rows.append(_row(fresh, "grads", grads_after, grads, "it changes the gradients, which are not its own"))
    return Report(repr(fresh), tuple(rows))


def _walk(optimizer: Optimizer, grads: NDArray) -> tuple[NDArray, NDArray]:
    """The path of parameters that begin at 0, where small steps lose no digits; and the gradients afterwards."""
    values, path, after = np.zeros(grads.shape[1]), [], []
    for g in grads:
        given = g.copy()
        optimizer.step(values, given)
        path.append(values.copy())
        after.append(given)
    return np.array(path), np.array(after)


def _rates(optimizer: Any) -> list[float]:
    rate = optimizer.learning_rate
    return [rate(step) if callable(rate) else rate for step in range(STEPS)]


def _steps(optimizer: Any, grads: NDArray) -> Iterator[Row]:
    """The row ``step``, if the optimizer claims a formula: right if it follows one of those that it may mean."""
    path, rates = _walk(copy.deepcopy(optimizer), grads)[0], _rates(optimizer)
    formulas = list(_formulas(optimizer))
    wanted = [formula.path(grads, rates) for formula in formulas]
    own = _own_class(optimizer)
    if own not in (Optimizer, type(optimizer)):
        try:
            arguments = {name: getattr(optimizer, name) for name in inspect.signature(own).parameters}
            wanted.append(_walk(own(**arguments), grads)[0])
        except (AttributeError, TypeError, ValueError):  # it has other arguments than the package's class
            pass
    if not wanted:
        return
    nearest = min(wanted, key=lambda each: _error(path, each))
    row = _row(optimizer, "step", path, nearest)
    hint = "" if row.passed else next((f.mistake(path, grads, rates) for f in formulas), "")
    yield dataclasses.replace(row, hint=hint)


def _formulas(optimizer: Any) -> Iterator[Formula]:
    """The formulas that an optimizer may mean, by the names of its arguments."""

    def has(*names: str) -> bool:
        return all(isinstance(getattr(optimizer, name, None), (int, float)) for name in names)

    known = Optimizer, optimizers.Adam, optimizers.SGD
    if _own_class(optimizer) not in known or has("weight_decay") or optimizer.global_clipnorm:
        return
    others = "epsilon_hat", "nesterov", "velocity_of_steps", "centered", "amsgrad"
    if any(getattr(optimizer, name, False) for name in others):
        return
    if has("beta1", "beta2", "epsilon"):
        yield Formula(solutions.adam_step, 2, (optimizer.beta1, optimizer.beta2, optimizer.epsilon), counts=True)
    elif has("epsilon") and (has("rho") or has("decay_rate")) and not getattr(optimizer, "momentum", 0):
        decay = optimizer.rho if has("rho") else optimizer.decay_rate
        yield Formula(solutions.rmsprop_step, 1, (decay, optimizer.epsilon))
        inside = next(entry for entry in MISTAKES["rmsprop_step"] if entry.name == "epsilon-inside-root")
        yield Formula(edited(solutions.rmsprop_step, inside), 1, (decay, optimizer.epsilon))
    elif has("momentum"):
        yield Formula(solutions.sgd_momentum_step, 1, (optimizer.momentum,))


def _descent(optimizer: Optimizer) -> Row:
    """200 steps down a bowl of which the curvature differs from direction to direction."""
    twin, curvature, values = copy.deepcopy(optimizer), np.linspace(0.5, 2, 6), np.zeros(6)
    twin.step(values, curvature * (values - 1))
    climbs = bool(values @ curvature < 0)
    for _ in range(199):
        twin.step(values, curvature * (values - 1))
    height = float((curvature * (values - 1) ** 2).sum() / curvature.sum())
    hint = "no lower than at the beginning: is the learning rate too large, or the step no step down the gradient?"
    if climbs:
        hint = "the first step goes up: it is subtracted from the parameters"
    elif not values.any():
        hint = STILL
    error = height if np.isfinite(height) else float("inf")
    return StepRow(repr(optimizer), "descent", error, None, height, 0.0, 200, 0, 1.0, "" if error < 1 else hint)


def _restored(optimizer: Optimizer, grads: NDArray) -> Row:
    first, second = copy.deepcopy(optimizer), copy.deepcopy(optimizer)
    values = np.zeros(grads.shape[1])
    for g in grads[:-1]:
        first.step(values, g.copy())
    loaded = values.copy()
    second.set_state(first.get_state())
    first.step(values, grads[-1].copy())
    second.step(loaded, grads[-1].copy())
    hint = "what it remembers is not all in slot_names: after loading, training goes on in another way"
    return _row(optimizer, "restored", loaded, values, hint)


def _order(optimizer: Optimizer, grads: NDArray, rng: np.random.Generator) -> Row:
    order = rng.permutation(grads.shape[1])
    path = _walk(copy.deepcopy(optimizer), grads)[0]
    other = _walk(copy.deepcopy(optimizer), np.ascontiguousarray(grads[:, order]))[0]
    return _row(optimizer, "order", other, path[:, order], "a step depends on where in the vector a parameter stands")


def _error(got: NDArray, wanted: NDArray) -> float:
    """The largest difference, parameter by parameter relative to its largest step; infinite for NaN in one alone."""
    scale = np.maximum(np.nanmax(abs(wanted), axis=0, initial=0), np.nanmax(abs(got), axis=0, initial=0))
    equal = (got == wanted) | np.isnan(got) & np.isnan(wanted)
    gaps = np.where(equal, 0, abs(got - wanted) / np.where(scale, scale, 1))
    return float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0))


def _row(optimizer: Optimizer, name: str, got: NDArray, wanted: NDArray, hint: str = "") -> Row:
    error = _error(got, wanted)
    index = np.unravel_index(int(np.argmax(np.nan_to_num(abs(got - wanted), nan=np.inf))), got.shape)
    return StepRow(
        repr(optimizer), name, error, tuple(map(int, index)), float(got[index]), float(wanted[index]), got.size, 0,
        TOLERANCE, hint if not error < TOLERANCE else "",
    )
