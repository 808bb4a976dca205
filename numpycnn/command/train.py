"""Train a network on a data set or on images of your own."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..callbacks.base import Callback
from ..checks import check_fraction, check_positive
from ..data import DownloadError
from ..exchange.distributed import Interrupted, together
from ..files import KERAS_SUFFIXES, insist, printable
from ..io.keras_file.hdf5 import import_h5py
from ..layers.share import Share
from ..losses import SoftmaxCrossEntropy
from ..memory import all_finite
from ..model import Sequential
from ..optimizers import Adam
from ..schedules import Constant, CosineDecay, OneCycle, Schedule
from ..terminal import show, show_folded, width
from ..training.data import rows_kept
from .options import checked, in_a_shell, named, positive
from .recipes import DATA_SETS, RECIPES, Augmentation, DataSet, Recipe, augmentation, describe, image_folder, set_name
from .results import as_input, draw, test, when_to_trust, write_json
from .resuming import BACKUP, METRICS, GoOn, finished, folders_for, schedule_so_far

SIZE, HELD_OUT = 32, 0.1  # of a folder's images: the side, and the share to test on where the recipe has none
SCHEDULES: dict[str, Callable[..., Schedule]] = {  # of the rate (at its highest) and the number of steps
    "cosine": CosineDecay,
    "one_cycle": functools.partial(OneCycle, warmup=0.2),
    "constant": lambda rate, steps: Constant(rate),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = functools.partial(parser.add_argument, metavar="X")
    name = functools.partial(parser.add_argument, metavar="NAME")
    name("--recipe", choices=[*RECIPES, "list"], help="which network (cnn; of --images augmented); list")
    name("--dataset", type=set_name, choices=DATA_SETS, default="mnist",
         help="mnist, fashion_mnist, cifar10, kmnist, emnist, ...")
    add("--images", type=named, metavar="FOLDER", help="or images of yours: a subfolder for each class")
    add("--size", type=positive, help="resize those to X x X pixels (32)")
    parser.add_argument("--grey", action="store_true", default=None, help="and make them grey")
    name("--test-on", type=set_name, choices=DATA_SETS, help="test on another set's test images")
    add("--data-dir", type=named, metavar="FOLDER", help="holds the data set's files, packed or not")
    add("--output-dir", type=named, metavar="FOLDER", help="for the results (runs/DATASET-RECIPE)")
    add("--model-file", metavar="FILE", help="in it: model.npz, or .keras or .h5 for Keras")
    parser.add_argument("--resume", action="store_true", help="go on: it was killed, or has more --epochs")
    add("--seed", type=int, default=0, help="same seed, same weights (0)")
    add("--limit", type=positive, help="train on the first X images only")
    add("--epochs", type=positive, help="visits of every training image")
    add("--batch-size", type=positive, help="images a step")
    add("--lr", dest="learning_rate", type=checked(check_positive, "learning_rate"), help="Adam's highest rate")
    name("--schedule", choices=SCHEDULES, help=f"of the rate: {', '.join(SCHEDULES)}")
    add("--validation-split", type=checked(check_fraction, "validation_split"), help="share that is held out")
    parser.add_argument("--distributed", action="store_true", help="with mpirun: the processes share each batch")
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, help="train on distorted images, or not")


def complete(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Recipe:
    """Check the options, choose the output folder, and return the recipe with the changes that were asked for."""
    check_options(parser, options)
    usual = "cnn" if options.images is None else "augmented"
    options.recipe = options.recipe or usual
    if options.output_dir is None:
        name = options.dataset if options.images is None else options.images.resolve().name or "images"
        options.output_dir = Path("runs") / (name if options.recipe == usual else f"{name}-{options.recipe}")
    if options.images is not None and options.images.resolve() in options.output_dir.resolve().parents:
        parser.error(f"--output-dir: expected a folder outside of {options.images}, whose folders are classes, got "
                     f"{options.output_dir}; name another one")
    recipe = RECIPES[options.recipe]
    if options.images is not None:  # no file of Keras's says what its inputs were, nor what classes are called
        recipe = dataclasses.replace(recipe, model_file=Recipe.model_file)
    asked = {field.name: getattr(options, field.name, None) for field in dataclasses.fields(recipe)}
    return dataclasses.replace(recipe, **{name: value for name, value in asked.items() if value is not None})


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with one line about the first option that would stop the run later, or make its figures meaningless."""
    if options.limit is not None and options.limit < 2:
        parser.error(f"--limit: expected at least 2 images, got {options.limit}")
    if options.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {options.seed}")
    if options.images is None and (options.size or options.grey):
        parser.error("--size, --grey: expected with --images alone")
    if options.images is not None and (options.data_dir or options.test_on or options.validation_split == 0):
        parser.error("--images: expected without --data-dir and --test-on, and with a --validation-split above 0")
    if options.images is not None and options.dataset != parser.get_default("dataset"):
        parser.error(f"--images: expected without --dataset, got both {options.images} and {options.dataset}")
    trained_on, tested_on = DATA_SETS[options.dataset], DATA_SETS[options.test_on or options.dataset]
    if trained_on.classes != tested_on.classes:
        parser.error(f"--test-on: expected a set with the classes of {trained_on.name}, got {tested_on.name}")
    suffixes = ".npz", *KERAS_SUFFIXES
    if options.model_file is not None and not options.model_file.endswith(suffixes):
        parser.error(f"--model-file: expected a name that ends in {' or '.join(suffixes)}, got {options.model_file}")
    if options.model_file and os.path.normpath(options.model_file).lower() == BACKUP:  # names in any case are one
        parser.error(f"--model-file: expected another name, {BACKUP} is the backup's")


