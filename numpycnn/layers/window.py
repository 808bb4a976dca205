"""Where windows lie in an image: their size, their strides, their dilation, and the zeros before the first pixel."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..checks import Shape

Pair = tuple[int, int]  # vertical, horizontal


@dataclasses.dataclass(frozen=True)
class Window:
    """The windows of a convolution or a pooling on images of one size. Each pair is (vertical, horizontal).

    Attributes
    ----------
    kernel : pair of int
        Elements of a window: kh, kw.
    strides : pair of int
        Pixels from one window to the next.
    dilation : pair of int
        Pixels from one element of a window to the next.
    before : pair of int
        Zeros above the image and to its left.
    count : pair of int
        How many windows there are: OH, OW.
    """

    kernel: Pair
    strides: Pair
    dilation: Pair
    before: Pair
    count: Pair

    @classmethod
    def on(
        cls, image: Shape, kernel: Pair, strides: Pair, padding: str | Pair, dilation: Pair = (1, 1), owner: Any = None
    ) -> Window:
        """Lay windows on images of shape (H, W, ...).

        ``"same"`` gives ``ceil(size / stride)`` windows along an axis and puts the odd zero after the last pixel, as
        TensorFlow does.

        Raises
        ------
        ValueError
            Not one window fits; the message begins with `owner`, the layer.
        """
        before, count = [], []
        for axis in range(2):
            size, stride, extent = image[axis], strides[axis], _extent(kernel[axis], dilation[axis])
            if padding == "same":
                n = -(-size // stride)
                before.append(max((n - 1) * stride + extent - size, 0) // 2)
            else:
                before.append(0 if padding == "valid" else int(padding[axis]))
                n = (size + 2 * before[axis] - extent) // stride + 1
            count.append(n)
        window = cls(kernel, strides, dilation, (before[0], before[1]), (count[0], count[1]))
        if min(count) < 1:
            swapped = image[0] in (1, 3) and len(image) == 3 and image[1] == image[2]  # such as (1, 28, 28)
            hint = "; if the channels come first, put them last: x.transpose(0, 2, 3, 1)" if swapped else ""
            raise ValueError(
                f"{owner!r}: a window of {'x'.join(map(str, window.extent))} does not fit images of "
                f'{image[0]}x{image[1]} with padding {padding!r}; use padding="same", a smaller window or larger '
                f"images{hint}"
            )
        return window

    @property
    def geometry(self) -> tuple[int, ...]:
        """Size, strides, dilation and zeros before: eight numbers, as the kernels of convolutions take them."""
        return *self.kernel, *self.strides, *self.dilation, *self.before

    @property
    def extent(self) -> Pair:
        """Pixels from the first to the last element of a window, both included."""
        return _extent(self.kernel[0], self.dilation[0]), _extent(self.kernel[1], self.dilation[1])

    @property
    def reach(self) -> Pair:
        """Pixels from the first element of the first window to the last element of the last one, both included."""
        (oh, ow), (sh, sw), (eh, ew) = self.count, self.strides, self.extent
        return (oh - 1) * sh + eh, (ow - 1) * sw + ew

    def padded(self, image: Shape) -> Pair:
        """Height and width of an image (H, W, ...) with all the zeros around it that the windows read."""
        (top, left), (down, right) = self.before, self.reach
        return max(top + image[0], down), max(left + image[1], right)


def _extent(kernel: int, dilation: int) -> int:
    return (kernel - 1) * dilation + 1
