"""Images and labels to train on and to classify."""

from __future__ import annotations

import numpy as np

from networks import NETWORKS


def load(network: str, count: int, random: bool, data_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, H, W, C) in [0, 1] as float32 and labels (count,) as int64.

    They are MNIST's; or random ones, if asked for or if the network takes another size.

    Raises
    ------
    ValueError
        MNIST has fewer.
    """
    shape = NETWORKS[network].input_shape
    if data_name(network, random) != "MNIST":
        rng = np.random.default_rng(0)
        return rng.random((count, *shape), np.float32), rng.integers(0, 10, count)
    from numpycnn import load_mnist

    (images, labels), _ = load_mnist(data_dir)
    if count > len(images):
        raise ValueError(f"expected at most {len(images)} images, which MNIST has, got {count}")
    pixels = images[:count, ..., None].astype(np.float32)
    pixels /= 255  # in place: a second copy would be the peak of bench_memory.py
    return pixels, labels[:count].astype(np.int64)


def data_name(network: str, random: bool) -> str:
    """Return what the images are called in tables."""
    return "random images" if random or NETWORKS[network].input_shape != (28, 28, 1) else "MNIST"
