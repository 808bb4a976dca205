"""``tf.config``: questions about devices. There are none but the processor, and nothing to set."""

from __future__ import annotations

import types
from typing import Any

from ..notes import note


def list_physical_devices(device_type: Any = None) -> list[Any]:
    """Return the processor, or nothing where another kind was asked for."""
    cpu = types.SimpleNamespace(name="/physical_device:CPU:0", device_type="CPU")
    return [cpu] if device_type in (None, "CPU") else []


list_logical_devices = get_visible_devices = list_physical_devices


def _nothing(name: str) -> Any:
    def idle(*_: Any, **__: Any) -> None:
        note(f"tf.config.{name} does nothing here")

    idle.__name__, idle.__doc__ = name, "Does nothing, with a note."
    return idle


set_visible_devices, run_functions_eagerly, enable_op_determinism, set_soft_device_placement, set_memory_growth = map(
    _nothing, ("set_visible_devices", "run_functions_eagerly", "enable_op_determinism", "set_soft_device_placement",
               "set_memory_growth")
)  # fmt: skip
experimental = types.SimpleNamespace(
    list_physical_devices=list_physical_devices, set_memory_growth=set_memory_growth,
    enable_op_determinism=enable_op_determinism, get_device_details=lambda device: {},
)  # fmt: skip
