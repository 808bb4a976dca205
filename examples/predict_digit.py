"""Recognise your own digits.

    python examples/predict_digit.py FILE...

reads pictures (PNG, JPEG, ...; dark on light or light on dark), prints for each the digit, its probability and what was
noticed, and draws beside each picture what the network saw of it. The model is the one that examples/train_mnist.py
wrote, or any other that takes images of 28 x 28 pixels (--model).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numpycnn import PreparedDigit, Sequential, prepare_digit
from numpycnn.data.own_digit.picture import full_scale, read_picture, reduced, to_grey
from numpycnn.plots import save_figure
from numpycnn.terminal import show

MOST_DRAWN = 60  # more pictures than this are predicted, but not drawn
MOST_PIXELS = 400  # of a picture's side, in the drawing
COLUMNS = 3  # of pictures, each with what the network saw of it


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Recognise your own digits.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a picture of one digit")
    parser.add_argument("--model", type=Path, default=Path("runs/mnist/model.npz"), help="model that is asked")
    parser.add_argument("--output", type=Path, default=Path("runs/predict_digit.png"), help="where the drawing goes")
    arguments = parser.parse_args()
    if arguments.output.suffix.lower() != ".png":
        parser.error(f"--output: expected a name that ends in .png, got {arguments.output}")
    return arguments


def load_model(path: Path) -> Sequential:
    """Load the model, or say how to get one."""
    if not path.exists():
        raise FileNotFoundError(
            f"there is no model {path}; train one with `python examples/train_mnist.py`, or name one with --model"
        )
    model = Sequential.load(path)
    if model.input_shape != (28, 28, 1):
        raise ValueError(f"{path}: expected a model of images of shape (28, 28, 1), got one of {model.input_shape}")
    return model


def sentence(probabilities: np.ndarray) -> str:
    """Say the likeliest digit, and the next one if it is at all likely: probabilities (10,)."""
    first, second = np.argsort(-probabilities, kind="stable")[:2]
    text = f"{first} ({probabilities[first]:.1%})"
    return text if probabilities[second] < 0.01 else f"{text}, or {second} ({probabilities[second]:.1%})"


def draw(files: list[Path], digits: list[PreparedDigit], answers: list[str]) -> Figure:
    """Draw each picture with the box that was cut out, and beside it what the network saw."""
    rows = -(-len(files) // COLUMNS)
    figure = Figure(figsize=(3.6 * COLUMNS, 2.1 * rows), layout="constrained")
    axes = figure.subplots(rows, 2 * COLUMNS, squeeze=False).reshape(-1, 2)  # a pair for each picture
    for pair in axes[len(files) :]:
        for ax in pair:
            ax.set_axis_off()
    for (left, right), file, digit, answer in zip(axes, files, digits, answers):
        show_picture(left, file, digit)
        right.imshow(digit.image, cmap="gray", vmin=0, vmax=1)
        right.set_title(answer, fontsize=9)
        for ax in (left, right):
            ax.set_xticks([])
            ax.set_yticks([])
    return figure


def show_picture(ax: Axes, file: Path, digit: PreparedDigit) -> None:
    """Draw the picture in grey, as it is looked at, with the box that was cut out."""
    pixels = read_picture(file)
    height, width = pixels.shape[:2]
    grey = to_grey(reduced(pixels, max(1, max(height, width) // MOST_PIXELS)), full_scale(pixels))
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    top, left, bottom, right = digit.box
    ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="tab:red"))
    ax.set_title(file.name if len(file.name) <= 22 else f"{file.name[:21]}\N{HORIZONTAL ELLIPSIS}", fontsize=9)


def main() -> None:
    arguments = parse_arguments()
    model = load_model(arguments.model)
    digits = [prepare_digit(file) for file in arguments.files]
    probabilities = model.predict(np.stack([digit.image for digit in digits])[..., None])  # (N, 10)
    answers = ["empty" if digit.empty else sentence(row) for digit, row in zip(digits, probabilities)]
    for file, digit, answer in zip(arguments.files, digits, answers):
        show("\n    ".join([f"{file}: {answer}", *digit.notes]))

    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    drawn = slice(MOST_DRAWN)
    save_figure(draw(arguments.files[drawn], digits[drawn], answers[drawn]), arguments.output)
    show(f"Drew what the network saw of {len(digits[drawn])} of {len(digits)} pictures in {arguments.output}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"predict_digit: {error}")
