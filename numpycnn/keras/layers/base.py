"""What all layers of the facade share: Keras's arguments, a name, and the layers of the core that do the work."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any, Callable, Iterable

import numpy as np

from ... import layers as core
from ...checks import Shape
from ...hints import is_ours
from ...io.keras_file.write import snake_case
from ...memory.weights import get_weights, set_weights
from ..notes import named
from ..random import next_rng
from ..tensors import Symbol, Tensor, Variable, tensor
from ..words import Worded

# Words that all layers take, whether or not Keras lists them.
COMMON = ("activity_regularizer", "trainable", "dtype", "autocast", "name", "data_format", "seed", "weights",
          "input_shape", "input_dim", "batch_input_shape", "batch_shape", "batch_size")  # fmt: skip
_names: Counter = Counter()


def new_name(kind: str) -> str:
    """Return ``dense``, then ``dense_1``, and so on."""
    number = _names[kind]
    _names[kind] += 1
    return f"{kind}_{number}" if number else kind


def forget_names() -> None:
    """Count from the beginning again."""
    _names.clear()


def _at_its_place(name: str) -> Callable[..., Any]:
    """Return Keras's method that asks for an attribute at one of the places where a layer stands: there is one."""
    return named(lambda self, node_index=0: getattr(self, name), f"get_{name}_at", f"Return ``{name}``.")


class Node:
    """What layers and models share; `parts` are what they consist of, `weights` their arrays, live."""

    weights: Any
    input_shape: Any
    output_shape: Any
    input: Any
    output: Any
    _trainable = True

    def parts(self) -> Iterable[Any]:
        """Return what is frozen with this."""
        raise NotImplementedError

    @property
    def trainable(self) -> bool:
        """Whether training changes it; takes effect at the next step. Setting it sets all parts."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        for part in self.parts():
            part.trainable = self._trainable

    @property
    def trainable_weights(self) -> list[Variable]:
        """The arrays that training changes: of a frozen model none, whatever its layers say."""
        return [variable for variable in self.weights if variable.trainable and self.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The others."""
        return [variable for variable in self.weights if not (variable.trainable and self.trainable)]

    trainable_variables, non_trainable_variables = trainable_weights, non_trainable_weights
    variables = property(lambda self: self.weights)

    get_input_shape_at, get_output_shape_at = _at_its_place("input_shape"), _at_its_place("output_shape")
    get_input_at, get_output_at = _at_its_place("input"), _at_its_place("output")


