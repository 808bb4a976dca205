"""Between Pillow's images and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def img_to_array(img: Any, data_format: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Return an image as an array (H, W, C)."""
    array = np.asarray(img, dtype)
    return array[..., None] if array.ndim == 2 else array


def array_to_img(x: Any, data_format: Any = None, scale: bool = True, dtype: Any = None) -> Any:
    """Return an array (H, W, C) as an image, stretched to 0..255 if asked for."""
    from PIL import Image

    x = np.asarray(x, np.float32)
    if x.ndim != 3:
        raise ValueError(f"array_to_img: expected shape (H, W, C), got {x.shape}")
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    pixels = x.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def load_img(path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest",
             grayscale: bool = False, keep_aspect_ratio: bool = False) -> Any:  # fmt: skip
    """Read an image file."""
    from PIL import Image

    mode = "L" if grayscale or color_mode == "grayscale" else color_mode.upper()
    with Image.open(path) as file:
        image = file.convert(mode)
    if target_size is not None:
        image = image.resize((target_size[1], target_size[0]), getattr(Image.Resampling, interpolation.upper()))
    return image


def save_img(path: Any, x: Any, data_format: Any = None, file_format: Any = None, scale: bool = True) -> None:
    """Write an array (H, W, C) as an image file."""
    array_to_img(x, scale=scale).save(path, format=file_format)
