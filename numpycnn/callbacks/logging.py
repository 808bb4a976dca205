"""``CSVLogger``: the figures of each epoch as a line of a file."""

from __future__ import annotations

import contextlib
import csv
import os
from typing import IO, Any, Iterator

from ..checks import check_flag
from ..files import errors_of, open_file, path_text
from .base import Callback


class CSVLogger(Callback):
    """Write one line of figures an epoch, each at once.

    Parameters
    ----------
    filename : str or path
        Folders that are missing are made.
    append : bool
        Go on in an existing file, without a second header; otherwise start anew. Columns of the file that an epoch
        has no figure for stay empty.

    Raises
    ------
    ValueError
        In ``fit``: the file is a pipe or a device; or the one to append to is no CSV file, or has no column for a
        figure that an epoch will have.
    """

    def __init__(self, filename: str | os.PathLike, append: bool = False) -> None:
        self.filename = path_text(filename, "filename")
        self.append = check_flag(append, "append")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if not self.speaks:
            return
        self._path = os.path.abspath(self.filename)  # of this moment: somebody may change the folder
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        if os.path.exists(self._path):
            open_file(self._path).close()  # refuses pipes and devices, which one would wait for
        if not (self.append and os.path.exists(self._path)):
            open(self._path, "w", encoding="utf-8").close()
        self._names = self._header()
        if self._names is not None:
            self._check_columns(self._names)
            self._end_last_line()

    def _header(self) -> list[str] | None:
        with open(self._path, newline="", encoding="utf-8-sig") as file:  # Excel begins a file with a mark
            try:
                return next(csv.reader(file), None)
            except (UnicodeDecodeError, csv.Error) as error:
                text = f"{self._path}: expected a CSV file to append to, got one of another kind ({error})"
                raise ValueError(text) from error

    def _check_columns(self, found: list[str]) -> None:
        missing = [name for name in ("epoch", *self.figures) if name not in found]
        if missing:
            raise ValueError(
                f"{self._path}: expected a column for each figure, got {', '.join(found) or 'an empty line'}: "
                f"{', '.join(missing)} missing; give another file name, or append=False to start anew"
            )

    def _end_last_line(self) -> None:
        """Add the line end that an editor or a killed program left out: the next row is a line of its own."""
        with open(self._path, "rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) not in b"\r\n":
                file.write(b"\r\n")

    @contextlib.contextmanager
    def _opened(self, mode: str) -> Iterator[IO[str]]:
        """Open the file to write; a full disk is told with its name."""
        named = errors_of(self._path, self._path)
        with named, open(self._path, mode, newline="", encoding="utf-8") as file:
            yield file

    def get_state(self) -> dict[str, Any]:
        with open(self._path, newline="", encoding="utf-8") as file:
            return {"text": file.read()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the whole file: the epochs after the backup come again."""
        if not self.speaks:
            return
        with self._opened("w") as file:
            file.write(state["text"])
        self._names = self._header()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self.speaks:
            return
        row: dict[str, Any] = {"epoch": epoch, **dict(sorted(logs.items()))}
        with self._opened("a") as file:
            if self._names is None:
                self._names = list(dict.fromkeys(["epoch", *sorted({*self.figures, *logs})]))
                csv.writer(file).writerow(self._names)
            csv.DictWriter(file, self._names, restval="").writerow(row)
