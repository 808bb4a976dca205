"""How well digits are recognised that are not MNIST's: printed, drawn by code, inverted, shifted, noisy, badly lit.

    python benchmarks/bench_own_digits.py [--photographs FOLDER]

trains the reference CNN on MNIST, without and with augmentation, and asks it about pictures made here: as they are,
merely shrunk to 28 x 28; inverted; and through ``prepare_digit``. Then about pictures as they come (hard_pictures.py),
sheets among them on which nothing was written; about photographs in FOLDER, whose `digits.csv` has columns file and
label; and about the digits of printed fonts, the known weakness of such models: matplotlib's own fonts, which are the
same everywhere, or with --system-fonts this machine's.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
from pathlib import Path
from typing import Callable, Iterator

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from hard_pictures import EMPTY, hard_pictures
from numpycnn import Adam, Augment, CosineDecay, Sequential, SoftmaxCrossEntropy, load_mnist, prepare_digit
from numpycnn.architectures import reference_cnn
from numpycnn.plots import plot_samples, save_figure

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
NO_DIGITS = re.compile("sym|siz|nonuni|cmex|cmmi|cmsy|display|lastresort|emoji|dingbat|icon", re.IGNORECASE)
FONT_SIZES = 20, 40, 90  # pixels
BATCH_SIZE = 64
Samples = dict[str, list[tuple[int, np.ndarray]]]  # kind: digits and pictures, uint8 (H, W) or (H, W, 3)


# -- shapes: arrays (H, W) from 0 (paper) to 1 (ink)


def printed(digit: int, font: Path, size: int, canvas: tuple[int, int], position: tuple[int, int]) -> np.ndarray:
    """Return the digit in this font, its upper left corner at `position` (x, y) of a canvas (width, height)."""
    letters = ImageFont.truetype(str(font), size)
    left, top, _, _ = letters.getbbox(str(digit))
    image = Image.new("L", canvas, 0)
    ImageDraw.Draw(image).text((position[0] - left, position[1] - top), str(digit), fill=255, font=letters)
    return np.asarray(image) / 255


def in_the_middle(digit: int, font: Path, size: int) -> np.ndarray:
    side = round(1.4 * size)
    left, top, right, bottom = ImageFont.truetype(str(font), size).getbbox(str(digit))
    return printed(digit, font, size, (side, side), ((side - right + left) // 2, (side - bottom + top) // 2))


def arc(x: float, y: float, width: float, height: float, start: float, end: float) -> list[tuple[float, float]]:
    """Return points of an ellipse about (x, y), clockwise from the right, in degrees."""
    angles = np.radians(np.linspace(start, end, 40))
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


# Each digit's strokes as lines through points (x, y), down to the right, in a square of side 1. They are drawn by hand
# for this file and have nothing in common with the shapes that load_synthetic_digits is made of.
STROKES = {
    0: [arc(0.5, 0.5, 0.3, 0.45, -80, 280)],
    1: [[(0.35, 0.25), (0.52, 0.05), (0.5, 0.95)]],
    2: [arc(0.5, 0.28, 0.28, 0.23, -170, 30) + [(0.2, 0.95)], [(0.2, 0.95), (0.82, 0.93)]],
    3: [arc(0.45, 0.27, 0.27, 0.22, -150, 80), arc(0.45, 0.72, 0.32, 0.24, -90, 150)],
    4: [[(0.55, 0.05), (0.18, 0.62), (0.85, 0.6)], [(0.62, 0.35), (0.6, 0.97)]],
    5: [[(0.8, 0.06), (0.32, 0.07), (0.27, 0.45)], arc(0.45, 0.68, 0.32, 0.27, -125, 140)],
    6: [[(0.68, 0.04), (0.4, 0.3), (0.25, 0.6)] + arc(0.5, 0.7, 0.26, 0.25, 180, 540)],
    7: [[(0.18, 0.1), (0.82, 0.08), (0.42, 0.95)]],
    8: [arc(0.5, 0.27, 0.22, 0.21, 90, 450), arc(0.5, 0.72, 0.28, 0.24, -90, 270)],
    9: [arc(0.48, 0.3, 0.25, 0.24, 20, 380) + [(0.66, 0.95)]],
}


def strokes(digit: int, size: int, width: float, rng: np.random.Generator) -> np.ndarray:
    """Return the digit's strokes, slanted and stretched a little, drawn with a round pen of `width` pixels."""
    fine = 3 * size  # painted larger and shrunk, for smooth edges
    image = Image.new("L", (fine, fine), 0)
    pen, radius = ImageDraw.Draw(image), 1.5 * width
    deform = np.eye(2) + rng.normal(0, 0.08, (2, 2)) - [[0, 0.15 * rng.random()], [0, 0]]
    for stroke in STROKES[digit]:
        points = ((np.array(stroke) - 0.5) @ deform.T + rng.normal(0, 0.02, 2)) * 0.75 + 0.5
        corners = [tuple(point) for point in points * fine]
        pen.line(corners, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (corners[0], corners[-1]):
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(image.resize((size, size), Image.Resampling.BOX)) / 255


# -- pictures: arrays (H, W) from 0 (black) to 1 (white)


def photograph(
    shape: np.ndarray, rng: np.random.Generator, ink: float = 0.15, paper: float = 0.9, noise: float = 0.0,
    unevenness: float = 0.0, shadow: float = 0.0,
) -> np.ndarray:
    """Return what a camera sees of ink on paper: light that falls off to the right, a shadow's edge, noise."""
    height, width = shape.shape
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
    slope = rng.uniform(-0.5, 0.5)  # of the shadow's edge
    shade = shadow / (1 + np.exp(-30 * (x + slope * y - 0.5 - slope / 4)))
    light = (1 - unevenness * (0.6 * x + 0.4 * y)) * (1 - shade)
    return np.clip(light * (paper + shape * (ink - paper)) + rng.normal(0, noise, shape.shape), 0, 1)


def pictures(rng: np.random.Generator, mnist: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield (kind, digit, picture), each kind with each digit once; `mnist` are test images and their labels."""
    fonts = [path for path in own_fonts() if path.name.startswith("DejaVu")]
    for digit in range(10):
        def font() -> Path:
            return fonts[rng.integers(len(fonts))]

        def handwritten() -> np.ndarray:
            return mnist[0][rng.choice(np.flatnonzero(mnist[1] == digit))]

        yield "font, dark on light", digit, 1 - in_the_middle(digit, font(), 60)
        yield "font, light on dark", digit, in_the_middle(digit, font(), 100)
        place = int(rng.integers(2, 110)), int(rng.integers(2, 70))
        yield "font, small and shifted", digit, 1 - printed(digit, font(), 40, (150, 120), place)
        yield "font, noisy", digit, photograph(in_the_middle(digit, font(), 70), rng, noise=0.12)
        yield "strokes, clean", digit, 1 - strokes(digit, 280, 18, rng)
        yield "strokes, thin pen", digit, photograph(strokes(digit, 400, 4, rng), rng, noise=0.02)
        yield "strokes, uneven light", digit, photograph(strokes(digit, 300, 14, rng), rng, noise=0.02, unevenness=0.6)
        yield "strokes, shadow", digit, photograph(strokes(digit, 600, 26, rng), rng, noise=0.03, shadow=0.5)
        chalk = photograph(strokes(digit, 320, 16, rng), rng, ink=0.85, paper=0.2, noise=0.05, unevenness=0.3)
        yield "strokes, chalk on a board", digit, chalk
        far = np.zeros((900, 1200))
        top, left = rng.integers(0, 780), rng.integers(0, 1080)
        far[top:top + 120, left:left + 120] = strokes(digit, 120, 8, rng)
        yield "strokes, far away", digit, photograph(far, rng, noise=0.02, unevenness=0.3)
        large = np.asarray(Image.fromarray(handwritten()).resize((420, 420), Image.Resampling.BICUBIC)) / 255
        yield "MNIST, photographed", digit, photograph(
            large, rng, ink=0.3, paper=0.8, noise=0.03, unevenness=0.4, shadow=0.3
        )
        yield "MNIST, shifted", digit, np.pad(handwritten()[4:24, 4:24], ((3, 0), (0, 17))) / 255


def as_bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(255 * picture).astype(np.uint8)


def shrunk(picture: np.ndarray, side: int = 28) -> np.ndarray:
    """Return the picture, uint8 (H, W) or (H, W, 3), shrunk to a grey square and otherwise as it is, from 0 to 1."""
    grey = Image.fromarray(picture).convert("L")
    return np.asarray(grey.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255


def drawn(draw: Callable[..., Iterator], seed: int, rounds: int, mnist: tuple[np.ndarray, np.ndarray]) -> Samples:
    """Return so many rounds of pictures, as bytes."""
    rng, samples = np.random.default_rng(seed), Samples()
    for _ in range(rounds):
        for kind, digit, picture in draw(rng, mnist):
            samples.setdefault(kind, []).append((digit, as_bytes(picture)))
    return samples


def photographs(folder: Path) -> list[tuple[int, np.ndarray]]:
    """Return the pictures that the folder's `digits.csv` names (`file`, `label`), in it or in its folder `digits`."""
    with open(folder / "digits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    paths = [next(folder.glob(f"**/{row['file']}")) for row in rows]
    return [(int(row["label"]), np.asarray(Image.open(path).convert("RGB"))) for row, path in zip(rows, paths)]


# -- fonts


def own_fonts() -> list[Path]:
    """Return matplotlib's own fonts that have digits."""
    return sorted(path for path in FONTS.glob("*.ttf") if not NO_DIGITS.search(path.name))


def system_fonts() -> list[Path]:
    """Return the fonts on this machine that have digits."""
    paths = sorted(Path(name) for name in font_manager.findSystemFonts() if not NO_DIGITS.search(Path(name).name))
    return [path for path in paths if {*map(ord, "0123456789")} <= set(FT2Font(str(path)).get_charmap())]


# -- models and figures


def train(images: np.ndarray, labels: np.ndarray, epochs: int, seed: int, augment: Augment | None) -> Sequential:
    model = reference_cnn(seed=seed)
    steps = epochs * math.ceil(len(images) / BATCH_SIZE)
    model.compile(Adam(CosineDecay(1e-3, steps)), SoftmaxCrossEntropy(), metrics=["accuracy"])
    model.fit(images[..., None].astype(np.float32) / 255, labels, BATCH_SIZE, epochs, augment=augment)
    return model


def accuracy(model: Sequential, images: list[np.ndarray], digits: np.ndarray) -> float:
    return float((model.predict(np.stack(images)[..., None]).argmax(axis=1) == digits).mean())


def table(title: str, groups: dict[str, tuple], columns: dict[str, tuple[Sequential, int]]) -> None:
    """Print the accuracy of each group of pictures, and of them all.

    A group is (digits, images as they are, inverted, prepared); a column's name stands for a model and for which of
    the three it sees.
    """
    together = tuple(sum((list(group[i]) for group in groups.values()), []) for i in range(4))
    print(f"\n{title:28}{'pictures':>10}" + "".join(f"{name:>24}" for name in columns))
    for name, group in {**groups, "all": together}.items():
        cells = [accuracy(model, group[which], np.array(group[0])) for model, which in columns.values()]
        print(f"{name:28}{len(group[0]):10,}" + "".join(f"{cell:24.2%}" for cell in cells))


def seen_in_three_ways(samples: list[tuple[int, np.ndarray]]) -> tuple:
    plain = [shrunk(picture) for _, picture in samples]
    prepared = [prepare_digit(picture).image for _, picture in samples]
    return [digit for digit, _ in samples], plain, [1 - image for image in plain], prepared


def show(samples: Samples, path: Path) -> None:
    """Draw the first ten pictures of each kind, and below them what `prepare_digit` made of them."""
    rows, labels = [], []
    for some in samples.values():
        rows += [shrunk(picture, 84) for _, picture in some[:10]]
        rows += [np.kron(prepare_digit(picture).image, np.ones((3, 3), np.float32)) for _, picture in some[:10]]
        labels += 2 * [digit for digit, _ in some[:10]]
    save_figure(plot_samples(np.stack(rows), labels, rows=2 * len(samples), cols=10), path, dpi=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    parser.add_argument("--epochs", type=int, default=10, help="of training (10)")
    parser.add_argument("--limit", type=int, help="train on the first LIMIT images only")
    parser.add_argument("--seed", type=int, default=0, help="of the models; the pictures are always the same (0)")
    parser.add_argument("--rounds", type=int, default=4, help="pictures of each kind and digit (4)")
    parser.add_argument("--system-fonts", action="store_true", help="this machine's fonts, besides matplotlib's own")
    parser.add_argument("--photographs", type=Path, metavar="FOLDER", help="photographed digits and digits.csv")
    parser.add_argument("--picture", type=Path, help="draw the pictures into this PNG file")
    arguments = parser.parse_args()
    (images, labels), test = load_mnist(arguments.data_dir)
    images, labels = images[:arguments.limit], labels[:arguments.limit]

    samples = drawn(pictures, 0, arguments.rounds, test)
    hard = drawn(hard_pictures, 0, arguments.rounds, test)
    empty = {kind: hard.pop(kind) for kind in EMPTY}
    if arguments.photographs:
        hard["photographs"] = photographs(arguments.photographs)
    if arguments.picture:
        show(samples | hard, arguments.picture)
    fonts = own_fonts() + (system_fonts() if arguments.system_fonts else [])
    letters = {
        font.stem: [(d, as_bytes(1 - in_the_middle(d, font, size))) for size in FONT_SIZES for d in range(10)]
        for font in fonts
    }

    plain = train(images, labels, arguments.epochs, arguments.seed, None)
    augmented = train(images, labels, arguments.epochs, arguments.seed, Augment.for_digits())
    prepared = {"prepared": (plain, 3), "prepared, augmentation": (augmented, 3)}
    for some in (samples, hard):
        table("kind of picture", {kind: seen_in_three_ways(group) for kind, group in some.items()},
              {"as it is": (plain, 1), "inverted": (plain, 2), **prepared})
    print(f"\n{'nothing written':28}{'pictures':>10}{'said to be empty':>24}")
    for kind, some in empty.items():
        print(f"{kind:28}{len(some):10,}{np.mean([prepare_digit(picture).empty for _, picture in some]):24.2%}")
    table("printed font", {font: seen_in_three_ways(some) for font, some in letters.items()},
          {"inverted": (plain, 2), "inverted, augmentation": (augmented, 2), **prepared})


if __name__ == "__main__":
    main()
