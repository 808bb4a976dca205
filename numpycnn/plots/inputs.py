"""What the pictures in `plots` are drawn from, checked before anything is drawn.

Each function returns its argument as an array that can be drawn as it is, or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_class_names, check_count, check_numeric


def check_grid(rows: int, cols: int) -> int:
    """How many images a grid has room for."""
    return check_count(rows, "rows") * check_count(cols, "cols")


def image_stack(images: ArrayLike) -> NDArray[Any]:
    """The images as an array of numbers (N, H, W) or (N, H, W, 3)."""
    pixels = check_numeric(images, "images")
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]  # (N, H, W)
    if pixels.ndim != 3 and not (pixels.ndim == 4 and pixels.shape[3] == 3):
        raise ValueError(
            "images: expected shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), got "
            f"{np.shape(images)}; give a single image a batch axis (image[None]), and flat "
            "ones their rows and columns (.reshape(-1, 28, 28))"
        )
    if pixels.size == 0:
        raise ValueError(f"images: expected at least one image, got shape {np.shape(images)}")
    return pixels


def displayable(pixels: NDArray[Any]) -> NDArray[Any]:
    """Those images as uint8, or as floats from 0 to 1."""
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise ValueError(f"images: expected integers from 0 to 255, got {low} to {high}")
        return pixels.astype(np.uint8)
    # Interpolation may leave the range by a rounding error. NaN fails this test too.
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f"images: expected floats from 0 to 1, got {low} to {high}; undo a normalisation, "
            "divide pixels up to 255 by 255"
        )
    return np.asarray(np.clip(pixels, 0, 1), dtype=np.float64)


def check_lengths(images: ArrayLike, **others: NDArray[Any]) -> None:
    """Raise unless there is one of each for each image."""
    n = np.shape(images)[0]
    for name, array in others.items():
        if len(array) != n:
            raise ValueError(f"{name}: expected one for each of {n} images, got {len(array)}")


def names_of(
    class_names: Sequence[str] | None, num_classes: int, more_allowed: bool = False
) -> list[str]:
    """What to call classes 0 to num_classes - 1."""
    if class_names is None:
        return [str(k) for k in range(num_classes)]
    names = check_class_names(class_names)
    if len(names) < num_classes or (len(names) > num_classes and not more_allowed):
        raise ValueError(
            f"class_names: expected a name for each of {num_classes} classes, got {len(names)}"
        )
    return names


def check_history(history: Any) -> dict[str, NDArray[np.float64]]:
    """The curves that are there, each of shape (epochs,)."""
    values = getattr(history, "history", history)
    if not isinstance(values, Mapping):
        raise TypeError(
            "history: expected a dict of lists, or what fit returned, got "
            f"{type(history).__name__}"
        )
    if "loss" not in values:
        raise ValueError(f"history: expected the key 'loss', got the keys {list(values)}")
    curves: dict[str, NDArray[np.float64]] = {}
    values = {key.replace("acc", "accuracy") if key in ("acc", "val_acc") else key: v for key, v in values.items()}
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        if key not in values:
            continue
        curve = check_numeric(values[key], f"history[{key!r}]")
        if curve.ndim != 1 or len(curve) != len(curves.get("loss", curve)) or len(curve) == 0:
            raise ValueError(
                f"history[{key!r}]: expected one number an epoch, at least one and as many as "
                f"under 'loss', got shape {curve.shape}; after a fit with validation_freq, leave the val_ lists out"
            )
        curves[key] = curve.astype(np.float64)
    return curves


def check_matrix(matrix: ArrayLike) -> NDArray[np.int64]:
    """The confusion matrix as int64 (K, K), after a check that it is one."""
    counts = check_numeric(matrix, "matrix")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"matrix: expected a square matrix (K, K), got shape {counts.shape}")
    if not ((counts >= 0) & (counts == np.floor(counts))).all() or not 0 < counts.sum() < 2**53:
        raise ValueError(
            "matrix: expected counts, whole numbers from 0 and not all 0, got "
            f"{counts.min()} to {counts.max()}; shares are worked out here, pass counts"
        )
    return counts.astype(np.int64)
