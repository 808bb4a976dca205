"""``tf.summary``: figures for TensorBoard, by the package tensorboardX."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator

from ..notes import missing_names

__getattr__ = missing_names("keras.tf.summary", dict.fromkeys(
    ("image", "audio", "text", "histogram", "trace_on", "trace_export"),
    "scalars alone; see tensorboardX's SummaryWriter",
))  # fmt: skip
_current: list[Any] = []


class Writer:
    """A folder of figures."""

    def __init__(self, logdir: Any) -> None:
        from tensorboardX import SummaryWriter  # type: ignore[import-not-found]

        self.writer = SummaryWriter(os.fspath(logdir))

    @contextlib.contextmanager
    def as_default(self, step: Any = None) -> Iterator[Writer]:
        """Write to this folder, for as long as the block runs."""
        _current.append(self)
        try:
            yield self
        finally:
            _current.remove(self)

    def set_as_default(self, step: Any = None) -> None:
        """Write to this folder from now on."""
        _current.append(self)


def create_file_writer(logdir: Any, **_: Any) -> Writer:
    """Return a writer of figures into this folder."""
    return Writer(logdir)


def scalar(name: str, data: Any, step: Any = None, description: Any = None) -> None:
    """Write one figure."""
    if _current:
        _current[-1].writer.add_scalar(name, float(data), step)