def load(options: argparse.Namespace, recipe: Recipe) -> tuple[DataSet, DataSet, tuple, tuple]:
    """Return the sets that are trained and tested on, and their images and labels.

    A folder of images is tested on what is held out. MNIST that is nowhere on this machine, and that nobody said where
    to find, is replaced by digits drawn here.
    """
    if options.images is not None:
        held_out = recipe.validation_split or HELD_OUT
        own = image_folder(options.images, options.size or SIZE, bool(options.grey), held_out, options.seed)
        return own, own, *own.load()
    tested_on = DATA_SETS[options.test_on or options.dataset]
    trained_on = DATA_SETS[options.dataset]
    if tested_on is not trained_on:  # the folder is that of the one that has files
        folders = (None, options.data_dir) if options.dataset == "synthetic" else (options.data_dir, None)
        test_data = tested_on.load(folders[1])[1]
        return trained_on, tested_on, trained_on.load(folders[0])[0], test_data
    try:
        return trained_on, tested_on, *trained_on.load(options.data_dir)
    except DownloadError as error:
        if options.dataset != "mnist":
            raise
        drawn = DATA_SETS["synthetic"]
        banner = "!" * min(100, width(100))
        print(f"{banner}\n{error}\n\nNO MNIST: TRAINING AND TESTING ON SYNTHETIC DIGITS, drawn by numpycnn, INSTEAD.\n"
              f"The accuracy below says nothing about MNIST.\n{banner}", file=sys.stderr, flush=True)
        return drawn, drawn, *drawn.load()


def learning_rate(recipe: Recipe, images: int) -> Schedule:
    """Return the schedule over all steps; small ones at the end settle the weights."""
    batches = math.ceil(rows_kept(images, recipe.validation_split) / recipe.batch_size)
    return SCHEDULES[recipe.schedule](recipe.learning_rate, steps=max(1, batches * recipe.epochs))


class AugmentFirst(Callback):
    """An augmentation that ends before the training does: the last epochs see images as they are when tested."""

    def __init__(self, augmentation: Augmentation) -> None:
        self.augment, self.epochs = augmentation.augment, augmentation.epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.active = epoch < self.epochs

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.augment(images, rng) if self.active else images

    def of_part(self, images: np.ndarray, rng: np.random.Generator, first: int, batch: int) -> np.ndarray:
        return self.augment.of_part(images, rng, first, batch) if self.active else images


def train(
    recipe: Recipe, data_set: DataSet, train_data: tuple, seed: int, folder: Path, held_out: tuple | None,
    share: Share | None,
) -> tuple:
    """Return the trained model and its history; go on from the folder's backup if there is one.

    Validated on what is held out, if something is, else on the recipe's share of the training images.
    """
    images, labels = train_data
    x = as_input(images)
    model = recipe.network(seed=seed, input_shape=x.shape[1:], num_classes=data_set.num_classes)
    model.input_format = data_set.input_format(x.shape[1:])
    model.summary()
    schedule = learning_rate(recipe, len(x))
    so_far = functools.partial(schedule_so_far, folder / BACKUP, schedule)
    rate = so_far() if share is None else share.from_first(so_far)
    model.compile(Adam(rate, *recipe.betas), SoftmaxCrossEntropy(recipe.label_smoothing), metrics=["accuracy"])
    # What cannot be saved, or not there, shows now and not after the training.
    with tempfile.TemporaryDirectory(dir=(folder / recipe.model_file).parent) as rehearsal:
        model.save(Path(rehearsal) / Path(recipe.model_file).name)
    chosen, first = augmentation(recipe, data_set), None
    if chosen is not None:
        show(chosen.text)
        chosen.augment(x[:2], np.random.default_rng(0))  # compiled now, not in the time of the first epoch
        first = AugmentFirst(chosen)
    history = model.fit(
        x, labels, recipe.batch_size, recipe.epochs, validation_split=recipe.validation_split,
        validation_data=None if held_out is None else (as_input(held_out[0]), held_out[1]),
        augment=first, callbacks=[*([first] if first else []), GoOn(folder / BACKUP, schedule)],
        communicator=None if share is None else share.communicator,
    )  # fmt: skip
    if history.interrupted:
        raise Interrupted("interrupted; the same command with --resume goes on")
    if not all(map(all_finite, model.get_weights())):
        rate = recipe.learning_rate / 10
        raise ValueError(f"the training diverged: weights are no numbers any more; nothing is saved; try --lr {rate:g}")
    return model, history


