"""Reading a picture of any kind as shades of grey.

An array, a Pillow image, a file or its content, with colour or without, opaque or not, becomes shades from 0 (black)
to 1 (white). What cannot be a picture is refused before anything large is made of it, and a large picture is read in
strips: never is more of it in memory than its own pixels, as Pillow keeps them, and one strip as numbers.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...files import open_file, path_text, printable

Box = tuple[int, int, int, int]  # top, left, bottom, right, the last two exclusive

MAX_PIXELS = 50_000_000  # what the cameras of most telephones take; Pillow needs up to 4 bytes for each, 200 MB
STRIP = 1_000_000  # pixels that are turned into numbers at a time
BRIGHTEST = 2.0**64  # beyond any integer; sums of such numbers are finite in float32
# Formats whose decoders only decode: Pillow starts Ghostscript, an interpreter of programs, for EPS.
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
HEIC = b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"  # at bytes 8 to 11 of a telephone's photos
PLAIN_MODES = ("1", "L", "LA", "RGB", "RGBA", "F")  # of Pillow: grey or red, green, blue, as they are
ORIENTATION = 0x0112  # the EXIF tag
# What EXIF's orientations ask for: (exchange rows and columns?, then upside down?, then left to right?)
TURNS = {
    2: (False, False, True), 3: (False, True, True), 4: (False, True, False), 5: (True, False, False),
    6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip
AS_IT_IS = (False, False, False)

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: how bright red, green and blue look
HUES = np.array([[0.5, -0.5, 0], [-0.25, -0.25, 0.5]], np.float32)  # red against green, both against blue


class _Refused(ValueError):
    """It is no picture, or has no pixels, too many, or numbers that are no shades."""


@dataclass(frozen=True)
class Picture:
    """A picture, to be looked at piece by piece.

    Attributes
    ----------
    source : ndarray of shape (H, W, C), or PIL.Image.Image
        The pixels as they are stored.
    height, width : int
        Of the picture as it is to be shown, which `turn` may have turned.
    white : float
        The number that stands for white.
    turn : (bool, bool, bool)
        From stored to shown: exchange rows and columns, then turn upside down, then left to right.
    notes : tuple of str
        What the reader should know of how it was read.
    """

    source: Any
    height: int
    width: int
    white: float
    turn: tuple[bool, bool, bool] = AS_IT_IS
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> Box:
        return 0, 0, self.height, self.width

    def shades(self, region: Box, factor: int = 1, hue: int | None = None) -> NDArray[np.floating]:
        """Return a region's shades, 0 to 1: means of squares of `factor` x `factor` pixels, (h // factor, w // factor).

        They say how bright it is or, given the number of a hue, how much of it there is, 0.5 being none.

        What is left over at the bottom and at the right is left out; there is at least one row and one column.
        """
        pixels = self.pixels(region, factor)
        return to_grey(pixels, self.white) if hue is None else _hue(pixels, self.white, hue)

    def pixels(self, region: Box, factor: int = 1) -> NDArray[np.floating]:
        """Return the same with all channels, as numbers up to `white`: (h // factor, w // factor, C)."""
        top, left, bottom, right = region
        bottom, right = top + _multiple(bottom - top, factor), left + _multiple(right - left, factor)
        exchanged, upside_down, mirrored = self.turn
        if mirrored:
            left, right = self.width - right, self.width - left
        if upside_down:
            top, bottom = self.height - bottom, self.height - top
        if exchanged:
            top, left, bottom, right = left, top, right, bottom
        strips = _strips(self.source, (top, left, bottom, right), factor)
        pixels = np.concatenate([reduced(strip, factor) for strip in strips])  # (h, w, C)
        pixels = pixels.swapaxes(0, 1) if exchanged else pixels
        pixels = pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
        return np.ascontiguousarray(pixels)


def read_picture(image: Any) -> Picture:
    """Return the picture, ready to be looked at.

    Parameters
    ----------
    image : array_like, PIL.Image.Image, path, bytes or binary file
        (H, W) or (H, W, C) with grey; grey, alpha; red, green, blue; or red, green, blue, alpha. Or what Pillow opened
        or can open, turned as its EXIF orientation says.

    Raises
    ------
    TypeError
        It does not hold numbers, has rows of several lengths, or is a file in text mode.
    ValueError
        The array has another shape, no pixels, NaN, negative numbers or too many pixels; the file is no picture.
    FileNotFoundError
        There is no such file.
    """
    if isinstance(image, (str, os.PathLike)):
        path = Path(path_text(image, "image"))
        if path.is_dir():
            raise ValueError(f"{printable(path)}: expected a picture, got a folder; name the file inside it")
        try:
            with open_file(path) as file:  # given the path, Pillow misreads a TIFF that is stored on its side
                return _open(file, printable(path))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"expected a picture, but there is no file {printable(path)}") from error
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _open(io.BytesIO(image), f"image ({len(image):,} bytes)")
    if hasattr(image, "read"):
        if isinstance(image, io.TextIOBase):
            raise TypeError(f"image: expected a file opened in binary mode ('rb'), got a text file, {image!r}")
        return _open(image, printable(getattr(image, "name", None) or "image"))
    pillow = sys.modules.get("PIL.Image")  # without it this is no image of Pillow's
    if pillow is not None and isinstance(image, pillow.Image):
        with _documented_errors("image"):
            return _opened(image, "image")
    return _from_array(image)


