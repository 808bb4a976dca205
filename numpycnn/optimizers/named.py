"""Optimizers by name, and from what a file says of them."""

from __future__ import annotations

from typing import Any

from ..checks import check_choice, check_instance
from ..schedules import SCHEDULES
from .adam import Adam, Adamax, AdamW, Nadam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer
from .sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    c.__name__.lower(): c for c in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam)
}


def get_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return a new optimizer for a Keras name, or the optimizer itself.

    Raises
    ------
    ValueError, TypeError
        The name is unknown, or the argument is something else than an optimizer.
    """
    if isinstance(optimizer, str):
        name = check_choice(optimizer.lower(), "optimizer", OPTIMIZERS, ", or an optimizer")
        return OPTIMIZERS[name]()  # type: ignore[call-arg]  # each has its own default
    return check_instance(optimizer, Optimizer, "optimizer", "a name or a numpycnn optimizer")


def optimizer_from_config(name: str, config: dict[str, Any]) -> Optimizer:
    """Undo ``get_config``."""
    rate = config["learning_rate"]
    if isinstance(rate, dict):
        arguments = {k: v for k, v in rate.items() if k != "schedule"}
        config = {**config, "learning_rate": SCHEDULES[rate["schedule"]](**arguments)}
    return {c.__name__: c for c in OPTIMIZERS.values()}[name](**config)
