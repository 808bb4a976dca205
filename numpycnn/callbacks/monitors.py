"""Callbacks: what happens between epochs. Each looks at the epoch's figures (`logs`) and may act on the model."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Iterable

from ..checks import check_choice, check_count, check_flag, check_fraction, check_positive, check_text
from ..files import KERAS_SUFFIXES, path_text
from ..metrics.running import Metric
from ..schedules import Schedule

from .base import Callback

# Of the words in a figure's name: these say that more is better. Anything else is taken for a loss.
HIGHER_IS_BETTER = {"acc", "accuracy", "auc", "f1", "precision", "recall", "top"}


def higher_is_better(monitor: str, metrics: Iterable[Any]) -> bool:
    """Whether more of a figure is better: a metric with a name of its own says so, else the words of the name do."""
    name = monitor.removeprefix("val_").removeprefix("weighted_")
    known = (metric.higher_is_better for metric in metrics if isinstance(metric, Metric) and metric.name == name)
    words = set(re.findall("f1|[a-z]+", monitor.lower()))  # of "val_top5_accuracy": val, top, accuracy
    return next((answer for answer in known if answer is not None), bool(words & HIGHER_IS_BETTER))


class _Monitor(Callback):
    """Follows one figure and knows whether it got better."""

    state_names: tuple[str, ...] = ("best", "wait")
    _sign = 0.0

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        self.monitor = check_text(monitor, "monitor")
        self.mode = check_choice(mode, "mode", ("auto", "min", "max"))
        self.min_delta = check_positive(min_delta, "min_delta", zero_allowed=True)
        self._choose_direction(())

    def _choose_direction(self, metrics: Iterable[Any]) -> None:
        higher = self.mode == "max" or (self.mode == "auto" and higher_is_better(self.monitor, metrics))
        if self._sign != (sign := -1.0 if higher else 1.0):  # what was best so far is not, the other way
            self._sign = sign
            self._reset()

    def _reset(self) -> None:
        self.best = math.inf * self._sign
        self.wait = 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._choose_direction((*self.model.metrics, *self.model.weighted_metrics))
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.monitor in logs:  # else there was no validation after this epoch
            self._look(epoch, logs)

    def _look(self, epoch: int, logs: dict[str, float]) -> None:
        """Act on the figure of an epoch."""
        raise NotImplementedError

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
        Which way is better; "auto": as the metric says (``Metric.higher_is_better``), else up for an accuracy,
        precision, recall, F1 or AUC, down for anything else.
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

    def _look(self, epoch: int, logs: dict[str, float]) -> None:
        if self._improved(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            self._best_weights = None

    def on_exception(self, error: BaseException) -> None:
        self.on_train_end()

    def get_state(self) -> dict[str, Any]:
        weights = self._best_weights or []
        return {**super().get_state(), **{f"weights {i}": array for i, array in enumerate(weights)}}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        count = len(state) - len(self.state_names)
        self._best_weights = [state[f"weights {i}"] for i in range(count)] or None


class ModelCheckpoint(_Monitor):
    """Save the model after each epoch, or after each epoch that is the best so far.

    The best so far is kept from one ``fit`` to the next; a new object starts anew.

    Parameters
    ----------
    filepath : str or path
        Ends in ``.npz``, or ``.keras`` for Keras; may hold the epoch's number, from 1, and figures:
        ``"best-{epoch:02d}-{val_loss:.3f}.npz"``. Folders that are missing are made.
    monitor : str
        Figure that says which is best; only used with `save_best_only`.
    save_best_only : bool
    mode : {"auto", "min", "max"}
        As in ``EarlyStopping``.
    """

    _folder = ""  # where a relative path begins

    def __init__(
        self, filepath: str | os.PathLike, monitor: str = "val_loss", save_best_only: bool = False, mode: str = "auto"
    ) -> None:
        super().__init__(monitor, mode, 0)
        self.filepath = path_text(filepath, "filepath")
        self.save_best_only = check_flag(save_best_only, "save_best_only")
        if not self.filepath.endswith((".npz", *KERAS_SUFFIXES)):
            raise ValueError(f"filepath: expected a name that ends in .npz, .keras or .h5, got {self.filepath!r}")
        if not self.save_best_only:
            self.monitor = None  # type: ignore[assignment]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if self.save_best_only:
            self._choose_direction((*self.model.metrics, *self.model.weighted_metrics))
        self._folder = "" if os.path.isabs(self.filepath) else os.getcwd()  # of this moment: it may change
        self._path(0, dict.fromkeys(self.figures, 0.0))  # a wrong name shows now, not after an epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self.save_best_only or (self.monitor in logs and self._improved(logs)):
            path = self._path(epoch, logs)
            if self.speaks:
                self.model.save(path)

    def _path(self, epoch: int, logs: dict[str, float]) -> str:
        missing = dict.fromkeys(set(self.figures) - logs.keys(), math.nan)  # of an epoch without a validation
        try:
            return os.path.join(self._folder, self.filepath.format(epoch=epoch + 1, **logs, **missing))
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

    @property
    def rate(self) -> Any:
        """What is reduced: the optimizer's learning rate."""
        return self.model.optimizer.learning_rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self.model.optimizer.learning_rate = rate

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin()
        if isinstance(self.rate, Schedule):
            raise ValueError("ReduceLROnPlateau: expected a constant learning rate, got a schedule; use one of the two")

    def _look(self, epoch: int, logs: dict[str, float]) -> None:
        if not self._improved(logs) and self.wait >= self.patience:
            self.rate = min(self.rate, max(self.rate * self.factor, self.min_lr))
            self.wait = 0