class Layer(Worded, Node):
    """A layer in Keras's words; subclasses say in `words` which they have, and in `make` what the core calls it.

    Attributes
    ----------
    core_name, core_words : str, tuple of str
        The core's class, and which of the words it takes, in its order.
    renamed : dict
        A word that the core calls otherwise: the core's.
    core : list of numpycnn.Layer, or None
        What does the work, from the moment when the input's shape is known.
    owner : object
        The model whose arena these layers of the core live in.
    """

    core_name = ""
    core_words: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    core: Any = None
    owner: Any = None
    input: Any = None
    output: Any = None
    _built_for: Any = None
    by_itself = False  # whether it acts as in training where nobody says that it is called for that

    old_words = {"alpha": "negative_slope", "W_regularizer": "kernel_regularizer", "init": "kernel_initializer",
                 "border_mode": "padding", "subsample": "strides", "nb_filter": "filters", "output_dim": "units",
                 "p": "rate"}  # fmt: skip
    refused = {"activity_regularizer": "penalties are on weights alone: kernel_regularizer=l2(...)",
               "weights": "call set_weights once the layer is built"}  # fmt: skip
    idle: tuple[str, ...] = ("autocast", "seed", "batch_size")
    not_called = "call", "build", "compute_output_shape", "train_step", "test_step", "add_weight"
    instead = ("a layer of your own is a subclass of numpycnn.Layer (setup, forward, backward), in a "
               "numpycnn.Sequential")  # fmt: skip

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if is_ours(cls):
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters = [inspect.Parameter(name, kind, default=value) for name, value in cls.words.items()]
            cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **given: Any) -> None:
        common = {name: given.pop(name) for name in COMMON if name in given and name not in self.words}
        words = self.take(args, given)
        for name, value in common.items():
            self.look_at(name, value)
        common |= {name: words[name] for name in COMMON if name in words}
        vars(self).update({name: value for name, value in words.items() if name != "name"})
        self.name = common.get("name") or new_name(snake_case(type(self).__name__))
        self._trainable = bool(common.get("trainable", True))
        self.given_shape = self._shape_given(common)
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.words and name != "name" and self.__dict__.get("core") is not None:
            raise AttributeError(f"{self.name}: {name} is fixed once the layer is built; put a new layer in its place")
        super().__setattr__(name, value)

    def look_at(self, word: str, value: Any) -> None:
        """Refuse or note an argument that is not the default."""
        kind = type(self).__name__
        if word == "data_format" and value not in (None, "channels_last"):
            raise ValueError(f"{kind}: data_format={value!r}: images are channels-last here: x.transpose(0, 2, 3, 1)")
        if word == "dtype" and str(value or "float32") not in ("float32", "uint8"):
            raise ValueError(f"{kind}: dtype={value!r}: the facade computes in float32")
        super().look_at(word, value)

    def _shape_given(self, common: dict[str, Any]) -> Shape | None:
        whole = common.get("batch_input_shape") or common.get("batch_shape")
        if whole:
            return tuple(whole[1:])
        shape = common.get("input_shape")
        shape = (common["input_dim"],) if common.get("input_dim") is not None else shape
        return None if shape is None else as_shape(shape, type(self).__name__)

    def check(self) -> None:
        """Look at the arguments: what is refused is refused where it is written, what the core refuses, too."""
        if self.core_name:
            Layer.make(self, ())

    def make(self, shape: Shape) -> list[core.Layer]:
        """Return new layers of the core, not built, for one input of this shape."""
        return [getattr(core, self.core_name)(*(as_tuple(getattr(self, word)) for word in self.core_words))]

    def parts(self) -> Iterable[Any]:
        """Return the core's layers."""
        return self.core or ()

    # Building

    def leaves(self) -> Iterable[Layer]:
        """Yield the layers that do something: this one; of a model, those in it."""
        yield self

    def ensure(self, shape: Shape) -> Shape:
        """Build for inputs of this shape, if that was not done; return the output's shape.

        For another shape than before, the weights stay; they have to fit.
        """
        if self.core is None or self._built_for != shape:
            rng, made, after = next_rng(), self.make(shape), shape
            for each in made:
                after = each.build(after, rng)
                each.trainable = self.trainable
                forget_initializers(each)
            if self.core is not None:
                arrays, fits = self.get_weights(), f"inputs of shape {self._built_for}, which its weights fit"
                if [a.shape for a in arrays] != [a.shape for a in get_weights(made)]:
                    raise ValueError(f"{self.name}: expected {fits}, got {shape}")
                set_weights(made, arrays, "float32")
            self.core, self.owner, self._built_for = made, None, shape
        return self.core[-1].output_shape if self.core else self._built_for

    built = property(lambda self: self.core is not None, doc="Whether the weights exist.")

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, (None, ...)."""
        self.ensure(tuple(input_shape[1:]))

    def __call__(self, inputs: Any, training: bool | None = None, **others: Any) -> Any:
        if isinstance(inputs, (list, tuple)) and any(isinstance(each, Symbol) for each in inputs):
            if len(inputs) > 1:
                raise ValueError(f"{self.name}: a layer has one input here; models are chains, without branches")
            (inputs,) = inputs
        if isinstance(inputs, Symbol):
            self.input, self.output = inputs, Symbol(inputs.root, (*inputs.chain, self), self.ensure(inputs.one))
            return self.output
        return self._run(np.asarray(inputs), training)

    def _run(self, x: np.ndarray, training: bool | None) -> Tensor:
        self.ensure(x.shape[1:])
        for each in self.core or []:
            x = each.forward(x, self.by_itself if training is None else bool(training))
        return tensor(np.array(x, np.float32))

    # Weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the arrays: kernel, bias; gamma, beta, moving mean, moving variance."""
        return get_weights(self.core or [])

    def set_weights(self, weights: Any) -> None:
        """Take over such arrays."""
        set_weights(self.core or [], [np.asarray(w) for w in weights], "float32")

    @property  # type: ignore[override]
    def weights(self) -> list[Variable]:
        """All arrays, live."""
        named = [pair for each in self.core or [] for pair in weight_names(each)]
        return [Variable(self, i, name, learns and self.trainable) for i, (name, learns) in enumerate(named)]

    def __getattr__(self, name: str) -> Any:
        if name in ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"):
            for variable in self.weights:
                if variable.name == name:
                    return variable
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def count_params(self) -> int:
        """Return the number of numbers in all arrays."""
        return sum(array.size for array in self.get_weights())

    @property  # type: ignore[override]
    def input_shape(self) -> tuple:
        """Shape of the input, None for the batch."""
        if self._built_for is None:
            raise AttributeError(f"{self.name} is not built yet: its input's shape is not known")
        return (None, *self._built_for)

    @property  # type: ignore[override]
    def output_shape(self) -> tuple:
        """Shape of the output, None for the batch."""
        return (None, *self.ensure(self.input_shape[1:]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name, as JSON can hold them."""
        config = {name: described(getattr(self, name)) for name in self.words}
        shape = {} if self.given_shape is None else {"batch_input_shape": [None, *self.given_shape]}
        return {**config, "name": self.name, "trainable": self.trainable, **shape}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def weight_names(layer: core.Layer) -> list[tuple[str, bool]]:
    """Return Keras's names of a layer's arrays, and whether training changes them."""
    own = [(p.name.replace("weight", "kernel"), True) for p in layer.parameters]
    return own + [(name, False) for name in layer.state_names if isinstance(getattr(layer, name), np.ndarray)]


def forget_initializers(layer: core.Layer) -> None:
    """Initializers that only the facade knows have done their work: a file holds the names of the core's."""
    for name, known in (("kernel_initializer", "glorot_uniform"), ("bias_initializer", "zeros")):
        if callable(getattr(layer, name, None)):
            vars(layer)[name] = known  # it has drawn: the word changes nothing


def as_shape(shape: Any, owner: str) -> Shape:
    """Return the shape of one input as a tuple of integers."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(n is None for n in sizes):
        raise ValueError(f"{owner}: expected a fixed input shape such as (28, 28, 1), got {sizes}")
    return tuple(int(n) for n in sizes)


def as_tuple(value: Any) -> Any:
    """Return lists as tuples: ``kernel_size=[3, 3]``."""
    return tuple(map(as_tuple, value)) if isinstance(value, (list, tuple)) else value


def as_pair(value: Any) -> Any:
    """Return one number as two."""
    return (value, value) if isinstance(value, (int, np.integer)) else as_tuple(value)


def described(value: Any) -> Any:
    """Return an argument as JSON holds it."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value)(map(described, value))
    if isinstance(value, type):
        value = value()
    if hasattr(value, "get_config"):
        config = {key: described(each) for key, each in value.get_config().items()}
        return {"class_name": type(value).__name__, "config": config}
    return getattr(value, "keras_name", value)
