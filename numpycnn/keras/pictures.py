"""Pictures: read from files, as arrays and back."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from ..files import open_file, printable

CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def check_format(data_format: Any) -> None:
    if data_format not in (None, "channels_last"):
        raise ValueError(f"data_format={data_format!r}: images are channels-last here: x.transpose(1, 2, 0)")


def img_to_array(img: Any, data_format: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Return an image as an array (H, W, C)."""
    check_format(data_format)
    array = np.asarray(img, dtype)
    return array[..., None] if array.ndim == 2 else array


def array_to_img(x: Any, data_format: Any = None, scale: bool = True, dtype: Any = None) -> Any:
    """Return an array (H, W, C) as an image, stretched to 0..255 if asked for."""
    check_format(data_format)
    from PIL import Image

    x = np.asarray(x, np.float32)
    if x.ndim != 3:
        raise ValueError(f"array_to_img: expected shape (H, W, C), got {x.shape}")
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    pixels = x.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def centre(height: int, width: int, size: Any) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the largest part in the middle that is in the proportions of `size`."""
    rows, columns = size
    down, right = max(1, min(height, width * rows // columns)), max(1, min(width, height * columns // rows))
    top, left = (height - down) // 2, (width - right) // 2
    return left, top, left + right, top + down


def read_image(path: Any, color_mode: str, eight_bits: bool = False) -> Any:
    """Read an image file; grey levels of 16 bits stay so, as in Keras, unless TensorFlow's 8 bits are asked for."""
    from PIL import Image

    opened = contextlib.nullcontext(path) if hasattr(path, "read") else open_file(path)  # Pillow would wait for a pipe
    with opened as stream, Image.open(stream) as file:
        try:
            file.load()
        except OSError as error:  # it does not say which file
            raise OSError(f"{printable(str(path))}: {error}") from error
        image: Any = file
        if eight_bits and file.mode.startswith("I"):
            image = Image.fromarray((np.asarray(file) >> 8).astype(np.uint8))
        if color_mode == "grayscale":
            return image.copy() if image.mode in ("L", "I", "I;16") else image.convert("L")
        return image.convert(color_mode.upper())


def load_img(path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest",
             grayscale: bool = False, keep_aspect_ratio: bool = False) -> Any:  # fmt: skip
    """Read an image file."""
    from PIL import Image

    color_mode = "grayscale" if grayscale else color_mode
    if color_mode not in CHANNELS:
        raise ValueError(f"color_mode: expected one of {', '.join(CHANNELS)}, got {color_mode!r}")
    if interpolation.upper() not in Image.Resampling.__members__:
        known = ", ".join(Image.Resampling.__members__).lower()
        raise ValueError(f"interpolation: expected one of {known}, got {interpolation!r}")
    image = read_image(path, color_mode)
    if target_size is not None:
        box = centre(image.height, image.width, target_size[:2]) if keep_aspect_ratio else None
        image = image.resize((target_size[1], target_size[0]), Image.Resampling[interpolation.upper()], box)
    return image


def save_img(path: Any, x: Any, data_format: Any = None, file_format: Any = None, scale: bool = True) -> None:
    """Write an array (H, W, C) as an image file."""
    array_to_img(x, data_format, scale).save(path, format=file_format)
