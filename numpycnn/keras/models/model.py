"""``Model`` and ``Sequential``: how a chain is written down."""

from __future__ import annotations

from typing import Any

from ..layers.base import Layer
from ..tensors import Symbol
from .files import Files
from .learning import Learning
from .table import Table


class Model(Learning, Files, Table):
    """A chain of layers from an input to an output: ``Model(inputs, outputs)``."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "call" in vars(cls) and not cls.__module__.startswith("numpycnn."):
            raise TypeError(
                f"class {cls.__name__}: a model of your own with call() needs gradients of any code, which are not "
                "here; write a Sequential, or layers of your own as subclasses of numpycnn.Layer"
            )

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
            self._each = [Model(inputs, output) for output in outputs]
            outputs = max(outputs, key=lambda output: len(output.chain))
        if inputs.root is not outputs.root or outputs.chain[: len(inputs.chain)] != inputs.chain:
            raise ValueError("Model: the outputs do not come from these inputs, by one chain of layers")
        self._layers = [inputs.root] if not inputs.chain else []
        self._layers += outputs.chain[len(inputs.chain) :]
        self.ensure(inputs.one)

    def predict(self, x: Any, *args: Any, **given: Any) -> Any:
        """Return the outputs for rows; of a model with several outputs a list."""
        if self._each is not None:
            return [model.predict(x, *args, **given) for model in self._each]
        return super().predict(x, *args, **given)

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
            raise TypeError(f"{self.name}: expected a layer, got the class {layer.__name__}; write {layer.__name__}(...)")
        if isinstance(layer, Symbol) and not layer.chain:
            layer = layer.root
        if not isinstance(layer, (Layer, Model)):
            raise TypeError(f"{self.name}: expected a layer, got {layer!r}")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f"{self.name}: there is a layer named {layer.name!r} already; each needs a name of its own")
        first = not self._layers
        if first and isinstance(layer, Model) and self._shape is None and layer._shape is not None:
            self._shape = layer._shape
        given = getattr(layer, "given_shape", None)
        if given is not None and self._shape is None and first:
            self._shape = given
        if type(layer).__name__ == "InputLayer":
            if not first:
                raise ValueError(f"{self.name}: an input stands before all layers")
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
