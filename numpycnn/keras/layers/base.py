"""What all layers of the facade share: Keras's arguments, a name, and the layers of the core that do the work."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any, Iterable

import numpy as np

from ... import layers as core
from ...checks import Shape
from ...hints import did_you_mean
from ...io.keras_file.write import snake_case
from ...memory.weights import get_weights, set_weights
from ..notes import no_effect, note, refuse
from ..random import next_rng
from ..tensors import Symbol, Tensor, Variable, tensor

REQUIRED = inspect.Parameter.empty
OLD_WORDS = {"alpha": "negative_slope", "W_regularizer": "kernel_regularizer", "init": "kernel_initializer",
             "border_mode": "padding", "subsample": "strides", "nb_filter": "filters", "output_dim": "units",
             "p": "rate"}  # fmt: skip
COMMON = ("name", "trainable", "dtype", "input_shape", "input_dim", "batch_input_shape", "batch_shape", "batch_size",
          "autocast", "data_format", "activity_regularizer", "weights", "seed")
OWN_METHODS = ("call", "build", "compute_output_shape", "train_step", "test_step", "add_weight")
_names: Counter = Counter()


def new_name(kind: str) -> str:
    """Return ``dense``, then ``dense_1``, and so on."""
    number = _names[kind]
    _names[kind] += 1
    return f"{kind}_{number}" if number else kind


def forget_names() -> None:
    """Count from the beginning again."""
    _names.clear()


def weight_names(layer: core.Layer) -> list[tuple[str, bool]]:
    """Return Keras's names of a layer's arrays, and whether training changes them."""
    renamed = {"weight": "kernel"}
    own = [(renamed.get(p.name, p.name), True) for p in layer.parameters]
    return own + [(name, False) for name in layer.state_names if isinstance(getattr(layer, name), np.ndarray)]


class Layer:
    """A layer in Keras's words; subclasses say in `words` which they have, and in `make` what the core calls it.

    Attributes
    ----------
    words : dict
        Arguments, in Keras's order, with their defaults; REQUIRED has none.
    core : list of numpycnn.Layer, or None
        What does the work, from the moment when the input's shape is known.
    owner : object
        The model whose arena these layers of the core live in.
    """

    words: dict[str, Any] = {}
    trainable_words = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind, default=value) for name, value in cls.words.items()]
        if cls.__module__.startswith("numpycnn."):
            cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        own = [name for name in OWN_METHODS if name in vars(cls)]
        if own and not cls.__module__.startswith("numpycnn."):
            raise TypeError(
                f"class {cls.__name__}: {own[0]} would never be called; a layer of your own is a subclass of "
                "numpycnn.Layer (setup, forward, backward), in a numpycnn.Sequential"
            )

    def __init__(self, *args: Any, **given: Any) -> None:
        kind = type(self).__name__
        for old, new in OLD_WORDS.items():
            if old in given and old not in self.words and new in self.words:
                note(f"{kind}: {old}= is the old word for {new}=")
                given[new] = given.pop(old)
        common = {name: given.pop(name) for name in COMMON if name in given and name not in self.words}
        self._take_common(common)
        if len(args) > len(self.words):
            raise TypeError(f"{kind}: expected at most {len(self.words)} arguments, got {len(args)}")
        for name, default in self.words.items():
            value = given.pop(name, default)
            if args:
                value, args = args[0], args[1:]
            if value is REQUIRED:
                raise TypeError(f"{kind}: argument {name!r} is missing")
            setattr(self, name, value)
        if given:
            word = sorted(given)[0]
            raise TypeError(f"{kind}: unexpected argument {word!r}{did_you_mean(word, [*self.words, *COMMON])}")
        self.core: list[core.Layer] | None = None
        self.owner: Any = None
        self.input: Any = None
        self.output: Any = None
        self.check()

    def _take_common(self, common: dict[str, Any]) -> None:
        kind = type(self).__name__
        self.name = common.get("name") or new_name(snake_case(kind))
        self._trainable = bool(common.get("trainable", True))
        data_format = common.get("data_format")
        if data_format not in (None, "channels_last"):
            raise ValueError(
                f"{kind}: data_format={data_format!r}: images are channels-last here: x.transpose(0, 2, 3, 1)"
            )
        if str(common.get("dtype") or "float32") not in ("float32", "uint8"):
            raise ValueError(f"{kind}: dtype={common['dtype']!r}: the facade computes in float32")
        refuse(kind, activity_regularizer=common.get("activity_regularizer"), weights=common.get("weights"))
        no_effect(kind, autocast=common.get("autocast"), seed=common.get("seed"))
        shape = common.get("input_shape")
        if common.get("input_dim") is not None:
            shape = (common["input_dim"],)
        whole = common.get("batch_input_shape") or common.get("batch_shape")
        self.given_shape = tuple(whole[1:]) if whole else None if shape is None else as_shape(shape, kind)

    def check(self) -> None:
        """Look at the arguments: what is refused is refused where it is written."""

    core_name = ""  # the core's word, for a layer whose arguments are the core's

    def make(self, shape: Shape) -> list[core.Layer]:
        """Return new layers of the core, not built, for one input of this shape."""
        return [getattr(core, self.core_name)(*(getattr(self, word) for word in self.words))]

    # Building

    def leaves(self) -> Iterable[Layer]:
        """Yield the layers that do something: this one; of a model, those in it."""
        yield self

    def ensure(self, shape: Shape) -> Shape:
        """Build for inputs of this shape, if that was not done; return the output's shape."""
        if self.core is None or self._built_for != shape:
            rng, self._built_for, made = next_rng(), shape, self.make(shape)
            for each in made:
                shape = each.build(shape, rng)
                each.trainable = self._trainable
                self._forget_initializers(each)
            self.core, self.owner = made, None
        return self.core[-1].output_shape if self.core else self._built_for

    @staticmethod
    def _forget_initializers(layer: core.Layer) -> None:
        """Initializers that only the facade knows have done their work: a file holds the names of the core's."""
        for name in ("kernel_initializer", "bias_initializer"):
            if callable(getattr(layer, name, None)):
                setattr(layer, name, "zeros" if name == "bias_initializer" else "glorot_uniform")

    _built_for: Any = None

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self.core is not None

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, (None, ...)."""
        self.ensure(tuple(input_shape[1:]))

    def __call__(self, inputs: Any, training: bool = False, **others: Any) -> Any:
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and isinstance(inputs[0], Symbol):
            (inputs,) = inputs
        if isinstance(inputs, (list, tuple)) and any(isinstance(each, Symbol) for each in inputs):
            raise ValueError(f"{self.name}: a layer has one input here; models are chains, without branches")
        if isinstance(inputs, Symbol):
            shape = self.ensure(inputs.one)
            self.input, self.output = inputs, Symbol(inputs.root, (*inputs.chain, self), shape)
            return self.output
        return self._run(np.asarray(inputs), bool(training))

    def _run(self, x: np.ndarray, training: bool) -> Tensor:
        self.ensure(x.shape[1:])
        for each in self.core or []:
            x = each.forward(x, training)
        return tensor(np.array(x, np.float32))

    # Weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the arrays: kernel, bias; gamma, beta, moving mean, moving variance."""
        return get_weights(self.core or [])

    def set_weights(self, weights: Any) -> None:
        """Take over such arrays."""
        set_weights(self.core or [], [np.asarray(w) for w in weights], "float32")

    @property
    def weights(self) -> list[Variable]:
        """All arrays, live."""
        named = [pair for each in self.core or [] for pair in weight_names(each)]
        return [Variable(self, i, name, learns and self.trainable) for i, (name, learns) in enumerate(named)]

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The arrays that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The others."""
        return [variable for variable in self.weights if not variable.trainable]

    non_trainable_variables = non_trainable_weights

    def __getattr__(self, name: str) -> Any:
        if name in ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"):
            for variable in self.weights:
                if variable.name == name:
                    return variable
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def count_params(self) -> int:
        """Return the number of numbers in all arrays."""
        return sum(array.size for array in self.get_weights())

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        for each in self.core or []:
            each.trainable = self._trainable

    @property
    def input_shape(self) -> tuple:
        """Shape of the input, None for the batch."""
        if self._built_for is None:
            raise AttributeError(f"{self.name} is not built yet: its input's shape is not known")
        return (None, *self._built_for)

    @property
    def output_shape(self) -> tuple:
        """Shape of the output, None for the batch."""
        return (None, *self.ensure(self.input_shape[1:]))

    def get_input_shape_at(self, node_index: int = 0) -> tuple:
        """Return ``input_shape``: a layer stands in one place."""
        return self.input_shape

    def get_output_shape_at(self, node_index: int = 0) -> tuple:
        """Return ``output_shape``: a layer stands in one place."""
        return self.output_shape

    # Configuration

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name, as JSON can hold them."""
        config = {name: described(getattr(self, name)) for name in self.words}
        shape = {} if self.given_shape is None else {"batch_input_shape": [None, *self.given_shape]}
        return {"name": self.name, "trainable": self._trainable, **shape, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return such a layer, with new weights."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def as_shape(shape: Any, owner: str) -> Shape:
    """Return the shape of one input as a tuple of integers."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(n is None for n in sizes):
        raise ValueError(f"{owner}: expected a fixed input shape such as (28, 28, 1), got {sizes}")
    return tuple(int(n) for n in sizes)


def described(value: Any) -> Any:
    """Return an argument as JSON holds it."""
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [described(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "get_config"):
        config = {key: described(each) for key, each in value.get_config().items()}
        return {"class_name": type(value).__name__, "config": config}
    if isinstance(value, type):
        return described(value())
    name = getattr(value, "keras_name", None)
    return name if name is not None else value


def translated(name: str, core_name: str, doc: str, **words: Any) -> Any:
    """Return a layer whose arguments are the core's, in the same order."""
    text = f"{doc}; the core's {core_name}."
    return type(name, (Layer,), {"core_name": core_name, "words": words, "__doc__": text, "__module__": __name__})
