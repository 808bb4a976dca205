"""Ctrl-C that waits for the end of a training step."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interruption:
    """In its ``with`` block the first Ctrl-C is noted, and only the second raises KeyboardInterrupt.

    So a step is not cut in two: the weights moved, the optimizer's step not yet counted. A program that handles Ctrl-C
    itself keeps its handler, and threads other than the main one, which never get the signal, go without. Windows's
    Ctrl-Break is no Ctrl-C: it ends the program at once.

    Attributes
    ----------
    noted : bool
        Whether there was one.
    """

    def __init__(self) -> None:
        self.noted = False

    def __enter__(self) -> Interruption:
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._active = in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._active:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: Any) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True
