"""A lock that survives copies and forks."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_all: weakref.WeakSet[Lock] = weakref.WeakSet()
_RLock: Any = type(threading.RLock())


class Lock(_RLock):
    """A reentrant lock for a ``with`` block; a copy has its own, and so has a forked child.

    In the child the parent's lock may be held by a thread that does not exist there; the one that forks keeps it.
    """

    def __init__(self) -> None:
        _all.add(self)

    def __reduce__(self) -> tuple:
        return Lock, ()


def _after_fork_in_child() -> None:
    for lock in _all:
        if not lock._is_owned():
            lock._at_fork_reinit()  # as the standard library's own locks


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
