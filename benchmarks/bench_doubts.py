"""Does a network know when not to answer? Sure answers, what is refused (letters, scribbles, ...), what is turned.

    python benchmarks/bench_doubts.py runs/mnist/model.npz

for a model of MNIST's digits that was trained on the first 54,000 images, as ``numpycnn train`` does. What is fitted
is fitted on the last 6,000. --own-digits is a folder with photographs and `digits.csv`, as bench_own_digits.py wants
it, --fashion one with the files of Fashion-MNIST.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable

import numpy as np
from bench_own_digits import drawn, own_fonts, photographs, pictures
from PIL import Image, ImageDraw, ImageFont

from numpycnn import Sequential, load_fashion_mnist, load_mnist, prepare_digit
from numpycnn.command.predict import judged
from numpycnn.data.own_digit.turned import DEGREES, seem_turned, turned
from numpycnn.metrics import fit_class_distance, fit_confidence
from numpycnn.metrics.confidence import NONE_OF_THEM, SURE

TRAINED_ON, LOOKED_AT = 54_000, 20_000
ERRORS = 0.01, 0.001
LETTERS = "ACEFHKLMNPRUVWXYcdefhkmnprtuvwx"  # without those that may be taken for a digit: B D G I J O Q S T Z a b ...
SIDE, SCRIBBLES = 120, 500

Images = np.ndarray  # (N, 28, 28), as the network is given them


def letters() -> list[np.ndarray]:
    """Draw each letter in each of matplotlib's own fonts, black on white."""
    drawn = []
    for path in own_fonts():
        font = ImageFont.truetype(str(path), SIDE // 2)
        for letter in LETTERS:
            image = Image.new("L", (SIDE, SIDE), 255)
            ImageDraw.Draw(image).text((SIDE // 2, SIDE // 2), letter, fill=0, font=font, anchor="mm")
            drawn.append(np.asarray(image))
    return drawn


def scribble(rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth line through some random points."""
    corners = rng.uniform(15, SIDE - 15, (int(rng.integers(5, 14)), 2))
    time = np.linspace(0, len(corners) - 1, 20 * len(corners))
    points = [np.convolve(np.interp(time, range(len(corners)), each), np.ones(15) / 15, "valid") for each in corners.T]
    image = Image.new("L", (SIDE, SIDE), 255)
    ImageDraw.Draw(image).line(list(zip(*points)), fill=0, width=int(rng.integers(5, 10)), joint="curve")
    return np.asarray(image)


def prepared(given: list) -> Images:
    """Prepare pictures as digits; what is empty needs no network to be refused, and is left out."""
    seen = [prepare_digit(picture) for picture in given]
    return np.stack([digit.image for digit in seen if not digit.empty])


def labelled(samples: list[tuple[int, np.ndarray]]) -> tuple[Images, np.ndarray]:
    return np.stack([prepare_digit(picture).image for _, picture in samples]), np.array([digit for digit, _ in samples])


def strange_images(fashion: Path | None) -> dict[str, Images]:
    rng = np.random.default_rng(0)
    found = {
        "letters": prepared(letters()),
        "scribbles": prepared([scribble(rng) for _ in range(SCRIBBLES)]),
        "noise": rng.random((500, 28, 28), np.float32),
    }
    if fashion is not None:
        clothes = load_fashion_mnist(str(fashion))[1][0][:500]
        found["clothes, cut out"], found["clothes"] = prepared(list(clothes)), clothes / np.float32(255)
    return found


def as_rank(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return how often what is outside has the larger number, the area under the ROC curve."""
    order = np.searchsorted(np.sort(inside), outside, "left"), np.searchsorted(np.sort(inside), outside, "right")
    return float(np.mean(order) / len(inside))


def print_answers(model: Sequential, held_out: tuple, tested: dict[str, tuple]) -> None:
    """Print how many answers are sure, and how many of those are wrong."""
    print(f"{'errors, at most':18}{'held out':>12}" + "".join(f"{name:>30}" for name in tested))
    for error in ERRORS:
        found = fit_confidence(held_out[1], model.predict(held_out[0][..., None]), error)
        row = f"{error:<18.1%}{found.answered:12.2%}"
        for images, digits in tested.values():
            shares = model.predict(images[..., None])
            sure, wrong = np.array(found.judge(shares)) == "sure", shares.argmax(axis=1) != digits
            row += f"{sure.mean():>12.2%} sure, {(sure & wrong).sum():>3} wrong "
        print(f"{row}  temperature {found.temperature:.2f}, threshold {found.threshold:.4f}")


def print_turned(model: Sequential, images: Images) -> None:
    """Print how many digits `numpycnn predict` says may lie on their side, upright and turned."""
    def is_sure(some: np.ndarray) -> np.ndarray:
        return judged(model, some)[1] == SURE

    print(f"\nsaid to lie on their side, of {len(images):,} test digits turned by so many degrees")
    for degrees in (0, *DEGREES):
        x = np.stack([turned(image, degrees) for image in images])[..., None] if degrees else images[..., None]
        found = seem_turned(x, judged(model, x)[1] == NONE_OF_THEM, is_sure)
        print(f"{degrees:4}{len(found) / len(x):8.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .npz file")
    parser.add_argument("--own-digits", type=Path, metavar="FOLDER")
    parser.add_argument("--fashion", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    model, ((x, y), test) = Sequential.load(arguments.model), load_mnist()
    x, x_test = x / np.float32(255), test[0] / np.float32(255)
    held_out = x[TRAINED_ON:], y[TRAINED_ON:]
    digits = {"MNIST's test digits": (x_test, test[1]),
              "480 pictures": labelled([sample for some in drawn(pictures, 7, 4, test).values() for sample in some])}
    if arguments.own_digits is not None:
        digits["own digits"] = labelled(photographs(arguments.own_digits))
    print_answers(model, held_out, digits)

    first = slice(0, LOOKED_AT)
    distance = fit_class_distance(y[first], model.features(x[first][..., None]), model.features(held_out[0][..., None]))
    scores: dict[str, Callable[[Images], np.ndarray]] = {  # the larger, the stranger
        "largest probability": lambda images: -model.predict(images[..., None]).max(axis=1),
        "energy": lambda images: -np.logaddexp.reduce(model.forward(images[..., None]), axis=1),
        "class distance": lambda images: distance(model.features(images[..., None])),
    }
    sets = {**{name: images for name, (images, _) in digits.items()}, **strange_images(arguments.fashion)}
    print("\nrefused where 1 % of what was held out is, and how often it looks stranger than a test digit (AUROC)\n"
          f"{'':22}" + "".join(f"{f'{name} ({len(images):,})':>28}" for name, images in sets.items()))
    for name, score in scores.items():
        limit, inside = np.quantile(score(held_out[0]), 0.99), score(x_test)
        cells = [(score(images) > limit).mean() for images in sets.values()]
        ranks = [as_rank(inside, score(images)) for images in sets.values()]
        print(f"{name:22}" + "".join(f"{cell:>19.1%} / {rank:.3f} " for cell, rank in zip(cells, ranks)))
    print_turned(model, x_test[::10])


if __name__ == "__main__":
    main()
