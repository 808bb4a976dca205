"""What can be trained, by name: recipes (a network and how to train it) and the data sets to train it on."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from ..architectures import augmented_cnn, best_cnn, deep_cnn, fast_cnn, lenet5, mlp, reference_cnn, vgg
from ..data import (
    Augment, InputFormat, emnist, kmnist, load_cifar10, load_emnist, load_fashion_mnist, load_image_folder, load_kmnist,
    load_mnist, load_synthetic_digits,
)
from ..model import Sequential
from ..terminal import show

MOST_SHOWN = 10  # broken files


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained, with Adam; the command line can change most of these numbers."""

    network: Callable[..., Sequential]
    epochs: int
    learning_rate: float  # the highest
    schedule: str = "cosine"  # falls to 0 on half a cosine; "one_cycle" rises first; "constant" stays
    batch_size: int = 64
    validation_split: float = 0.1  # share of the training images, the last ones
    augment: bool = False  # train on shifted, turned, bent, ... images
    digit_amounts: Augment | None = None  # by how much if they are digits, and not as the data set says
    plain_epochs: int = 0  # the last ones, on images as they are; at most half of all
    model_file: str = "model.npz"  # "model.h5" for Keras
    betas: tuple[float, float] = (0.9, 0.999)  # Adam's
    label_smoothing: float = 0.0


RECIPES = {
    "cnn": Recipe(reference_cnn, epochs=10, learning_rate=1e-3),
    "deep_cnn": Recipe(deep_cnn, epochs=5, learning_rate=1e-3, validation_split=0.2),
    "augmented": Recipe(augmented_cnn, epochs=12, learning_rate=3e-3, schedule="one_cycle", augment=True),
    "mlp": Recipe(mlp, epochs=10, learning_rate=1e-3, model_file="model.h5"),
    "lenet5": Recipe(lenet5, epochs=20, learning_rate=2e-3),
    "fast": Recipe(
        fast_cnn, epochs=1, learning_rate=1e-2, schedule="one_cycle", batch_size=128, validation_split=0.0,
        betas=(0.8, 0.95), label_smoothing=0.1,  # an epoch is short: means that forget sooner, and no certainty
    ),
    "best": Recipe(
        best_cnn, epochs=40, learning_rate=3e-3, schedule="one_cycle", validation_split=0.0, augment=True,
        digit_amounts=Augment(shift=0.07, rotation=8, zoom=0.08, shear=6, elastic=15), plain_epochs=3,
    ),
    "vgg": Recipe(
        vgg, epochs=30, learning_rate=3e-3, schedule="one_cycle", validation_split=0.0, augment=True, plain_epochs=2,
    ),
}


@dataclass(frozen=True)
class DataSet:
    """Images and labels: uint8 (N, H, W) or (N, H, W, C), uint8 (N,).

    `augment` does what leaves an image in its class: a mirrored shoe is a shoe, a mirrored 2 is no digit.
    """

    name: str
    load: Callable[..., tuple]  # load(data_dir) returns (x_train, y_train), (x_test, y_test)
    augment: Augment
    classes: tuple[str, ...] | None = None  # their names, if they are not the digits
    prepare: str = "resize"  # how a picture is treated later; see InputFormat

    @property
    def num_classes(self) -> int:
        return 10 if self.classes is None else len(self.classes)

    def input_format(self, shape: tuple[int, ...]) -> InputFormat:
        """Return what inputs of this shape, (H, W, C), are."""
        return InputFormat((shape[0], shape[1]), shape[2] == 1, prepare=self.prepare, class_names=self.classes)


@dataclass(frozen=True)
class Augmentation:
    """How the training images are changed, and in how many epochs from the first one on."""

    augment: Augment
    epochs: int
    text: str  # says so


