"""Keras's optimizers, with Keras's arguments and defaults: each is around one of the core's."""

from __future__ import annotations

import copy
from typing import Any

from .. import optimizers as core
from ..schedules import InverseTimeDecay, Schedule
from . import schedules
from .missing import OPTIMIZERS
from .missing import of_optimizers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import note, refuse
from .tensors import Rate
from .words import REQUIRED, Worded, found, name_here, variant

# What all take after words of their own.
CLIPPING = {"clipnorm": None, "clipvalue": None, "global_clipnorm": None}
OTHERS = {"use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
          "gradient_accumulation_steps": None, "name": None, "jit_compile": None}  # fmt: skip
COMMON = {"weight_decay": None, **CLIPPING, **OTHERS}


class Optimizer(Worded):
    """An optimizer in Keras's words; `renamed` are those that the core calls otherwise."""

    words = {"learning_rate": REQUIRED, **COMMON}
    renamed = {"beta_1": "beta1", "beta_2": "beta2"}
    old_words = {"lr": "learning_rate"}
    refused = {
        **dict.fromkeys(("clipnorm", "clipvalue"), "numpycnn has only global_clipnorm, over all gradients together"),
        **dict.fromkeys(("use_ema", "loss_scale_factor", "gradient_accumulation_steps", "amsgrad"),
                        "numpycnn has nothing like it"),
    }  # fmt: skip
    idle = ("jit_compile", "ema_momentum", "ema_overwrite_frequency")
    not_called = "update_step", "apply", "apply_gradients", "build", "minimize"
    instead = "an optimizer of your own is a subclass of numpycnn.Optimizer, in a numpycnn.Sequential"
    from_file = False
    decay = 0.0  # an old word: the step's rate is learning_rate / (1 + decay * iterations), and learning_rate a number

    def __init__(self, *args: Any, **given: Any) -> None:
        decay = given.pop("decay", None)
        super().__init__(*args, **given)
        if decay:
            note("optimizers: decay= is an old word; the rate falls as schedules.InverseTimeDecay lets it")
            self.decay = float(decay)
        if self.config.get("epsilon", 0) is None:
            self.config["epsilon"] = self.words["epsilon"]
        self.core = self.make()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.words and name != "learning_rate":
            raise AttributeError(f"{type(self).__name__}: {name} is fixed; compile with another optimizer")
        super().__setattr__(name, value)

    def make(self) -> core.Optimizer:
        """Return a new optimizer of the core."""
        own = [word for word in self.config if word not in COMMON and word != "amsgrad"]
        words = {self.renamed.get(word, word): self.config[word] for word in (*own, "global_clipnorm")}
        if callable(words["learning_rate"]) and not isinstance(words["learning_rate"], Schedule):
            words["learning_rate"] = words["learning_rate"]()
        words["learning_rate"] = self._decaying(words["learning_rate"])
        return self.of_core(words, self.config["weight_decay"])

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        """Return the core's optimizer of these words."""
        refuse(type(self).__name__, "only Adam and AdamW have it here", weight_decay=weight_decay)
        return getattr(core, name_here(self))(**words)

    def renew(self) -> None:
        """Take a new one of the core: the old one serves another model. Memories from a file are kept."""
        if self.from_file:
            self.core, self.from_file = copy.deepcopy(self.core), False
            return
        rate = self.core.learning_rate
        self.core = self.make()
        self.core.learning_rate = rate

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step, which ``assign`` changes; of a schedule, what it says for this step."""
        rate: Any = self.core.learning_rate
        if self.decay and isinstance(rate, InverseTimeDecay):
            rate = rate.learning_rate
        rate = Rate(rate(self.iterations) if isinstance(rate, Schedule) else rate)
        rate.optimizer = self
        return rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if self._schedule is not None and not isinstance(rate, Schedule):
            raise TypeError(f"{self.name}: the learning rate follows a schedule, so that it cannot be set, by "
                            "callbacks neither; compile with a number in the schedule's place")  # fmt: skip
        self.core.learning_rate = self._decaying(rate if isinstance(rate, Schedule) else float(rate))

    @property
    def _schedule(self) -> Schedule | None:
        rate = self.core.learning_rate
        return rate if isinstance(rate, Schedule) and not self.decay else None

    def _decaying(self, rate: float | Schedule) -> float | Schedule:
        falls = self.decay and not isinstance(rate, Schedule)
        return schedules.InverseTimeDecay(rate, 1, self.decay) if falls else rate

    @property
    def lr(self) -> Any:
        """Old name of ``learning_rate``."""
        note("optimizers: lr is the old word for learning_rate")
        return self.learning_rate

    @lr.setter
    def lr(self, rate: Any) -> None:
        note("optimizers: lr is the old word for learning_rate")
        self.learning_rate = rate

    iterations = property(lambda self: self.core.steps, doc="Number of steps taken.")
    name = property(lambda self: self.config["name"] or type(self).__name__.lower(), doc="The name, in small letters.")

    def apply_gradients(self, *_: Any, **__: Any) -> None:
        """Refused: there are no tapes; a step is ``model.train_on_batch``."""
        raise TypeError("apply_gradients: there are no gradient tapes here; use model.train_on_batch(x, y)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return {**self.config, "name": self.name, "learning_rate": self._schedule or self.learning_rate}

    def __repr__(self) -> str:
        return f"<keras.optimizers.{type(self).__name__} over {self.core!r}>"


BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


class Adam(Optimizer):
    """The core's Adam in Keras's formula, whose epsilon stands elsewhere than the paper's."""

    words = {"learning_rate": 0.001, **BETAS, "amsgrad": False, **COMMON}

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        kind = core.AdamW if weight_decay else core.Adam
        return kind(epsilon_hat=True, **words, **({"weight_decay": weight_decay} if weight_decay else {}))


