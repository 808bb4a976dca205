"""Random numbers that threads draw in any order: each is a function of its number and a key."""

from __future__ import annotations

from typing import Any

from ..checks import check_count, check_instance

LARGEST = 2**64 - 1


class Philox:
    """Where a layer stands in the random numbers that belong to a key; ``kernels/dropout.py`` computes them.

    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): the variant Philox4x32-10.

    Parameters
    ----------
    key : int
        From 0 to 2**64 - 1.

    Attributes
    ----------
    counter : int
        The first one that was not used yet; each stands for four numbers of 32 bits.
    """

    NAME = "Philox4x32-10"

    def __init__(self, key: int) -> None:
        self.key, self.counter = check_count(key, "key", 0, LARGEST), 0

    def take(self, count: int) -> int:
        """Return the first of so many counters, which nobody else will get."""
        first = self.counter
        self.counter = (first + count) & LARGEST
        return first

    @property
    def bit_generator(self) -> Philox:
        """Itself, so that a layer saves its state as that of a ``numpy.random.Generator``."""
        return self

    @property
    def state(self) -> dict[str, Any]:
        """The key and the counter, as JSON can hold them."""
        return {"bit_generator": self.NAME, "key": self.key, "counter": self.counter}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        check_instance(state, dict, "state", "a dict, as Philox.state gives it")
        if state.keys() != self.state.keys() or state["bit_generator"] != self.NAME:
            raise ValueError(f"expected the state of {self.NAME}, got {state}")
        self.key, self.counter = (check_count(state[name], name, 0, LARGEST) for name in ("key", "counter"))
