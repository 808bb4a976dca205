"""What ``fit`` prints: a bar in a terminal or a notebook, now and then a line elsewhere, or nothing."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable

from ..terminal import Stdout, in_notebook, show, width

BAR = 20  # columns, where there is room
REFRESH = 0.1  # seconds between two pictures of the bar
INTERVAL = 10.0  # seconds between two lines of one epoch, where no bar can be drawn
NEVER = float("inf")


class Progress:
    """The output of one epoch.

    Parameters
    ----------
    epoch, epochs : int
        Number of this epoch, from 0, and of all.
    steps : int or None
        Batches in it; None if nobody knows.
    verbose : {"auto", 0, 1, 2}
        As for ``Sequential.fit``.
    done : int
        Batches done before, by a run that this one goes on with.
    """

    def __init__(self, epoch: int, epochs: int, steps: int | None, verbose: str | int, done: int = 0) -> None:
        self.steps = steps
        self.done = self.before = done
        self.title = f"Epoch {epoch + 1}/{epochs}"
        self.silent = verbose == 0
        self.bar = make_bar() if verbose in ("auto", 1) else None
        self.interval = REFRESH if self.bar else INTERVAL if verbose in ("auto", 1) else NEVER
        self.started = self.drawn = time.perf_counter()
        if self.bar is not None:
            show(self.title)
            self._show({}, 0.0, 0)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:  # leave the terminal as it was, whatever happened
            self.bar.close()

    def update(self, step: int, logs: Callable[[], dict[str, float]]) -> None:
        """Show that `step` batches are done, and the figures that `logs` returns; at most ten times a second."""
        self.done = step
        now = time.perf_counter()
        last = step == self.steps  # a bar shows it; as a line it comes with the epoch's figures
        if self.bar is not None if last else now - self.drawn > self.interval:
            self.drawn = now
            self._show(logs(), now - self.started, step - self.before)

    def finish(self, logs: dict[str, float], seconds: float) -> None:
        """Show the epoch's figures; `seconds` is the time that training took, all its steps together."""
        if not self.silent:
            self._show(logs, seconds, self.done)

    def _show(self, logs: dict[str, float], seconds: float, steps: int) -> None:
        count, took = f"{self.done}" if self.steps is None else f"{self.done}/{self.steps}", time_text(seconds, steps)
        if self.bar is not None:
            columns = self.bar.width()
            room = min(BAR, columns - len(f"{count}  {took}"))
            bar = "" if self.steps is None else draw_bar(self.done / self.steps, room)
            self.bar.draw(wrap(f"{count} {bar}{took}", format_figures(logs), columns))
        else:
            show_line(f"{self.title}: {count} {took}", logs)


def time_text(seconds: float, steps: int) -> str:
    """Return ``12s 3.4ms/step``."""
    return f"{seconds:.0f}s {seconds / max(1, steps) * 1e3:.1f}ms/step"


def show_line(head: str, logs: dict[str, float]) -> None:
    """Print head and figures: in one line, but in a terminal where they do not fit into it."""
    show(wrap(head, format_figures(logs), width() if Stdout().isatty() else sys.maxsize))


def format_figures(logs: dict[str, float]) -> list[str]:
    """Return ``accuracy: 0.9432``, ``loss: 0.1902``, in the order given."""
    return [f"{name}: {value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{name}: {value:.3e}"
            for name, value in logs.items()]


def draw_bar(share: float, columns: int) -> str:
    """Return a bar of so many columns and a blank; nothing where it would be too short to read."""
    filled = int(share * columns)
    return "━" * filled + "─" * (columns - filled) + " " if columns >= 4 else ""


def wrap(head: str, figures: list[str], columns: int) -> str:
    """Join head and figures by `` - ``, on a new line where a figure would not fit into the columns."""
    lines = [head]
    for figure in figures:
        if len(lines[-1]) + len(f" - {figure}") <= columns:
            lines[-1] += f" - {figure}"
        else:
            lines.append(f"  {figure}")
    return "\n".join(lines)


def make_bar() -> TerminalBar | NotebookBar | None:
    """Return what can draw over itself here, if anything can."""
    if in_notebook():
        return NotebookBar()
    return TerminalBar() if Stdout().isatty() and os.environ.get("TERM") != "dumb" else None


class TerminalBar:
    """A few lines of a terminal that are drawn anew."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        stdout = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
        # A console of its own: two models may train at once, in two threads.
        self.console = Console(file=Stdout(stdout))  # type: ignore[arg-type]
        self.live = Live(console=self.console, auto_refresh=False)
        self.started = False

    def width(self) -> int:
        return self.console.width

    def draw(self, text: str) -> None:
        from rich.text import Text

        styled = Text(text)
        styled.highlight_regex("━+", "bar.complete")
        styled.highlight_regex("─+", "bar.back")
        self.live.start()
        self.live.update(styled, refresh=True)

    def close(self) -> None:
        self.live.stop()


class NotebookBar:
    """A cell's output that is drawn anew; it needs no widgets."""

    def __init__(self) -> None:
        self.handle: Any = None

    def width(self) -> int:
        return width()

    def draw(self, text: str) -> None:
        from IPython.display import display  # type: ignore[import-not-found]

        picture = {"text/plain": text}
        if self.handle is None:
            self.handle = display(picture, raw=True, display_id=True)
        else:
            self.handle.update(picture, raw=True)

    def close(self) -> None:
        """Leave the last picture."""
