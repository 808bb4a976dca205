"""What a model of the facade is: layers of the facade in a chain, over one Sequential of the core."""

from __future__ import annotations

import itertools
from typing import Any, Iterable

import numpy as np

from ... import layers as core_layers
from ...checks import Shape, check_rows
from ...hints import did_you_mean
from ...memory.weights import get_weights, set_weights
from ...model import Sequential as CoreSequential
from ..layers.base import Layer, Node, as_shape, forget_initializers, new_name, snake_case
from ..random import next_seed
from ..tensors import Symbol, Tensor, Variable, tensor


class Chain(Node):
    """Layers one after another: what Sequential and Model share, but learning, files and the table.

    A layer may be in several models, as in Keras: its weights live in the model that used it last, and each model
    fetches them before it computes.
    """

    name: str
    _layers: list[Any]

    def __init__(self, name: str | None = None) -> None:
        kind = type(self).__name__
        self.name = name or new_name("functional" if kind == "Model" else snake_case(kind))
        self._layers = []
        self._shape: Shape | None = None
        self._core: CoreSequential | None = None
        self._own: list[tuple[Layer, list[core_layers.Layer]]] = []
        self._without_last = False  # the core's loss does what the last layer would
        self.stop_training = False

    layers = property(lambda self: list(self._layers), doc="The layers, in order.")
    built = property(lambda self: self._shape is not None, doc="Whether the weights exist.")

    def parts(self) -> list[Any]:
        """Return the layers."""
        return self._layers

    def leaves(self) -> Iterable[Layer]:
        """Yield the layers that do something, those of models within this one, too."""
        for layer in self._layers:
            yield from layer.leaves()

    def ensure(self, shape: Shape) -> Shape:
        """Build for inputs of this shape; return the output's."""
        unknown = self._shape is None
        if unknown:
            self._shape = tuple(shape)
        if tuple(shape) != self._shape:
            raise ValueError(f"{self.name}: expected inputs of shape {self._shape}, got {tuple(shape)}")
        for leaf in self.leaves():
            shape = leaf.ensure(shape)
        if unknown:
            self._symbols()  # layers have inputs and outputs from now on
        return shape

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, (None, ...)."""
        if input_shape is not None:
            self.ensure(as_shape(tuple(input_shape)[1:], self.name))
        elif self._shape is None:
            raise ValueError(f"{self.name}: expected the input's shape, such as build((None, 28, 28, 1))")

    # The core's model

    def core_model(self) -> CoreSequential:
        """Return the core's model, with the layers' weights as they are now."""
        if self._shape is None:
            raise ValueError(f"{self.name} is not built: give the first layer input_shape=(28, 28, 1), or call fit")
        if self._core is None:
            self._assemble()
        self._fetch_weights()
        return self._core  # type: ignore[return-value]

    def _assemble(self) -> None:
        self.ensure(self._shape or ())
        made, stored = [], []
        self._own = []
        shape = self._shape or ()
        for leaf in self.leaves():
            fresh = leaf.make(shape)
            shape = leaf.ensure(shape)
            self._own.append((leaf, fresh))
            made += fresh
            stored += [{p.name: p.value.copy() for p in each.parameters} for each in leaf.core or []]
        if not self._layers:
            raise ValueError(f"{self.name}: expected at least one layer")
        if not made:  # an input alone is its own output
            made, stored = [core_layers.Rescale(1.0)], [{}]
        last = made.pop() if self._without_last else None
        self._core = CoreSequential(made, seed=next_seed())
        self._core.build(self._shape or (), stored[: len(made)])
        if last is not None:
            last.build(self._core.output_shape)
        for leaf, fresh in self._own:
            for new, old in zip(fresh, leaf.core or []):
                new.trainable = old.trainable
                new.set_state(old.get_state())
                forget_initializers(new)
            leaf.core, leaf.owner = fresh, self

    def _fetch_weights(self) -> None:
        for leaf, own in self._own:
            if leaf.owner is not self:
                if own:
                    set_weights(own, get_weights(leaf.core or []), "float32")
                leaf.core, leaf.owner = own, self
            for each in own:
                each.trainable = self.trainable and leaf.trainable

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy: the core's pickle has layers of its own, in its arena; they are the leaves' from now on."""
        vars(self).update(state)
        if self._core is None or "_layers" not in vars(self._core):
            return  # deepcopy, which keeps things together, is at work within the core
        layers = iter(self._core.layers)
        for n, (leaf, own) in enumerate(self._own):
            fresh = list(itertools.islice(layers, len(own)))
            self._own[n] = leaf, [*fresh, *own[len(fresh) :]]  # the core may do without the last
            if leaf.owner is self:
                leaf.core = self._own[n][1]

    def _last_of_core(self) -> Any:
        """Return the layer of the core that the model ends in."""
        self.ensure(self._shape or ())
        made = [each for leaf in self.leaves() for each in leaf.core or []]
        return made[-1] if made else None

    def _changed(self) -> None:
        """Another chain from now on: the core's model is made anew when it is needed."""
        self._core, self._own = None, []

    # Running it

    def __call__(self, inputs: Any, training: bool | None = None, **others: Any) -> Any:
        if isinstance(inputs, Symbol):
            shape = self.ensure(inputs.one)
            return Symbol(inputs.root, (*inputs.chain, self), shape)
        x = np.asarray(inputs)
        if self._shape is None:
            self.ensure(x.shape[1:])
        x = check_rows(self._ranked(x), self._shape or (), "x")  # a layer would begin anew for another size
        for leaf in self.leaves():
            if leaf.core is None:
                leaf.ensure(x.shape[1:])
            x = np.asarray(leaf._run(x, training))
        return tensor(x)

    def _ranked(self, x: np.ndarray) -> np.ndarray:
        """Add or take away a last axis of 1, as Keras does, to rows that fit then.

        These are images without a channel axis, or with one too many; what fits in no way stays as it was given.
        """
        shape = self._shape or ()
        if (*x.shape[1:], 1) == shape:
            return x[..., None]
        if x.shape[1:] == (*shape, 1):
            return x[..., 0]
        return x

    # What there is in it

    input = property(lambda self: self._symbols()[0], doc="The input, for ``Model(model.input, ...)``.")
    output = property(lambda self: self._symbols()[-1], doc="The output, for ``Model(..., model.output)``.")
    inputs, outputs = property(lambda self: [self.input]), property(lambda self: [self.output])
    input_shape = property(lambda self: self.input.shape)  # type: ignore[assignment]
    output_shape = property(lambda self: self.output.shape)  # type: ignore[assignment]

    def _symbols(self) -> list[Symbol]:
        """Return the input and each layer's output; layers keep theirs."""
        if self._shape is None:
            raise AttributeError(f"{self.name} is not built yet: it has no input and no output")
        from ..layers.others import Input

        if getattr(self, "_root", None) is None:
            self._root = Input(self._shape)
        symbols = [self._root]
        for layer in self._layers:
            if type(layer).__name__ == "InputLayer":
                continue
            symbol = symbols[-1]
            shape = layer.ensure(symbol.one)
            after = Symbol(symbol.root, (*symbol.chain, layer), shape)
            if isinstance(layer, Layer):
                layer.input, layer.output = symbol, after
            symbols.append(after)
        return symbols

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return the layer of this name, or at this place."""
        if index is not None and not -len(self._layers) <= index < len(self._layers):
            raise ValueError(f"{self.name} has {len(self._layers)} layers, and no layer {index}")
        if index is not None:
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in self._layers]
        hint = did_you_mean(name, names) or f"; it has {', '.join(names)}"
        raise ValueError(f"{self.name} has no layer {name!r}{hint}")

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all arrays, layer by layer."""
        return [array for leaf in self.leaves() for array in leaf.get_weights()]

    def set_weights(self, weights: Any) -> None:
        """Take over what ``get_weights`` of such a model returned."""
        arrays, mine = list(weights), self.get_weights()
        shapes = [np.shape(a) for a in arrays], [a.shape for a in mine]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: expected arrays of shapes {shapes[1]}, got {shapes[0]}")
        for leaf in self.leaves():
            count = len(leaf.get_weights())
            leaf.set_weights(arrays[:count])
            arrays = arrays[count:]

    @property  # type: ignore[override]
    def weights(self) -> list[Variable]:
        """All arrays, live."""
        return [variable for leaf in self.leaves() for variable in leaf.weights]

    def count_params(self) -> int:
        """Return the number of numbers in all arrays."""
        if self._shape is None:
            raise ValueError(f"{self.name} is not built yet: call build((None, ...)) or fit first")
        return sum(array.size for array in self.get_weights())

    def _run(self, x: np.ndarray, training: bool | None) -> Tensor:
        return self(x, training)
