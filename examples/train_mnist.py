"""Train a network on MNIST and show what it learned.

    python examples/train_mnist.py

loads MNIST (from --data-dir, or the mnist folder below NUMPYCNN_DATA, or the cache, or the network), trains, prints
the test accuracy and a report, and writes the model, the figures and the pictures into the output directory. Without
MNIST and without a network it trains on digits drawn by numpycnn. --recipe and --dataset choose another network and
other images: see recipes.py. A run that was killed goes on with the same command and --resume, and so does a
finished one with more --epochs: see resuming.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
from recipes import DATA_SETS, RECIPES, Augmentation, DataSet, Recipe, augmentation
from resuming import BACKUP, METRICS, GoOn, check_writable, finished, schedule_so_far

from numpycnn import (
    Adam,
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
from numpycnn.checks import check_fraction, check_positive
from numpycnn.files import KERAS_SUFFIXES, atomic_write, insist
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


def checked(check: Callable[..., float], name: str) -> Callable[[str], float]:
    """Return a reader of a number that says what is wrong with it."""

    def read(text: str) -> float:
        try:
            return check(float(text), name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


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
    parser.add_argument("--resume", action="store_true", help="go on with a run that was killed, or has more --epochs")
    changes = parser.add_argument_group("changes to the recipe")
    changes.add_argument("--epochs", type=positive, help="visits of every training image")
    changes.add_argument("--batch-size", type=positive, help="images a step")
    changes.add_argument("--lr", dest="learning_rate", type=checked(check_positive, "learning_rate"),
                         help="Adam's learning rate, the highest")
    changes.add_argument("--schedule", choices=SCHEDULES, help="how the learning rate changes")
    changes.add_argument("--validation-split", type=checked(check_fraction, "validation_split"),
                         help="share of the training images, the last")
    changes.add_argument("--augment", action=argparse.BooleanOptionalAction, help="train on distorted images")
    changes.add_argument("--model-file", help="name of the model's file: model.npz, or model.h5 for Keras")
    arguments = parser.parse_args()
    check_options(parser, arguments)
    if arguments.output_dir is None:
        suffix = "" if arguments.recipe == "cnn" else f"-{arguments.recipe}"
        arguments.output_dir = Path("runs") / f"{arguments.dataset}{suffix}"
    recipe = RECIPES[arguments.recipe]
    asked = {field.name: getattr(arguments, field.name, None) for field in dataclasses.fields(recipe)}
    return arguments, dataclasses.replace(recipe, **{name: value for name, value in asked.items() if value is not None})


def check_options(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End with one line about the first option that would stop the run later, or make its figures meaningless."""
    if arguments.limit is not None and arguments.limit < 2:
        parser.error(f"--limit: expected at least 2 images, got {arguments.limit}")
    if arguments.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {arguments.seed}")
    trained_on, tested_on = DATA_SETS[arguments.dataset], DATA_SETS[arguments.test_on or arguments.dataset]
    if trained_on.classes != tested_on.classes:
        parser.error(f"--test-on: expected a set with the classes of {trained_on.name}, got {tested_on.name}")
    suffixes = ".npz", *KERAS_SUFFIXES
    if arguments.model_file is not None and not arguments.model_file.endswith(suffixes):
        parser.error(f"--model-file: expected a name that ends in {' or '.join(suffixes)}, got {arguments.model_file}")
    if arguments.model_file and os.path.normpath(arguments.model_file).lower() == BACKUP:  # names in any case are one
        parser.error(f"--model-file: expected another name, {BACKUP} is the backup's")


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

    def __init__(self, augmentation: Augmentation) -> None:
        self.augment, self.epochs = augmentation.augment, augmentation.epochs

    def on_epoch_begin(self, epoch: int) -> None:
        self.active = epoch < self.epochs

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.augment(images, rng) if self.active else images


