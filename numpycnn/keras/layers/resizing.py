"""``Resizing``: of arrays it is called with; a model's inputs have to have the size already."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import layers as core
from ...checks import Shape, check_pair
from ..pictures import INTERPOLATIONS, check_words, resized
from ..tensors import Tensor, tensor
from ..words import REQUIRED
from .base import Layer


class Resizing(Layer):
    """Images in another size, if it is called with them; in a model, no change."""

    words = {"height": REQUIRED, "width": REQUIRED, "interpolation": "bilinear", "crop_to_aspect_ratio": False,
             "pad_to_aspect_ratio": False, "fill_mode": "constant", "fill_value": 0.0, "antialias": False,
             "data_format": None}  # fmt: skip
    refused = {**Layer.refused, **dict.fromkeys(("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"),
                                                "prepare the pictures before")}  # fmt: skip
    idle = ("fill_mode", "fill_value")  # of what is padded
    height: Any
    width: Any
    interpolation: Any

    def check(self) -> None:
        self.size = check_pair((self.height, self.width), "Resizing: height, width")
        check_words("Resizing", {"interpolation": INTERPOLATIONS}, interpolation=self.interpolation)

    def make(self, shape: Shape) -> list[core.Layer]:
        if len(shape) != 3 or shape[:2] != self.size:
            raise ValueError(f"{self.name}: in a model, expected images that have {self.size} pixels already, got "
                             f"{shape[:-1]}; resize the data before: {self.name}(images)")  # fmt: skip
        return []

    def _run(self, x: np.ndarray, training: bool | None) -> Tensor:
        y = resized(x, self.size, self.interpolation)
        return tensor(np.rint(y), np.uint8) if x.dtype == np.uint8 else tensor(y, np.float32)


__all__ = ["Resizing"]
