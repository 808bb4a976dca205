"""What a run of ``fit`` is made of: its options, its history, and where it is."""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import Callback, CallbackList
from ..checks import check_choice, check_count, check_flag, check_fraction, check_function, check_instance
from ..hints import hint_at_rate
from ..losses import Loss
from .figures import Scores
from .interruption import Interruption

if TYPE_CHECKING:
    from ..model import Sequential

EXPLODED = 10  # times the loss of the first step, which is 2.3 for ten classes


@dataclass
class History:
    """What ``fit`` recorded.

    Attributes
    ----------
    history : dict of list of float
        By epoch: ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``, as far as they apply.
    epoch : list of int
        Numbers of the epochs, from 0.
    seconds : list of float
        Seconds of training an epoch, without validation, callbacks and compilation.
    interrupted : bool
        Whether Ctrl-C ended the training; an epoch that was under way is not listed.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __getitem__(self, name: str) -> list[float]:
        raise TypeError(f"a History holds its figures in history: write history.history[{name!r}]")

    def append(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Add the figures of one epoch."""
        check_instance(logs, dict, "logs", "a dict of figures by name")
        self.epoch.append(epoch)
        self.seconds.append(seconds)
        for name in sorted(logs):
            self.history.setdefault(name, []).append(logs[name])

    def __copy__(self) -> History:
        return copy.deepcopy(self)  # the lists, too


@dataclass
class FitOptions:
    """The options of ``Sequential.fit``, under the same names."""

    batch_size: int = 32
    epochs: int = 1
    verbose: str | int = "auto"
    callbacks: Sequence[Callback] | None = None
    validation_split: float = 0.0
    validation_data: tuple[ArrayLike, ArrayLike] | None = None
    shuffle: bool = True
    initial_epoch: int = 0
    augment: Callable[[NDArray, np.random.Generator], NDArray] | None = None
    seed: int | None = None
    check_finite: bool = False

    def __post_init__(self) -> None:
        self.batch_size = check_count(self.batch_size, "batch_size")
        self.epochs = check_count(self.epochs, "epochs")
        self.initial_epoch = check_count(self.initial_epoch, "initial_epoch", minimum=0)
        self.seed = None if self.seed is None else check_count(self.seed, "seed", minimum=0)
        self.validation_split = check_fraction(self.validation_split, "validation_split")
        check_choice(self.verbose, "verbose", ("auto", 0, 1, 2))
        if self.augment is not None:
            check_function(self.augment, "augment", "(images, rng) -> images")
        self.shuffle = check_flag(self.shuffle, "shuffle")
        self.check_finite = check_flag(self.check_finite, "check_finite")


@dataclass
class Run:
    """Where ``fit`` is: with the model and the callbacks, all that a run needs to go on in another process.

    Attributes
    ----------
    options : FitOptions
    x, y : ndarray
        The rows to train on, checked; `y` as `loss` takes it.
    loss : Loss
    validation : (x, y) or None
        The rows to validate on.
    rng : numpy.random.Generator
        Gives the order of the rows, and goes to `augment`.
    callbacks : CallbackList
    epoch : int
        The epoch at hand, from 0.
    batch, seen : int
        Steps taken and rows seen in it.
    loss_sum, hits_sum : float
        Loss and correct answers over these rows.
    hits_seen : int
        Rows of which the answers were counted: not all, if the model was compiled within the epoch.
    seconds : float
        Time that they took.
    first_loss : float or None
        Loss of the first step; infinity once there was a warning.
    epoch_rng : dict
        State of `rng` when the epoch began.
    history : History
        The epochs before it.
    """

    options: FitOptions
    x: NDArray
    y: NDArray
    loss: Loss
    validation: tuple[NDArray, NDArray] | None
    rng: np.random.Generator
    callbacks: CallbackList
    epoch: int = 0
    batch: int = 0
    seen: int = 0
    loss_sum: float = 0.0
    hits_sum: float = 0.0
    hits_seen: int = 0
    seconds: float = 0.0
    epoch_rng: Any = None
    first_loss: float | None = None
    history: History = field(default_factory=History)
    interruption: Interruption = field(default_factory=Interruption)

    @property
    def rows(self) -> int:
        """Number of rows to train on."""
        return len(self.x)

    @property
    def batches(self) -> int:
        """Steps an epoch."""
        return -(-self.rows // self.options.batch_size)

    def draw_order(self) -> NDArray:
        """Return the order of the rows in this epoch; in the middle of it, once more the same."""
        now = self.rng.bit_generator.state
        if self.batch == 0:
            self.epoch_rng = now
        self.rng.bit_generator.state = self.epoch_rng
        order = self.rng.permutation(self.rows) if self.options.shuffle else np.arange(self.rows)
        if self.batch > 0:
            self.rng.bit_generator.state = now
        return order

    def targets(self, model: Sequential) -> NDArray:
        """Return all targets as the model's loss takes them; checked again only if a callback compiled another one."""
        if model.loss is not self.loss:
            self.y, self.loss = model.loss.check_targets(self.y, model.output_shape), model.loss
        return self.y

    def record(self, rows: int, loss: float, accuracy: float | None) -> None:
        """Take note of one step on so many rows."""
        self.batch += 1
        self.seen += rows
        self.loss_sum += loss * rows
        if accuracy is not None:
            self.hits_sum += accuracy * rows
            self.hits_seen += rows

    def figures(self) -> Scores:
        """Return the means over the epoch so far, as ``evaluate`` would."""
        loss = self.loss_sum / self.seen
        return (loss, self.hits_sum / self.hits_seen) if self.hits_seen else loss

    def warn_of_explosion(self, loss: float, rate: float) -> None:
        """Warn, once, if the loss has grown out of all proportion in the first epoch, and the rate is large."""
        if self.first_loss is None:
            self.first_loss = loss
        hint = hint_at_rate(rate)
        if hint and self.epoch == self.options.initial_epoch and EXPLODED * max(self.first_loss, 1) < loss < math.inf:
            text = f"the loss has grown from {self.first_loss:.3g} to {loss:.3g} in {self.batch + 1} steps{hint}"
            warnings.warn(text, UserWarning, stacklevel=6)  # the line that called Sequential.fit
            self.first_loss = math.inf

    def check_interruption(self) -> None:
        """Take note of a Ctrl-C in the history, where callbacks see it."""
        self.history.interrupted = self.history.interrupted or self.interruption.noted

    def finish_epoch(self, logs: dict[str, float]) -> None:
        """Record the epoch and stand at the beginning of the next."""
        self.history.append(self.epoch, logs, self.seconds)
        self.epoch += 1
        self.batch = self.seen = self.hits_seen = 0
        self.loss_sum = self.hits_sum = self.seconds = 0.0

    def get_state(self) -> dict[str, Any]:
        """Return all that ``set_state`` needs, as JSON can hold it."""
        names = "epoch", "batch", "seen", "loss_sum", "hits_sum", "hits_seen", "seconds", "epoch_rng"
        state = {name: getattr(self, name) for name in names}
        history = {name: getattr(self.history, name) for name in ("history", "epoch", "seconds")}
        return copy.deepcopy({**state, "history": history, "rng": self.rng.bit_generator.state})

    def set_state(self, state: dict[str, Any]) -> None:
        """Go to where ``get_state`` was called."""
        state = copy.deepcopy(state)
        self.rng.bit_generator.state = state.pop("rng")
        self.history = History(**state.pop("history"))
        self.hits_seen = state["seen"]  # as it was in backups that do not say
        for name, value in state.items():
            setattr(self, name, value)
