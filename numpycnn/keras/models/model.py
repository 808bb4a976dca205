"""``Model`` and ``Sequential``: how a chain is written down."""

from __future__ import annotations

from typing import Any

from ...hints import is_ours
from ...layers import Layer as CoreLayer
from .. import layers as all_layers
from ..layers.base import Layer
from ..tensors import Symbol
from .files import Files


OWN_STEPS = "call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"


class Model(Files):
    """A chain of layers from an input to an output: ``Model(inputs, outputs)``."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [name for name in OWN_STEPS if name in vars(cls)]
        if own and not is_ours(cls):
            raise TypeError(f"class {cls.__name__}: a model of your own with {own[0]}() needs gradients of any code, "
                            "which are not here; write a Sequential, or layers of your own as subclasses of "
                            "numpycnn.Layer")

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **old: Any) -> None:
        inputs, outputs = old.pop("input", inputs), old.pop("output", outputs)
        if old:
            raise TypeError(f"Model: unexpected argument {', '.join(old)}")
        super().__init__(name)
        inputs, outputs = _one(inputs, "inputs"), _one(outputs, "outputs", several=True)
        if inputs is None or outputs is None:
            raise TypeError("Model: expected inputs and outputs: Model(inputs=x, outputs=layer(x))")
        self._each = None
        if isinstance(outputs, list):  # to look at several layers at once
            itself = all_layers.Rescaling(1.0)  # of an input among the outputs
            self._each = [Model(inputs, output if output.chain else itself(output)) for output in outputs]
            outputs = max(outputs, key=lambda output: len(output.chain))
        if inputs.root is not outputs.root or outputs.chain[: len(inputs.chain)] != inputs.chain:
            raise ValueError("Model: the outputs do not come from these inputs, by one chain of layers")
        twice = [layer.name for i, layer in enumerate(outputs.chain) if layer in outputs.chain[:i]]
        if twice:
            raise ValueError(f"Model: {twice[0]!r} stands twice in the chain; here each use needs a layer of its own")
        self._layers = [inputs.root] if not inputs.chain else []
        self._layers += outputs.chain[len(inputs.chain) :]
        self._root = inputs  # of this input, not of a new one, the layers' outputs are also after `fit` and `summary`
        self.ensure(inputs.one)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return such a model, with new weights."""
        return model_from_config({"class_name": cls.__name__, "config": config})

    def predict(self, x: Any, *args: Any, **given: Any) -> Any:
        """Return the outputs for rows; of a model with several outputs a list."""
        if self._each is not None:
            return [model.predict(x, *args, **given) for model in self._each]
        return super().predict(x, *args, **given)

    def __call__(self, inputs: Any, training: bool | None = None, **others: Any) -> Any:
        if self._each is not None and not isinstance(inputs, Symbol):
            return [model(inputs, training) for model in self._each]
        return super().__call__(inputs, training, **others)

    outputs = property(lambda self: [m.output for m in self._each] if self._each else [self.output])  # type: ignore
    _each: list[Any] | None = None


def _one(symbol: Any, name: str, several: bool = False) -> Any:
    if isinstance(symbol, (list, tuple)) and len(symbol) == 1:
        (symbol,) = symbol
    if isinstance(symbol, (list, tuple)) and several and all(isinstance(each, Symbol) for each in symbol):
        return list(symbol)
    if isinstance(symbol, (list, tuple, dict)):
        raise ValueError(f"Model: expected one of {name}, got {len(symbol)}: models are chains here, without branches")
    if symbol is not None and not isinstance(symbol, Symbol):
        raise TypeError(f"Model: {name}: expected what Input() or a layer gives, got {symbol!r}")
    return symbol


class Sequential(Model):
    """Layers one after another."""

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        super(Model, self).__init__(name)
        for layer in [] if layers is None else [layers] if isinstance(layers, (Layer, Model)) else layers:
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any) -> None:
        """Append a layer, or an input."""
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise TypeError(f"{self.name}: expected a layer, got a class; write {layer.__name__}(...)")
        if isinstance(layer, Symbol) and not layer.chain:
            layer = layer.root
        if not isinstance(layer, (Layer, Model)):
            core = "; a numpycnn.Layer goes into a numpycnn.Sequential" if isinstance(layer, CoreLayer) else ""
            raise TypeError(f"{self.name}: expected a layer, got {layer!r}{core}")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f"{self.name}: there is a layer {layer.name!r} already; each needs a name of its own")
        first = not self._layers
        if first and isinstance(layer, Model) and self._shape is None and layer._shape is not None:
            self._shape = layer._shape
        given = getattr(layer, "given_shape", None)
        if given is not None and self._shape is None and first:
            self._shape = given
        if type(layer).__name__ == "InputLayer":
            if not first:
                raise ValueError(f"{self.name}: an input stands before all layers")
            self._root = Symbol(layer, (), layer.given_shape)  # with the name that it was given
            return
        self._layers.append(layer)
        self._changed()
        if self._shape is not None:
            self.ensure(self._shape)
            self._symbols()

    def pop(self, rebuild: bool = True) -> Any:
        """Take the last layer away."""
        if not self._layers:
            raise TypeError(f"{self.name}: there is no layer to take away")
        layer = self._layers.pop()
        self._changed()
        return layer


def model_from_config(entry: dict[str, Any]) -> Any:
    """Return the model that ``get_config`` and its class's name describe."""
    config = entry["config"]
    layers = [layer_from(each) for each in (config["layers"] if isinstance(config, dict) else config)]
    name = config.get("name") if isinstance(config, dict) else None
    if entry["class_name"] == "Sequential" or type(layers[0]).__name__ != "InputLayer":
        model = Sequential(layers, name=name)
        shape = config.get("build_input_shape") if isinstance(config, dict) else None
        if shape and model._shape is None:
            model.build(shape)
        return model
    root: Any = layers[0]
    root.ensure(root.given_shape)
    root.output = start = symbol = Symbol(root, (), root.given_shape)
    for layer in layers[1:]:
        symbol = layer(symbol)
    return Model(start, symbol, name=name)


def layer_from(entry: dict[str, Any]) -> Any:
    """Return a layer, or a model, of a class's name and its arguments."""
    kind, config = entry["class_name"], dict(entry["config"])
    if kind in ("Sequential", "Functional", "Model"):
        return model_from_config(entry)
    found = getattr(all_layers, kind, None)  # names that Keras alone has raise, and say what to use
    if not (isinstance(found, type) and issubclass(found, Layer)):
        raise ValueError(f"unknown layer {kind!r}")
    if kind == "InputLayer":
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        return found(input_shape=list(shape or ())[1:], name=config.get("name"))
    known = {*found.words, "name", "trainable", "batch_input_shape", "dtype"}
    return found.from_config({name: _argument(value) for name, value in config.items() if name in known})


def _argument(value: Any) -> Any:
    """Undo `described` for what is an object: a layer that serves as an activation, or a list for a tuple."""
    if isinstance(value, dict) and value.get("class_name") in ("ReLU", "LeakyReLU", "Softmax", "ELU", "Activation"):
        return layer_from(value)
    if isinstance(value, dict) and value.get("class_name") == "function":
        return value["config"]
    return tuple(value) if isinstance(value, list) else value
