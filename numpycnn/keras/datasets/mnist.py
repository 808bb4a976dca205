"""``load_data``: the core's ``load_mnist``."""

from __future__ import annotations

from typing import Any

from ... import data
from ..notes import no_effect


def load_data(path: Any = None) -> tuple:
    """Return (x_train, y_train), (x_test, y_test), uint8; see ``numpycnn.load_mnist``."""
    no_effect("datasets.mnist.load_data", path=None if path == "mnist.npz" else path)
    return data.load_mnist()
