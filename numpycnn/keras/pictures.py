"""Pictures: read from files, as arrays and back."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Mapping, Sequence

import numpy as np

from ..checks import check_choice
from ..files import open_file, printable

CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
INTERPOLATIONS = "bilinear", "nearest"  # TensorFlow's


def check_words(owner: str, choices: Mapping[str, Iterable[Any]], **given: Any) -> None:
    """Raise unless each argument is one of its choices, among which None may be."""
    for name, value in given.items():
        words = [word for word in choices[name] if word is not None]
        optional = None in choices[name]
        if not (optional and value is None):
            check_choice(value, f"{owner}: {name}", words, " or None" if optional else "")


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
    pillows = [word.lower() for word in Image.Resampling.__members__]
    check_words("load_img", {"color_mode": CHANNELS, "interpolation": pillows}, color_mode=color_mode,
                interpolation=interpolation.lower())  # fmt: skip
    image = read_image(path, color_mode)
    if target_size is not None:
        box = centre(image.height, image.width, target_size[:2]) if keep_aspect_ratio else None
        image = image.resize((target_size[1], target_size[0]), Image.Resampling[interpolation.upper()], box)
    return image


def resized(images: np.ndarray, size: Sequence[int], interpolation: str) -> np.ndarray:
    """Return an image (H, W, C), or a batch of them, in `size` (rows, columns).

    Of the pixels around the new pixels' centres, or of the nearest, which stay uint8. As TensorFlow does it: where it
    shrinks, pixels in between are left out.
    """
    if images.ndim not in (3, 4):
        raise ValueError(f"expected an image (H, W, C) or a batch of them to resize, got shape {images.shape}")
    for axis, new in zip((-3, -2), size):
        old = images.shape[axis]
        centres = (np.arange(new, dtype=np.float32) + 0.5) * np.float32(old / new)
        if interpolation == "nearest":
            images = images.take(np.minimum(centres.astype(int), old - 1), axis)
            continue
        places = (centres - 0.5).clip(0, old - 1)
        first = places.astype(int)
        share = (places % 1).reshape(-1, *[1] * (-1 - axis))
        one, other = (images.take(rows, axis).astype(np.float32) for rows in (first, np.minimum(first + 1, old - 1)))
        images = one + (other - one) * share
    return images


def save_img(path: Any, x: Any, data_format: Any = None, file_format: Any = None, scale: bool = True) -> None:
    """Write an array (H, W, C) as an image file."""
    array_to_img(x, data_format, scale).save(path, format=file_format)