def train(recipe: Recipe, data_set: DataSet, images: np.ndarray, labels: np.ndarray, seed: int, folder: Path) -> tuple:
    """Return the trained model and its history; go on from the folder's backup if there is one."""
    x = as_input(images)
    model = recipe.network(seed=seed, input_shape=x.shape[1:])
    model.summary()
    schedule = learning_rate(recipe, len(x))
    model.compile(Adam(schedule_so_far(folder / BACKUP, schedule)), SoftmaxCrossEntropy(), metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as rehearsal:  # what cannot be saved shows now, not after the training
        model.save(Path(rehearsal) / Path(recipe.model_file).name)
    chosen, first = augmentation(recipe, data_set), None
    if chosen is not None:
        show(chosen.text)
        chosen.augment(x[:2], np.random.default_rng(0))  # compiled now, not in the time of the first epoch
        first = AugmentFirst(chosen)
    history = model.fit(
        x,
        labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_split=recipe.validation_split,
        augment=first,
        callbacks=[*([first] if first else []), GoOn(folder / BACKUP, schedule)],
    )
    if history.interrupted:
        raise InterruptedError("interrupted; the same command with --resume goes on")
    return model, history


def draw(folder: Path, train_data: tuple, test_data: tuple, model: Sequential, probabilities: np.ndarray,
         history: History, data_set: DataSet, chosen: Augmentation | None, seed: int) -> None:
    """Write the pictures."""
    (train_images, train_labels), (images, labels), names = train_data, test_data, data_set.classes
    some = np.random.default_rng(seed).choice(len(train_images), min(16, len(train_images)), replace=False)
    save_figure(plot_samples(train_images[some], train_labels[some], class_names=names), folder / "samples.png")
    if chosen is not None:
        save_figure(plot_augmentation(train_images[some], chosen.augment), folder / "augmentation.png")
    save_figure(plot_curves(history), folder / "curves.png")
    figure = plot_predictions(images, labels, probabilities, rows=3, class_names=names, mistake_rows=1)
    save_figure(figure, folder / "predictions.png")
    matrix = confusion_matrix(labels, probabilities, num_classes=10)
    save_figure(plot_confusion_matrix(matrix, names), folder / "confusion_matrix.png")
    if (probabilities.argmax(axis=1) != labels).any():
        figure = plot_mistakes(images, labels, probabilities, class_names=names)
        save_figure(figure, folder / "mistakes.png")
    save_figure(plot_reliability(calibration(labels, probabilities)), folder / "reliability.png")
    save_figure(plot_feature_maps(model, as_input(images[:1]), class_names=names), folder / "feature_maps.png")
    for layer in [layer for layer in model.layers if isinstance(layer, Conv2D)][:1]:  # the MLP has none
        save_figure(plot_filters(layer), folder / "filters.png")


def what_is_run(arguments: argparse.Namespace, recipe: Recipe, data_set: DataSet, images: int) -> dict[str, Any]:
    """Return what a run and the one that goes on with it have in common."""
    return {
        "recipe": arguments.recipe, "dataset": data_set.name, "images": images, "seed": arguments.seed,
        "batch_size": recipe.batch_size, "learning_rate": recipe.learning_rate, "schedule": recipe.schedule,
        "validation_split": recipe.validation_split, "augmented": recipe.augment,
    }  # fmt: skip


def test(model: Sequential, test_set: DataSet, test_data: tuple, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Print and write how good the model is; return the figures and the probabilities of all test images."""
    x_test, y_test = as_input(test_data[0]), test_data[1]
    loss, accuracy = model.evaluate(x_test, y_test)
    probabilities = model.predict(x_test)
    report = classification_report(y_test, probabilities, class_names=test_set.classes)
    show(f"\nFirst ten test images: predicted {probabilities[:10].argmax(axis=1)}, true {y_test[:10]}")
    show(f"\nConfusion matrix, a row for each true class:\n{confusion_matrix(y_test, probabilities, num_classes=10)}")
    show(f"\n{report}\nTested on {test_set.name}\nTest loss: {loss:.4f}\nTest accuracy: {accuracy:.4f}")
    (folder / "report.txt").write_text(report + "\n", encoding="utf-8")
    return {
        "test_dataset": test_set.name,
        "test_accuracy": accuracy,
        "test_loss": loss,
        "top_2_accuracy": top_k_accuracy(y_test, probabilities, k=2),
        "expected_calibration_error": calibration(y_test, probabilities).expected_error,
    }, probabilities


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def main() -> None:
    arguments, recipe = parse_arguments()
    folder = arguments.output_dir
    if recipe.model_file.endswith(KERAS_SUFFIXES):
        import_h5py()  # says now what it would say after the training
    check_writable(folder, recipe.model_file)
    data_set, test_set, train_data, test_data = load(arguments)
    train_data = tuple(array[: arguments.limit] for array in train_data)
    run = what_is_run(arguments, recipe, data_set, len(train_data[0]))
    if not arguments.resume:
        insist((folder / BACKUP).unlink, missing_ok=True)
    elif text := finished(folder, recipe.epochs, run):
        show(text)
        return
    elif not (folder / BACKUP).exists():
        show(f"--resume: there is no run in {folder} to go on with; it begins now")
    insist((folder / METRICS).unlink, missing_ok=True)

    model, history = train(recipe, data_set, *train_data, arguments.seed, folder)
    model.save(folder / recipe.model_file)
    model = Sequential.load(folder / recipe.model_file)  # what is tested is what was saved
    results, probabilities = test(model, test_set, test_data, folder)
    write_json(folder / "history.json", {**history.history, "seconds": history.seconds})
    draw(folder, train_data, test_data, model, probabilities, history, test_set, augmentation(recipe, data_set),
         arguments.seed)
    write_json(folder / METRICS, {  # the last file: the run is finished
        **run,
        "parameters": model.count_params(),
        "epochs": len(history.epoch),
        "train_accuracy": history.history["accuracy"][-1],
        "train_seconds": sum(history.seconds),
        **results,
    })
    show(f"Wrote the model, history, metrics, report and pictures to {folder}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, TypeError, ImportError) as error:
        sys.exit(f"train_mnist: {error}")