def what_is_run(options: argparse.Namespace, recipe: Recipe, data_set: DataSet, images: int) -> dict[str, Any]:
    """Return what a run and the one that goes on with it have in common."""
    return {
        "recipe": options.recipe, "dataset": data_set.name, "images": images, "seed": options.seed,
        "batch_size": recipe.batch_size, "learning_rate": recipe.learning_rate, "schedule": recipe.schedule,
        "validation_split": recipe.validation_split, "augmented": recipe.augment,
    }  # fmt: skip


def make_ready(options: argparse.Namespace, recipe: Recipe, what: dict[str, Any]) -> str:
    """Delete what an earlier run left, or find what to go on from; return what to say if nothing is left to do."""
    folder = options.output_dir
    if not options.resume:
        insist((folder / BACKUP).unlink, missing_ok=True)
    elif text := finished(folder, recipe.epochs, what):
        return text
    elif not (folder / BACKUP).exists():
        show(f"--resume: there is no run in {folder} to go on with; it begins now")
    insist((folder / METRICS).unlink, missing_ok=True)
    return ""


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Train, test, and write what came out; with other processes, if mpirun started some."""
    with together() if options.distributed else contextlib.nullcontext() as share:
        if share is not None:
            show(f"{share.size} processes train together. If one dies, all end: the same command with --resume goes on "
                 "from the backup of the last epoch.")
        if options.recipe == "list":
            show_folded("\n".join(map(describe, RECIPES)))
            return
        recipe = complete(options, parser)
        if recipe.model_file.endswith(KERAS_SUFFIXES):
            import_h5py()  # says now what it would say after the training
        with folders_for(options.output_dir, recipe.model_file):
            train_and_test(options, recipe, share)


def train_and_test(options: argparse.Namespace, recipe: Recipe, share: Share | None) -> None:
    """Train, test and write, in folders that are there; of several processes, the first tests and writes."""
    folder = options.output_dir
    found = functools.partial(load, options, recipe)  # on a machine without the data all processes end
    data_set, test_set, train_data, test_data = found() if share is None else share.together(found)
    train_data = tuple(array[: options.limit] for array in train_data)
    what, held_out = what_is_run(options, recipe, data_set, len(train_data[0])), None
    if options.images is not None:  # the share to validate on is held out already, the same of every class
        recipe, held_out = dataclasses.replace(recipe, validation_split=0.0), test_data
    ready = functools.partial(make_ready, options, recipe, what)
    if text := ready() if share is None else share.from_first(ready):
        show(text)
        return
    model, history = train(recipe, data_set, train_data, options.seed, folder, held_out, share)
    if share is not None and share.rank > 0:
        return
    model.confidence = when_to_trust(model, train_data, recipe.validation_split, held_out)
    model.save(folder / recipe.model_file)
    model = Sequential.load(folder / recipe.model_file)  # what is tested is what was saved
    results, probabilities = test(model, test_set, test_data, folder)
    write_json(folder / "history.json", {**history.history, "seconds": history.seconds})
    chosen = augmentation(recipe, data_set)
    draw(folder, train_data, test_data, model, probabilities, history, test_set, chosen, options.seed)
    write_json(folder / METRICS, {  # the last file: the run is finished
        **what, "parameters": model.count_params(), "epochs": len(history.epoch),
        "train_accuracy": history.history["accuracy"][-1], "train_seconds": sum(history.seconds), **results,
    })  # fmt: skip
    show(f"Wrote the model, history, metrics, report and pictures to {printable(folder)}\n\nNext:  "
         + "\n       ".join(what_next(in_a_shell(folder / recipe.model_file), options, model)))


def what_next(model_file: str, options: argparse.Namespace, model: Sequential) -> list[str]:
    """Return the commands that a saved model is used with."""
    ask = f"numpycnn predict PICTURE... --model {model_file}"
    if options.images is not None and model.input_format is None:  # a file of Keras's, which was asked for
        return [f"{ask} --prepare resize"]
    return [ask, f"numpycnn page {model_file} --open"]
