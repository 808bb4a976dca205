"""What a run of ``fit`` is made of: its options, its history, and where it is."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..callbacks.base import Callback, CallbackList
from ..checks import check_choice, check_count, check_flag, check_fraction, check_function, check_instance
from ..hints import hint_at_rate
from ..layers.share import Communicator, Share, check_communicator
from ..optimizers import Optimizer
from ..terminal import warn
from .figures import Figures
from .interruption import Interruption

if TYPE_CHECKING:
    from ..model import Sequential

EXPLODED = 10  # times the loss of the first step, which is 2.3 for ten classes


@dataclass(repr=False)
class History:
    """What ``fit`` recorded; it is shown as the latest figures.

    Attributes
    ----------
    history : dict of list of float
        By epoch: ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``, as far as they apply, and other metrics under
        their names. With `validation_freq`, the ``val_`` lists are shorter.
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
        key = f"[{name!r}]" if isinstance(name, str) else ""  # `in`, `for` and list ask for number 0
        raise TypeError(f"a History holds its figures in history: write history.history{key}")

    def append(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Add the figures of one epoch."""
        check_instance(logs, dict, "logs", "a dict of figures by name")
        self.epoch.append(epoch)
        self.seconds.append(seconds)
        for name in sorted(logs):
            self.history.setdefault(name, []).append(logs[name])

    def __repr__(self) -> str:
        latest = [f"{name}={values[-1]:.4g}" for name, values in self.history.items()]
        return f"<History of {len(self.epoch)} epochs{', interrupted' * self.interrupted}: {', '.join(latest)}>"

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
    class_weight: dict[int, float] | None = None
    sample_weight: ArrayLike | None = None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_freq: int | Collection[int] = 1
    communicator: Communicator | None = None

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
        for name in ("steps_per_epoch", "validation_steps"):
            if getattr(self, name) is not None:
                setattr(self, name, check_count(getattr(self, name), name))
        if self.communicator is not None:
            check_communicator(self.communicator)
        if isinstance(self.validation_freq, (list, tuple, set, range)):
            self.validation_freq = {check_count(epoch, "validation_freq") for epoch in self.validation_freq}
        else:
            self.validation_freq = check_count(self.validation_freq, "validation_freq")

    def check_beside_batches(self) -> None:
        """Raise if an option is given that is about arrays."""
        check_no_batch_size(None if self.batch_size == FitOptions.batch_size else self.batch_size)
        if self.validation_split or self.sample_weight is not None:
            word = "validation_split" if self.validation_split else "sample_weight"
            raise ValueError(f"{word}: expected none beside batches; give validation_data, or batches (x, y, weights)")

    def validates(self, epoch: int) -> bool:
        """Whether there is a validation after this epoch, counted from 0."""
        often = self.validation_freq
        return (epoch + 1) % often == 0 if isinstance(often, int) else epoch + 1 in often


def check_no_batch_size(batch_size: int | None) -> None:
    """Raise if a size is given for batches that are handed out."""
    if batch_size is not None:
        raise ValueError("batch_size: expected none beside batches, which are as large as they are")


@dataclass
class Run:
    """Where ``fit`` is: with the model and the callbacks, all that a run needs to go on in another process.

    Attributes
    ----------
    options : FitOptions
    source : ArrayBatches or GivenBatches
        What to train on, checked.
    validation : (x, y, weights) or None
        The rows to validate on; or (source, None, None), something that hands out batches.
    rng : numpy.random.Generator
        Gives the order of the rows, and goes to `augment`.
    callbacks : CallbackList
    figures : Figures
        Loss and metrics of the epoch so far.
    epoch : int
        The epoch at hand, from 0.
    batch : int
        Steps taken in it.
    seconds : float
        Time that they took.
    share : Share or None
        This process's, where several train together.
    first_loss : float or None
        Loss of the first step; infinity once there was a warning.
    epoch_rng : dict
        State of `rng` when the epoch began.
    history : History
        The epochs before it.
    """

    options: FitOptions
    source: Any
    validation: tuple[Any, Any, Any] | None
    rng: np.random.Generator
    callbacks: CallbackList
    figures: Figures
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    epoch_rng: Any = None
    first_loss: float | None = None
    history: History = field(default_factory=History)
    interruption: Interruption = field(default_factory=Interruption)
    share: Share | None = None

    @property
    def speaks(self) -> bool:
        """Whether this process prints and writes files: of several that train together, the first does."""
        return self.share is None or self.share.rank == 0

    @property
    def rows(self) -> int | None:
        """Number of rows to train on; None if they come in batches."""
        return self.source.rows

    def draw_order(self, count: int) -> NDArray:
        """Return the order of so many rows in this epoch; in the middle of it, once more the same."""
        now = self.rng.bit_generator.state
        if self.batch == 0:
            self.epoch_rng = now
        self.rng.bit_generator.state = self.epoch_rng
        order = self.rng.permutation(count) if self.options.shuffle else np.arange(count)
        if self.batch > 0:
            self.rng.bit_generator.state = now
        return order

    def record(
        self, model: Sequential, loss: float, outputs: NDArray, targets: NDArray, weights: NDArray | None
    ) -> None:
        """Take note of one step."""
        self.batch += 1
        self.figures.follow(model)
        self.figures.add(loss, outputs, targets, weights)

    def warn_of_explosion(self, loss: float, optimizer: Optimizer) -> None:
        """Warn, once, if the loss has grown out of all proportion in the first epoch, and the rate is large."""
        if self.first_loss is None:
            self.first_loss = loss
        if self.epoch == self.options.initial_epoch and EXPLODED * max(self.first_loss, 1) < loss < math.inf:
            if self.speaks and (hint := hint_at_rate(optimizer.current_rate)):
                warn(f"the loss has grown from {self.first_loss:.3g} to {loss:.3g} in {self.batch + 1} steps{hint}")
                self.first_loss = math.inf

    def check_interruption(self) -> None:
        """Take note of a Ctrl-C in the history, where callbacks see it."""
        noted = self.interruption.noted if self.share is None else self.share.any(self.interruption.noted)
        self.history.interrupted = self.history.interrupted or noted

    def finish_epoch(self, model: Sequential, logs: dict[str, float]) -> None:
        """Record the epoch and stand at the beginning of the next."""
        self.history.append(self.epoch, logs, self.seconds)
        self.epoch += 1
        self.batch, self.seconds, self.figures = 0, 0.0, Figures(model)

    def get_state(self) -> dict[str, Any]:
        """Return all that ``set_state`` needs, as JSON can hold it."""
        state = {name: getattr(self, name) for name in ("epoch", "batch", "seconds", "epoch_rng")}
        state["figures"] = self.figures.get_state()
        history = {name: getattr(self.history, name) for name in ("history", "epoch", "seconds")}
        return copy.deepcopy({**state, "history": history, "rng": self.rng.bit_generator.state})

    def set_state(self, state: dict[str, Any]) -> None:
        """Go to where ``get_state`` was called."""
        state = copy.deepcopy(state)
        self.rng.bit_generator.state = state.pop("rng")
        self.history = History(**state.pop("history"))
        self.figures.set_state(state.pop("figures", None) or _older_figures(state))
        for name, value in state.items():
            setattr(self, name, value)


def _older_figures(state: dict[str, Any]) -> dict[str, Any]:
    """Take the figures out of a backup from when the accuracy was the only metric."""
    loss_sum, seen, hits = (state.pop(name) for name in ("loss_sum", "seen", "hits_sum"))
    counted = state.pop("hits_seen", seen)
    return {"loss_sum": loss_sum, "seen": seen, "metrics": [[hits, counted]]}
