"""How much memory a model may ask for: a file of a few bytes can describe layers of any size."""

from __future__ import annotations

from typing import Any

MAX_FORWARD_BYTES = 2**33  # that a model may make of one input


def check_forward_bytes(count: int, owner: Any, makers: str = "this layer") -> None:
    """Raise where `makers` make more bytes of one input than any reasonable model."""
    if count > MAX_FORWARD_BYTES:
        limit, found = MAX_FORWARD_BYTES / 2**30, count / 2**30
        raise ValueError(
            f"{owner!r}: expected at most {limit:.0f} GiB that {makers} would make of one input, got {found:,.1f} GiB; "
            "use smaller inputs, fewer filters, strides or pooling"
        )
