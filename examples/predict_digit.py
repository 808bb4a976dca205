"""Recognise your own digits.

    python examples/predict_digit.py FILE...

reads pictures (PNG, JPEG, ...; dark on light or light on dark), prints for each the digit, the probabilities of all ten
and what may have gone wrong, and draws beside each picture what the network saw of it. A file that cannot be read is
reported, and the others are read all the same. The model is the one that examples/train_mnist.py wrote, or any other
that takes images of 28 x 28 pixels (--model).
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from numpycnn import PreparedDigit, Sequential, SoftmaxCrossEntropy, prepare_digit
from numpycnn.data.own_digit.picture import read_picture
from numpycnn.plots import save_figure
from numpycnn.plots.style import BLUE, GREY, RED, percent
from numpycnn.terminal import show

MOST_DRAWN = 60  # more pictures than this are predicted, but not drawn
MOST_PIXELS = 400  # of a picture's side, in the drawing
COLUMNS = 3  # of pictures, each with what the network saw of it and the probabilities
COLUMN_INCHES, ROW_INCHES, LINE_INCHES = 4.8, 1.9, 0.14
NOTE_LETTERS = 68  # in a line of notes
DIGITS = 10


class Answer(NamedTuple):
    """A picture, and what the network says to it."""

    file: Path
    digit: PreparedDigit
    probabilities: np.ndarray  # (10,)

    def __str__(self) -> str:
        """The likeliest digit, and the next one if it is at all likely."""
        if self.digit.empty:
            return "empty"
        first, second = np.argsort(-self.probabilities, kind="stable")[:2]
        text = f"{first} ({percent(self.probabilities[first], 1)})"
        unlikely = self.probabilities[second] < 0.01
        return text if unlikely else f"{text}, or {second} ({percent(self.probabilities[second], 1)})"

    @property
    def lines(self) -> list[str]:
        """What there is to say besides."""
        if self.digit.empty:
            return self.digit.notes
        each = [f"{digit}: {percent(share, 1)}" for digit, share in enumerate(self.probabilities)]
        return ["  ".join(each), *self.digit.notes]


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
    if model.output_shape != (DIGITS,) or not isinstance(model.loss, SoftmaxCrossEntropy):
        raise ValueError(
            f"{path}: expected a model that gives the probabilities of ten digits, got one of outputs of shape "
            f"{model.output_shape}, with the loss {model.loss}; compile it with SoftmaxCrossEntropy, and save it"
        )
    return model


def prepare(files: list[Path]) -> tuple[list[Path], list[PreparedDigit]]:
    """Return the files that are pictures, and the digits in them; say of the others what is wrong."""
    read, digits = [], []
    for file in files:
        try:
            digits.append(prepare_digit(file))
            read.append(file)
        except (OSError, ValueError) as error:
            print(f"predict_digit: {error}", file=sys.stderr)
    return read, digits


def draw(answers: list[Answer]) -> Figure:
    """Draw each picture with the box that was cut out, what the network saw of it, the probabilities and the notes."""
    columns = min(COLUMNS, len(answers))
    rows = -(-len(answers) // columns)
    notes = ["\n".join(textwrap.fill(note, NOTE_LETTERS) for note in answer.digit.notes) for answer in answers]
    most_lines = [max(text.count("\n") + 1 for text in notes[first : first + columns])
                  for first in range(0, len(notes), columns)]
    heights = [ROW_INCHES + LINE_INCHES * lines for lines in most_lines]
    figure = Figure(figsize=(COLUMN_INCHES * columns, sum(heights)), layout="constrained")
    parts = figure.subfigures(rows, columns, height_ratios=heights, squeeze=False).flat
    for part, answer, text in zip(parts, answers, notes):
        left, middle, right = part.subplots(1, 3, width_ratios=[1.2, 1, 1])
        show_picture(left, answer)
        middle.imshow(answer.digit.image, cmap="gray", vmin=0, vmax=1)
        middle.set_title(str(answer), fontsize=9)
        show_probabilities(right, answer)
        part.supxlabel(text, fontsize=7, color=RED, x=0.02, ha="left")
        for ax in (left, middle):
            ax.set_xticks([])
            ax.set_yticks([])
    return figure


def show_picture(ax: Axes, answer: Answer) -> None:
    """Draw the picture in grey, as it is looked at, with the box that was cut out."""
    picture, name = read_picture(answer.file), answer.file.name
    height, width = picture.height, picture.width
    grey = picture.shades(picture.whole, max(1, max(height, width) // MOST_PIXELS))
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    top, left, bottom, right = answer.digit.box
    ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=RED))
    ax.set_title(name if len(name) <= 22 else f"{name[:21]}\N{HORIZONTAL ELLIPSIS}", fontsize=9, parse_math=False)


def show_probabilities(ax: Axes, answer: Answer) -> None:
    """Draw a bar for each digit, the likeliest dark."""
    if answer.digit.empty:
        ax.set_axis_off()
        return
    best = int(answer.probabilities.argmax())
    ax.barh(range(DIGITS), answer.probabilities, color=[BLUE if digit == best else GREY for digit in range(DIGITS)])
    for digit, share in enumerate(answer.probabilities):
        ax.text(share + 0.03, digit, percent(share, 1), va="center", fontsize=6)
    ax.set(xlim=(0, 1.45), xticks=[], yticks=range(DIGITS), ylim=(DIGITS - 0.5, -0.5))
    ax.tick_params(labelsize=7, length=0)
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def main() -> None:
    arguments = parse_arguments()
    model = load_model(arguments.model)
    files, digits = prepare(arguments.files)
    if digits:
        probabilities = model.predict(np.stack([digit.image for digit in digits])[..., None])  # (N, 10)
        answers = [Answer(*each) for each in zip(files, digits, probabilities)]
        for answer in answers:
            show("\n    ".join([f"{answer.file}: {answer}", *answer.lines]))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        save_figure(draw(answers[:MOST_DRAWN]), arguments.output)
        drawn = min(MOST_DRAWN, len(answers))
        show(f"Drew what the network saw of {drawn} of {len(answers)} pictures in {arguments.output}")
    if len(digits) < len(arguments.files):
        unread = len(arguments.files) - len(digits)
        sys.exit(f"predict_digit: {unread} of {len(arguments.files)} files could not be read")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"predict_digit: {error}")
