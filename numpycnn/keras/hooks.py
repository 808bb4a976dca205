"""What a callback of the facade is: Keras's hooks, what ``fit`` returns, and how the core calls them."""

from __future__ import annotations

from typing import Any, Callable, Iterable

import numpy as np

from .. import callbacks as core
from .notes import named, note

HOOKS = ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end",
         "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end", "on_test_batch_begin",
         "on_test_batch_end")  # fmt: skip


class Callback:
    """Base; ``self.model`` is the model of the facade, and hooks get ``logs`` as Keras gives them."""

    model: Any = None
    params: dict[str, Any] = {}
    validation_data: Any = None

    def set_model(self, model: Any) -> None:
        """Called by ``fit`` before all other hooks."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called by ``fit`` with epochs, steps and verbose."""
        self.params = params

    def to_core(self, figures: Any) -> Any:
        """Return a callback of the core that does the same, or None: then the hooks are called."""
        return None


def _hook(name: str) -> Callable[..., None]:
    def idle(self: Callback, *given: Any, **named: Any) -> None:
        pass

    return named(idle, name, f"Called {name.removeprefix('on_').replace('_', ' ')}; does nothing.")


PREDICT_HOOKS = "on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end"
for _name in (*HOOKS, *PREDICT_HOOKS):
    setattr(Callback, _name, _hook(_name))


class LambdaCallback(Callback):
    """Functions for hooks: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            if name not in (known := (*HOOKS, *PREDICT_HOOKS)):
                raise TypeError(f"LambdaCallback: unexpected argument {name!r}; expected one of {', '.join(known)}")
            if function is not None:
                setattr(self, name, function)


class Figures(dict):
    """Figures by name that know Keras 2's names: ``acc`` for ``accuracy``, ``lr`` for ``learning_rate``."""

    old = {"acc": "accuracy", "val_acc": "val_accuracy", "lr": "learning_rate"}

    def __missing__(self, name: str) -> Any:
        new = self.old.get(name)
        if new in self:
            note(f"history: {name!r} is the old name of {new!r}")
            return self[new]
        raise KeyError(f"{name}: expected one of {', '.join(self)}")

    def get(self, name: str, default: Any = None) -> Any:
        """Return the figure, by its old name, too."""
        return self[name] if name in self or self.old.get(name) in self else default


class History(Callback):
    """What ``fit`` returns: ``history.history["loss"][epoch]``."""

    def __init__(self, model: Any = None, epochs: int = 1, steps: int | None = None, verbose: Any = 1) -> None:
        self.model = model
        self.history: dict[str, list[float]] = Figures()
        self.epoch: list[int] = []
        self.params = {"verbose": 1 if verbose == "auto" else int(verbose), "epochs": epochs, "steps": steps}

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self.epoch, self.history = [], Figures()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Take down an epoch's figures."""
        self.epoch.append(epoch)
        for name, figure in (logs or {}).items():
            self.history.setdefault(name, []).append(figure)  # whatever a callback put there

    def take(self, done: Any, core_model: Any) -> None:
        """Take over the core's History, and whether someone has stopped the training."""
        self.model.stop_training = core_model.stop_training
        self.epoch = list(done.epoch)
        figures = {name: list(map(float, values)) for name, values in done.history.items()}
        self.history = Figures(self.history | figures)  # in the order in which they came


class Counter(core.Callback):
    """Counts the batches of ``evaluate``."""

    steps = 0

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count."""
        self.steps = batch + 1


class Names:
    """The figures that an epoch will have."""

    def __init__(self, model: Any, validated: Any) -> None:
        self.model, own = model, model.metrics_names
        self.known = [*own, *(f"val_{name}" for name in own)] if validated else own
        self.moment: tuple | None = None
        self.logs, self.asked = Figures(), set[int]()

    def shared(self, asker: Any, *moment: Any, logs: Any) -> Figures:
        """Return the figures of a moment: what a callback writes into them, those after it read."""
        if moment != self.moment or id(asker) in self.asked:  # nobody asks twice at one moment
            self.moment, self.logs, self.asked = moment, Figures(sorted((logs or {}).items())), set()
        self.asked.add(id(asker))
        return self.logs

    def find(self, monitor: str, otherwise: str = "nothing is done") -> str:
        """Return the name of a figure as it is today, with a note if it is none that ``fit`` finds."""
        renewed = monitor if monitor in self.known else Figures.old.get(monitor, monitor)
        if renewed not in self.known:
            note(f"callbacks: there is no figure {monitor!r} to follow, only {', '.join(self.known)}: {otherwise}, "
                 "unless a callback before this one writes it into logs")  # fmt: skip
        if renewed != monitor:
            note(f"callbacks: {monitor!r} is the old name of {renewed!r}")
        return renewed


def core_callbacks(callbacks: Any, model: Any, history: History | None, validated: Any) -> list[core.Callback]:
    """Return what the core's ``fit`` or ``evaluate`` takes for these callbacks of the facade."""
    names, made = Names(model, validated), []
    for callback in _listed(callbacks):
        if isinstance(callback, core.Callback):
            made.append(callback)
            continue
        _begin(callback, model, history.params if history is not None else {})
        model.history = history
        own = callback.to_core(names)
        made.append(_bridge(callback, names) if own is None else own)
    return made if history is None else [*made, _bridge(history, names)]


def _listed(callbacks: Any) -> list[Any]:
    return [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _begin(callback: Any, model: Any, params: dict[str, Any]) -> None:
    """Tell a callback of the facade what it is to follow."""
    if not isinstance(callback, Callback):
        raise TypeError(f"callbacks: expected one of keras.callbacks, got {callback!r}")
    callback.set_params(params)
    callback.set_model(model)


def predicted(model: Any, callbacks: Any, batches: Iterable[np.ndarray], steps: int | None) -> np.ndarray:
    """Return the outputs for all batches, and call the callbacks before and after each."""
    given = _listed(callbacks)
    for callback in given:
        _begin(callback, model, {"verbose": 0, "epochs": 1, "steps": steps})

    def tell(moment: str, *number: int, **logs: Any) -> None:
        for callback in given:
            getattr(callback, f"on_predict_{moment}")(*number, dict(logs))

    tell("begin")
    outputs = []
    for number, x in enumerate(batches):
        tell("batch_begin", number)
        outputs.append(model.core_model().predict(x))
        tell("batch_end", number, outputs=outputs[-1])
    tell("end")
    return np.concatenate(outputs)


def _defines(callback: Callback, hook: str) -> bool:
    mine = getattr(callback, hook, None)
    return getattr(mine, "__func__", mine) is not getattr(Callback, hook)


def look_at_batches(callbacks: Any) -> bool:
    """Whether one of the callbacks is called for each batch that is evaluated."""
    return any(_defines(each, hook) for each in _listed(callbacks) for hook in HOOKS if "test_batch" in hook)


def _bridge(callback: Callback, names: Names) -> core.Callback:
    """Return a callback of the core with those hooks that this one defines."""
    hooks: dict[str, Any] = {}
    for hook in HOOKS:
        if _defines(callback, hook):
            hooks[hook] = _forward(callback, hook, names)
    return type(type(callback).__name__, (core.Callback,), hooks)()


def _forward(callback: Callback, hook: str, names: Names) -> Callable[..., None]:
    """Return a hook of the core that calls this one, and hands on a wish to stop."""
    model = names.model

    def called(self: core.Callback, *given: Any) -> None:
        *number, logs = given  # of the epoch or the batch, where there is one
        getattr(callback, hook)(*number, names.shared(callback, hook, *number, logs=logs))
        self.model.stop_training = self.model.stop_training or model.stop_training

    return called
