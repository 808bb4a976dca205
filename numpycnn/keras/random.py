"""Where the facade's random numbers come from: unpredictable, until ``utils.set_random_seed``."""

from __future__ import annotations

import numpy as np

from .missing import of_random as __getattr__  # noqa: F401  # Python asks it for names that are not there

_sequence: np.random.SeedSequence | None = None


def set_seed(seed: int | None) -> None:
    """Let all models made from now on start from this seed, one after another."""
    global _sequence
    _sequence = None if seed is None else np.random.SeedSequence(seed)


def next_seed() -> int | None:
    """Return the seed of the next thing that is random; None: unpredictable."""
    return None if _sequence is None else int(_sequence.spawn(1)[0].generate_state(1)[0])


def next_rng(seed: int | None = None) -> np.random.Generator:
    """Return a generator with this seed, or with the next one."""
    return np.random.default_rng(next_seed() if seed is None else seed)


def set_random_seed(seed: int) -> None:
    """Seed Python's random numbers, NumPy's global ones, and those of all models made from now on."""
    import random

    random.seed(seed)
    np.random.seed(seed)  # for the program's own calls; nothing of ours asks it
    set_seed(seed)
