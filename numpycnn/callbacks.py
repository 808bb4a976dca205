"""Callbacks: what happens between epochs. Each looks at the epoch's figures (`logs`) and may act on the model."""

from __future__ import annotations

import csv
import math
import os
from typing import TYPE_CHECKING, Any, Callable, Sequence

from .files import KERAS_SUFFIXES, path_text
from .layers._arguments import (
    check_count, check_flag, check_fraction, check_function, check_list, check_positive, check_text,
)
from .nonfinite import all_finite, find_parameter
from .schedules import Schedule

if TYPE_CHECKING:
    from .model import Sequential
    from .training import Run


class Callback:
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
            raise TypeError(f"callbacks: expected a list of callbacks, got {callbacks!r}")
        self.callbacks = [] if callbacks is None else check_list(callbacks, "callbacks", "a list of callbacks")
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                hint = "; write it with parentheses" if isinstance(callback, type) else ""
                raise TypeError(f"callbacks: expected numpycnn callbacks, got {callback!r}{hint}")
            monitor = getattr(callback, "monitor", None)
            if monitor is not None and monitor not in names:
                raise ValueError(
                    f"{type(callback).__name__} monitors {monitor!r}, but an epoch has only {', '.join(names)}; "
                    "val_ figures need validation_split or validation_data"
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


class _Monitor(Callback):
    """Follows one figure and knows whether it got better."""

    state_names: tuple[str, ...] = ("best", "wait")

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(mode, str) or mode not in ("auto", "min", "max"):
            raise ValueError(f'mode: expected "auto", "min" or "max", got {mode!r}')
        self.monitor = check_text(monitor, "monitor")
        self.mode = mode
        self.min_delta = check_positive(min_delta, "min_delta", zero_allowed=True)
        self._sign = -1.0 if mode == "max" or (mode == "auto" and "acc" in monitor) else 1.0
        self._reset()

    def _reset(self) -> None:
        self.best = math.inf * self._sign
        self.wait = 0

    def on_train_begin(self) -> None:
        self._reset()

    def _improved(self, logs: dict[str, float]) -> bool:
        """Whether the figure beats the best one by more than `min_delta`; NaN never does."""
        current = logs[self.monitor]
        better = (self.best - current) * self._sign > self.min_delta
        if better:
            self.best = current
            self.wait = 0
        else:
            self.wait += 1
        return better


class EarlyStopping(_Monitor):
    """Stop when a figure has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str
        Figure to follow: ``"val_loss"``, ``"val_accuracy"``, ``"loss"``, ``"accuracy"``.
    min_delta : float
        A smaller change is no improvement.
    patience : int
        Epochs without improvement to wait for; with 0, stop at the first.
    mode : {"auto", "min", "max"}
        Which way is better; "auto" knows accuracies from losses.
    restore_best_weights : bool
        When training ends, however it ends, go back to the weights of the best epoch.

    Attributes
    ----------
    best : float
        Best figure so far.
    best_epoch, stopped_epoch : int or None
        Counted from 0.
    """

    state_names = ("best", "wait", "best_epoch", "stopped_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_count(patience, "patience", minimum=0)
        self.restore_best_weights = check_flag(restore_best_weights, "restore_best_weights")

    def _reset(self) -> None:
        super()._reset()
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._best_weights: list | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self._improved(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)

    def get_state(self) -> dict[str, Any]:
        weights = self._best_weights or []
        return {**super().get_state(), **{f"weights {i}": array for i, array in enumerate(weights)}}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        count = len(state) - len(self.state_names)
        self._best_weights = [state[f"weights {i}"] for i in range(count)] or None


class ModelCheckpoint(_Monitor):
    """Save the model after each epoch, or after each epoch that is the best so far.

    Parameters
    ----------
    filepath : str or path
        Ends in ``.npz``, or ``.h5`` for Keras; may hold the epoch's number, from 1, and figures:
        ``"best-{epoch:02d}-{val_loss:.3f}.npz"``. Folders that are missing are made.
    monitor : str
        Figure that says which is best; only used with `save_best_only`.
    save_best_only : bool
    mode : {"auto", "min", "max"}
        As in ``EarlyStopping``.
    """

    def __init__(
        self, filepath: str | os.PathLike, monitor: str = "val_loss", save_best_only: bool = False, mode: str = "auto"
    ) -> None:
        super().__init__(monitor, mode, 0)
        self.filepath = path_text(filepath, "filepath")
        self.save_best_only = check_flag(save_best_only, "save_best_only")
        if not self.filepath.endswith((".npz", *KERAS_SUFFIXES)):
            raise ValueError(f"filepath: expected a name that ends in .npz or .h5, got {self.filepath!r}")
        if not self.save_best_only:
            self.monitor = None  # type: ignore[assignment]

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self._path(0, dict.fromkeys(self.figures, 0.0))  # a wrong name shows now, not after an epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self.save_best_only or self._improved(logs):
            path = self._path(epoch, logs)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            self.model.save(path)

    def _path(self, epoch: int, logs: dict[str, float]) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"filepath {self.filepath!r}: expected only epoch, {', '.join(logs)} in braces") from error


class ReduceLROnPlateau(_Monitor):
    """Multiply the learning rate by `factor` when a figure has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str
        As in ``EarlyStopping``.
    factor : float
        In (0, 1).
    patience : int
        Epochs without improvement to wait for.
    mode : {"auto", "min", "max"}
    min_delta : float
        A smaller change is no improvement.
    min_lr : float
        Never go below.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = check_positive(check_fraction(factor, "factor"), "factor")
        self.patience = check_count(patience, "patience", minimum=0)
        self.min_lr = check_positive(min_lr, "min_lr", zero_allowed=True)

    def on_train_begin(self) -> None:
        super().on_train_begin()
        if isinstance(self.model.optimizer.learning_rate, Schedule):
            raise ValueError("ReduceLROnPlateau: expected a constant learning rate, got a schedule; use one of the two")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self._improved(logs) and self.wait >= self.patience:
            rate = self.model.optimizer.current_rate
            self.model.optimizer.learning_rate = min(rate, max(rate * self.factor, self.min_lr))
            self.wait = 0


class CSVLogger(Callback):
    """Write one line of figures an epoch, each at once.

    Parameters
    ----------
    filename : str or path
    append : bool
        Go on in an existing file, without a second header; otherwise start anew.
    """

    def __init__(self, filename: str | os.PathLike, append: bool = False) -> None:
        self.filename = path_text(filename, "filename")
        self.append = check_flag(append, "append")

    def on_train_begin(self) -> None:
        if not (self.append and os.path.exists(self.filename)):
            open(self.filename, "w", encoding="utf-8").close()
        self._names = self._header()

    def _header(self) -> list[str] | None:
        with open(self.filename, newline="", encoding="utf-8") as file:
            try:
                return next(csv.reader(file), None)
            except (UnicodeDecodeError, csv.Error) as error:
                text = f"{self.filename}: expected a CSV file to append to, got one of another kind ({error})"
                raise ValueError(text) from error

    def get_state(self) -> dict[str, Any]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return {"text": file.read()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the whole file: the epochs after the backup come again."""
        with open(self.filename, "w", newline="", encoding="utf-8") as file:
            file.write(state["text"])
        self._names = self._header()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        row: dict[str, Any] = {"epoch": epoch, **dict(sorted(logs.items()))}
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            if self._names is None:
                self._names = list(row)
                csv.writer(file).writerow(self._names)
            csv.DictWriter(file, self._names, restval="", extrasaction="ignore").writerow(row)


class TerminateOnNaN(Callback):
    """Stop as soon as the loss, a gradient or a weight is not finite, and say where it came from.

    Attributes
    ----------
    stopped : (epoch, batch) or None
        When, both from 0.
    place : str or None
        Which rows of the data, which layer or which parameter.
    """

    def on_train_begin(self) -> None:
        self.stopped: tuple[int, int] | None = None
        self.place: str | None = None

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        problem = None if self.stopped else self._problem(logs)
        if problem:
            self.stopped = self._epoch, batch
            self.model.stop_training = True
            place = f" ({self.place})" if self.place else ""
            print(f"TerminateOnNaN: {problem} in epoch {self._epoch + 1}, batch {batch + 1}; stopping{place}")

    def _problem(self, logs: dict[str, float]) -> str | None:
        arena = self.model.arena
        if not math.isfinite(logs["loss"]):
            self.place = self.model.nonfinite
            return f"the loss is {logs['loss']}"
        if not all_finite(arena.grads):
            self.place = find_parameter(self.model, "grad")
            return "a gradient is not finite"
        if not all_finite(arena.values):
            self.place = find_parameter(self.model, "value")
            return "a weight is not finite"
        return None


class LambdaCallback(Callback):
    """Call a function ``on_epoch_end(epoch, logs)`` after each epoch."""

    def __init__(self, on_epoch_end: Callable[[int, dict[str, float]], None]) -> None:
        self._function = check_function(on_epoch_end, "on_epoch_end", "(epoch, logs)")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._function(epoch, logs)
