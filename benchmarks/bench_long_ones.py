"""A 1 with a long upstroke, as much of Europe writes it, looks like a 7 to a network of MNIST's: how often, what helps?

    python benchmarks/bench_long_ones.py

gives MNIST's test 1s an upstroke and asks the reference CNN, trained without and with augmentation, and with none or
a few such 1s, made of training images, among its training images. Longest is an upstroke as long as the digit is high.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from bench_own_digits import STROKES, accuracy, as_bytes, strokes, train
from PIL import Image, ImageDraw

from numpycnn import Augment, load_mnist, prepare_digit

LENGTHS = (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9)  # shares of the digit's height
FINE = 4  # pixels for one of MNIST's
LEAN = -10, 30  # degrees to the right; a 1 that leans further is left out


def with_upstroke(image: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray | None:
    """Draw an upstroke to a 1 of MNIST's, uint8 (28, 28), as the network is given it; None if the 1 leans too much."""
    side = FINE * len(image)
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    ink = np.asarray(large) > 127
    rows = np.flatnonzero(ink.any(axis=1))
    top, bottom = rows[0] + FINE // 2, rows[-1]
    x, end = (np.flatnonzero(ink[row]).mean() for row in (top, bottom))
    lean = math.atan2(x - end, bottom - top)
    if not LEAN[0] <= math.degrees(lean) <= LEAN[1]:
        return None
    height, angle = bottom - top, math.radians(rng.uniform(25, 55)) - lean  # between the upstroke and the stem
    tip = x - length * height * math.sin(angle), top + length * height * math.cos(angle)
    ImageDraw.Draw(large).line([(x, top), tip], fill=255, width=max(3, round(ink.sum() / len(rows))))
    return prepare_digit(large).image


def long_ones(images: np.ndarray, lengths: tuple[float, float], rng: np.random.Generator) -> list[np.ndarray]:
    drawn = (with_upstroke(image, rng.uniform(*lengths), rng) for image in images)
    return [image for image in drawn if image is not None]


def penned(digit: int, shape: list, rng: np.random.Generator) -> np.ndarray:
    """Draw a shape with bench_own_digits's pen, as the network is given it."""
    usual, STROKES[digit] = STROKES[digit], shape
    picture = as_bytes(1 - strokes(digit, 140, rng.uniform(5, 12), rng))
    STROKES[digit] = usual
    return prepare_digit(picture).image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    parser.add_argument("--epochs", type=int, default=10, help="of training (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the models (0)")
    parser.add_argument("--added", type=int, default=1000, help="1s with an upstroke that are added, at most (1000)")
    arguments = parser.parse_args()
    (images, labels), (x_test, y_test) = load_mnist(arguments.data_dir)
    rng = np.random.default_rng(0)
    tests = {f"1, upstroke {low} to {high}": (1, long_ones(x_test[y_test == 1], (low, high), rng))
             for low, high in LENGTHS}
    ends = [(x, y) for x in (0.1, 0.2) for y in (0.4, 0.5, 0.6)]
    tests["1, drawn by a pen"] = 1, [penned(1, [[end, (0.55, 0.04), (0.55, 0.96)]], rng) for end in ends * 30]
    bar = [(0.3, 0.5), (0.75, 0.5)]
    tests["7, drawn by a pen"] = 7, [penned(7, STROKES[7], rng) for _ in range(200)]
    tests["7 with a bar"] = 7, [penned(7, [*STROKES[7], bar], rng) for _ in range(200)]
    tests |= {f"MNIST's {digit}": (digit, list(x_test[y_test == digit] / np.float32(255))) for digit in (1, 7)}

    ones = images[labels == 1][: 2 * arguments.added]
    added = long_ones(ones, (LENGTHS[0][0], LENGTHS[-1][1]), rng)[: arguments.added]
    more = np.concatenate([images, as_bytes(np.stack(added))]), np.append(labels, np.ones(len(added), labels.dtype))
    models = {}
    for augment in (None, Augment.for_digits()):
        for name, (x, y) in (("MNIST", (images, labels)), (f"and {len(added)} such", more)):
            name += ", augmented" * (augment is not None)
            models[name] = train(x, y, arguments.epochs, arguments.seed, augment)
    print(f"\n{'':28}{'pictures':>10}" + "".join(f"{name:>24}" for name in models))
    for kind, (digit, some) in {**tests, "MNIST's test digits": (y_test, list(x_test / np.float32(255)))}.items():
        cells = [accuracy(model, some, digit) for model in models.values()]
        print(f"{kind:28}{len(some):10,}" + "".join(f"{cell:24.2%}" for cell in cells))


if __name__ == "__main__":
    main()
