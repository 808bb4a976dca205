"""Penalties on weights: L1, L2 and both."""

from __future__ import annotations

from typing import Any

from .. import regularizers as core
from .missing import of_regularizers as __getattr__  # noqa: F401  # Python asks it for names that are not there


class L1L2:
    """l1 * sum(abs(w)) + l2 * sum(w ** 2), added to the loss."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1, self.l2 = float(l1 or 0.0), float(l2 or 0.0)

    def get_config(self) -> dict[str, float]:
        """Return the arguments."""
        return {"l1": self.l1, "l2": self.l2}

    def __repr__(self) -> str:
        return f"L1L2(l1={self.l1}, l2={self.l2})"


class L1(L1L2):
    """l1 * sum(abs(w))."""

    def __init__(self, l1: float = 0.01, l: float | None = None) -> None:  # noqa: E741  # Keras 2 says l
        super().__init__(l1 if l is None else l, 0.0)

    def get_config(self) -> dict[str, float]:
        """Return the argument."""
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum(w ** 2)."""

    def __init__(self, l2: float = 0.01, l: float | None = None) -> None:  # noqa: E741
        super().__init__(0.0, l2 if l is None else l)

    def get_config(self) -> dict[str, float]:
        """Return the argument."""
        return {"l2": self.l2}


l1, l2 = L1, L2


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Both penalties, with Keras 2's defaults."""
    return L1L2(l1, l2)


def get(identifier: Any) -> L1L2 | None:
    """Return the regularizer of this name."""
    names = {"l1": L1, "l2": L2, "l1l2": l1_l2, "l1_l2": l1_l2}
    if isinstance(identifier, dict):
        classes = {"L1": L1, "L2": L2, "L1L2": L1L2}
        return classes[identifier["class_name"]](**identifier["config"])
    if isinstance(identifier, str):
        if identifier.lower() not in names:
            raise ValueError(f"unknown regularizer {identifier!r}; expected one of {', '.join(names)}")
        return names[identifier.lower()]()
    if identifier is not None and not isinstance(identifier, L1L2):
        raise ValueError(f"regularizer {identifier!r}: expected one of keras.regularizers, such as l2(1e-4)")
    return identifier


def core_regularizer(identifier: Any) -> core.L1L2 | None:
    """Return the core's penalty, or None."""
    penalty = get(identifier)
    return None if penalty is None else core.L1L2(penalty.l1, penalty.l2)
