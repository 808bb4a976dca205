"""How well `read_digits` reads sheets: composed from MNIST's test digits, or photographed.

    python benchmarks/bench_sheets.py --model runs/mnist/model.npz [--photographs FOLDER]

composes sheets of several lines on textured, shadowed, plain, ruled and squared paper, with digits that touch among
them. FOLDER holds pictures and `sheets.json`: for each picture its lines of digits.
"""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from hard_pictures import lines
from numpycnn import Sequential, load_mnist, read_digits

HEIGHT, WIDTH = 640, 900
TOUCHING = 0.12  # share of the digits that touch the one before


def composed(
    rng: np.random.Generator, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, list[str], int]:
    """Return a sheet, uint8 (HEIGHT, WIDTH), its lines of digits, and how many of them touch."""
    ink, texts, touching = np.zeros((HEIGHT, WIDTH)), [], 0
    scale, top = rng.uniform(1.8, 2.8), 45
    while top + 40 * scale < HEIGHT - 30 and len(texts) < 6:
        left, text = int(rng.integers(40, 160)), ""
        for _ in range(rng.integers(4, 11)):
            which = int(rng.integers(len(images)))
            side = round(28 * scale * rng.uniform(0.9, 1.1))
            large = Image.fromarray(images[which]).resize((side, side), Image.Resampling.BICUBIC)
            digit = np.clip((np.asarray(large) / 255 - 0.35) * 2, 0, 1)
            columns = np.flatnonzero((digit > 0.5).any(axis=0))
            digit = digit[:, columns[0]:columns[-1] + 1]
            touches = bool(text) and rng.random() < TOUCHING
            left += -int(rng.integers(1, 4)) if touches else int(rng.uniform(0.25, 0.9) * 20 * scale) * bool(text)
            if left + digit.shape[1] > WIDTH - 40:
                break
            y = top + int(rng.integers(-4, 5)) + round(0.02 * left)
            part = ink[y:y + side, left:left + digit.shape[1]]
            np.maximum(part, digit[:len(part)], out=part)
            left, text, touching = left + digit.shape[1], text + str(labels[which]), touching + touches
        texts.append(text)
        top += round(rng.uniform(29, 38) * scale)
    return on_paper(ink, rng), texts, touching


def on_paper(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Photograph the ink on textured paper, plain, ruled or squared, under a shadow."""
    kind = rng.integers(3)
    if kind:
        ink = np.maximum(ink, rng.uniform(0.15, 0.35) * lines(ink.shape, rng.uniform(24, 70), 1, rng, kind == 2))
    coarse = rng.normal(0, 0.03, (HEIGHT // 20, WIDTH // 20)).astype(np.float32)
    texture = np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    y, x = np.mgrid[-1:1:HEIGHT * 1j, -1:1:WIDTH * 1j]
    angle, sharp = rng.uniform(0, 2 * np.pi), rng.choice([5.0, 20.0, 300.0])
    edge = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.5, 0.5)
    shadow = rng.uniform(0, 0.5) / (1 + np.exp(-sharp * edge))
    light = (1 - shadow) * (1 - 0.15 * (x + 1)) + texture
    picture = light * rng.uniform(0.75, 0.95) * (1 - rng.uniform(0.55, 0.85) * ink) + rng.normal(0, 0.015, ink.shape)
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def matched(expected: str, got: str) -> int:
    """Return how many digits are right and in order."""
    blocks = difflib.SequenceMatcher(None, expected, got, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def count(sheets: list[tuple], model: Sequential) -> tuple[int, int, int, int, int]:
    """Return digits right, expected and read; lines that are right whole, and lines expected."""
    right = expected = read = whole = number = 0
    for picture, texts in sheets:
        got = [reading.text for reading in read_digits(picture, model)]
        for k, text in enumerate(texts):
            found = got[k] if k < len(got) else ""
            right, whole = right + matched(text, found), whole + (found == text)
        expected, read, number = expected + sum(map(len, texts)), read + sum(map(len, got)), number + len(texts)
    return right, expected, read, whole, number


def show(name: str, figures: tuple[int, int, int, int, int]) -> None:
    right, expected, read, whole, number = figures
    print(f"{name}: {right} of {expected} digits right in order ({right / expected:.2%}), {read} read; "
          f"{whole} of {number} lines right whole")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("runs/mnist/model.npz"), help="the model that is asked")
    parser.add_argument("--sheets", type=int, default=200, help="sheets to compose (200)")
    parser.add_argument("--photographs", type=Path, help="a folder with photographs and sheets.json")
    parser.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    arguments = parser.parse_args()
    model = Sequential.load(arguments.model)
    if arguments.photographs:
        texts = json.loads((arguments.photographs / "sheets.json").read_text())
        show("photographs", count([(arguments.photographs / name, lines) for name, lines in texts.items()], model))
    rng, test = np.random.default_rng(0), load_mnist(arguments.data_dir)[1]
    sheets = [composed(rng, *test) for _ in range(arguments.sheets)]
    show("composed sheets", count([(picture, lines) for picture, lines, _ in sheets], model))
    print(f"{sum(touching for *_, touching in sheets)} digits touch the one before")


if __name__ == "__main__":
    main()
