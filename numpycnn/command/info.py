"""Show what a model file holds: layers, inputs, classes, and how it was trained."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..files import open_file, printable
from ..model import Sequential
from ..terminal import folded, show
from .options import add_model
from .resuming import METRICS

USAGE = "%(prog)s [options] MODEL..."
SHOWN = "recipe", "dataset", "images", "epochs", "batch_size", "learning_rate", "schedule", "seed", "test_accuracy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser, "models", nargs="+")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Print it all."""
    for path in options.models:
        model = Sequential.load(path)
        show(f"{printable(path)}: {path.stat().st_size:,} bytes, {model.dtype.name}")
        model.summary()
        answers = f"Answers: {model.confidence or 'the file does not say when to trust them'}"
        text = f"Inputs: {inputs(model)}\n{answers}\nTraining: {training(model)}{the_run(path.parent / METRICS)}\n"
        show(folded(text))


def inputs(model: Sequential) -> str:
    """Say what one input was made of."""
    known = model.input_format
    if known is None:
        return f"shape {model.input_shape}; the file does not say what they were made of"
    colour = "grey" if known.grey else "in colour"
    how = "digits cut out and centred, as prepare_digit does" if known.prepare == "digit" else "pictures resized"
    names = "numbered" if known.class_names is None else ", ".join(known.class_names)
    height, width = known.size
    return f"{height} x {width} pixels, {colour}, times {known.scale:.6g}; {how}\nClasses: {names}"


def training(model: Sequential) -> str:
    """Say how the model was, or would be, trained."""
    if model.optimizer is None:
        return "not compiled"
    return f"{model.loss!r}, {model.optimizer!r}, {model.optimizer.steps:,} steps taken"


def the_run(metrics: Path) -> str:
    """Say what `numpycnn train` wrote beside the model, if it did."""
    try:
        with open_file(metrics) as file:
            found: Any = json.load(file)
        figures = [f"{name.replace('_', ' ')} {found[name]}" for name in SHOWN if name in found]
    except (OSError, ValueError, TypeError):
        return ""
    return f"\nThe run in this folder: {printable(', '.join(figures))}" if figures else ""
