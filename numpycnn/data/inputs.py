"""What a network's inputs were made of: so that a picture is treated later as the training images were.

A network that learned digits as MNIST shows them wants a digit cut out and centred; one that learned cats wants the
whole picture, in colour. The numbers alone do not say which, so the model keeps it: ``model.input_format``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_choice, check_class_names, check_flag, check_pair, check_positive
from ..files import printable
from .own_digit.ink import resample
from .own_digit.picture import paper_behind, read_picture, to_grey
from .own_digit.prepare import SIZE, prepare_digit

PREPARATIONS = "digit", "resize"
MOST_PIXELS = 4_000_000  # of a picture that is resized exactly


@dataclass(frozen=True)
class InputFormat:
    """What one input of a network is, and the names of its classes.

    Parameters
    ----------
    size : (int, int)
        Rows and columns of an image.
    grey : bool
        One channel; otherwise three: red, green, blue.
    scale : float
        Pixels from 0 to 255 are multiplied by it.
    prepare : {"resize", "digit"}
        A picture is resized as a whole, its proportions given up; or `prepare_digit` cuts a digit out of it (28 x 28
        pixels, grey).
    class_names : sequence of str, optional
        A name for each class, in the order of the network's outputs. Default: their numbers.

    Raises
    ------
    TypeError, ValueError
        An argument is none of these; a name has a character that cannot be printed; "digit" with another size.

    Examples
    --------
    >>> from numpycnn import InputFormat
    >>> pets = InputFormat((32, 32), grey=False, class_names=("cat", "dog"))
    >>> pets.shape, pets.read(np.zeros((60, 40, 3), np.uint8)).shape
    ((32, 32, 3), (32, 32, 3))
    """

    size: tuple[int, int]
    grey: bool = True
    scale: float = 1 / 255
    prepare: str = "resize"
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = None if self.class_names is None else tuple(check_class_names(self.class_names))
        for name in names or ():
            if printable(name) != name or not name.strip():
                raise ValueError(f"class_names: expected names that can be printed, got {name!r}; give it another name")
        checked = {
            "size": check_pair(self.size, "size"), "grey": check_flag(self.grey, "grey"),
            "scale": check_positive(self.scale, "scale"), "class_names": names,
        }
        for field, value in checked.items():
            object.__setattr__(self, field, value)
        check_choice(self.prepare, "prepare", PREPARATIONS)
        if self.prepare == "digit" and self.shape != (SIZE, SIZE, 1):
            raise ValueError(f'prepare: expected "resize" for images of shape {self.shape}, got "digit", which makes '
                             f"{(SIZE, SIZE, 1)} of a picture")

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one input: rows, columns, channels."""
        return (*self.size, 1 if self.grey else 3)

    def check_fits(self, input_shape: Shape, output_shape: Shape) -> None:
        """Raise ValueError if a network of these shapes takes other images, or has another number of classes."""
        names = len(self.class_names or ())
        if self.shape != input_shape or names not in (0, output_shape[-1]):
            raise ValueError(f"input_format: expected images of shape {input_shape}, and {output_shape[-1]} names or "
                             f"none, got images of {self.shape} and {names or 'no'} names")

    def read(self, picture: Any) -> NDArray[np.float32]:
        """Return a picture as the network wants it, float32 of shape `shape`.

        Parameters
        ----------
        picture : array_like, PIL.Image.Image, path, bytes or binary file
            As `prepare_digit` takes it; the errors are the same, too.
        """
        if self.prepare == "digit":
            return prepare_digit(picture).image[..., None] * np.float32(255 * self.scale)
        return resized(picture, self.size, self.grey).reshape(self.shape) * np.float32(self.scale)

    def has_digits(self, output_shape: Shape) -> bool:
        """Whether a network of this output says which of the digits 0 to 9 was cut out of a picture."""
        return self.prepare == "digit" and self.class_names is None and output_shape == (10,)

    def name_of(self, number: int) -> str:
        """Return the name of a class: its number where there are no names."""
        return str(number) if self.class_names is None else self.class_names[number]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Any) -> InputFormat:
        """Return what `get_config` described, from a file; anything more, less or of another type is refused."""
        fields = list(cls.__dataclass_fields__)
        if not isinstance(config, dict) or sorted(config) != sorted(fields):
            raise ValueError(f"input_format: expected {', '.join(fields)}, got {config!r}")
        if not isinstance(config["size"], (list, tuple)):
            raise TypeError(f"size: expected a pair (rows, columns), got {config['size']!r}")
        return cls(**config)


def resized(picture: Any, size: Sequence[int], grey: bool) -> NDArray[np.uint8]:
    """Return a picture of any kind in `size` (rows, columns): uint8 of shape (H, W), or (H, W, 3) if not `grey`.

    Each new pixel is the mean of the area that it covers. What is transparent becomes white paper behind dark strokes,
    black behind bright ones, as in `prepare_digit`.
    """
    seen = read_picture(picture)
    height, width = size
    # Whole squares first, which is quicker; at least so many that what is left is small, however long the picture is.
    factor = max(1, min(seen.height // (2 * height), seen.width // (2 * width)))
    factor = max(factor, math.isqrt(seen.height * seen.width // MOST_PIXELS))
    pixels = seen.pixels(seen.whole, factor)  # (h, w, C)
    if grey:
        shades = resample(np.asarray(to_grey(pixels, seen.white), np.float32), height, width)  # (H, W)
    else:
        colours = _colours(pixels, seen.white)  # (h, w, 3)
        shades = np.stack([resample(colours[..., channel], height, width) for channel in range(3)], axis=-1)
    return np.rint(255 * shades.clip(0, 1)).astype(np.uint8)


def _colours(pixels: NDArray[np.floating], white: float) -> NDArray[np.float32]:
    """Return red, green and blue, 0 to 1, (h, w, 3), of pixels (h, w, C); what is transparent as `to_grey` does."""
    channels = pixels.shape[2]
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    colours = (colours / np.float32(white)).astype(np.float32)
    if channels in (1, 3):
        return colours
    alpha = (pixels[..., -1:] / np.float32(white)).astype(np.float32)
    return colours * alpha + paper_behind(to_grey(colours, 1.0)[..., None], alpha) * (1 - alpha)
