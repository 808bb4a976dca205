"""Optimizers: from gradients to steps, in one pass over the vector that holds all parameters.

Moments that become too small for the usual number format are set to 0. Those of dead inputs (MNIST's border) shrink by
a tenth a step; after a few hundred steps a fifth of them were denormal numbers, with which processors are slow, and
Adam's step took 23 times as long (2.9 ms in place of 0.13).
"""

from __future__ import annotations

import copy
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count, check_instance, check_number, check_numeric, check_positive
from ..configured import Configured
from ..hints import shown
from ..schedules import Schedule


class _Memories(dict):
    """What an optimizer remembers of some parameters, by name."""

    def __missing__(self, name: str) -> NDArray:
        raise ValueError(f"there is no memory {name!r}: list it in the class, slot_names = ({name!r},)")


class Optimizer(Configured):
    """Base of the optimizers.

    Parameters
    ----------
    learning_rate : float or Schedule
        Length of a step; a schedule gives it from the number of steps taken.
    global_clipnorm : float, optional
        Scale the gradient down to this Euclidean norm, taken over all parameters together, when it is longer.

    Attributes
    ----------
    steps : int
        Number of steps taken.
    """

    slot_names: tuple[str, ...] = ()  # the vectors that an optimizer remembers, each as long as all parameters
    _first_memory = 0.0  # what stands in them before the first step

    def __init__(self, learning_rate: float | Schedule, global_clipnorm: float | None = None) -> None:
        self.learning_rate = learning_rate
        self.global_clipnorm = None if global_clipnorm is None else check_positive(global_clipnorm, "global_clipnorm")
        self.steps = 0
        self._slots: dict[str, NDArray] = {}
        self._values: NDArray | None = None
        self._grads: NDArray | None = None
        self._parts: tuple[slice, ...] | None = None

    @property
    def learning_rate(self) -> float | Schedule:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float | Schedule) -> None:
        if not isinstance(rate, Schedule):
            expected = "a number or a schedule such as CosineDecay(0.001, 1000)"
            if callable(rate):  # a schedule's class, or a function
                check_instance(rate, Schedule, "learning_rate", expected)
            rate = check_number(rate, "learning_rate", expected)
            rate = check_positive(rate, "learning_rate", zero_allowed=True)
        self._learning_rate = rate

    @property
    def current_rate(self) -> float:
        """Learning rate of the next step."""
        rate = self._learning_rate
        if not isinstance(rate, Schedule):
            return rate
        found = np.asarray(rate(self.steps))[()]  # a schedule of the user's may return an array of one number
        return check_positive(found, f"{type(rate).__name__}: the rate at step {self.steps}", zero_allowed=True)

    def bind(self, values: NDArray) -> None:
        """Serve this vector of parameters from now on, with new memories, or those kept for it so far.

        Raises
        ------
        ValueError, TypeError
            The optimizer already serves another one: its memories would mix. Or it is no such vector.
        """
        _check_vector(values, "values", writeable=True)
        if self._values is not None:
            same_size = self._values.size == values.size
            if same_size and (values.size == 0 or np.may_share_memory(self._values, values)):
                self._values = values
                return
            raise ValueError(f"{self!r} already trains another model; make a new one for each model")
        for name in self.slot_names:
            slot = self._slots.get(name)
            if slot is not None and slot.shape != values.shape:
                raise ValueError(f"{self!r}: {name} was saved for {slot.size} parameters, got a model of {values.size}")
            self._slots[name] = np.full_like(values, self._first_memory) if slot is None else slot.astype(values.dtype)
        self._values = values

    def step(self, values: NDArray, grads: NDArray, parts: Sequence[slice] | None = None) -> None:
        """Change `values`, in place, by one step against the gradient.

        Parameters
        ----------
        values, grads : ndarray of shape (P,)
            All parameters and their gradients: a model's arena.
        parts : list or tuple of slice, optional
            The parts of `values` to change (``model.trained_parts()``); default: all. The others, with what the
            optimizer remembers of them, stay as they are, and their gradients do not count for `global_clipnorm`.
            Frozen layers need it: momentum and weight decay move parameters that have no gradient, too.

        Raises
        ------
        ValueError, TypeError
            The vectors differ in shape or dtype, belong to another model than at the last step, or are none that
            compiled code can change: float32 or float64, writeable, contiguous. Or `parts` are no slices of them.
        """
        if values is not self._values or grads is not self._grads:  # seldom: a model's vectors stay the same
            self._check(values, grads)
            self.bind(values)
            self._grads = grads
        if parts is None:
            parts = [slice(0, values.size)]
        elif parts is not self._parts:
            _check_parts(parts, values.size)
            self._parts = parts if isinstance(parts, tuple) else None  # a model gives it again, and it cannot change
        if self.global_clipnorm is not None:
            grads = self._clip(grads, parts)
        rate = self.current_rate
        for part in parts:
            slots = _Memories({name: slot[part] for name, slot in self._slots.items()})
            self._update(values[part], grads[part], slots, rate)
        self.steps += 1

    @staticmethod
    def _check(values: NDArray, grads: NDArray) -> None:
        """Raise if these are no two vectors that belong together."""
        for vector in (values, grads):
            if type(vector) is not np.ndarray or vector.dtype.kind != "f":
                raise TypeError(f"expected two vectors of float32 or float64, got {shown(vector)}")
        if values.ndim != 1 or values.shape != grads.shape or values.dtype != grads.dtype:
            found = f"{values.dtype}{values.shape}, {grads.dtype}{grads.shape}"
            raise ValueError(f"expected two vectors of one shape and dtype, got {found}")
        _check_vector(grads, "grads", writeable=False)

    def _update(self, values: NDArray, grads: NDArray, slots: dict[str, NDArray], rate: float) -> None:
        """Change some of the parameters, each by its own gradient and memories: a step calls this for each part."""
        raise NotImplementedError(f"{type(self).__name__} has to define _update(values, grads, slots, rate)")

    def _clip(self, grads: NDArray, parts: Sequence[slice]) -> NDArray:
        """Pascanu et al., "On the difficulty of training recurrent neural networks" (2013), Algorithm 1."""
        norm = np.sqrt(sum(np.square(grads[part], dtype=np.float64).sum() for part in parts))
        if not norm > self.global_clipnorm:  # so that NaN goes on, too
            return grads
        with np.errstate(invalid="ignore"):  # infinity times 0 is NaN, and stays visible
            return grads * grads.dtype.type(self.global_clipnorm / norm)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name; a schedule as its name and arguments."""
        config = {"learning_rate": self._learning_rate, **super().get_config()}
        rate = self._learning_rate
        if isinstance(rate, Schedule):
            config["learning_rate"] = {"schedule": type(rate).__name__, **rate.get_config()}
        return config

    def get_state(self) -> dict[str, Any]:
        """Return a copy of the step count and the memories."""
        return {"steps": self.steps, **{name: slot.copy() for name, slot in self._slots.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned."""
        check_instance(state, dict, self, "a dict, as get_state returns it")
        unknown = set(state) - {"steps", *self.slot_names}
        if unknown or "steps" not in state:
            raise ValueError(f"{self!r}: expected the state steps, {', '.join(self.slot_names)}; got {sorted(state)}")
        steps = check_count(state["steps"], f"{self!r}: steps", minimum=0)
        values, slots = self._values, {
            name: np.array(check_numeric(state[name], name, self)) for name in self.slot_names if name in state
        }
        for name, slot in slots.items():
            if values is not None and slot.shape != values.shape:
                raise ValueError(f"{self!r}: {name} has shape {values.shape}, got {slot.shape}")
        self._values, self._slots, self.steps = None, slots, steps
        if values is not None:
            self.bind(values)  # in their dtype; what the state lacks starts anew

    def __getstate__(self) -> dict[str, Any]:
        # A copy serves its own model, from its first step on.
        return {**vars(self), "_values": None, "_grads": None, "_parts": None}

    def __copy__(self) -> Optimizer:
        return copy.deepcopy(self)  # two optimizers that share memories would both be wrong


