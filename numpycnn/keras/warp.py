"""Images moved by affine maps, with Keras's words for what lies beyond their edges; the core samples them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import ops

# Keras's word: NumPy's.
EDGES = {"nearest": "edge", "reflect": "symmetric", "wrap": "wrap", "constant": "constant"}


def warped(images: np.ndarray, maps: np.ndarray, fill_mode: str = "nearest", cval: float = 0.0) -> np.ndarray:
    """Return float32 images (N, H, W, C), sampled at ``maps[n] @ (row, column, 1)``."""
    if fill_mode not in EDGES:
        raise ValueError(f"fill_mode: expected one of {', '.join(EDGES)}, got {fill_mode!r}")
    size = np.array(images.shape[1:3])
    corners = np.array([[r, c, 1] for r in (0, size[0] - 1) for c in (0, size[1] - 1)], float)
    reached = maps @ corners.T  # (N, 2, 4)
    beyond = np.maximum(-reached.min(axis=(0, 2)), (reached - size[:, None] + 1).max(axis=(0, 2)))
    margin = np.zeros(2, int) if fill_mode == "constant" else np.clip(np.ceil(beyond), 0, 3 * size).astype(int)
    sides = [(0, 0), *((m, m) for m in margin), (0, 0)]
    mode: Any = EDGES[fill_mode]
    framed = np.pad(images, sides, mode) if margin.any() else images
    matrices = maps.copy()  # rows and columns of the framed image, on both sides
    matrices[:, :, 2] += margin - matrices[:, :, :2] @ margin
    x = np.require(framed, np.float32, ["C", "A", "W"])
    y = np.empty(x.shape, np.float32)
    ops.warp(x, matrices.astype(np.float32), np.zeros((1, 2, *x.shape[1:3]), np.float32), float(cval), y)
    rows, columns = (slice(m, m + n) for m, n in zip(margin, size))
    return np.ascontiguousarray(y[:, rows, columns])