def _from_array(image: ArrayLike) -> Picture:
    if isinstance(image, np.ma.MaskedArray):
        raise TypeError("image: expected an array without a mask, got a masked one; use image.filled(...)")
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise TypeError("image: expected rows of the same length, got rows of several lengths") from error
    if pixels.dtype.kind not in "buif":
        got = f"an array of {pixels.dtype}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
        raise TypeError("image: expected an array of numbers, a Pillow image, the path of a file, its content or a "
                        f"file that is open for reading, got {got}")
    shape = pixels.shape
    if pixels.ndim == 2:
        pixels = pixels[..., None]  # (H, W, 1)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        raise ValueError("image: expected one picture of shape (H, W) or (H, W, C) with 1 to 4 channels, got shape "
                         f"{shape}; take one image of a batch with images[0]")
    height, width, _ = pixels.shape
    _check_size(width, height, "image")
    return Picture(pixels, height, width, _white([pixels], pixels.dtype, "image"))


def _check_size(width: int, height: int, name: str) -> None:
    if width * height == 0:
        raise _Refused(f"{name}: expected at least one pixel, got {width} x {height}")
    if width * height > MAX_PIXELS:
        raise _Refused(f"{name}: expected at most {MAX_PIXELS // 10**6} million pixels, got {width} x {height}; crop "
                       "the picture to the digit or scale it down")


@contextlib.contextmanager
def _documented_errors(name: str) -> Iterator[None]:
    """Raise what `read_picture` documents in place of what Pillow and its decoders raise."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large picture (the limit here is lower), of odd notes in the file
            yield
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name}: expected at most {MAX_PIXELS // 10**6} million pixels, got more") from error
    except _Refused:
        raise
    except Exception as error:  # decoders raise what a damaged file happens to provoke: from KeyError to struct.error
        raise ValueError(f"{name}: expected a whole picture, got one that is damaged or cut short ({error})") from error


def _open(file: Any, name: str) -> Picture:
    """Read an open file."""
    from PIL import Image, UnidentifiedImageError

    with _documented_errors(name):
        Image.init()
        try:
            image = Image.open(file, formats=[each for each in FORMATS if each in Image.OPEN])
        except UnidentifiedImageError as error:
            start = _start_of(file)
            heic = start[4:8] == b"ftyp" and start[8:12] in HEIC
            if heic and "HEIF" not in Image.OPEN and _pillow_reads_heic():
                file.seek(0)
                return _open(file, name)
            other = "a file of another kind; save it as PNG" if start else "an empty file"
            got = "a HEIC photo; save it as JPEG or PNG" if heic else other
            more = ", or install pillow-heif" if heic and "HEIF" not in Image.OPEN else ""
            raise _Refused(f"{name}: expected a picture such as PNG or JPEG, got {got}{more}") from error
        with image:
            return _opened(image, name)


def _start_of(file: Any) -> bytes:
    """Return the first bytes of an open file, which say what it is; of a stream that cannot seek, one that does not."""
    with contextlib.suppress(OSError, AttributeError):
        file.seek(0)
        return file.read(12)
    return b"?"


def _pillow_reads_heic() -> bool:
    """Teach Pillow to read such photos, if pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _opened(image: Any, name: str) -> Picture:
    """Take a Pillow image, decoded or not yet."""
    width, height = image.size
    _check_size(width, height, name)
    # MPO is what telephones write: a JPEG with a second one beside it, of the same moment.
    several = image.format != "MPO" and getattr(image, "is_animated", False)
    image.load()
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1), AS_IT_IS)  # after loading, which turns a TIFF by itself
    width, height = image.size
    shown = (width, height) if turn[0] else (height, width)
    first = next(_strips(image, (0, 0, 1, 1)))
    in_range = first.dtype.kind == "b" or first.dtype == np.uint8  # nothing to look for then
    white = _white([first] if in_range else _strips(image, (0, 0, height, width)), first.dtype, name)
    notes = ("several pictures in one file: only the first was looked at",) if several else ()
    return Picture(image, *shown, white, turn, notes)