def _check_vector(vector: Any, name: str, writeable: bool) -> None:
    """Raise if it is no vector as kernels work on."""
    if type(vector) is not np.ndarray:
        raise TypeError(f"{name}: expected an ndarray, got {vector!r}")
    flags = vector.flags
    fits = flags.c_contiguous and flags.aligned and (flags.writeable or not writeable)
    if vector.ndim != 1 or vector.dtype not in (np.float32, np.float64) or not fits:
        wanted = f"a {'writeable, ' if writeable else ''}contiguous vector of float32 or float64"
        error = ValueError if vector.dtype in (np.float32, np.float64) else TypeError
        raise error(f"{name}: expected {wanted}, got {vector.dtype}{vector.shape} with\n{flags}")


def _check_parts(parts: Any, size: int) -> None:
    """Raise unless these are slices, each lies in a vector of this size, and they follow each other."""
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, slice) for part in parts):
        raise TypeError(f"parts: expected a list of slices, as model.trained_parts() gives it, got {shown(parts)}")
    stop = 0
    for part in parts:
        start, end, step = part.indices(size)
        if step != 1 or not stop <= start <= end or (start, end) != (part.start, part.stop):
            raise ValueError(f"parts: expected slices(start, stop) in order within {size} parameters, got {parts}")
        stop = end
