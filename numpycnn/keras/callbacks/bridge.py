"""The facade's callbacks as the core calls them: its own as callbacks of the core, all others hook by hook."""

from __future__ import annotations

from typing import Any, Callable

from ... import callbacks as core
from .base import HOOKS, Callback, Figures, History


class Names:
    """The figures that an epoch will have, by the core's names and by Keras's."""

    def __init__(self, model: Any, validated: Any) -> None:
        self.model = model
        own = model._figures()
        self.by_core = dict(own)
        if validated:
            self.by_core |= {f"val_{word}": f"val_{name}" for word, name in own.items()}
        self.by_keras = {name: word for word, name in self.by_core.items()}

    def of_core(self, monitor: str) -> str | None:
        """Return the core's name of a figure; None, with a note, if there will be none."""
        from ..notes import note

        if monitor in self.by_keras:
            return self.by_keras[monitor]
        renewed = Figures.old.get(monitor, monitor)
        if renewed in self.by_keras:
            note(f"callbacks: {monitor!r} is the old name of {renewed!r}")
            return self.by_keras[renewed]
        note(f"callbacks: there is no figure {monitor!r} to follow, only {', '.join(self.by_keras)}: nothing is done")
        return None

    def logs(self, logs: dict[str, float] | None) -> Figures:
        """Return the figures under Keras's names."""
        return Figures({self.by_core.get(word, word): value for word, value in (logs or {}).items()})


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
        getattr(callback, hook)(number, names.logs(logs))
        self.model.stop_training = self.model.stop_training or model.stop_training

    def without(self: core.Callback, logs: Any = None) -> None:
        getattr(callback, hook)(names.logs(logs))
        self.model.stop_training = self.model.stop_training or model.stop_training

    return with_number if "epoch" in hook or "batch" in hook else without
