"""Keras's callbacks, most of them over one of the core's."""

from __future__ import annotations

import os
from typing import Any, Callable

from .. import callbacks as core
from ..callbacks.monitors import ModelCheckpoint as CoreCheckpoint
from ..callbacks.monitors import higher_is_better
from ..checks import check_count
from ..terminal import show
from .hooks import HOOKS, Callback, Figures, History, LambdaCallback
from .missing import of_callbacks as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import note
from .words import REQUIRED, Worded


class _Worded(Worded, Callback):
    """A callback with Keras's arguments as attributes; the core's callback answers for what it remembers."""

    not_called, instead = HOOKS, "write a keras.callbacks.Callback with hooks of your own, beside this one"
    old_words = {"epsilon": "min_delta"}
    core: Any = None

    def __init__(self, *args: Any, **given: Any) -> None:
        period = given.pop("period", None)
        if period not in (None, 1):
            raise ValueError(f"{type(self).__name__}: period={period!r}: it acts after each epoch here")
        self.config = self.take(args, given)
        vars(self).update(self.config)

    def __getattr__(self, name: str) -> Any:  # noqa: F811  # the module's is another
        if name.startswith("_") or self.core is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.core, name)


class _Follower(_Worded):
    """Follows a figure; `core_class` does it."""

    core_class: Any = None
    core_words: tuple[str, ...] = ()

    def to_core(self, figures: Any) -> Any:
        monitor, self.figures = figures.find(self.monitor), figures
        words = {word: getattr(self, word) for word in self.core_words}
        words["min_delta"] = abs(words["min_delta"])
        self.core = self.core_class(monitor=monitor, mode=_mode(self.mode, monitor, figures.model), **words)
        self.core.facade = self
        return self.core


def _mode(mode: str, monitor: str, model: Any) -> str:
    """Return which way is better: known before the training, since what is the best so far is kept."""
    if mode not in ("auto", "min", "max"):
        note(f"callbacks: mode={mode!r}: expected 'auto', 'min' or 'max'; 'auto' is taken")
    return mode if mode in ("min", "max") else "max" if higher_is_better(monitor, model.metrics) else "min"


class _EarlyStopping(core.EarlyStopping):
    """The core's, which says when it stops if asked to."""

    facade: Any
    others_add = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if epoch >= self.facade.start_from_epoch:
            super().on_epoch_end(epoch, self.facade.figures.shared(self, "on_epoch_end", epoch, logs=logs))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.facade.verbose and self.stopped_epoch is not None:
            show(f"Epoch {self.stopped_epoch + 1}: early stopping")
        super().on_train_end(logs)


class EarlyStopping(_Follower):
    """Stop when a figure has not improved for some epochs; the core's EarlyStopping."""

    words = {"monitor": "val_loss", "min_delta": 0, "patience": 0, "verbose": 0, "mode": "auto", "baseline": None,
             "restore_best_weights": False, "start_from_epoch": 0}  # fmt: skip
    core_class, core_words = _EarlyStopping, ("min_delta", "patience", "restore_best_weights")
    refused = {"baseline": "compare with it yourself, in a callback of your own"}
    best_epoch = property(lambda self: self.core and self.core.best_epoch or 0, doc="The best epoch, from 0 on.")
    stopped_epoch = property(
        lambda self: self.core and self.core.stopped_epoch or 0, doc="The epoch that was the last one; 0: not stopped."
    )


