"""Experiments: predict first, then run. Seconds each, on digits that numpycnn draws.

    python examples/learn/experiments.py             # their names and questions
    python examples/learn/experiments.py NAME        # the question, the table, and what it shows
    python examples/learn/experiments.py all --seed 1

On MNIST, with --mnist, the accuracies are higher: what numpycnn draws is harder to read. Each function trains what it
needs and returns a table; its claims are sentences that the table must bear out, and a test asserts them for three
seeds. Change a function, and see whether they still hold.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from typing import Callable

import numpy as np
from course import question

from numpycnn import (
    SGD, Adam, Augment, BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Sequential, SoftmaxCrossEntropy,
    gradcheck, load_mnist, load_synthetic_digits,
)
from numpycnn.terminal import show_folded

Table = dict[str, dict[str, float]]  # rows by name, numbers by column
TEST = 1000  # what is added to a seed for test images
ON_MNIST = False  # --mnist


@dataclass
class Experiment:
    """A question, the function (seed, scale) that answers it, and sentences about its table that should hold."""

    question: str
    run: Callable[[int, float], Table]
    claims: dict[str, Callable[[Table], bool]]


def digits(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return n images (n, 28, 28, 1) in [0, 1], and their labels; a seed from 1000 on stands for test images."""
    if ON_MNIST:
        images, labels = load_mnist()[seed >= TEST]
        rows = np.random.default_rng(seed).permutation(len(images))[:n]
        images, labels = images[rows], labels[rows]
    else:
        images, labels = load_synthetic_digits(n, seed)
    return (images[..., None] / 255).astype(np.float32), labels.astype(np.int64)


