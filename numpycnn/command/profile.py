"""Show what a training step costs, part by part: of a recipe's network or of a model file."""

from __future__ import annotations

import argparse

import numpy as np

from ..losses import SoftmaxCrossEntropy
from ..model import Sequential
from .options import existing_model, positive
from .recipes import RECIPES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--model", type=existing_model, metavar="FILE", help="a model file, in place of a recipe")
    one.add_argument("--recipe", choices=RECIPES, default="cnn", help="whose network, on 28 x 28 pixels (cnn)",
                     metavar="NAME")
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="images in the step (64)")
    parser.add_argument("--repeats", type=positive, default=20, metavar="N", help="steps that are timed (20)")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Print the table, of noise and labels drawn at random: the time does not depend on what the images show."""
    model = RECIPES[options.recipe].network(seed=0) if options.model is None else Sequential.load(options.model)
    if options.model is None or model.optimizer is None:
        model.compile("adam", SoftmaxCrossEntropy())
    rng = np.random.default_rng(0)
    x = rng.random((options.batch_size, *model.input_shape)).astype(model.dtype)
    y: np.ndarray = rng.random((options.batch_size, *model.output_shape))
    if isinstance(model.loss, SoftmaxCrossEntropy):
        y = rng.integers(model.output_shape[-1], size=(options.batch_size, *model.output_shape[:-1]))
    model.profile(x, y, repeats=options.repeats)
