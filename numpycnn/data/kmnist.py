"""Kuzushiji-MNIST: 70,000 grey images of 28x28 pixels, ten characters of old Japanese handwriting.

It has MNIST's format and file names. Source: Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha, "Deep Learning
for Classical Japanese Literature", arXiv:1812.01718, 2018. The SHA-256 are those that TensorFlow Datasets publishes.
"""

from __future__ import annotations

import os

from .mnist import DataSet, Split, idx_files, load

KMNIST = DataSet(
    name="KMNIST",
    folder="kmnist",
    torchvision="KMNIST",
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    files=idx_files(
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
)

CLASS_NAMES = "o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"  # how the characters are read


def load_kmnist(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load Kuzushiji-MNIST, which has MNIST's format but shows Japanese characters.

    The places are those of `load_mnist`, with the folder name ``kmnist`` (torchvision's is ``KMNIST/raw``). Only the
    checksums of the distributed ``.gz`` files are known: a gzip file must be one of those, an unpacked file must have
    the right shape and labels and not be MNIST's.

    Parameters
    ----------
    data_dir : path, optional
        The folder that holds the four files.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images of shape (60000, 28, 28) and (10000, 28, 28), 0 (background) to 255, and their labels of shape (60000,)
        and (10000,): 0 o, 1 ki, 2 su, 3 tsu, 4 na, 5 ha, 6 ma, 7 ya, 8 re, 9 wo.

    Raises
    ------
    FileNotFoundError, ValueError, DownloadError
        As `load_mnist`.
    """
    return load(KMNIST, data_dir)