class _Plateau(core.ReduceLROnPlateau):
    """The core's, which says what it does, waits as long as asked to, and writes the rate into the logs."""

    facade: Any
    others_add = True
    pause = 0

    @property
    def rate(self) -> Any:
        """The facade's optimizer's, a number where the old word ``decay`` lets each step's rate fall."""
        return self.facade.model.optimizer.learning_rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self.facade.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs = self.facade.figures.shared(self, "on_epoch_end", epoch, logs=logs)
        logs["learning_rate"] = before = float(self.rate)
        self.pause = max(0, self.pause - 1)
        if self.pause == 0:
            super().on_epoch_end(epoch, logs)
        elif self.monitor in logs:  # the best is known in a pause, too, and nothing waits
            self._improved(logs)
            self.wait = 0
        after = float(self.rate)
        if after != before:
            self.pause = self.facade.cooldown
            if self.facade.verbose:
                show(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {after}.")


class ReduceLROnPlateau(_Follower):
    """Reduce the rate when a figure has not improved for some epochs; the core's ReduceLROnPlateau."""

    words = {"monitor": "val_loss", "factor": 0.1, "patience": 10, "verbose": 0, "mode": "auto", "min_delta": 1e-4,
             "cooldown": 0, "min_lr": 0.0}  # fmt: skip
    core_class, core_words = _Plateau, ("factor", "patience", "min_delta", "min_lr")


class _Checkpoint(CoreCheckpoint):
    """The core's way of following a figure and naming files; the facade's model writes them."""

    facade: Any
    others_add = True

    def __init__(self, facade: Any, monitor: str | None, model: Any) -> None:
        monitor = monitor or "loss"
        super().__init__("later.npz", monitor, facade.save_best_only, _mode(facade.mode, monitor, model))
        self.facade, self.filepath, self.steps, self.epoch = facade, os.fspath(facade.filepath), 0, 0
        if not facade.save_best_only:
            self.monitor = None  # type: ignore[assignment]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """What is the best so far is kept from one ``fit`` to the next."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which one it is."""
        self.epoch = epoch

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Save after so many steps, if that was asked for."""
        self.steps += 1
        if self.facade.save_freq != "epoch" and self.steps % self.facade.save_freq == 0:
            figures = self.facade.figures.shared(self, "on_batch_end", batch, logs=logs)
            self._save(self.epoch, figures, batch=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        figures = self.facade.figures.shared(self, "on_epoch_end", epoch, logs=logs)
        if self.facade.save_freq == "epoch" and (epoch + 1) % self.facade.period == 0:
            self._save(epoch, figures)

    def _save(self, epoch: int, figures: Figures, **batch: int) -> None:
        before = self.best
        if self.save_best_only and self.monitor in figures and not self._improved(figures):
            return
        old = {name: figures[new] for name, new in figures.old.items() if new in figures}
        known = {"epoch": epoch + 1, **batch, **figures, **old}
        try:
            path = self.filepath.format(**known)
        except KeyError as error:
            text = f"ModelCheckpoint: {self.filepath!r} names {error}; there is {', '.join(known)}"
            raise ValueError(text) from None
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.facade.verbose:
            better = self.save_best_only and self.best != before
            improved = f"{self.monitor} improved from {before:.5f} to {self.best:.5f}, " if better else ""
            show(f"\nEpoch {epoch + 1}: {improved}saving model to {path}")
        model = self.facade.model
        model.save_weights(path) if self.facade.save_weights_only else model.save(path)


class ModelCheckpoint(_Worded):
    """Save the model after each epoch, or after the best so far; the core's ModelCheckpoint chooses."""

    words = {"filepath": REQUIRED, "monitor": "val_loss", "verbose": 0, "save_best_only": False,
             "save_weights_only": False, "mode": "auto", "save_freq": "epoch",
             "initial_value_threshold": None}  # fmt: skip

    save_freq: Any

    def __init__(self, *args: Any, **given: Any) -> None:
        self.period = check_count(given.pop("period", None) or 1, "ModelCheckpoint: period")  # an old word: in epochs
        super().__init__(*args, **given)
        if self.save_freq != "epoch":
            self.save_freq = check_count(self.save_freq, "ModelCheckpoint: save_freq")

    def to_core(self, figures: Any) -> Any:
        monitor, self.figures = None, figures
        if self.save_best_only:
            monitor = figures.find(self.monitor, "the model is saved after each epoch")
        best = self.initial_value_threshold if self.core is None else self.core.best
        self.core = _Checkpoint(self, monitor, figures.model)
        self.core.best = self.core.best if best is None else best
        return self.core


class LearningRateScheduler(Callback):
    """Set the rate before each epoch: ``schedule(epoch)`` or ``schedule(epoch, rate)``."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        before = float(self.model.optimizer.learning_rate)
        try:
            rate = self.schedule(epoch, before)
        except TypeError:  # a function of the epoch alone
            rate = self.schedule(epoch)
        if rate is None:
            raise TypeError("LearningRateScheduler: the schedule returns None; let it end in: return rate")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            show(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class _Lines(core.CSVLogger):
    """The core's, with a column for what callbacks before it have written into the logs."""

    facade: Any

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        super().on_epoch_end(epoch, self.facade.figures.shared(self, "on_epoch_end", epoch, logs=logs))


class CSVLogger(_Worded):
    """A line of figures an epoch; the core's CSVLogger."""

    words = {"filename": REQUIRED, "separator": ",", "append": False}
    refused = {"separator": "columns are parted by commas here"}

    def to_core(self, figures: Any) -> Any:
        self.core, self.figures = _Lines(self.filename, self.append), figures
        self.core.facade = self
        return self.core


class TerminateOnNaN(_Worded):
    """Stop at the first loss that is no number; the core's TerminateOnNaN."""

    words = {"raise_error": False}
    refused = {"raise_error": "fit returns, and history.history['loss'] ends in nan"}

    def to_core(self, figures: Any) -> Any:
        return core.TerminateOnNaN()


class BackupAndRestore(_Worded):
    """Keep a backup of the training; the core's BackupAndRestore, in a file in this folder."""

    words = {"backup_dir": REQUIRED, "save_freq": "epoch", "double_checkpoint": False, "delete_checkpoint": True,
             "save_before_preemption": None}  # fmt: skip
    idle = ("double_checkpoint", "save_before_preemption")

    def to_core(self, figures: Any) -> Any:
        path = os.path.join(os.fspath(self.backup_dir), "backup.npz")
        return core.BackupAndRestore(path, self.save_freq, self.delete_checkpoint)


class TensorBoard(_Worded):
    """Write each epoch's figures for TensorBoard, by the package tensorboardX."""

    words = {"log_dir": "logs", "histogram_freq": 0, "write_graph": True, "write_images": False,
             "write_steps_per_second": False, "update_freq": "epoch", "profile_batch": 0, "embeddings_freq": 0,
             "embeddings_metadata": None, "write_grads": False, "batch_size": None, "embeddings_layer_names": None,
             "embeddings_data": None}  # fmt: skip
    idle = tuple(word for word in words if word != "log_dir")

    def on_train_begin(self, logs: Any = None) -> None:
        writer = summary_writer()
        self._writers = {part: writer(os.path.join(os.fspath(self.log_dir), part)) for part in ("train", "validation")}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            self._writers[part].add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)

    def on_train_end(self, logs: Any = None) -> None:
        for writer in self._writers.values():
            writer.close()


def summary_writer() -> Any:
    """Return the class of tensorboardX that writes figures."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError("TensorBoard needs the package tensorboardX: pip install tensorboardX") from error
    return SummaryWriter


__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN",
]
