"""What a network says to pictures, drawn: each picture, what the network saw of it, and the probabilities."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.own_digit.picture import Box, read_picture
from ..files import printable
from ..terminal import KEPT
from .style import BLUE, GREY, RED, percent

if TYPE_CHECKING:  # matplotlib is slow to import and needed only when something is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PIXELS = 400  # of a picture's side, in the drawing
MOST_CLASSES = 10  # that are listed, the likeliest
COLUMNS = 3  # of pictures, each with what the network saw of it and the probabilities
COLUMN_INCHES, ROW_INCHES, LINE_INCHES = 4.8, 1.9, 0.14
TITLE_INCHES, EDGE_INCHES = 0.4, 0.08  # of a row: room for titles of two lines; what stays free around
LETTER_INCHES = 0.055  # of a class's name
NOTE_LETTERS = 68  # in a line of notes


@dataclass
class Answer:
    """A picture, and what the network says to it.

    Attributes
    ----------
    name : str
        Of the file.
    picture : path or bytes
        What `read_picture` takes.
    image : ndarray of shape (H, W, C)
        What the network saw, 0 to 1.
    class_names : sequence of str
    notes : list of str
        What may have gone wrong.
    boxes : list of (top, left, bottom, right)
        What was cut out.
    empty : bool
        There is nothing in it.
    pieces : int
        How many unconnected ones were cut out.
    probabilities : ndarray of shape (K,)
        Of the classes.
    text : str
        Where there are several digits: all of them, a line of the sheet a line.
    doubt : str
        "not sure", or that it is none of the classes; empty where there is none, or the model does not know.
    """

    name: str
    picture: Any
    image: NDArray[np.floating]
    class_names: Sequence[str]
    notes: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    empty: bool = False
    pieces: int = 1
    probabilities: NDArray[np.floating] = field(default_factory=lambda: np.zeros(0))
    text: str = ""
    doubt: str = ""

    def __str__(self) -> str:
        """The likeliest class, and the next one if it is at all likely."""
        if self.empty:
            return "empty"
        if self.text:
            lines, digits = self.text.count("\n") + 1, len(self.boxes)
            return f"{digits} digits in {lines} line{'s' * (lines > 1)}"
        order = np.argsort(-self.probabilities, kind="stable")[:2]
        first, *second = (f"{self.class_names[k]} ({percent(self.probabilities[k], 1)})" for k in order)
        said = f"{first}, or {second[0]}" if second and self.probabilities[order[1]] >= 0.01 else first
        return f"{said}; {self.doubt}" if self.doubt else said

    @property
    def listed(self) -> list[int]:
        """The classes that are listed: all if they are few, else the likeliest."""
        count = len(self.probabilities)
        if count <= MOST_CLASSES:
            return list(range(count))
        return np.argsort(-self.probabilities, kind="stable")[:MOST_CLASSES].tolist()

    @property
    def short_names(self) -> list[str]:
        """The names of the classes that are listed, cut to a length that can be drawn."""
        names = (self.class_names[k] for k in self.listed)
        return [textwrap.shorten(name, 12, placeholder="\N{HORIZONTAL ELLIPSIS}") for name in names]

    @property
    def lines(self) -> list[str]:
        """What there is to say besides; a name and its figure are for `show_folded`, which keeps them on one line."""
        if self.empty:
            return self.notes
        if self.text:
            return [*self.text.splitlines(), *self.notes]
        each = [f"{self.class_names[k]}: {percent(self.probabilities[k], 1)}" for k in self.listed]
        return ["  ".join(pair.replace(" ", KEPT) for pair in each), *self.notes]


def plot_answers(answers: Sequence[Answer]) -> Figure:
    """Draw each picture with the box that was cut out, what the network saw of it, the probabilities and the notes."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(answers))
    below = [(*answer.text.splitlines(), *answer.notes) for answer in answers]
    notes = ["\n".join(textwrap.fill(line, NOTE_LETTERS) for line in lines) for lines in below]
    most_lines = [max(text.count("\n") + 1 for text in notes[first : first + columns])
                  for first in range(0, len(notes), columns)]
    heights = [ROW_INCHES + LINE_INCHES * lines for lines in most_lines]
    figure = Figure(figsize=(COLUMN_INCHES * columns, sum(heights)))
    for k, (answer, text) in enumerate(zip(answers, notes)):
        row, column = divmod(k, columns)
        top, left = sum(heights[:row]), COLUMN_INCHES * column
        _answer(figure, answer, top, left)
        x, y = _fractions(figure, left + EDGE_INCHES, top + ROW_INCHES)
        figure.text(x, y, text, fontsize=7, color=RED, va="top", parse_math=False)
    return figure


