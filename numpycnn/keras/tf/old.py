"""Old places of TensorFlow's that programs still import: ``tf.python.client.device_lib``, ``tf.examples``."""

from __future__ import annotations

import sys
import types
from typing import Any


def list_local_devices() -> list[Any]:
    """Return the processor."""
    return [types.SimpleNamespace(name="/device:CPU:0", device_type="CPU", memory_limit=0)]


def read_data_sets(*_: Any, **__: Any) -> None:
    """Refused: TensorFlow 1's loader."""
    raise ImportError("read_data_sets: numpycnn has keras.datasets.mnist.load_data()")


def _place(path: str, **names: Any) -> Any:
    """Make a module of these names at this place below ``tf``, and the packages around it; return the first."""
    parts, inner = path.split("."), types.ModuleType(path)
    vars(inner).update(names)
    for depth in range(len(parts), 0, -1):
        sys.modules[f"{__package__}.{'.'.join(parts[:depth])}"] = inner
        outer = types.ModuleType(".".join(parts[: depth - 1]))
        vars(outer).update({"__path__": [], parts[depth - 1]: inner})
        first, inner = inner, outer
    return first


python = _place("python.client.device_lib", list_local_devices=list_local_devices)
examples = _place("examples.tutorials.mnist.input_data", read_data_sets=read_data_sets)
