"""Train the reference CNN on MNIST and show what it learned.

    python examples/train_mnist.py

loads MNIST (from --data-dir, or the mnist folder below NUMPYCNN_DATA, or the cache, or the network), trains, prints
the test accuracy and a report, and writes the model, the figures and four pictures into the output directory.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from numpycnn import (
    Adam,
    Conv2D,
    CosineDecay,
    Dense,
    Flatten,
    History,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    classification_report,
    confusion_matrix,
    load_mnist,
)
from numpycnn.files import atomic_write
from numpycnn.plots import plot_confusion_matrix, plot_curves, plot_predictions, plot_samples, save_figure


def reference_cnn(seed: int) -> Sequential:
    """The network of the Keras tutorials: two convolutions, two dense layers, 225,034 parameters."""
    return Sequential(
        [
            Conv2D(32, 3), ReLU(), MaxPool2D(2),
            Conv2D(64, 3), ReLU(), MaxPool2D(2),
            Flatten(), Dense(128), ReLU(), Dense(10),
        ],
        input_shape=(28, 28, 1),
        seed=seed,
    )


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {number}")
    return number


def learning_rate(arguments: argparse.Namespace, images: int) -> float | CosineDecay:
    """Return the rate, or the schedule that brings it to 0 at the end, when small steps settle the weights."""
    if arguments.schedule == "constant":
        return arguments.lr
    batches = math.ceil(images * (1 - arguments.validation_split) / arguments.batch_size)
    return CosineDecay(arguments.lr, steps=max(1, batches * arguments.epochs))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the reference CNN on MNIST.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="folder that holds the four MNIST files, raw or .gz")
    parser.add_argument("--epochs", type=positive, default=10, help="visits of every training image")
    parser.add_argument("--batch-size", type=positive, default=64, help="images a step")
    parser.add_argument("--lr", type=float, default=1e-3, help="Adam's learning rate, at the start")
    parser.add_argument("--schedule", choices=("cosine", "constant"), default="cosine", help="cosine: fall to 0")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same weights")
    parser.add_argument("--validation-split", type=float, default=0.1, help="share of the training images, the last")
    parser.add_argument("--limit", type=positive, help="train on the first LIMIT images only")
    parser.add_argument("--output-dir", type=Path, default=Path("runs/mnist"), help="where the results go")
    arguments = parser.parse_args()
    if arguments.limit is not None and arguments.limit < 2:
        parser.error(f"--limit: expected at least 2 images, got {arguments.limit}")
    if arguments.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {arguments.seed}")
    return arguments


def as_input(images: np.ndarray) -> np.ndarray:
    """Scale grey levels (N, 28, 28) from 0..255 to [0, 1] and add the channel axis: (N, 28, 28, 1)."""
    return images[..., None].astype(np.float32) / 255


def draw(output_dir: Path, seed: int, train: tuple, test: tuple, history: History, probabilities: np.ndarray) -> None:
    """Write the four pictures."""
    (train_images, train_labels), (images, labels) = train, test
    some = np.random.default_rng(seed).choice(len(train_images), min(16, len(train_images)), replace=False)
    save_figure(plot_samples(train_images[some], train_labels[some]), output_dir / "samples.png")
    save_figure(plot_curves(history), output_dir / "curves.png")
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    shown = np.concatenate([np.arange(18), wrong[wrong >= 18][:6]])  # the first images, and some it got wrong
    figure = plot_predictions(images[shown], labels[shown], probabilities[shown])
    save_figure(figure, output_dir / "predictions.png")
    matrix = confusion_matrix(labels, probabilities, num_classes=10)
    save_figure(plot_confusion_matrix(matrix), output_dir / "confusion_matrix.png")


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def main() -> None:
    arguments = parse_arguments()
    (train_images, train_labels), (test_images, test_labels) = load_mnist(arguments.data_dir)
    train_images, train_labels = train_images[: arguments.limit], train_labels[: arguments.limit]
    arguments.output_dir.mkdir(parents=True, exist_ok=True)

    model = reference_cnn(arguments.seed)
    model.summary()
    rate = learning_rate(arguments, len(train_images))
    model.compile(optimizer=Adam(rate), loss=SoftmaxCrossEntropy(), metrics=["accuracy"])
    history = model.fit(
        as_input(train_images),
        train_labels,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        validation_split=arguments.validation_split,
    )

    test_loss, test_accuracy = model.evaluate(as_input(test_images), test_labels)
    probabilities = model.predict(as_input(test_images))
    report = classification_report(test_labels, probabilities)
    print(f"\n{report}\nTest loss: {test_loss:.4f}\nTest accuracy: {test_accuracy:.4f}")

    output_dir = arguments.output_dir
    model.save(output_dir / "model.npz")
    write_json(output_dir / "history.json", {**history.history, "seconds": history.seconds})
    write_json(output_dir / "metrics.json", {
        "dataset": "MNIST",
        "parameters": model.count_params(),
        "epochs": len(history.epoch),
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
        "train_accuracy": history.history["accuracy"][-1],
        "test_accuracy": test_accuracy,
        "test_loss": test_loss,
        "train_seconds": sum(history.seconds),
    })
    (output_dir / "report.txt").write_text(report + "\n")
    draw(output_dir, arguments.seed, (train_images, train_labels), (test_images, test_labels), history, probabilities)
    print(f"Wrote the model, history, metrics, report and four pictures to {output_dir}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"train_mnist: {error}")