def _fractions(figure: Figure, right: float, down: float) -> tuple[float, float]:
    """Return a place that is given in inches from the upper left corner as matplotlib wants it."""
    width, height = figure.get_size_inches()
    return right / width, 1 - down / height


def _answer(figure: Figure, answer: Answer, top: float, left: float) -> None:
    """Draw an answer with its upper left corner there, inches from the figure's.

    Every place is a number here: matplotlib's own layouts take minutes for as many axes.
    """

    def axes(start: float, end: float) -> Axes:
        x, y = _fractions(figure, left + start, top + ROW_INCHES - EDGE_INCHES)
        width, height = figure.get_size_inches()
        tall = ROW_INCHES - TITLE_INCHES - EDGE_INCHES
        return figure.add_axes((x, y, (end - start) / width, tall / height), anchor="N")

    if answer.text:  # a sheet has no one image that the network saw
        _picture(axes(EDGE_INCHES, COLUMN_INCHES - EDGE_INCHES), answer)
        return
    _picture(axes(EDGE_INCHES, 1.7), answer)
    _image(axes(1.85, 3.2), answer)
    longest = max((len(name) for name in answer.short_names), default=0)
    _probabilities(axes(3.4 + LETTER_INCHES * longest, COLUMN_INCHES - EDGE_INCHES), answer)


def _picture(ax: Axes, answer: Answer) -> None:
    """Draw the picture in grey, as it is looked at, with the boxes that were cut out."""
    from matplotlib.patches import Rectangle

    picture, name = read_picture(answer.picture), printable(Path(answer.name).name)
    height, width = picture.height, picture.width
    grey = picture.shades(picture.whole, max(1, max(height, width) // MOST_PIXELS))
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    for top, left, bottom, right in answer.boxes:
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=RED))
    ax.set(xticks=[], yticks=[])
    ax.set_title(name if len(name) <= 22 else f"{name[:21]}\N{HORIZONTAL ELLIPSIS}", fontsize=9, parse_math=False)


def _image(ax: Axes, answer: Answer) -> None:
    """Draw what the network saw, below its answer."""
    image = answer.image[..., 0] if answer.image.shape[-1] == 1 else answer.image  # (H, W) or (H, W, 3)
    ax.imshow(image.clip(0, 1), cmap="gray", vmin=0, vmax=1)
    ax.set_title(str(answer).replace("; ", "\n"), fontsize=9, parse_math=False)
    ax.set(xticks=[], yticks=[])


def _probabilities(ax: Axes, answer: Answer) -> None:
    """Draw a bar for each class that is listed, the likeliest dark."""
    if answer.empty:
        ax.set_axis_off()
        return
    shares = answer.probabilities[answer.listed]
    places, best = range(len(shares)), int(shares.argmax())
    ax.barh(places, shares, color=[BLUE if place == best else GREY for place in places])
    for place, share in enumerate(shares):
        ax.text(share + 0.03, place, percent(share, 1), va="center", fontsize=6)
    ax.set(xlim=(0, 1.45), xticks=[], yticks=places, ylim=(len(shares) - 0.5, -0.5))
    ax.set_yticklabels(answer.short_names, parse_math=False)
    ax.tick_params(labelsize=7, length=0)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
