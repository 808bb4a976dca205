"""What a training leaves: figures, a report and pictures."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_write
from ..layers import Conv2D
from ..metrics import (
    Confidence, calibration, classification_report, confusion_matrix, fit_class_distance, fit_confidence,
    top_k_accuracy,
)
from ..model import Sequential
from ..plots import (
    plot_augmentation, plot_confusion_matrix, plot_curves, plot_feature_maps, plot_filters, plot_mistakes,
    plot_predictions, plot_reliability, plot_samples, save_figure,
)
from ..terminal import folded, show
from ..training.data import rows_kept
from ..training.run import History
from .recipes import Augmentation, DataSet

MOST_ERRORS = 0.01  # of the answers that are called sure
LEAST_SURE = round(3 / MOST_ERRORS)  # answers that show so few errors
MOST_LOOKED_AT, MOST_FEATURES = 20_000, 512  # images whose features are looked at; features of each, D x D numbers


def as_input(images: np.ndarray) -> np.ndarray:
    """Scale images (N, H, W) or (N, H, W, C) from 0..255 to [0, 1], with a channel axis: (N, H, W, C)."""
    return images.reshape(*images.shape[:3], -1).astype(np.float32) / 255


def draw(folder: Path, train_data: tuple, test_data: tuple, model: Sequential, probabilities: np.ndarray,
         history: History, data_set: DataSet, chosen: Augmentation | None, seed: int) -> None:
    """Write the pictures."""
    def save(name: str, figure: Any) -> None:
        save_figure(figure, folder / f"{name}.png")

    warnings.filterwarnings("once", "Glyph")  # a letter that matplotlib's font lacks, in the name of a class
    (train_images, train_labels), (images, labels), names = train_data, test_data, data_set.classes
    some = np.random.default_rng(seed).choice(len(train_images), min(16, len(train_images)), replace=False)
    save("samples", plot_samples(train_images[some], train_labels[some], class_names=names))
    if chosen is not None:
        save("augmentation", plot_augmentation(train_images[some], chosen.augment))
    save("curves", plot_curves(history))
    save("predictions", plot_predictions(images, labels, probabilities, rows=3, class_names=names, mistake_rows=1))
    matrix = confusion_matrix(labels, probabilities, num_classes=probabilities.shape[1])
    save("confusion_matrix", plot_confusion_matrix(matrix, names))
    if (probabilities.argmax(axis=1) != labels).any():
        save("mistakes", plot_mistakes(images, labels, probabilities, class_names=names))
    save("reliability", plot_reliability(calibration(labels, probabilities)))
    save("feature_maps", plot_feature_maps(model, as_input(images[:1]), class_names=names))
    for layer in [layer for layer in model.layers if isinstance(layer, Conv2D)][:1]:  # the MLP has none
        save("filters", plot_filters(layer))


def test(model: Sequential, test_set: DataSet, test_data: tuple, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Print and write how good the model is; return the figures and the probabilities of all test images."""
    x_test, y_test = as_input(test_data[0]), test_data[1]
    loss, accuracy = model.evaluate(x_test, y_test)
    probabilities = model.predict(x_test)
    report = classification_report(y_test, probabilities, class_names=test_set.classes)
    show(f"\nFirst ten test images: predicted {probabilities[:10].argmax(axis=1)}\n{'true':>32} {y_test[:10]}")
    matrix = confusion_matrix(y_test, probabilities, num_classes=probabilities.shape[1])
    show(f"\nConfusion matrix, a row for each true class:\n{matrix}")
    show(f"\n{report}\nTested on {test_set.name}\nTest loss: {loss:.4f}\nTest accuracy: {accuracy:.4f}")
    with atomic_write(folder / "report.txt") as file:
        file.write(f"{report}\n".encode())
    return {
        "test_dataset": test_set.name, "test_accuracy": accuracy, "test_loss": loss,
        "top_2_accuracy": top_k_accuracy(y_test, probabilities, k=2),
        "expected_calibration_error": calibration(y_test, probabilities).expected_error,
    }, probabilities


def when_to_trust(model: Sequential, train_data: tuple, split: float, held_out: tuple | None) -> Confidence | None:
    """Find out when the model's answers can be trusted, on images that it was not trained on; None if there are none.

    Those are `held_out`, or the last of the training images, that share of them which `fit` held out, too. An answer
    that is called sure is wrong a tenth as often as any answer, and never more often than 1 in 100.

    Of n answers all may have been right while 3 in n are wrong in the long run, at 95 % ("the rule of three"). So no
    share of errors below 3 / n is promised of n sure answers; fewer than 300 promise nothing: of fewer images nothing
    is said (None), and where there are more, but fewer sure answers, none is called sure.
    """
    kept = rows_kept(len(train_data[0]), split)
    images, y = held_out or tuple(array[kept:] for array in train_data)
    if len(images) < LEAST_SURE:
        if len(images):
            few = f"{len(images)} images that are held out are too few to say when to trust them"
            show(folded(f"Answers: {few}; it takes {LEAST_SURE}"))
        return None
    x, looked_at = as_input(images), min(kept, MOST_LOOKED_AT)
    probabilities, features, distance = model.predict(x), model.features(x), None
    if features.shape[1] <= MOST_FEATURES:
        seen, labels = (array[:looked_at] for array in train_data)
        distance = fit_class_distance(labels, model.features(as_input(seen)), features)
    error = min(MOST_ERRORS, float((probabilities.argmax(axis=1) != y).mean()) / 10)
    found = fit_confidence(y, probabilities, error, distance)
    sure = round(found.answered * len(images))
    if sure < LEAST_SURE:
        found = dataclasses.replace(found, threshold=float("inf"), answered=0.0)
    else:
        found = dataclasses.replace(found, error=max(error, 3 / sure))
    show(folded(f"Answers: {found}"))
    return found


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")
