"""What ``fit`` prints: a bar in a terminal, a line an epoch elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any

REFRESH = 0.1  # seconds between two pictures of the bar


class Progress:
    """The output of one epoch.

    Parameters
    ----------
    epoch, epochs : int
        Number of this epoch, from 0, and of all.
    steps : int
        Batches in it.
    verbose : {"auto", 0, 1, 2}
        As for ``Sequential.fit``.
    done : int
        Batches done before, by a run that this one goes on with.
    """

    def __init__(self, epoch: int, epochs: int, steps: int, verbose: str | int, done: int = 0) -> None:
        self.steps = steps
        self.done = done
        self.title = f"Epoch {epoch + 1}/{epochs}"
        self.silent = verbose == 0
        self.bar: Any = None
        self.started = self.drawn = time.perf_counter()
        if verbose in ("auto", 1) and sys.stdout.isatty():
            print(self.title)
            self.bar = self._make_bar()
            self.bar.start()
            self.task = self.bar.add_task("", total=steps, figures="", time="")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:  # leave the terminal as it was, whatever happened
            self.bar.stop()

    @staticmethod
    def _make_bar() -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = MofNCompleteColumn(), BarColumn(bar_width=20), TextColumn("{task.fields[time]}{task.fields[figures]}")
        console = Console()  # of its own: two models may train at once, in two threads
        return Progress(*columns, console=console, auto_refresh=False)

    def update(self, step: int, logs: dict[str, float]) -> None:
        """Show that `step` batches are done; at most ten times a second."""
        self.done = step
        now = time.perf_counter()
        if self.bar is not None and (now - self.drawn > REFRESH or step == self.steps):
            self.drawn = now
            self._draw(step, logs, now - self.started)

    def finish(self, logs: dict[str, float], seconds: float) -> None:
        """Show the epoch's figures; `seconds` is the time that training took."""
        if self.bar is not None:
            self._draw(self.done, logs, seconds)
        elif not self.silent:
            time_text = self._time(self.done, seconds)
            print(f"{self.title}: {self.done}/{self.steps} {time_text}{format_figures(logs)}", flush=True)

    def _draw(self, step: int, logs: dict[str, float], seconds: float) -> None:
        figures = format_figures(logs)
        self.bar.update(self.task, completed=step, figures=figures, time=self._time(step, seconds), refresh=True)

    def _time(self, step: int, seconds: float) -> str:
        return f"{seconds:.0f}s {seconds / step * 1e3:.1f}ms/step"


def format_figures(logs: dict[str, float]) -> str:
    """Return `` - accuracy: 0.9432 - loss: 0.1902``, in the order given."""
    return "".join(f" - {name}: {value:.4f}" if abs(value) >= 1e-3 or value == 0 else f" - {name}: {value:.3e}"
                   for name, value in logs.items())
