"""What all optimizers of the facade share: Keras's arguments, around one of the core's optimizers."""

from __future__ import annotations

import copy
from typing import Any

from ... import optimizers as core
from ...hints import did_you_mean
from ...schedules import Schedule
from ..notes import no_effect, note, refuse
from ..tensors import Rate
from .schedules import InverseTimeDecay

# Arguments that all have, with the values that change nothing.
COMMON = {"name": None, "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None,
          "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
          "gradient_accumulation_steps": None, "jit_compile": None}  # fmt: skip


class Optimizer:
    """An optimizer in Keras's words: `words` are its own, `renamed` those that the core calls otherwise."""

    words: dict[str, Any] = {}
    renamed = {"beta_1": "beta1", "beta_2": "beta2"}
    core_name = ""

    def __init__(self, *args: Any, **given: Any) -> None:
        kind = type(self).__name__
        if "lr" in given:
            note("optimizers: lr= is the old word for learning_rate=")
            given["learning_rate"] = given.pop("lr")
        decay = given.pop("decay", None)
        self.config = {**COMMON, **self.words, **dict(zip(self.words, args)), **given}
        for word in self.config:
            if word not in self.words and word not in COMMON:
                raise TypeError(f"{kind}: unexpected argument {word!r}{did_you_mean(word, [*self.words, *COMMON])}")
        if len(args) > len(self.words):
            raise TypeError(f"{kind}: expected at most {len(self.words)} arguments, got {len(args)}")
        if decay:
            note("optimizers: decay= is an old word; the rate falls as schedules.InverseTimeDecay lets it")
            self.config["learning_rate"] = InverseTimeDecay(self.config["learning_rate"], 1, decay)
        if "epsilon" in self.config and self.config["epsilon"] is None:
            self.config["epsilon"] = self.words["epsilon"]
        self.core = self.make()

    def make(self) -> core.Optimizer:
        """Return a new optimizer of the core."""
        given = dict(self.config)
        refuse(
            type(self).__name__, "numpycnn has only global_clipnorm, over all gradients together",
            clipnorm=given["clipnorm"], clipvalue=given["clipvalue"],
        )  # fmt: skip
        refuse(
            type(self).__name__, use_ema=given["use_ema"], loss_scale_factor=given["loss_scale_factor"],
            gradient_accumulation_steps=given["gradient_accumulation_steps"], amsgrad=given.get("amsgrad"),
        )  # fmt: skip
        no_effect(type(self).__name__, jit_compile=given["jit_compile"])
        words = {self.renamed.get(w, w): v for w, v in given.items() if w in self.words and w != "amsgrad"}
        words["global_clipnorm"] = given["global_clipnorm"]
        if callable(words["learning_rate"]) and not isinstance(words["learning_rate"], Schedule):
            words["learning_rate"] = words["learning_rate"]()
        return self.of_core(words, given["weight_decay"])

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        """Return the core's optimizer of these words."""
        refuse(type(self).__name__, "only Adam and AdamW have it here", weight_decay=weight_decay)
        return getattr(core, self.core_name or type(self).__name__)(**words)

    def renew(self) -> None:
        """Take a new one of the core: the old one serves another model. Memories from a file are kept."""
        if self.from_file:
            self.core, self.from_file = copy.deepcopy(self.core), False
            return
        rate = self.core.learning_rate
        self.core = self.make()
        self.core.learning_rate = rate

    from_file = False

    @property
    def learning_rate(self) -> Any:
        """The rate: a number that ``assign`` changes, or the schedule."""
        rate = self.core.learning_rate
        if isinstance(rate, Schedule):
            return rate
        value = Rate(rate)  # type: ignore[arg-type]  # no schedule of the core's comes here
        value.optimizer = self
        return value

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.core.learning_rate = rate if isinstance(rate, Schedule) else float(rate)

    @property
    def lr(self) -> Any:
        """Old name of ``learning_rate``."""
        note("optimizers: lr is the old word for learning_rate")
        return self.learning_rate

    @lr.setter
    def lr(self, rate: Any) -> None:
        note("optimizers: lr is the old word for learning_rate")
        self.learning_rate = rate

    @property
    def iterations(self) -> int:
        """Number of steps taken."""
        return self.core.steps

    @property
    def name(self) -> str:
        """Name of the optimizer, in small letters."""
        return self.config["name"] or type(self).__name__.lower()

    def apply_gradients(self, *_: Any, **__: Any) -> None:
        """Refused: there are no tapes; a step is ``model.train_on_batch``."""
        raise TypeError("apply_gradients: there are no gradient tapes here; use model.train_on_batch(x, y)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return {**self.config, "name": self.name, "learning_rate": self.learning_rate}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return such an optimizer, new."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<keras.optimizers.{type(self).__name__} over {self.core!r}>"
