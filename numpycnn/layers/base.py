"""The contract of a layer: build once, forward, backward.

A layer is a function y = f(x, parameters) and its derivative rule. ``forward`` computes y and, when training, keeps
what the rule needs; ``backward`` takes dL/dy, overwrites each parameter's gradient and returns dL/dx.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..checks import (
    Shape,
    check_batch,
    check_dtype,
    check_generator,
    check_instance,
    check_memory,
    check_numeric,
    check_shape,
)
from ..hints import ExplainsArguments
from ..initializers import Initializer, get_initializer
from ..memory.parameter import Parameter
from ..memory.workspace import Workspace


class Layer(ExplainsArguments):
    """Base of all layers. Subclass it and write ``build`` (if it has parameters), ``forward`` and ``backward``.

    ``__init__`` stores its arguments under their own names: ``repr``, ``save`` and ``load`` read them from there.

    Attributes
    ----------
    parameters : tuple of Parameter
        Made in ``build``: weight, bias (BatchNorm: gamma, beta).
    state_names : tuple of str
        Attributes besides the parameters that a saved layer needs: arrays or generators.
    input_shape, output_shape : tuple of int
        Without the batch axis; known after ``build``.
    dtype : dtype
        float32 or float64; known after ``build``.
    """

    parameters: tuple[Parameter, ...] = ()
    state_names: tuple[str, ...] = ()
    built = False
    input_shape: Shape
    output_shape: Shape
    dtype: np.dtype
    _workspace = Workspace()  # new arrays at each call; a model gives each layer one that keeps them
    _saved: Any = None
    _stored: dict[str, NDArray] | None = None  # arrays from a model file, in place of random starting values

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None, dtype: DTypeLike = "float32") -> Shape:
        """Make the parameters for inputs of this shape.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one input, without the batch axis.
        rng : numpy.random.Generator, optional
            Source of the random starting values; default: a new, unpredictable one.
        dtype : dtype or str
            ``"float32"`` or ``"float64"``.

        Returns
        -------
        tuple of int
            Shape of one output.

        Raises
        ------
        ValueError, TypeError
            The shape does not suit the layer, or the dtype is another.
        """
        self.dtype = check_dtype(dtype)
        self.input_shape = check_shape(input_shape, self)
        self.parameters = ()
        self._saved = None
        self.output_shape = self._build(np.random.default_rng() if rng is None else check_generator(rng))
        check_memory(self.output_shape, self.dtype, "outputs", self)
        self.built = True
        return self.output_shape

    def _build(self, rng: np.random.Generator) -> Shape:
        """Make the parameters, given ``input_shape`` and ``dtype``; return the output shape. Default: as the input."""
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        """Compute the output.

        Parameters
        ----------
        x : ndarray of shape (N, *input_shape)
            Any numeric dtype; cast to the layer's.
        training : bool
            Keep what ``backward`` needs; Dropout and BatchNorm behave differently.

        Returns
        -------
        ndarray of shape (N, *output_shape)

        Raises
        ------
        RuntimeError
            The layer is not built.
        ValueError, TypeError
            `x` has another shape, or no numbers in it.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define forward(x, training=False)")

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Apply the chain rule to the latest forward.

        Parameters
        ----------
        dy : ndarray of shape (N, *output_shape)
            Gradient of the loss with respect to the output.
        need_dx : bool
            Whether the caller wants the gradient with respect to the input; the first layer's is not needed.

        Returns
        -------
        ndarray of shape (N, *input_shape), or None without `need_dx`
            Each parameter's ``grad`` is overwritten.

        Raises
        ------
        RuntimeError
            The latest forward was not one with ``training=True``.
        ValueError, TypeError
            `dy` has another shape, or no numbers in it.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define backward(dy, need_dx=True)")

    # What subclasses use

    def add_parameter(self, name: str, shape: Shape, initializer: str | Initializer, rng: np.random.Generator) -> None:
        """Append a parameter with starting values to ``parameters``."""
        check_memory(shape, self.dtype, name, self)
        if self._stored is None:
            value = check_numeric(get_initializer(initializer)(shape, rng, self.dtype), "initializer", self)
        elif name in self._stored:
            value = self._stored.pop(name)
        else:
            raise ValueError(f"{self!r}: the file has no {name}")
        if value.shape != shape:
            raise ValueError(f"{self!r}: expected starting values of shape {shape} for {name}, got {value.shape}")
        value = np.array(value, self.dtype, order="C")
        self.parameters += (Parameter(name, value),)

    def check_input(self, x: NDArray) -> NDArray:
        """Return `x` in the layer's dtype, C-contiguous; raise if it does not suit the layer."""
        if not self.built:
            raise RuntimeError(f"{self!r} is not built: call build(input_shape) first, or put it into a Sequential")
        return check_batch(x, self.input_shape, self.dtype, "input", owner=self)

    def check_output_gradient(self, dy: NDArray) -> NDArray:
        """Return `dy` in the layer's dtype, C-contiguous; raise if there is no forward that it belongs to."""
        if self._saved is None:
            raise RuntimeError(f"{self!r}: backward needs a forward(x, training=True) right before it")
        return check_batch(dy, self.output_shape, self.dtype, "output gradient", self._saved_batch, self)

    def save_for_backward(self, training: bool, batch: int, *values: Any) -> None:
        """Keep `values` for backward if `training`; otherwise forget the earlier ones: they belong to another input."""
        self._saved = values if training else None
        self._saved_batch = batch

    def empty(self, name: str, shape: Shape, dtype: DTypeLike | None = None) -> NDArray:
        """Return an array to write into; in a model the same memory again at each step."""
        dtype = self.dtype if dtype is None else dtype
        return self._workspace.array(name, shape, dtype)

    # Configuration and state

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name, as they were given."""
        names = [p.name for p in inspect.signature(type(self).__init__).parameters.values() if p.name != "self"]
        return {name: getattr(self, name) for name in names if name not in ("args", "kwargs")}

    def get_state(self) -> dict[str, Any]:
        """Return a copy of what the layer remembers besides its parameters."""
        state: dict[str, Any] = {}
        for name in self.state_names:
            value = getattr(self, name)
            is_generator = isinstance(value, np.random.Generator)
            state[name] = value.bit_generator.state if is_generator else np.array(value, copy=True)
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned."""
        check_instance(state, dict, repr(self), "a dict, as get_state returns it")
        if set(state) != set(self.state_names):
            raise ValueError(f"{self!r}: expected the state {sorted(self.state_names)}, got {sorted(state)}")
        for name, value in state.items():
            own = getattr(self, name)
            if isinstance(own, np.random.Generator):
                own.bit_generator.state = value
                continue
            value = check_numeric(value, name, self)
            if value.shape != own.shape:
                raise ValueError(f"{self!r}: {name} has shape {own.shape}, got {value.shape}")
            setattr(self, name, np.array(value, own.dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_saved": None}  # a copy starts without the latest batch

    def __repr__(self) -> str:
        defaults = {p.name: p.default for p in inspect.signature(type(self).__init__).parameters.values()}
        shown = [f"{k}={v!r}" for k, v in self.get_config().items() if not _same(v, defaults[k])]
        return f"{type(self).__name__}({', '.join(shown)})"


def _same(value: Any, default: Any) -> bool:
    pair = isinstance(value, tuple) and value == (default, default)  # 1 was given, (1, 1) is kept
    return value is default or pair or (type(value) is type(default) and value == default)
