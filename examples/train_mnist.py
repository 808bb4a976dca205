"""Train a network on MNIST and show what it learned.

    python examples/train_mnist.py

loads MNIST (from --data-dir, or the mnist folder below NUMPYCNN_DATA, or the cache, or the network), trains, prints
the test accuracy and a report, and writes the model, the figures and the pictures into the output directory. Without
MNIST and without a network it trains on digits drawn by numpycnn. --recipe and --dataset choose another network and
other images: see recipes.py. A run that was killed goes on with the same command and --resume.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import math
import sys
from pathlib import Path

import numpy as np
from recipes import DATA_SETS, RECIPES, DataSet, Recipe

from numpycnn import (
    Adam,
    Augment,
    BackupAndRestore,
    Callback,
    Constant,
    Conv2D,
    CosineDecay,
    DownloadError,
    History,
    OneCycle,
    Schedule,
    Sequential,
    SoftmaxCrossEntropy,
    classification_report,
    confusion_matrix,
)
from numpycnn.files import KERAS_SUFFIXES, atomic_write
from numpycnn.io.keras_file.hdf5 import import_h5py
from numpycnn.metrics import calibration, top_k_accuracy
from numpycnn.plots import (
    plot_augmentation,
    plot_confusion_matrix,
    plot_curves,
    plot_feature_maps,
    plot_filters,
    plot_mistakes,
    plot_predictions,
    plot_reliability,
    plot_samples,
    save_figure,
)
from numpycnn.terminal import show

SCHEDULES = {  # of the rate (at its highest) and the number of steps
    "cosine": CosineDecay,
    "one_cycle": functools.partial(OneCycle, warmup=0.2),
    "constant": lambda rate, steps: Constant(rate),
}


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {number}")
    return number


def describe(name: str) -> str:
    recipe = RECIPES[name]
    notes = ", augmented" * recipe.augment + f" but for the last {recipe.plain_epochs}" * (recipe.plain_epochs > 0)
    return (f"  {name:10}{recipe.epochs:3d} epochs, batch {recipe.batch_size}, learning rate {recipe.learning_rate:g} "
            f"({recipe.schedule}), validation split {recipe.validation_split:g}{notes}")


def parse_arguments() -> tuple[argparse.Namespace, Recipe]:
    """Return the command line, and the recipe with the changes that were asked for."""
    parser = argparse.ArgumentParser(
        description="Train a network on MNIST.", epilog="\n".join(["recipes:", *map(describe, RECIPES)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", choices=RECIPES, default="cnn", help="network and how to train it (cnn)")
    parser.add_argument("--dataset", choices=DATA_SETS, default="mnist", help="images to train on (mnist)")
    parser.add_argument("--test-on", choices=DATA_SETS, help="test on another set's test images")
    parser.add_argument("--data-dir", type=Path, help="folder that holds the data set's files, packed or not")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same weights (0)")
    parser.add_argument("--limit", type=positive, help="train on the first LIMIT images only")
    parser.add_argument("--output-dir", type=Path, help="for the results (runs/DATASET-RECIPE; of cnn: runs/DATASET)")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was killed, if there is one")
    changes = parser.add_argument_group("changes to the recipe")
    changes.add_argument("--epochs", type=positive, help="visits of every training image")
    changes.add_argument("--batch-size", type=positive, help="images a step")
    changes.add_argument("--lr", dest="learning_rate", type=float, help="Adam's learning rate, the highest")
    changes.add_argument("--schedule", choices=SCHEDULES, help="how the learning rate changes")
    changes.add_argument("--validation-split", type=float, help="share of the training images, the last")
    changes.add_argument("--augment", action=argparse.BooleanOptionalAction, help="train on distorted images")
    changes.add_argument("--model-file", help="name of the model's file: model.npz, or model.h5 for Keras")
    arguments = parser.parse_args()
    if arguments.limit is not None and arguments.limit < 2:
        parser.error(f"--limit: expected at least 2 images, got {arguments.limit}")
    if arguments.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {arguments.seed}")
    if arguments.output_dir is None:
        suffix = "" if arguments.recipe == "cnn" else f"-{arguments.recipe}"
        arguments.output_dir = Path("runs") / f"{arguments.dataset}{suffix}"
    recipe = RECIPES[arguments.recipe]
    asked = {field.name: getattr(arguments, field.name, None) for field in dataclasses.fields(recipe)}
    return arguments, dataclasses.replace(recipe, **{name: value for name, value in asked.items() if value is not None})


def load(arguments: argparse.Namespace) -> tuple[DataSet, DataSet, tuple, tuple]:
    """Return the sets that are trained and tested on, and their images and labels.

    MNIST that is nowhere on this machine, and that nobody said where to find, is replaced by digits drawn here.
    """
    tested_on = DATA_SETS[arguments.test_on or arguments.dataset]
    trained_on = DATA_SETS[arguments.dataset]
    if tested_on is not trained_on:  # the folder is that of the one that has files
        folders = (None, arguments.data_dir) if arguments.dataset == "synthetic" else (arguments.data_dir, None)
        test_data = tested_on.load(folders[1])[1]
        return trained_on, tested_on, trained_on.load(folders[0])[0], test_data
    try:
        return trained_on, tested_on, *trained_on.load(arguments.data_dir)
    except DownloadError as error:
        if arguments.dataset != "mnist":
            raise
        drawn = DATA_SETS["synthetic"]
        banner = "!" * 100
        print(f"{banner}\n{error}\n\nNO MNIST: TRAINING AND TESTING ON SYNTHETIC DIGITS, drawn by numpycnn, INSTEAD.\n"
              f"The accuracy below says nothing about MNIST.\n{banner}", file=sys.stderr, flush=True)
        return drawn, drawn, *drawn.load()


def as_input(images: np.ndarray) -> np.ndarray:
    """Scale images (N, H, W) or (N, H, W, C) from 0..255 to [0, 1], with a channel axis: (N, H, W, C)."""
    return images.reshape(*images.shape[:3], -1).astype(np.float32) / 255


def learning_rate(recipe: Recipe, images: int) -> Schedule:
    """Return the schedule over all steps; small ones at the end settle the weights."""
    batches = math.ceil(images * (1 - recipe.validation_split) / recipe.batch_size)
    return SCHEDULES[recipe.schedule](recipe.learning_rate, steps=max(1, batches * recipe.epochs))


class AugmentFirst(Callback):
    """An augmentation that ends before the training does: the last epochs see images as they are when tested."""

    def __init__(self, augment: Augment, epochs: int) -> None:
        self.augment, self.epochs = augment, epochs

    def on_epoch_begin(self, epoch: int) -> None:
        self.active = epoch < self.epochs

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.augment(images, rng) if self.active else images


def train(recipe: Recipe, data_set: DataSet, images: np.ndarray, labels: np.ndarray, seed: int, backup: Path) -> tuple:
    """Return the trained model and its history; go on from the backup if there is one."""
    x = as_input(images)
    model = recipe.network(seed=seed, input_shape=x.shape[1:])
    model.summary()
    model.compile(Adam(learning_rate(recipe, len(x))), SoftmaxCrossEntropy(), metrics=["accuracy"])
    if recipe.augment:
        data_set.augment(x[:2], np.random.default_rng(0))  # compiled now, not in the time of the first epoch
    augment = AugmentFirst(data_set.augment, recipe.epochs - recipe.plain_epochs)
    history = model.fit(
        x,
        labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_split=recipe.validation_split,
        augment=augment if recipe.augment else None,
        callbacks=[augment, BackupAndRestore(backup, delete_checkpoint=False)],  # it is kept until all is written
    )
    if history.interrupted:
        raise InterruptedError("interrupted; the same command with --resume goes on")
    return model, history


def draw(folder: Path, train_data: tuple, test_data: tuple, model: Sequential, probabilities: np.ndarray,
         history: History, data_set: DataSet, augmented: bool, seed: int) -> None:
    """Write the pictures."""
    (train_images, train_labels), (images, labels), names = train_data, test_data, data_set.classes
    some = np.random.default_rng(seed).choice(len(train_images), min(16, len(train_images)), replace=False)
    save_figure(plot_samples(train_images[some], train_labels[some], class_names=names), folder / "samples.png")
    if augmented:
        save_figure(plot_augmentation(train_images[some], data_set.augment), folder / "augmentation.png")
    save_figure(plot_curves(history), folder / "curves.png")
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    shown = np.concatenate([np.arange(18), wrong[wrong >= 18][:6]])  # the first images, and some it got wrong
    figure = plot_predictions(images[shown], labels[shown], probabilities[shown], class_names=names)
    save_figure(figure, folder / "predictions.png")
    matrix = confusion_matrix(labels, probabilities, num_classes=10)
    save_figure(plot_confusion_matrix(matrix, names), folder / "confusion_matrix.png")
    if wrong.size:
        figure = plot_mistakes(images, labels, probabilities, class_names=names)
        save_figure(figure, folder / "mistakes.png")
    save_figure(plot_reliability(calibration(labels, probabilities)), folder / "reliability.png")
    save_figure(plot_feature_maps(model, as_input(images[:1]), class_names=names), folder / "feature_maps.png")
    for layer in [layer for layer in model.layers if isinstance(layer, Conv2D)][:1]:  # the MLP has none
        save_figure(plot_filters(layer), folder / "filters.png")


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def main() -> None:
    arguments, recipe = parse_arguments()
    if recipe.model_file.endswith(KERAS_SUFFIXES):
        import_h5py()  # says now what it would say after the training
    data_set, test_set, train_data, test_data = load(arguments)
    if recipe.amounts is not None:
        data_set, test_set = (dataclasses.replace(each, augment=recipe.amounts) for each in (data_set, test_set))
    train_data = tuple(array[: arguments.limit] for array in train_data)
    folder = arguments.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    backup = folder / "backup.npz"
    if not arguments.resume:
        backup.unlink(missing_ok=True)

    model, history = train(recipe, data_set, *train_data, arguments.seed, backup)
    model.save(folder / recipe.model_file)
    model = Sequential.load(folder / recipe.model_file)  # what is tested is what was saved

    x_test, y_test = as_input(test_data[0]), test_data[1]
    test_loss, test_accuracy = model.evaluate(x_test, y_test)
    probabilities = model.predict(x_test)
    report = classification_report(y_test, probabilities, class_names=test_set.classes)
    show(f"\nFirst ten test images: predicted {probabilities[:10].argmax(axis=1)}, true {y_test[:10]}")
    show(f"\nConfusion matrix, a row for each true class:\n{confusion_matrix(y_test, probabilities, num_classes=10)}")
    show(f"\n{report}\nTested on {test_set.name}\nTest loss: {test_loss:.4f}\nTest accuracy: {test_accuracy:.4f}")

    write_json(folder / "history.json", {**history.history, "seconds": history.seconds})
    write_json(folder / "metrics.json", {
        "recipe": arguments.recipe,
        "dataset": data_set.name,
        "test_dataset": test_set.name,
        "parameters": model.count_params(),
        "epochs": len(history.epoch),
        "batch_size": recipe.batch_size,
        "seed": arguments.seed,
        "train_accuracy": history.history["accuracy"][-1],
        "test_accuracy": test_accuracy,
        "test_loss": test_loss,
        "top_2_accuracy": top_k_accuracy(y_test, probabilities, k=2),
        "expected_calibration_error": calibration(y_test, probabilities).expected_error,
        "train_seconds": sum(history.seconds),
    })
    (folder / "report.txt").write_text(report + "\n")
    draw(
        folder, train_data, test_data, model, probabilities, history, test_set, recipe.augment, arguments.seed
    )
    backup.unlink()
    show(f"Wrote the model, history, metrics, report and pictures to {folder}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, TypeError, ImportError) as error:
        sys.exit(f"train_mnist: {error}")
