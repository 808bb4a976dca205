"""The facade's callbacks as the core calls them: its own as callbacks of the core, all others hook by hook."""

from __future__ import annotations

from typing import Any, Callable

from ... import callbacks as core
from ..notes import note
from .base import HOOKS, Callback, Figures, History


class Names:
    """The figures that an epoch will have."""

    def __init__(self, model: Any, validated: Any) -> None:
        self.model, own = model, model.metrics_names
        self.known = [*own, *(f"val_{name}" for name in own)] if validated else own

    def find(self, monitor: str) -> str | None:
        """Return the name of a figure as it is today; None, with a note, if there will be none."""
        renewed = monitor if monitor in self.known else Figures.old.get(monitor, monitor)
        if renewed not in self.known:
            note(f"callbacks: there is no figure {monitor!r} to follow, only {', '.join(self.known)}: nothing is done")
            return None
        if renewed != monitor:
            note(f"callbacks: {monitor!r} is the old name of {renewed!r}")
        return renewed


def core_callbacks(callbacks: Any, model: Any, history: History | None, validated: Any) -> list[core.Callback]:
    """Return what the core's ``fit`` or ``evaluate`` takes for these callbacks of the facade."""
    given = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    names, made = Names(model, validated), []
    for callback in given:
        if isinstance(callback, core.Callback):
            made.append(callback)
            continue
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: expected one of keras.callbacks, got {callback!r}")
        callback.set_params(history.params if history is not None else {})
        callback.set_model(model)
        model.history = history
        own = callback.to_core(names)
        made += [_bridge(callback, names)] if own is None else [own] if isinstance(own, core.Callback) else []
    return made


def _bridge(callback: Callback, names: Names) -> core.Callback:
    """Return a callback of the core with those hooks that this one defines."""
    hooks: dict[str, Any] = {}
    for hook in HOOKS:
        mine = getattr(callback, hook)
        if getattr(mine, "__func__", mine) is not getattr(Callback, hook):
            hooks[hook] = _forward(callback, hook, names)
    return type(type(callback).__name__, (core.Callback,), hooks)()


def _forward(callback: Callback, hook: str, names: Names) -> Callable[..., None]:
    """Return a hook of the core that calls this one, and hands on a wish to stop."""
    model = names.model

    def with_number(self: core.Callback, number: int, logs: Any = None) -> None:
        getattr(callback, hook)(number, Figures(logs or {}))
        self.model.stop_training = self.model.stop_training or model.stop_training

    def without(self: core.Callback, logs: Any = None) -> None:
        getattr(callback, hook)(Figures(logs or {}))
        self.model.stop_training = self.model.stop_training or model.stop_training

    return with_number if "epoch" in hook or "batch" in hook else without
