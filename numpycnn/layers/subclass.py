"""What is looked at where somebody defines a layer: mistakes that would show late, or never."""

from __future__ import annotations

import inspect
from typing import Any

METHODS = {"forward": ("x, training=False", {"training": True}), "backward": ("dy, need_dx=True", {"need_dx": True})}


def check_subclass(cls: Any, layer: Any) -> None:
    """Raise if a subclass of `layer` has a method under another name, or with other arguments, than it is called by."""
    for name in ("build", "_build"):
        if getattr(cls, name, None) is not getattr(layer, name, None):
            raise TypeError(f"{cls.__name__} defines {name}, but a layer's own part of building is setup(self, rng): "
                            "it makes the parameters and returns the output shape; Layer.build calls it. Rename the "
                            "method")
    for name, (arguments, by_name) in METHODS.items():
        method = vars(cls).get(name)
        if inspect.isfunction(method):
            signature = inspect.signature(method)
            try:
                signature.bind(None, None, **by_name)
            except TypeError:
                text = f"expected {name}(self, {arguments}), got {name}{signature}"
                raise TypeError(f"{cls.__name__}: {text}") from None
    if not isinstance(cls.state_names, tuple):
        raise TypeError(f"{cls.__name__}.state_names: expected a tuple of names, got {cls.state_names!r}")
