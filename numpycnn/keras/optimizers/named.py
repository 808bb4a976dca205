"""Keras's optimizers, with Keras's defaults."""

from __future__ import annotations

from typing import Any

from ... import optimizers as core
from ..missing import OPTIMIZERS
from .base import Optimizer

BETAS = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


class SGD(Optimizer):
    """Gradient descent; the core's SGD."""

    words = {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}


class Adam(Optimizer):
    """The core's Adam in Keras's formula, whose epsilon stands elsewhere than the paper's."""

    words = {**BETAS, "amsgrad": False}

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        if weight_decay:
            return core.AdamW(weight_decay=weight_decay, epsilon_hat=True, **words)
        return core.Adam(epsilon_hat=True, **words)


class AdamW(Adam):
    """Adam with weight decay; the core's AdamW in Keras's formula."""

    words = {"learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7,
             "amsgrad": False}  # fmt: skip

    def of_core(self, words: dict[str, Any], weight_decay: float | None) -> core.Optimizer:
        return core.AdamW(epsilon_hat=True, **words)


class RMSprop(Optimizer):
    """The core's RMSprop."""

    words = {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False}


class Adagrad(Optimizer):
    """The core's Adagrad."""

    words = {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7}


class Adadelta(Optimizer):
    """The core's Adadelta."""

    words = {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7}


class Adamax(Optimizer):
    """The core's Adamax."""

    words = BETAS


class Nadam(Optimizer):
    """The core's Nadam."""

    words = BETAS


NAMES = {cls.__name__.lower(): cls for cls in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam)}


def get(identifier: Any) -> Optimizer:
    """Return a new optimizer of this name, whatever its case, or the optimizer itself."""
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    if isinstance(identifier, dict):
        return get_class(identifier["class_name"])(**identifier["config"])
    if isinstance(identifier, str):
        return get_class(identifier)()
    if not isinstance(identifier, Optimizer):
        raise TypeError(f"expected an optimizer's name or one of keras.optimizers, got {identifier!r}")
    return identifier


def get_class(name: str) -> type[Optimizer]:
    """Return the class of this name, whatever its case."""
    if name.lower() not in NAMES:
        instead = next((text for known, text in OPTIMIZERS.items() if known.lower() == name.lower()), None)
        known = instead or ", ".join(NAMES)
        raise ValueError(f"unknown optimizer {name!r}: numpycnn has {known}")
    return NAMES[name.lower()]


def of_file(read: core.Optimizer) -> Optimizer:
    """Return the facade's optimizer around one that the core has read, memories and all."""
    optimizer = NAMES[type(read).__name__.lower()]()
    config = read.get_config()
    names = {word: optimizer.renamed.get(word, word) for word in optimizer.words}
    optimizer.config |= {word: config[name] for word, name in names.items() if name in config}
    optimizer.config["learning_rate"] = read.learning_rate
    optimizer.core, optimizer.from_file = read, True
    return optimizer
