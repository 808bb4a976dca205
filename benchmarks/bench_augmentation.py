"""How many images a second augmentation makes, and which share of an epoch it takes.

    python benchmarks/bench_augmentation.py

Batches of 64, as ``fit`` asks for them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Callable

import images as data
import numpy as np
from engines import timed
from machine import fingerprint
from tables import Table, figure

import numpycnn
from numpycnn import Adam, Augment, Sequential, SoftmaxCrossEntropy
from numpycnn.architectures import augmented_cnn, reference_cnn

BATCH = 64
DISTORTIONS = {
    "shift": Augment(shift=0.08),
    "shift, rotation, zoom, shear": Augment.for_digits(elastic=0),
    "elastic": Augment(elastic=20),
    "Augment.for_digits(), all of these": Augment.for_digits(),
}
NETWORKS = {"reference_cnn": reference_cnn, "augmented_cnn": augmented_cnn}


def distort(images: np.ndarray, augment: Augment) -> None:
    rng = np.random.default_rng(0)
    for first in range(0, len(images), BATCH):
        augment(images[first : first + BATCH], rng)


def compiled(network: Callable[..., Sequential]) -> Sequential:
    model = network(seed=0)
    model.compile(Adam(1e-3), SoftmaxCrossEntropy())
    return model


def throughput(images: np.ndarray, repeats: int) -> Table:
    """Time each distortion alone, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in DISTORTIONS}
    for repeat in range(-1, repeats):  # the first round compiles and does not count
        for name, augment in DISTORTIONS.items():
            rate = len(images) / timed(lambda: distort(images, augment))()
            taken[name] += [rate] * (repeat >= 0)
    rows = [
        [name, figure(statistics.median(rates)), f"{figure(min(rates))} to {figure(max(rates))}"]
        for name, rates in taken.items()
    ]
    return Table("augmentation alone", ["distortion", "images a second, median", "min to max"], rows)


class Timed:
    """An augmentation that adds up the seconds it takes."""

    def __init__(self, augment: Augment) -> None:
        self.augment, self.seconds = augment, 0.0

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        start = time.perf_counter()
        result = self.augment(images, rng)
        self.seconds += time.perf_counter() - start
        return result


def shares(images: np.ndarray, labels: np.ndarray, repeats: int) -> Table:
    """Time epochs of training, and the augmentation in them."""
    rows = []
    for name, network in NETWORKS.items():
        model, epochs, parts = compiled(network), [], []
        for repeat in range(-1, repeats):
            augment = Timed(Augment.for_digits())
            epoch = timed(lambda: model.fit(images, labels, batch_size=BATCH, augment=augment, verbose=0))()
            if repeat >= 0:
                epochs.append(epoch * 60_000 / len(images))
                parts.append(augment.seconds / epoch)
        rows.append([name, figure(statistics.median(epochs)), f"{statistics.median(parts):.1%}"])
    header = ["network", "seconds an epoch, with Augment.for_digits()", "share of augmentation"]
    return Table("an epoch of 60,000 images", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder with the MNIST files (default: as load_mnist finds them)")
    parser.add_argument("--random", action="store_true", help="use random images: needs no MNIST")
    parser.add_argument("--images", type=int, default=12_800, help="images a turn (12,800)")
    parser.add_argument("--repeats", type=int, default=7, help="timed rounds (7)")
    arguments = parser.parse_args()
    images, labels = data.load("reference", arguments.images, arguments.random, arguments.data_dir)
    threads, machine = numpycnn.get_num_threads(), fingerprint()["processor"]
    for table in (throughput(images, arguments.repeats), shares(images, labels, arguments.repeats)):
        table.note = f"{machine}, {threads} threads, batches of {BATCH}, {arguments.repeats} rounds"
        table.show()


if __name__ == "__main__":
    main()
