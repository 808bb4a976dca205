"""Where windows lie in an image: their size, step, dilation, and the zeros before the first pixel."""

from __future__ import annotations

from typing import Any


def output_size(size: int, window: int, stride: int, padding: str | int) -> tuple[int, int]:
    """Number of windows along one axis, and the zeros before the first pixel.

    ``"same"`` gives ``ceil(size / stride)`` windows and puts the odd zero after the last pixel, as TensorFlow does.
    The number is below 1 where the window does not fit.
    """
    if padding == "same":
        count = -(-size // stride)
        zeros = max((count - 1) * stride + window - size, 0)
        return count, zeros // 2
    before = 0 if padding == "valid" else int(padding)
    return (size + 2 * before - window) // stride + 1, before


def output_geometry(
    shape: tuple[int, ...], window: tuple[int, int], strides: tuple[int, int], padding: Any, owner: Any
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((OH, OW), (top, left)) for images of shape (H, W, C); raise where the window does not fit."""
    pads = (padding, padding) if isinstance(padding, str) else padding
    (out_h, top), (out_w, left) = (output_size(shape[i], window[i], strides[i], pads[i]) for i in range(2))
    if out_h < 1 or out_w < 1:
        swapped = shape[0] in (1, 3) and shape[0] < shape[1] == shape[2]  # such as (1, 28, 28)
        hint = "; if the channels come first, put them last: x.transpose(0, 2, 3, 1)" if swapped else ""
        raise ValueError(
            f"{owner!r}: a window of {window[0]}x{window[1]} does not fit images of {shape[0]}x{shape[1]} with "
            f'padding {padding!r}; use padding="same", a smaller window or larger images{hint}'
        )
    return (out_h, out_w), (top, left)
