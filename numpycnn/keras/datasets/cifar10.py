"""``load_data``: the core's ``load_cifar10``."""

from __future__ import annotations

from ... import data


def load_data() -> tuple:
    """Return (x_train, y_train), (x_test, y_test), uint8, the labels as a column; see ``numpycnn.load_cifar10``."""
    (x_train, y_train), (x_test, y_test) = data.load_cifar10()
    return (x_train, y_train.reshape(-1, 1)), (x_test, y_test.reshape(-1, 1))
