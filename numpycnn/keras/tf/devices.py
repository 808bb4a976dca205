"""``tf.config``, ``tf.test`` and old places: questions about devices. There are none but the processor, none to set."""

from __future__ import annotations

import types
from typing import Any

from ..notes import note
from ..places import place


def list_physical_devices(device_type: Any = None) -> list[Any]:
    """Return the processor, or nothing where another kind was asked for."""
    cpu = types.SimpleNamespace(name="/physical_device:CPU:0", device_type="CPU", memory_limit=0)
    return [cpu] if device_type in (None, "CPU") else []


def read_data_sets(*_: Any, **__: Any) -> None:
    """Refused: TensorFlow 1's loader."""
    raise ImportError("read_data_sets: numpycnn has keras.datasets.mnist.load_data()")


def _idle(name: str) -> Any:
    def idle(*_: Any, **__: Any) -> None:
        note(f"tf.config.{name} does nothing here")

    return idle


_SETTINGS = {name: _idle(name) for name in ("set_visible_devices", "run_functions_eagerly", "enable_op_determinism",
                                            "set_soft_device_placement", "set_memory_growth")}  # fmt: skip
experimental = types.SimpleNamespace(
    **_SETTINGS, list_physical_devices=list_physical_devices, get_device_details=lambda device: {}
)
config = place("tf.config", **_SETTINGS, list_physical_devices=list_physical_devices, experimental=experimental,
               list_logical_devices=list_physical_devices, get_visible_devices=list_physical_devices)  # fmt: skip
test = place("tf.test", is_built_with_cuda=lambda: False, is_gpu_available=lambda *_, **__: False,
             gpu_device_name=lambda: "")  # fmt: skip
python, examples = place("tf.python", __path__=[]), place("tf.examples", __path__=[])
for _path in ("python.client", "examples.tutorials", "examples.tutorials.mnist"):
    place(f"tf.{_path}", __path__=[])
place("tf.python.client.device_lib", list_local_devices=list_physical_devices)
place("tf.examples.tutorials.mnist.input_data", read_data_sets=read_data_sets)