def _numbers(image: Any) -> NDArray[Any]:
    """Return the pixels of a Pillow image as numbers, (H, W, C); palettes and print colours are converted."""
    mode = image.mode
    if mode == "LAB":
        image = image.getchannel("L")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif not mode.startswith("I") and (mode not in PLAIN_MODES or "transparency" in image.info):
        image = image.convert("RGBA")
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


def _strips(source: Any, box: Box, factor: int = 1) -> Iterator[NDArray[Any]]:
    """Yield what is stored in the box, a few rows at a time, (h, w, C); all but the last are multiples of `factor`."""
    top, left, bottom, right = box
    rows = factor * max(1, STRIP // (factor * (right - left)))
    for start in range(top, bottom, rows):
        end = min(start + rows, bottom)
        if isinstance(source, np.ndarray):
            yield source[start:end, left:right]
        else:
            yield _numbers(source.crop((left, start, right, end)))


def _white(strips: Any, dtype: np.dtype, name: str) -> float:
    """Return the number that stands for white: by the type for whole numbers, by the largest for floats."""
    lows, highs = zip(*((float(strip.min()), float(strip.max())) for strip in strips))
    low, high = float(np.min(lows)), float(np.max(highs))
    if not (low >= 0 and high <= BRIGHTEST):  # written so that NaN fails, too
        raise _Refused(
            f"{name}: expected numbers from 0 (black) to 1 or 255 (white), got {low} to {high}; undo a normalisation"
        )
    if dtype.kind == "b":
        return 1.0
    if dtype.kind == "f":
        return 1.0 if high <= 1 else 255.0 if high <= 255 else high
    return 255.0 if high <= 255 else 65535.0 if high <= 65535 else high


def _multiple(length: int, factor: int) -> int:
    """Return the length without what is left over; a length below `factor` as it is."""
    return length - length % factor if length > factor else length


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
    return grey * alpha + paper_behind(grey, alpha) * (1 - alpha)


def paper_behind(grey: NDArray[np.floating], alpha: NDArray[np.floating]) -> float:
    """Return the shade of the paper that strokes (H, W) are laid on: white, or black if they are bright."""
    brightness = float((grey * alpha).sum() / max(alpha.sum(), 1e-6))
    return 0.0 if brightness > 0.5 else 1.0


def _hue(pixels: NDArray[np.floating], white: float, number: int) -> NDArray[np.floating]:
    """Return 0 to 1, 0.5 being grey, for pixels (H, W, C); where they are transparent they are grey."""
    if pixels.shape[2] < 3:
        return np.full(pixels.shape[:2], 0.5, np.float32)
    difference = pixels[..., :3] @ HUES[number] / np.float32(white)
    return 0.5 + difference * (pixels[..., 3] / np.float32(white) if pixels.shape[2] == 4 else np.float32(1))
