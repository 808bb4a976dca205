"""Print every number of a training step: of a tiny network, worked by hand, or of a model of your own.

``python -m numpycnn.learn trace``, or ``python -m numpycnn.learn trace model.npz image``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import prepare_digit
from ..files import open_file
from ..model import Sequential
from ..plots import plot_feature_maps, save_figure
from ..terminal import show, show_folded
from .by_hand import draw_by_hand, trace_by_hand, written_by_hand
from .tracing import trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``python -m numpycnn.learn trace``."""
    parser.add_argument("model", nargs="?", type=Path, help="a saved model; default: a tiny one, worked by hand")
    parser.add_argument("image", nargs="?", type=Path, help="a picture of a digit, or an array in a .npy file")
    parser.add_argument("--label", type=int, help="the right class: follow the gradient and the step, too")
    parser.add_argument("--pixel", nargs=2, type=int, metavar=("ROW", "COLUMN"), help="default: the brightest one")
    parser.add_argument("--draw", type=Path, metavar="FILE.png", help="draw it, too")


def run(arguments: argparse.Namespace) -> int:
    """Print a trace; return 0."""
    if arguments.model is None:
        if arguments.label is not None or arguments.pixel is not None:
            raise ValueError("--label and --pixel are for a model of yours: trace model.npz image --label 7")
        found = trace_by_hand()
        show_folded(written_by_hand(found))
        figure = draw_by_hand(found) if arguments.draw else None
    else:
        if arguments.image is None:
            raise ValueError("expected an image after the model: a picture of a digit, or a .npy file")
        model = Sequential.load(arguments.model)
        image = read_image(arguments.image, model)
        pixel = brightest(image) if arguments.pixel is None and image.ndim > 1 else arguments.pixel
        show_folded(str(trace(model, image[None], None if arguments.label is None else [arguments.label], pixel)))
        figure = plot_feature_maps(model, image) if arguments.draw else None
    if figure is not None:
        save_figure(figure, arguments.draw)
        show(f"\nDrawn: {arguments.draw}")
    return 0


def read_image(path: Path, model: Sequential) -> NDArray:
    """Return the image in a file in the model's input shape: any picture of a digit, or an array in a .npy file."""
    if path.suffix == ".npy":
        with open_file(path) as file:
            image = np.load(file, allow_pickle=False)
    elif model.input_shape in ((28, 28), (28, 28, 1)):
        image = prepare_digit(path).image.reshape(model.input_shape)
    else:
        raise ValueError(f"{path}: the model takes inputs of shape {model.input_shape}, and only pictures of digits, "
                         "for 28 x 28 pixels, are prepared here; save the array with numpy.save, and name that file")
    if image.shape != model.input_shape:
        raise ValueError(f"{path}: expected an array of shape {model.input_shape}, got {image.shape}")
    return image


def brightest(image: NDArray) -> tuple[int, int]:
    """Return row and column of the brightest pixel of an image (H, W, ...)."""
    shades = image.reshape(*image.shape[:2], -1).sum(axis=2)
    row, column = np.unravel_index(shades.argmax(), shades.shape)
    return int(row), int(column)
