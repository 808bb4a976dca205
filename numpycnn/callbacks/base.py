"""What a callback is: hooks between steps and epochs. Each looks at the figures (`logs`) and may act on the model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable, Sequence

from ..checks import check_function, check_instance, check_list
from ..hints import ExplainsArguments, did_you_mean
from .hooks import MOMENTS, find_hooks

if TYPE_CHECKING:
    from ..layers.share import Share
    from ..model import Sequential
    from ..training.run import Run

Logs = dict[str, float]


class Callback(ExplainsArguments):
    """Base of the callbacks; override what you need.

    The hooks bear Keras's names; ``logs`` are figures by name, each callback's own copy, and a hook may leave the
    argument out. A method ``on_...`` that nothing calls is an error in ``fit``. A callback with an attribute
    ``monitor`` names the figure that it follows; ``fit`` refuses to start without it. What it has to remember from
    epoch to epoch it names in ``state_names``, for ``BackupAndRestore``. A copy or a pickle of a callback leaves out
    the model and the run.

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

    @property
    def speaks(self) -> bool:
        """Whether this process prints and writes files: of several that train together, the first does."""
        return "run" not in vars(self) or self.run.speaks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called after the last epoch, and after an interruption, with the figures of the last epoch."""

    def on_exception(self, error: BaseException) -> None:
        """Called in place of ``on_train_end`` where an error ends the training; ``fit`` raises it afterwards."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after each epoch with its figures."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each step."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Called after each step with the epoch's figures so far."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each step: another name of ``on_batch_begin``."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Called after each step: another name of ``on_batch_end``."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before each validation."""

    def on_test_end(self, logs: Logs) -> None:
        """Called after each validation with its figures, named without ``val_``."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of a validation."""

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """Called after each batch of a validation with its figures so far."""

    def get_state(self) -> dict[str, Any]:
        """Return what the callback remembers."""
        return {name: getattr(self, name) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what ``get_state`` returned; called after ``on_train_begin``."""
        for name in self.state_names:
            setattr(self, name, state[name])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("model", "run")}


class CallbackList:
    """All callbacks of one ``fit``; each of its methods calls the hooks of one moment.

    Where several processes train together, all call them: an error of one is an error of all, and all stop if one does.
    """

    share: Share | None = None

    def __init__(
        self, callbacks: Sequence[Callback] | None = None, model: Sequential | None = None, names: Sequence[str] = ()
    ) -> None:
        if isinstance(callbacks, Callback):
            one = type(callbacks).__name__
            raise TypeError(f"callbacks: expected a list, got one {one}; put it into a list: callbacks=[{one}(...)]")
        self.callbacks = [] if callbacks is None else check_list(callbacks, "callbacks", "a list of callbacks")
        for callback in self.callbacks:
            check_instance(callback, Callback, "callbacks", "numpycnn callbacks")
            monitor = getattr(callback, "monitor", None)
            others_add = getattr(callback, "others_add", False)  # what it follows may come from another callback
            if monitor is not None and monitor not in names and not others_add:
                hint = did_you_mean(monitor, names)
                if monitor.startswith("val_") and "val_loss" not in names:
                    hint = "; val_ figures need validation_split or validation_data"
                raise ValueError(
                    f"{type(callback).__name__} monitors {monitor!r}, but an epoch has only {', '.join(names)}{hint}"
                )
        self.model = model
        self.callbacks.sort(key=lambda callback: callback.comes_last)
        found = [find_hooks(callback, Callback) for callback in self.callbacks]
        self._hooks = {moment: [hook for hooks in found for hook in hooks[moment]] for moment in MOMENTS}
        for callback in self.callbacks:
            callback.model = model  # type: ignore[assignment]  # None only where there are no callbacks
            callback.figures = tuple(names)

    def train_begin(self, run: Run) -> None:
        self._run, self.share = run, run.share
        for callback in self.callbacks:
            callback.run = run
        self._call("train_begin")

    def train_end(self) -> None:
        try:
            self._call("train_end", logs={name: values[-1] for name, values in self._run.history.history.items()})
        except BaseException as error:
            self.exception(error)
            raise

    def exception(self, error: BaseException) -> None:
        with contextlib.ExitStack() as stack:  # calls each, also if another raises
            for hook in reversed(self._hooks["exception"]):
                stack.callback(hook, error)

    def epoch_begin(self, epoch: int) -> None:
        self._call("epoch_begin", epoch)

    def epoch_end(self, epoch: int, logs: Logs) -> None:
        self._call("epoch_end", epoch, logs=logs)

    def batch_begin(self, batch: int) -> None:
        self._call("batch_begin", batch)

    def batch_end(self, batch: int, logs: Callable[[], Logs]) -> None:
        self._call("batch_end", batch, logs=logs)

    def test_begin(self) -> None:
        self._call("test_begin")

    def test_end(self, logs: Logs) -> None:
        self._call("test_end", logs=logs)

    def test_batch_begin(self, batch: int) -> None:
        self._call("test_batch_begin", batch)

    def test_batch_end(self, batch: int, logs: Callable[[], Logs]) -> None:
        self._call("test_batch_end", batch, logs=logs)

    def _call(self, moment: str, *number: int, logs: Logs | Callable[[], Logs] | None = None) -> None:
        if not self._hooks[moment]:
            return
        logs = logs() if callable(logs) else logs  # after each step: only if somebody asks for them
        if self.share is None:
            self._call_here(moment, *number, logs=logs)
            return
        model: Any = self.model
        self.share.together(lambda: self._call_here(moment, *number, logs=logs))
        model.stop_training = self.share.any(model.stop_training)

    def _call_here(self, moment: str, *number: int, logs: Logs | None) -> None:
        for hook in self._hooks[moment]:
            hook(*number, dict(logs or {}))  # each has its own copy


class LambdaCallback(Callback):
    """Call a function ``on_epoch_end(epoch, logs)`` after each epoch."""

    def __init__(self, on_epoch_end: Callable[[int, dict[str, float]], None]) -> None:
        self._function = check_function(on_epoch_end, "on_epoch_end", "(epoch, logs)")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._function(epoch, logs)