def test_digits(seed: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels that no network is trained on."""
    return digits(max(200, int(2000 * scale)), seed + TEST)


def mlp(seed: int, units: int = 128) -> Sequential:
    """Two Dense layers."""
    return Sequential([Flatten(), Dense(units), ReLU(), Dense(10)], (28, 28, 1), seed=seed)


def cnn(seed: int, second: type[Conv2D] = Conv2D, after_pool: Callable = list, before_dense: Callable = list):
    """Two convolutions, each pooled, and a Dense layer; with more layers where they are asked for."""
    return Sequential([
        Conv2D(8, 3), ReLU(), MaxPool2D(2), *after_pool(),
        second(16, 3), ReLU(), MaxPool2D(2), *after_pool(),
        Flatten(), *before_dense(), Dense(10),
    ], (28, 28, 1), seed=seed)


def train(model: Sequential, data: tuple, epochs: int, optimizer=None, **options):
    """Train with Adam, or another optimizer, and return the history. That a loss grows is a result here, no fault."""
    model.compile(optimizer or Adam(3e-3), SoftmaxCrossEntropy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*data, epochs=epochs, verbose=0, **options)


def accuracy(model: Sequential, data: tuple) -> float:
    return float(model.evaluate(*data)[1])


def size(value: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(value, dtype=float))))


# -- chapter 2: a wrong gradient


class NotTurned(Conv2D):
    """A convolution whose dx is wrong: it forgets to turn the filters by half a turn."""

    def backward(self, dy, need_dx=True):
        weight = self.parameters[0]
        weight.value = weight.value[::-1, ::-1].copy()
        dx = super().backward(dy, need_dx)  # dw and db do not depend on the filters: they are right
        weight.value = weight.value[::-1, ::-1].copy()
        return dx


def wrong_gradient(seed: int, scale: float) -> Table:
    data, test = digits(int(8000 * scale), seed), test_digits(seed, scale)
    table = {}
    for name, layer in {"right": Conv2D, "filters not turned in dx": NotTurned}.items():
        model = cnn(seed, second=layer)
        train(model, data, epochs=5)
        worst = max(row.error for row in gradcheck.check_layer(layer(3, 3), (6, 6, 2)).rows)
        table[name] = {"test accuracy": accuracy(model, test), "error that gradcheck finds": worst}
    return table


# -- chapter 4: translation


def shifted_digits(seed: int, scale: float) -> Table:
    data, (x, y) = digits(int(3000 * scale), seed), test_digits(seed, scale)
    table = {}
    for name, model in {"MLP": mlp(seed), "CNN": cnn(seed)}.items():
        train(model, data, epochs=5)
        moved = {f"moved by {pixels}": (np.roll(x, pixels, axis=2), y) for pixels in (0, 1, 2, 3)}
        table[name] = {title: accuracy(model, test) for title, test in moved.items()}
    return table


# -- chapter 6: labels


def label_noise(seed: int, scale: float) -> Table:
    (x, y), test = digits(int(1500 * scale), seed), test_digits(seed, scale)
    rng, table = np.random.default_rng(seed), {}
    for share in (0.0, 0.2, 0.4):
        wrong = rng.random(len(y)) < share
        given = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
        history = train(mlp(seed, 256), (x, given), epochs=max(2, int(40 * scale)), validation_data=test).history
        table[f"{share:.0%} wrong"] = {
            "on the given labels": history["accuracy"][-1], "test, at the end": history["val_accuracy"][-1],
            "test, at best": max(history["val_accuracy"]),
        }
    return table


# -- chapter 7: initialisation


def initialisation_and_depth(seed: int, scale: float) -> Table:
    def small(shape, rng, dtype):
        return (0.01 * rng.standard_normal(shape)).astype(dtype)

    data = x, y = digits(int(2000 * scale), seed)
    table = {}
    for name, start in {"N(0, 0.01)": small, "Glorot": "glorot_normal", "He": "he_normal"}.items():
        hidden = [layer for _ in range(20) for layer in (Dense(64, kernel_initializer=start), ReLU())]
        model = Sequential([Flatten(), *hidden, Dense(10, kernel_initializer=start)], (28, 28, 1), seed=seed)
        signal = size(model.activations(x[:100])[-2]) / size(x[:100])
        _, dlogits = SoftmaxCrossEntropy()(model.forward(x[:100], training=True), y[:100])
        model.backward(dlogits)
        gradient = size(model.layers[1].parameters[0].grad)
        loss = train(model, data, epochs=5, optimizer=Adam(1e-3)).history["loss"][-1]
        table[name] = {"signal after 20 layers": signal, "gradient in the first": gradient, "loss, trained": loss}
    return table


# -- chapter 8: learning rate, batch size


def learning_rates(seed: int, scale: float) -> Table:
    data, table = digits(int(2000 * scale), seed), {}
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 100.0):
        model = cnn(seed)
        train(model, data, epochs=4, optimizer=SGD(rate))
        with np.errstate(over="ignore", invalid="ignore"):
            loss, hits = model.evaluate(*data)
        table[f"rate {rate:g}"] = {"loss": float(loss), "accuracy": float(hits)}
    return table


def batch_noise(seed: int, scale: float) -> Table:
    x, y = digits(max(300, int(4000 * scale)), seed)
    model = cnn(seed)
    train(model, (x[:1000], y[:1000]), epochs=1)
    loss, rng, table = SoftmaxCrossEntropy(), np.random.default_rng(seed), {}

    def gradient(rows):
        model.backward(loss(model.forward(x[rows], training=True), y[rows])[1])
        return model.arena.grads.astype(float)

    whole = gradient(slice(None))
    for batch in (16, 64, 256):
        errors = [gradient(rng.integers(len(x), size=batch)) - whole for _ in range(int(200 * scale))]
        distance = np.sqrt(np.mean([np.square(error).sum() for error in errors]))
        table[f"batch of {batch}"] = {"|g - g of all| / |g of all|": float(distance / np.linalg.norm(whole))}
    return table


# -- chapter 10: learning by heart


def against_learning_by_heart(seed: int, scale: float) -> Table:
    data, test, epochs = digits(400, seed), test_digits(seed, scale), max(1, int(60 * scale))
    variants = {
        "plain": ({}, {}), "dropout": ({"before_dense": lambda: [Dropout(0.5)]}, {}),
        "batch normalisation": ({"after_pool": lambda: [BatchNorm(momentum=0.9)]}, {}),
        "augmentation": ({}, {"augment": Augment(shift=0.1, rotation=10, zoom=0.1)}),
    }
    table = {}
    for name, (layers, options) in variants.items():
        model = cnn(seed, **layers)
        train(model, data, epochs, **options)
        table[name] = {"training images": accuracy(model, data), "test images": accuracy(model, test)}
    return table


EXPERIMENTS = {
    "wrong_gradient": Experiment(
        "A layer forgets to turn its filters in dx, so the first convolution gets wrong gradients in every step. The "
        "right network reaches some accuracy on test images. What does the wrong one reach?",
        wrong_gradient,
        {
            "the wrong network learns nearly as well": lambda t: _gap(t, "test accuracy") < 0.05,
            "chance would be 0.1": lambda t: t["filters not turned in dx"]["test accuracy"] > 0.7,
            "gradcheck sees it at once": lambda t: t["filters not turned in dx"]["error that gradcheck finds"] > 1e-2,
            "and finds nothing in the right one": lambda t: t["right"]["error that gradcheck finds"] < 1e-9,
        },
    ),
    "shifted_digits": Experiment(
        "A network of Dense layers and one of convolutions learn digits that are centred. Then the digits are moved to "
        "the side by 0 to 3 pixels. Which one loses more? Is a CNN indifferent to shifts?",
        shifted_digits,
        {
            "the MLP loses more by 2 pixels": lambda t: _lost(t["MLP"], 2) > _lost(t["CNN"], 2),
            "the CNN loses, too: pooling forgives little": lambda t: _lost(t["CNN"], 3) > 0.05,
        },
    ),
    "label_noise": Experiment(
        "0, 20 and 40 % of the training labels are wrong. How many of the given labels does the network learn, wrong "
        "ones included? What is its accuracy on clean test images: at its best, and in the end?",
        label_noise,
        {
            "it learns wrong labels by heart": lambda t: t["40% wrong"]["on the given labels"] > 0.75,
            "which costs accuracy": lambda t: t["0% wrong"]["test, at the end"] > t["40% wrong"]["test, at best"],
            "stopping early saves some of it": lambda t: _late(t["40% wrong"]) > _late(t["0% wrong"]),
        },
    ),
    "initialisation_and_depth": Experiment(
        "Twenty Dense layers of 64 units with ReLU, started from N(0, 0.01), from Glorot and from He. How large is the "
        "signal after the last of them? Which of the networks learn?",
        initialisation_and_depth,
        {
            "small weights let the signal die": lambda t: t["N(0, 0.01)"]["signal after 20 layers"] < 1e-10,
            "with Glorot ReLU halves E[y^2] each time": lambda t: t["Glorot"]["signal after 20 layers"] < 0.02,
            "with He it stays": lambda t: 0.05 < t["He"]["signal after 20 layers"] < 20,
            "from small weights nothing is learned": lambda t: t["N(0, 0.01)"]["loss, trained"] > 2.25,
            "from He's something is": lambda t: t["He"]["loss, trained"] < 1.8,
        },
    ),
    "learning_rates": Experiment(
        "SGD with rates from 0.0001 to 100, the same number of steps. Which rate gives the smallest loss? What happens "
        "with those below it, and above?",
        learning_rates,
        {
            "too small: hardly anything happens": lambda t: t["rate 0.0001"]["loss"] > 2,
            "the best lies in between": lambda t: t["rate 0.1"]["loss"] < t["rate 0.001"]["loss"],
            "too large: worse than guessing": lambda t: not t["rate 100"]["loss"] < 2.3,
        },
    ),
    "batch_noise": Experiment(
        "The gradient of a batch is a noisy estimate of that of all images. Four times as many images a batch: how "
        "much less noise?",
        batch_noise,
        {
            "16 to 64: half": lambda t: 1.6 < _noise(t, 16) / _noise(t, 64) < 2.4,
            "64 to 256: half again": lambda t: 1.6 < _noise(t, 64) / _noise(t, 256) < 2.4,
        },
    ),
    "against_learning_by_heart": Experiment(
        "400 images, 60 epochs: the plain network knows them by heart. Dropout, batch normalisation and augmentation, "
        "one by one: which costs accuracy on the training images, which gains most on test images?",
        against_learning_by_heart,
        {
            "plain, it knows all by heart": lambda t: t["plain"]["training images"] > 0.99,
            "augmentation gains": lambda t: _gain(t, "augmentation") > 0.02,
            "dropout gains": lambda t: _gain(t, "dropout") > 0.01,
            "batch normalisation alone does not": lambda t: _gain(t, "batch normalisation") < 0.01,
            "the gap is smallest with augmentation": lambda t: min(t, key=lambda n: _overfit(t[n])) == "augmentation",
        },
    ),
}


def _gap(table: Table, column: str) -> float:
    first, second = (row[column] for row in table.values())
    return abs(first - second)


def _lost(row: dict[str, float], pixels: int) -> float:
    return row["moved by 0"] - row[f"moved by {pixels}"]


def _late(row: dict[str, float]) -> float:
    return row["test, at best"] - row["test, at the end"]


def _noise(table: Table, batch: int) -> float:
    (value,) = table[f"batch of {batch}"].values()
    return value


def _gain(table: Table, name: str) -> float:
    return table[name]["test images"] - table["plain"]["test images"]


def _overfit(row: dict[str, float]) -> float:
    return row["training images"] - row["test images"]


def written(table: Table) -> str:
    """Write a table with aligned columns."""
    titles = [*next(iter(table.values()))]
    first = max(map(len, table)) + 2
    lines = [" " * first + "".join(title.rjust(len(title) + 2) for title in titles)]
    for name, row in table.items():
        lines.append(name.ljust(first) + "".join(f"{row[title]:.4g}".rjust(len(title) + 2) for title in titles))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Predict first, then run.")
    parser.add_argument("name", nargs="?", choices=[*EXPERIMENTS, "all"], help="default: list them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mnist", action="store_true", help="on MNIST, which is downloaded if it is not there")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth of the images or epochs")
    arguments = parser.parse_args()
    global ON_MNIST
    ON_MNIST = arguments.mnist
    for name, experiment in EXPERIMENTS.items():
        if arguments.name in (None, name, "all"):
            print(f"\n{name}")
            question(experiment.question) if arguments.name else show_folded(experiment.question)
        if arguments.name in (name, "all"):
            table = experiment.run(arguments.seed, arguments.scale)
            print(written(table))
            for claim, holds in experiment.claims.items():
                print(f"{'yes' if holds(table) else 'NO '}  {claim}")


if __name__ == "__main__":
    main()
