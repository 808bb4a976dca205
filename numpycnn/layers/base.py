"""The contract of a layer: build once, forward, backward.

A layer is a function y = f(x, parameters) and its derivative rule. ``forward`` computes y and, when training, keeps
what the rule needs; ``backward`` takes dL/dy, overwrites each parameter's gradient and returns dL/dx.
"""

from __future__ import annotations

import copy
import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..checks import (
    Shape, check_batch, check_dtype, check_flag, check_generator, check_instance, check_memory, check_numeric,
    check_shape,
)
from ..configured import FixedOnceBuilt, described, kept_arguments
from ..hints import is_ours
from ..initializers import Initializer, get_initializer
from ..memory.parameter import Parameter
from ..memory.workspace import Workspace, check_forward_bytes
from ..regularizers import Regularizer, get_regularizer
from .subclass import check_subclass


class Layer(FixedOnceBuilt):
    """Base of all layers. To write your own, subclass it and define up to four methods.

    - ``__init__(self, ...)``, if the layer has arguments: store each under its own name (``repr``, ``save`` and
      ``load`` read them from there).
    - ``setup(self, rng)``, if the layer has parameters or changes the shape: call ``add_parameter`` for each parameter
      and return the output shape. ``self.input_shape`` and ``self.dtype`` are known here.
    - ``forward(self, x, training=False)``: begin with ``x = self.check_input(x)``, and hand what ``backward`` needs to
      ``self.save_for_backward(training, len(x), ...)``.
    - ``backward(self, dy, need_dx=True)``: begin with ``dy = self.check_output_gradient(dy)``, read what forward kept
      from ``self.saved``, write each parameter's ``grad``, and return dx.

    Attributes
    ----------
    parameters : tuple of Parameter
        Made by ``add_parameter``: weight, bias (BatchNorm: gamma, beta).
    state_names : tuple of str
        Attributes besides the parameters that a saved layer needs: arrays or generators.
    built : bool
        Whether ``build`` was called. From then on the arguments of the package's layers are fixed, but numbers with a
        point, such as a dropout's rate.
    input_shape, output_shape : tuple of int
        Without the batch axis; known after ``build``.
    dtype : dtype
        float32 or float64; known after ``build``.
    saved : tuple, or None
        What the latest forward gave to ``save_for_backward``; None unless that forward had ``training=True``.
    share : Share, or None
        The part of the batch that this process has, in a step of several; ``place(self.share, len(x))`` says which.

    Raises
    ------
    TypeError
        Where a subclass is defined: it has a ``build`` or ``_build`` of its own, which nobody would call or which
        would leave out the checks; the method to write is ``setup``. Or its ``forward`` does not take x and `training`.

    Examples
    --------
    >>> class Scale(Layer):
    ...     def setup(self, rng):
    ...         self.add_parameter("a", (1,), "ones", rng)
    ...         return self.input_shape
    ...
    ...     def forward(self, x, training=False):
    ...         x = self.check_input(x)
    ...         self.save_for_backward(training, len(x), x)
    ...         return x * self.parameters[0].value
    ...
    ...     def backward(self, dy, need_dx=True):
    ...         dy = self.check_output_gradient(dy)
    ...         (x,) = self.saved
    ...         self.parameters[0].grad[:] = (dy * x).sum()
    ...         return dy * self.parameters[0].value if need_dx else None
    """

    parameters: tuple[Parameter, ...] = ()
    state_names: tuple[str, ...] = ()
    input_shape: Shape
    output_shape: Shape
    dtype: np.dtype
    saved: Any = None
    share: Any = None
    _saved_batch: int | None = None  # rows of the forward that `saved` belongs to
    _stored: dict[str, NDArray] | None = None  # what `build` was given, for as long as it runs
    _trainable = True
    _workspace = Workspace()  # new arrays at each call; a layer in a model has one that keeps them

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_subclass(cls, Layer)

    def build(
        self, input_shape: Shape, rng: np.random.Generator | None = None, dtype: DTypeLike = "float32",
        stored: dict[str, NDArray] | None = None,
    ) -> Shape:
        """Make the parameters for inputs of this shape; parameters from an earlier ``build`` are lost.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one input, without the batch axis.
        rng : numpy.random.Generator, optional
            Source of the random starting values; default: a new, unpredictable one.
        dtype : dtype or str
            ``"float32"`` or ``"float64"``.
        stored : dict of str to ndarray, optional
            Starting values from a file, by the parameter's name, in the place of random ones. Each parameter takes
            its array out of the dict, so that large arrays are not in memory twice; other arrays stay in it.

        Returns
        -------
        tuple of int
            Shape of one output.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            The shape does not suit the layer, the dtype is another, `stored` lacks a parameter or has one of another
            shape, or ``setup`` does not return a shape; or a built model holds the layer, and trains its parameters.
        """
        if self.in_model:
            raise RuntimeError(f"{self!r} is in a built model, which would train what is lost here; build a copy of it")
        rng = np.random.default_rng() if rng is None else check_generator(rng)
        self.dtype = check_dtype(dtype)
        self.input_shape = check_shape(input_shape, self)
        self.parameters, self.saved = (), None
        self._stored = stored
        try:
            self.output_shape = self._check_output_shape(self.setup(rng))
        finally:
            self._stored = None
        check_forward_bytes(self.forward_bytes(), self)
        self.built = True
        return self.output_shape

    @property
    def trainable(self) -> bool:
        """Whether training changes the parameters: True, until you freeze the layer by setting it to False.

        Set it before or after ``build``, or between two steps, as a callback may; it takes effect at the next step,
        without a new ``compile``. Frozen parameters keep their bits whatever the optimizer does (momentum, weight
        decay), which keeps its memories of them. Their gradients are 0 and not computed, and do not count for
        ``global_clipnorm``; ``backward`` ends where nothing before it learns. A frozen BatchNorm uses its moving
        statistics in training, too, and does not change them, as in Keras. Dropout drops on: it has no parameters.
        Your own layer may leave out its parameters' gradients while this is False; dx is needed as ever.

        Examples
        --------
        Fine-tuning: a new last layer on others that have learned; afterwards all of them, in small steps.

        >>> from numpycnn import Adam, Dense, ReLU, Sequential
        >>> learned = Sequential([Dense(8), ReLU(), Dense(2)], input_shape=(4,))  # or Sequential.load("model.npz")
        >>> model = Sequential([Dense(8), ReLU(), Dense(3)], input_shape=(4,))
        >>> model.set_weights([*learned.get_weights()[:-2], *model.get_weights()[-2:]])
        >>> model.layers[0].trainable = False
        >>> model.compile(Adam(), "sparse_categorical_crossentropy")  # and fit
        >>> model.trainable = True
        >>> model.compile(Adam(1e-5), "sparse_categorical_crossentropy")  # and fit
        """
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = check_flag(trainable, f"{type(self).__name__}.trainable")
        if not self._trainable:
            for parameter in self.parameters:  # of the latest step: no one overwrites it from now on
                parameter.grad[...] = 0

    @property
    def learns(self) -> bool:
        """Whether training changes anything in it: it has parameters and is not frozen."""
        return self.trainable and bool(self.parameters)

    def setup(self, rng: np.random.Generator) -> Shape:
        """Make the parameters and return the shape of one output: what the author of a layer writes.

        ``build`` calls it. The default is for a layer without parameters whose output has the input's shape.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of all random numbers: of ``add_parameter``, and of the layer itself (``rng.spawn(1)``).

        Returns
        -------
        tuple of int
            Without the batch axis.
        """
        return self.input_shape

    def _check_output_shape(self, shape: Any) -> Shape:
        if not isinstance(shape, tuple) or not all(isinstance(n, numbers.Integral) for n in shape):
            raise TypeError(f"{self!r}: expected setup to return the output shape, a tuple of integers, got {shape!r}")
        if any(n < 1 for n in shape):
            raise ValueError(f"{self!r}: expected setup to return a shape of positive integers, got {shape!r}")
        return shape

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
            In a built model the layer's next call writes over it: copy what you want to keep, or take what the model
            returns (``forward``, ``activations``).

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
            Each parameter's ``grad`` is overwritten, unless the layer is frozen (see ``trainable``).

        Raises
        ------
        RuntimeError
            The latest forward was not one with ``training=True``.
        ValueError, TypeError
            `dy` has another shape, or no numbers in it.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define backward(dy, need_dx=True)")

    def forward_bytes(self) -> int:
        """Return the bytes that ``forward`` makes of one input; a layer that makes more than its output adds that."""
        return math.prod(map(int, self.output_shape)) * self.dtype.itemsize

    # What subclasses use

    def add_parameter(
        self, name: str, shape: Shape, initializer: str | Initializer, rng: np.random.Generator,
        regularizer: str | Regularizer | None = None,
    ) -> None:
        """Append a parameter to ``parameters``; call it in ``setup``.

        Parameters
        ----------
        name : str
            What it is called in the layer and in files, such as ``"weight"``.
        shape : tuple of int
        initializer : str or callable
            Name of a function in ``numpycnn.initializers``, or a function (shape, rng, dtype) -> array.
        rng : numpy.random.Generator
            As ``setup`` got it.
        regularizer : Regularizer, optional
            A penalty on large values, which the model adds to the loss.

        Raises
        ------
        ValueError, TypeError
            The initializer, or the file that the layer is read from, gives no array of this shape; or the layer has a
            parameter, or a state, of this name.
        """
        if not isinstance(shape, tuple):
            raise TypeError(f"{self!r}: expected the shape of {name} as a tuple, such as (3,), got {shape!r}")
        check_memory(shape, self.dtype, name, self)
        if name in (*(parameter.name for parameter in self.parameters), *self.state_names):
            raise ValueError(f"{self!r}: expected another name for this parameter, {name!r} is taken")
        if self._stored is None:
            value = check_numeric(get_initializer(initializer)(shape, rng, self.dtype), "initializer", self)
        elif name in self._stored:
            value = self._stored.pop(name)
        else:
            raise ValueError(f"{self!r}: the file has no {name}")
        if value.shape != shape:
            raise ValueError(f"{self!r}: expected starting values of shape {shape} for {name}, got {value.shape}")
        value = np.array(value, self.dtype, order="C")
        parameter = Parameter(name, value)
        parameter.regularizer = get_regularizer(regularizer, "regularizer")
        self.parameters += (parameter,)

    def check_input(self, x: NDArray) -> NDArray:
        """Return `x` in the layer's dtype, C-contiguous; raise if it does not suit the layer."""
        if not self.built:
            raise RuntimeError(f"{self!r} is not built: call build(input_shape) first, or put it into a Sequential")
        return check_batch(x, self.input_shape, self.dtype, "input", owner=self)

    def check_output_gradient(self, dy: NDArray) -> NDArray:
        """Return `dy` in the layer's dtype, C-contiguous; raise if there is no forward that it belongs to."""
        if self.saved is None:
            own = "" if is_ours(type(self)) else ", which calls self.save_for_backward"
            raise RuntimeError(f"{self!r}: backward needs a forward(x, training=True) right before it{own}")
        return check_batch(dy, self.output_shape, self.dtype, "output gradient", self._saved_batch, self)

    def save_for_backward(self, training: bool, batch: int, *values: Any) -> None:
        """Keep `values` as ``self.saved`` if `training`; else forget the earlier ones: they belong to another input."""
        self.saved = values if training else None
        self._saved_batch = batch

    def empty(self, name: str, shape: Shape, dtype: DTypeLike | None = None) -> NDArray:
        """Return an array to write into, with undefined content; in a model it is the same memory at each step."""
        dtype = self.dtype if dtype is None else dtype
        return self._workspace.array(name, shape, dtype)

    def choices(self) -> list[NDArray]:
        """Return which way the latest training forward went wherever it had a choice: a mask, the winners of maxima.

        The function is smooth as long as these arrays stay the same; where they change, ``gradcheck`` knows of a kink.
        You may define it beside a ``forward`` of your own. Where the class that has ``forward`` says nothing,
        ``gradcheck`` looks for kinks in the outputs.

        Returns
        -------
        list of ndarray
            New arrays. The list is empty if the function is smooth everywhere.
        """
        return []

    # The layer and the model

    @property
    def in_model(self) -> bool:
        """Whether a built model holds this layer: its parameters are then views of the model's arena.

        A copy (``copy``, ``deepcopy``, pickle) is in no model.
        """
        return self._workspace.reuse

    def join_model(self) -> None:
        """Use the same memory again at each call from now on; ``Sequential`` calls it when it is built."""
        self._workspace = Workspace(reuse=True)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy starts with: not the latest batch, and not the place in a model."""
        return {k: v for k, v in vars(self).items() if k not in ("saved", "share", "_saved_batch", "_workspace")}

    def __copy__(self) -> Layer:
        """A copy shares nothing: training one of two layers with common parameters would change the other."""
        twin = type(self).__new__(type(self))
        vars(twin).update(copy.deepcopy(self.__getstate__()))
        return twin

    # Configuration and state

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name, as they were given."""
        return kept_arguments(self)

    def get_state(self) -> dict[str, Any]:
        """Return a copy of what the layer remembers besides its parameters."""
        state: dict[str, Any] = {}
        for name in self.state_names:
            value = getattr(self, name)
            is_generator = hasattr(value, "bit_generator")
            state[name] = value.bit_generator.state if is_generator else np.array(value, copy=True)
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned."""
        check_instance(state, dict, self, "a dict, as get_state returns it")
        if set(state) != set(self.state_names):
            raise ValueError(f"{self!r}: expected the state {sorted(self.state_names)}, got {sorted(state)}")
        for name, value in state.items():
            own = getattr(self, name)
            if hasattr(own, "bit_generator"):
                own.bit_generator.state = value
                continue
            value = check_numeric(value, name, self)
            if value.shape != own.shape:
                raise ValueError(f"{self!r}: {name} has shape {own.shape}, got {value.shape}")
            setattr(self, name, np.array(value, own.dtype))

    def __repr__(self) -> str:
        return described(self)
