"""``CSVLogger``: the figures of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Any

from ..checks import check_flag
from ..files import path_text

if TYPE_CHECKING:
    pass
from .base import Callback


class CSVLogger(Callback):
    """Write one line of figures an epoch, each at once.

    Parameters
    ----------
    filename : str or path
    append : bool
        Go on in an existing file, without a second header; otherwise start anew.
    """

    def __init__(self, filename: str | os.PathLike, append: bool = False) -> None:
        self.filename = path_text(filename, "filename")
        self.append = check_flag(append, "append")

    def on_train_begin(self) -> None:
        if not (self.append and os.path.exists(self.filename)):
            open(self.filename, "w", encoding="utf-8").close()
        self._names = self._header()

    def _header(self) -> list[str] | None:
        with open(self.filename, newline="", encoding="utf-8") as file:
            try:
                return next(csv.reader(file), None)
            except (UnicodeDecodeError, csv.Error) as error:
                text = f"{self.filename}: expected a CSV file to append to, got one of another kind ({error})"
                raise ValueError(text) from error

    def get_state(self) -> dict[str, Any]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return {"text": file.read()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the whole file: the epochs after the backup come again."""
        with open(self.filename, "w", newline="", encoding="utf-8") as file:
            file.write(state["text"])
        self._names = self._header()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        row: dict[str, Any] = {"epoch": epoch, **dict(sorted(logs.items()))}
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            if self._names is None:
                self._names = list(row)
                csv.writer(file).writerow(self._names)
            csv.DictWriter(file, self._names, restval="", extrasaction="ignore").writerow(row)
