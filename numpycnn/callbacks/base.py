"""What a callback is: hooks between steps and epochs. Each looks at the figures (`logs`) and may act on the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

from ..checks import check_function, check_instance, check_list
from ..hints import ExplainsArguments, did_you_mean

if TYPE_CHECKING:
    from ..model import Sequential
    from ..training.run import Run


class Callback(ExplainsArguments):
    """Base of the callbacks; override what you need.

    A callback with an attribute ``monitor`` names the figure that it follows; ``fit`` refuses to start without it.
    What it has to remember from epoch to epoch it names in ``state_names``, for ``BackupAndRestore``.

    Attributes
    ----------
    model : Sequential
        The model in training; set by ``fit``.
    figures : tuple of str
        Names of the figures that an epoch will have; set by ``fit``.
    run : Run
        Where ``fit`` is; set by ``fit``.
    state_names : tuple of str
        Attributes that go into a backup: numbers, text, arrays, None, or lists of numbers and text.
    """

    model: Sequential
    figures: tuple[str, ...]
    run: Run
    state_names: tuple[str, ...] = ()
    comes_last = False  # called after the others, wherever it stands in the list

    def on_train_begin(self) -> None:
        """Called before the first epoch."""

    def on_train_end(self) -> None:
        """Called after the last epoch, and after an interruption."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Called before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Called after each epoch with its figures."""

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Called after each step with the epoch's figures so far."""

    def get_state(self) -> dict[str, Any]:
        """Return what the callback remembers."""
        return {name: getattr(self, name) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what ``get_state`` returned; called after ``on_train_begin``."""
        for name in self.state_names:
            setattr(self, name, state[name])


class CallbackList:
    """All callbacks of one ``fit``."""

    def __init__(self, callbacks: Sequence[Callback] | None, model: Sequential, names: Sequence[str]) -> None:
        if isinstance(callbacks, Callback):
            one = type(callbacks).__name__
            raise TypeError(f"callbacks: expected a list, got one {one}; put it into a list: callbacks=[{one}(...)]")
        self.callbacks = [] if callbacks is None else check_list(callbacks, "callbacks", "a list of callbacks")
        for callback in self.callbacks:
            check_instance(callback, Callback, "callbacks", "numpycnn callbacks")
            monitor = getattr(callback, "monitor", None)
            if monitor is not None and monitor not in names:
                hint = did_you_mean(monitor, names)
                if monitor.startswith("val_") and "val_loss" not in names:
                    hint = "; val_ figures need validation_split or validation_data"
                raise ValueError(
                    f"{type(callback).__name__} monitors {monitor!r}, but an epoch has only {', '.join(names)}{hint}"
                )
            callback.model = model
            callback.figures = tuple(names)
        self.callbacks.sort(key=lambda callback: callback.comes_last)

    def train_begin(self, run: Run) -> None:
        for callback in self.callbacks:
            callback.run = run
            callback.on_train_begin()

    def train_end(self) -> None:
        for callback in self.callbacks:
            callback.on_train_end()

    def epoch_begin(self, epoch: int) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, dict(logs))

    def batch_end(self, batch: int, logs: dict[str, float]) -> None:
        for callback in self.callbacks:
            callback.on_batch_end(batch, dict(logs))


class LambdaCallback(Callback):
    """Call a function ``on_epoch_end(epoch, logs)`` after each epoch."""

    def __init__(self, on_epoch_end: Callable[[int, dict[str, float]], None]) -> None:
        self._function = check_function(on_epoch_end, "on_epoch_end", "(epoch, logs)")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._function(epoch, logs)