def augmentation(recipe: Recipe, data_set: DataSet) -> Augmentation | None:
    """Return the recipe's augmentation of this data set, None if it has none.

    Amounts that were found on digits are for digits: a photograph of a horse is not turned, and may be mirrored. The
    last epochs see images as they are, but never more than half of them.
    """
    if not recipe.augment:
        return None
    augment = data_set.augment
    if recipe.digit_amounts is not None and data_set.classes is None:
        augment = recipe.digit_amounts
    plain = min(recipe.plain_epochs, recipe.epochs // 2)
    text = f"Augmentation for {data_set.name}: {amounts(augment)}"
    if recipe.digit_amounts is not None and data_set.classes is not None:
        text += "; the recipe's own amounts are for digits, and are not used"
    if recipe.plain_epochs:
        text += f"\nThe last {plain} of {recipe.epochs} epochs see the images as they are"
        if plain < recipe.plain_epochs:
            text += f" (the recipe's {recipe.plain_epochs} would be more than half)"
    return Augmentation(augment, recipe.epochs - plain, text)


def amounts(augment: Augment) -> str:
    """Say what an augmentation does, leaving out what it does not."""
    fields = [field for field in dataclasses.fields(Augment) if getattr(augment, field.name) != field.default]
    return ", ".join(f"{field.name} {getattr(augment, field.name)}" for field in fields) or "nothing"


def describe(name: str) -> str:
    """Say in a line what a recipe is."""
    recipe = RECIPES[name]
    epochs = "epoch" if recipe.epochs == 1 else "epochs"
    notes = ", augmented" * recipe.augment + f" but for the last {recipe.plain_epochs}" * (recipe.plain_epochs > 0)
    notes += f", labels smoothed by {recipe.label_smoothing:g}" * (recipe.label_smoothing > 0)
    return (f"  {name:10}{recipe.epochs:3d} {epochs}, batch {recipe.batch_size}, learning rate "
            f"{recipe.learning_rate:g} ({recipe.schedule}), validation split {recipe.validation_split:g}{notes}")


def draw_digits(data_dir: None = None) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Draw as many digits as MNIST has."""
    if data_dir is not None:
        raise ValueError(f"--data-dir: synthetic digits are drawn, not read; leave out {data_dir}")
    return load_synthetic_digits(60_000, seed=0), load_synthetic_digits(10_000, seed=1)


CLOTHES = "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
PHOTOGRAPHS = "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"

DATA_SETS = {
    "mnist": DataSet("MNIST", load_mnist, Augment.for_digits(), prepare="digit"),
    "fashion_mnist": DataSet(
        "Fashion-MNIST", load_fashion_mnist, Augment(shift=0.05, zoom=0.05, horizontal_flip=True), CLOTHES
    ),
    "cifar10": DataSet("CIFAR-10", load_cifar10, Augment.for_photographs(), PHOTOGRAPHS),
    "kmnist": DataSet("KMNIST", load_kmnist, Augment.for_digits(), kmnist.CLASS_NAMES, prepare="digit"),
    "emnist": DataSet(
        "EMNIST, balanced", functools.partial(load_emnist, "balanced"), Augment.for_digits(),
        emnist.CLASS_NAMES["balanced"], prepare="digit",
    ),
    "synthetic": DataSet("synthetic digits", draw_digits, Augment.for_digits(), prepare="digit"),
}


def set_name(text: str) -> str:
    """Read a data set's name, also as `numpycnn data` lists it: fashion-mnist, cifar-10."""
    return {name.replace("_", ""): name for name in DATA_SETS}.get(text.replace("-", "").replace("_", ""), text)


def image_folder(path: Path, size: int, grey: bool, held_out: float, seed: int) -> DataSet:
    """Return a folder of images as a data set that is tested on the share `held_out` of each class.

    Signs (all names are one character) are not mirrored.
    """
    folder = load_image_folder(path, size, grey)
    show(f"{len(folder.files):,} images of {len(folder.class_names)} classes in {path}: "
         f"{', '.join(folder.class_names)}")
    if folder.broken:
        shown = "\n  ".join(folder.broken[:MOST_SHOWN])
        files = "file" if len(folder.broken) == 1 else "files"
        show(f"{len(folder.broken)} {files} could not be read, left out:\n  {shown}")
    signs = all(len(name) == 1 for name in folder.class_names)
    augment = Augment.for_digits() if signs else Augment.for_photographs()
    splits = folder.split(held_out, seed)
    return DataSet(f"the folder {path}", lambda data_dir=None: splits, augment, folder.class_names)