class AdamW(Adam):
    """Adam with weight decay; the core's AdamW in Keras's formula."""

    words = {"learning_rate": 0.001, "weight_decay": 0.004, **BETAS, "amsgrad": False, **CLIPPING, **OTHERS}

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        return core.AdamW(epsilon_hat=True, weight_decay=weight_decay or 0.0, **words)


def _named(name: str, learning_rate: float = 0.001, **words: Any) -> Any:
    words = {"learning_rate": learning_rate, **words, **COMMON}
    return variant(Optimizer, name, f"The core's {name}, with Keras's defaults.", words=words)


class SGD(Optimizer):
    """The core's SGD; its velocity is of steps, as Keras's."""

    words = {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, **COMMON}

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        return super().of_core({**words, "velocity_of_steps": bool(words["momentum"])}, weight_decay)


RMSprop = _named("RMSprop", rho=0.9, momentum=0.0, epsilon=1e-7, centered=False)
Adagrad = _named("Adagrad", initial_accumulator_value=0.1, epsilon=1e-7)
Adadelta = _named("Adadelta", rho=0.95, epsilon=1e-7)
Adamax, Nadam = _named("Adamax", **BETAS), _named("Nadam", **BETAS)
adam, adamax, nadam, rmsprop, sgd, adagrad, adadelta = Adam, Adamax, Nadam, RMSprop, SGD, Adagrad, Adadelta  # old names
NAMES = {each.__name__.lower(): each for each in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam)}


def get(identifier: Any) -> Optimizer:
    """Return a new optimizer of this name, whatever its case, or the optimizer itself."""
    optimizer = found(identifier, "optimizer", Optimizer, NAMES, OPTIMIZERS)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"expected an optimizer's name or one of keras.optimizers, got {identifier!r}")
    return optimizer


deserialize = get


def of_file(read: core.Optimizer) -> Optimizer:
    """Return the facade's optimizer around one that the core has read, memories and all."""
    optimizer = NAMES[type(read).__name__.lower()]()
    config = read.get_config()
    names = {word: optimizer.renamed.get(word, word) for word in optimizer.words}
    optimizer.config |= {word: config[name] for word, name in names.items() if name in config}
    optimizer.config["learning_rate"] = read.learning_rate
    optimizer.core, optimizer.from_file = read, True
    return optimizer
