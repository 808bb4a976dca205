"""Small data sets of random numbers, described as MNIST and Fashion-MNIST are."""

import gzip
import hashlib

import numpy as np

from numpycnn.data import mnist, write_idx
from numpycnn.data.mnist import DataSet, IdxFile

NAMES = [file.name for file in mnist.MNIST.files]
COUNTS = (20, 20, 6, 6)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def make_set(folder, seed, mirrors=(), raw_known=True, largest_label=9):
    """Write four generated .gz files into `folder`; return (description, arrays)."""
    rng = np.random.default_rng(seed)
    arrays, files = [], []
    for name, count in zip(NAMES, COUNTS):
        shape = (count, 28, 28) if "images" in name else (count,)
        array = rng.integers(0, 256 if "images" in name else 10, size=shape, dtype=np.uint8)
        if "labels" in name:
            array[0] = largest_label
        path = folder / f"{name}.gz"
        write_idx(path, array)
        packed = path.read_bytes()
        raw = sha256(gzip.decompress(packed)) if raw_known else None
        files.append(IdxFile(name, shape, sha256(packed), raw))
        arrays.append(array)
    return DataSet(f"Set{seed}", f"set-{seed}", tuple(mirrors), tuple(files)), arrays


def assert_loaded(result, arrays):
    (x_train, y_train), (x_test, y_test) = result
    for got, want in zip((x_train, y_train, x_test, y_test), arrays, strict=True):
        assert got.dtype == np.uint8 and got.flags.writeable
        assert np.array_equal(got, want)


def unpack(folder):
    """Replace every .gz file in the folder by its unpacked form."""
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
