"""Reading a picture of any kind as shades of grey.

An array or a file, with colour or without, opaque or not, becomes an array (H, W) from 0 (black) to 1 (white). What
cannot be a picture is refused before anything large is made of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...files import path_text

MAX_PIXELS = 50_000_000  # more than any camera of a telephone takes; as RGBA, 200 MB
BRIGHTEST = 2.0**64  # beyond any integer; sums of such numbers are finite in float32
# Formats whose decoders only decode: Pillow starts Ghostscript, an interpreter of programs, for EPS.
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: how bright red, green and blue look


class _WrongSize(ValueError):
    """The picture has no pixels, or too many."""


def read_picture(image: ArrayLike | str | os.PathLike[str]) -> NDArray[Any]:
    """Return the picture as an array of numbers (H, W, C) with 1 to 4 channels, not yet scaled.

    Parameters
    ----------
    image : array_like or path
        (H, W) or (H, W, C) with grey; grey, alpha; red, green, blue; or red, green, blue, alpha. Or a file that Pillow
        can read, turned as its EXIF orientation says.

    Raises
    ------
    TypeError
        The array does not hold numbers.
    ValueError
        The array has another shape, no pixels, NaN, negative numbers or too many pixels; the file is no picture.
    FileNotFoundError
        There is no such file.
    """
    if isinstance(image, (str, os.PathLike)):
        pixels = _read_file(Path(path_text(image, "image")))
    else:
        pixels = _as_array(image)
    if pixels.dtype.kind not in "buif":
        raise TypeError(f"image: expected an array of numbers or the path of a file, got {_kind(image, pixels)}")
    shape = pixels.shape
    if pixels.ndim == 2:
        pixels = pixels[..., None]  # (H, W, 1)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        raise ValueError(
            "image: expected one picture of shape (H, W) or (H, W, C) with 1 to 4 channels, got shape "
            f"{shape}; take one image of a batch with images[0]"
        )
    _check_size(pixels.shape[1], pixels.shape[0], "image")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= BRIGHTEST):  # written so that NaN fails, too
        raise ValueError(
            f"image: expected numbers from 0 (black) to 1 or 255 (white), got {low} to {high}; undo a normalisation"
        )
    return pixels


def _as_array(image: ArrayLike) -> NDArray[Any]:
    if isinstance(image, np.ma.MaskedArray):
        raise TypeError("image: expected an array without a mask, got a masked one; use image.filled(...)")
    try:
        return np.asarray(image)
    except ValueError as error:
        raise TypeError("image: expected rows of the same length, got rows of several lengths") from error


def _kind(image: object, pixels: NDArray[Any]) -> str:
    return f"an array of {pixels.dtype}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"


def _check_size(width: int, height: int, name: str) -> None:
    if width * height == 0:
        raise _WrongSize(f"{name}: expected at least one pixel, got {width} x {height}")
    if width * height > MAX_PIXELS:
        raise _WrongSize(
            f"{name}: expected at most {MAX_PIXELS // 10**6} million pixels, got {width} x {height}; "
            "crop the picture to the digit or scale it down"
        )


def _read_file(path: Path) -> NDArray[Any]:
    import warnings

    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.is_dir():
        raise ValueError(f"{path}: expected a picture, got a folder; name the file inside it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large picture (the limit here is lower), of odd notes in the file
            Image.init()
            with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as file:
                _check_size(*file.size, str(path))
                return _pixels_of(ImageOps.exif_transpose(file))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"expected a picture, but there is no file {path}") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: expected a picture such as PNG or JPEG, got {_other_kind(path)}") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: expected at most {MAX_PIXELS // 10**6} million pixels, got more") from error
    except _WrongSize:
        raise
    except Exception as error:  # decoders raise what a damaged file happens to provoke: from KeyError to struct.error
        raise ValueError(f"{path}: expected a whole picture, got one that is damaged or cut short ({error})") from error


def _other_kind(path: Path) -> str:
    """Say what to do about a file that Pillow cannot read: a telephone's HEIC photo, or something else."""
    with open(path, "rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"):
        return (
            "a HEIC photo; save it as JPEG or PNG, or install pillow-heif and call "
            "pillow_heif.register_heif_opener() first"
        )
    return "a file of another kind; save it as PNG"


def _pixels_of(file: Any) -> NDArray[Any]:
    """Decode to grey, with or without alpha, or to RGBA; palettes and print colours are converted."""
    if file.mode in ("1", "L", "LA", "RGB", "RGBA", "F") or file.mode.startswith("I"):
        return np.asarray(file)
    return np.asarray(file.convert("RGBA"))


def reduced(pixels: NDArray[Any], factor: int) -> NDArray[np.floating]:
    """Average squares of `factor` x `factor` pixels: (H, W, C) to (H // factor, W // factor, C), at least 1 x 1."""
    height, width, channels = pixels.shape
    rows, columns = max(1, height // factor), max(1, width // factor)
    tall, wide = min(factor, height), min(factor, width)
    total = np.zeros((rows, columns, channels), np.float32)
    for dy in range(tall):
        for dx in range(wide):  # a mean over four axes of a large uint8 array takes ten times as long
            total += pixels[dy : rows * tall : tall, dx : columns * wide : wide]
    return total / np.float32(tall * wide)


def full_scale(pixels: NDArray[Any]) -> float:
    """Return the number that stands for white: by the type for whole numbers, by the largest for floats."""
    if pixels.dtype.kind == "b":
        return 1.0
    high = float(pixels.max())
    if pixels.dtype.kind == "f":
        return 1.0 if high <= 1 else 255.0 if high <= 255 else high
    return 255.0 if high <= 255 else 65535.0 if high <= 65535 else high


def to_grey(pixels: NDArray[np.floating], white: float) -> NDArray[np.floating]:
    """Return the shades (H, W), 0 to 1, of pixels (H, W, C); what is transparent becomes background.

    Strokes on a transparent background say nothing of its colour: dark strokes are laid on white, bright ones on black.
    """
    pixels = pixels / np.float32(white)
    channels = pixels.shape[2]
    grey = pixels[..., 0] if channels < 3 else pixels[..., :3] @ _LUMINANCE
    if channels in (1, 3):
        return grey
    alpha = pixels[..., -1]
    if alpha.min() == 1:
        return grey
    brightness = float((grey * alpha).sum() / max(alpha.sum(), 1e-6))
    paper = 0.0 if brightness > 0.5 else 1.0
    return grey * alpha + paper * (1 - alpha)
