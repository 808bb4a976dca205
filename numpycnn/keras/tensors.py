"""Stand-ins for Keras's tensors: arrays that know ``numpy()``, live weights, inputs of chains; functions of arrays."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

from ..checks import Shape
from .notes import named, note


class Tensor(np.ndarray):
    """An array with TensorFlow's ``numpy()``."""

    def numpy(self) -> Any:
        """Return a plain array, or a number."""
        return self.view(np.ndarray)[()]

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return part if isinstance(part, np.ndarray) else tensor(part)  # a number, too, knows numpy()


def tensor(value: Any, dtype: Any = None) -> Tensor:
    """Return the value as an array that knows ``numpy()``."""
    return np.asarray(value, dtype=dtype).view(Tensor)


class Rate(float):
    """A learning rate that ``keras.backend.set_value`` can change."""

    optimizer: Any = None

    def numpy(self) -> np.float32:
        """Return the number."""
        return np.float32(self)

    def assign(self, value: float) -> None:
        """Set the optimizer's learning rate."""
        self.optimizer.learning_rate = float(value)


class Session:
    """TensorFlow 1's, which does nothing: programs make one to save a GPU's memory."""

    def __init__(self, *_: Any, **__: Any) -> None:
        note("tf.Session does nothing here: there is no GPU, and no graph")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        """Do nothing."""

    def run(self, *_: Any, **__: Any) -> None:
        """Refused: there is no graph."""
        raise TypeError("Session.run: there is no graph of tensors here; compute with NumPy, and train by model.fit")


class Variable:
    """One array of a layer's weights, live: reading sees training, ``assign`` changes the layer."""

    def __init__(self, layer: Any, index: int, name: str, trainable: bool) -> None:
        self._layer, self._index, self.name, self.trainable = layer, index, name, trainable
        self.path = f"{layer.name}/{name}"

    def numpy(self) -> np.ndarray:
        """Return a copy."""
        return self._layer.get_weights()[self._index]

    def assign(self, value: Any) -> None:
        """Write this array."""
        arrays = self._layer.get_weights()
        arrays[self._index] = np.asarray(value, arrays[self._index].dtype)
        self._layer.set_weights(arrays)

    shape = property(lambda self: self.numpy().shape, doc="Shape of the array.")
    dtype = property(lambda self: self.numpy().dtype.name, doc="Name of the dtype, as Keras gives it.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


class Symbol:
    """What a layer of a functional model gives: the chain of layers from the input to here (Keras: KerasTensor)."""

    def __init__(self, root: Any, chain: Sequence[Any], shape: Shape) -> None:
        self.root, self.chain = root, tuple(chain)
        self.shape: tuple = (None, *shape)
        self.dtype = "float32"
        self.name = self.chain[-1].name if self.chain else root.name

    __array_priority__ = 1000  # NumPy's numbers on the left leave the arithmetic to `_operator`
    one = property(lambda self: self.shape[1:], doc="Shape of one row, without the batch axis.")

    def get_shape(self) -> tuple:
        """Return the shape, None for the batch."""
        return self.shape

    def __array__(self, *_: Any) -> np.ndarray:
        raise TypeError("a symbolic input of a model has no values; call model.predict(x) for numbers")

    __iter__ = __array__

    def __repr__(self) -> str:
        return f"<Symbol {self.name}, shape={self.shape}>"


rescaling: list[Any] = []  # ``keras.layers.Rescaling``, once there is one
# What an operator with a number n does: a scale and an offset, which are a layer Rescaling.
RESCALES: dict[str, Callable[[Any], tuple]] = {
    **dict.fromkeys(("add", "radd"), lambda n: (1.0, n)), **dict.fromkeys(("mul", "rmul"), lambda n: (n, 0.0)),
    "sub": lambda n: (1.0, -n), "rsub": lambda n: (-1.0, n), "truediv": lambda n: (1.0 / n, 0.0),
}  # fmt: skip


def _operator(name: str) -> Callable[..., Symbol]:
    def applied(self: Symbol, *others: Any) -> Symbol:
        if name in RESCALES and isinstance(others[0], (int, float, np.number)):
            return rescaling[0](*map(float, RESCALES[name](others[0])))(self)
        raise TypeError(f"{self.name}: a model is a chain of layers here, without branches: of arithmetic between "
                        "layers there is +, -, * and / with a number (Rescaling); do the rest to the data, or to what "
                        "predict returns")

    return named(applied, f"__{name}__", "Arithmetic with a number as a layer; all other is refused.")


for _name in (*RESCALES, "rtruediv", "pow", "rpow", "matmul", "rmatmul", "neg", "abs", "getitem"):
    setattr(Symbol, f"__{_name}__", _operator(_name))


# NumPy's functions under the names that ``keras.backend`` and ``tf`` have for them


def numpys(name: str, numpy_name: str = "", **renamed: str) -> Callable[..., Tensor]:
    """Return NumPy's function under this name; `renamed` says what NumPy calls an argument."""
    function = getattr(np, numpy_name or name)

    def of_arrays(*args: Any, name: Any = None, **given: Any) -> Tensor:
        arrays = (np.asarray(each) if hasattr(each, "__array__") else each for each in args)
        return tensor(function(*arrays, **{renamed.get(word, word): value for word, value in given.items()}))

    return named(of_arrays, name, f"NumPy's {numpy_name or name}.")


def place_of(name: str, axis: int | None) -> Callable[..., Tensor]:
    """Return NumPy's argmax or argmin, along this axis (None: of all) unless another is given."""
    function = getattr(np, name)

    def place(input: Any, axis: Any = axis, output_type: Any = None, name: Any = None) -> Tensor:
        return tensor(function(np.asarray(input), axis=axis), output_type)

    return named(place, name, f"NumPy's {name}, along axis {axis} unless another is given.")


def cast(x: Any, dtype: Any, name: Any = None) -> Tensor:
    """NumPy's astype."""
    return tensor(np.asarray(x).astype(dtype))


def expand_dims(input: Any, axis: int = -1, name: Any = None) -> Tensor:
    """NumPy's expand_dims."""
    return tensor(np.expand_dims(np.asarray(input), axis))


def reshape(tensor_: Any = None, shape: Any = None, name: Any = None, **given: Any) -> Tensor:
    """NumPy's reshape."""
    return tensor(np.reshape(np.asarray(given.get("tensor", tensor_)), tuple(shape)))


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Tensor:
    """An array; Python's numbers as float32 and int32."""
    array = np.asarray(value, dtype)
    if dtype is None and array.dtype in (np.float64, np.int64) and not hasattr(value, "dtype"):
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
    return tensor(array if shape is None else np.broadcast_to(array, shape).copy())


def one_hot(indices: Any, depth: int, on_value: Any = 1, off_value: Any = 0, axis: int = -1, dtype: Any = None,
            name: Any = None) -> Tensor:  # fmt: skip
    """Rows of `depth` numbers with a 1 at the index; zeros where it is out of range."""
    hits = np.asarray(indices)[..., None] == np.arange(depth)
    return tensor(np.where(hits, on_value, off_value), dtype or np.float32)


def zeros(shape: Any, dtype: Any = np.float32, name: Any = None) -> Tensor:
    """NumPy's zeros."""
    return tensor(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = np.float32, name: Any = None) -> Tensor:
    """NumPy's ones."""
    return tensor(np.ones(shape, dtype))
