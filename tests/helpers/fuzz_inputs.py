"""Inputs for ``fuzz.py``: files and arrays that are right but for a few changes, of bytes or of structure."""

from __future__ import annotations

import gzip
import io
import json
import math
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from numpycnn import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Sequential, SoftmaxCrossEntropy
from numpycnn.io import native

NUMBERS = [0, 1, 2, 3, 8, 28, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**60, 2**63]
Random = random.Random


def damaged(rng: Random, data: bytes) -> bytes:
    """Return the bytes after one to four changes."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        rng.choice(CHANGES)(rng, content, rng.randint(0, max(len(content) - 1, 0)))
    return bytes(content)


def flip(rng: Random, data: bytearray, at: int) -> None:
    data[at : at + 1] = bytes(b ^ 1 << rng.randrange(8) for b in data[at : at + 1])


def overwrite(rng: Random, data: bytearray, at: int) -> None:
    size = rng.choice([1, 2, 4, 8])
    number = rng.choice(NUMBERS) % 2 ** (8 * size)
    data[at : at + size] = number.to_bytes(size, rng.choice(["big", "little"]))


def cut(rng: Random, data: bytearray, at: int) -> None:
    del data[at : at + rng.choice([1, 2, 4, 16, len(data)])]


def repeat(rng: Random, data: bytearray, at: int) -> None:
    data[at:at] = data[at : at + rng.choice([1, 4, 32, 256])] * rng.choice([1, 1, 2, 100])


def insert(rng: Random, data: bytearray, at: int) -> None:
    data[at:at] = rng.randbytes(rng.choice([1, 2, 7, 64]))


def swap(rng: Random, data: bytearray, at: int) -> None:
    size, other = rng.choice([1, 4, 16]), rng.randint(0, max(len(data) - 1, 0))
    data[at : at + size], data[other : other + size] = data[other : other + size], data[at : at + size]


CHANGES = [flip, flip, overwrite, overwrite, cut, repeat, insert, swap]


class IdxInputs:
    """IDX files: header fields, length, layers and members of gzip, then bytes."""

    TYPES = [8, 9, 11, 12, 13, 14]
    SIZES = {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}

    def __init__(self, folder: Path) -> None:
        pass

    def seed(self) -> Any:
        return io.BytesIO(self._file(Random(0), 8, (3, 4), 12))

    @staticmethod
    def _file(rng: Random, code: int, shape: tuple[int, ...], length: int) -> bytes:
        dimensions = b"".join((n % 2**32).to_bytes(4, "big") for n in shape)
        return bytes([0, 0, code % 256, len(shape) % 256]) + dimensions + rng.randbytes(length)

    def make(self, rng: Random) -> Any:
        code = rng.choice(self.TYPES) if rng.random() < 0.9 else rng.randrange(256)
        rank = rng.choice([1, 1, 2, 3, 3, 4, 0, 63, 64, 65, 255]) if rng.random() < 0.3 else rng.randint(1, 3)
        shape = tuple(rng.randint(0, 6) if rng.random() < 0.9 else rng.choice(NUMBERS) for _ in range(rank))
        promised = math.prod(shape) * self.SIZES.get(code, 1)
        length = promised if promised < 5000 and rng.random() < 0.8 else rng.randint(0, 300)
        data = self._file(rng, code, shape, length)
        if rng.random() < 0.4:
            data = damaged(rng, data)
        if rng.random() < 0.4:
            place = rng.randint(0, len(data))
            parts = [data] if rng.random() < 0.5 else [data[:place], data[place:]]
            data = b"".join(gzip.compress(part, rng.choice([0, 1]), mtime=0) for part in parts)
            data += rng.choice([b"", b"", b"\0" * 9, b"\1", gzip.compress(b""), bytes(300)])
            if rng.random() < 0.1:
                data = gzip.compress(data)  # once too often
            if rng.random() < 0.5:
                data = damaged(rng, data)
        return io.BytesIO(data)


class ModelInputs:
    """Model files: configuration and arrays forged under a right checksum, members of the zip, bytes; HDF5 files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents, self.keras = [], []
        for number, model in enumerate(self._models()):
            model.save(folder / f"{number}.npz")
            self.contents.append((folder / f"{number}.npz").read_bytes())
            try:
                model.save(folder / f"{number}.h5")
            except ImportError:  # without h5py there are no such files
                continue
            self.keras.append((folder / f"{number}.h5").read_bytes())
        self.parts = [self._parts(content) for content in self.contents]

    @staticmethod
    def _models() -> list[Sequential]:
        dense = Sequential([Dense(2), Dense(2)], input_shape=(2,), seed=0)
        layers = [Conv2D(2, 3, padding=1), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.2), Dense(3)]
        conv = Sequential(layers, input_shape=(4, 4, 1), seed=0)
        for model, optimizer in ((dense, "sgd"), (conv, "adam")):
            model.compile(optimizer, SoftmaxCrossEntropy())
            model.train_on_batch(np.ones((2, *model.input_shape)), [0, 1])
        return [dense, conv]

    @staticmethod
    def _parts(content: bytes) -> tuple[str, dict[str, np.ndarray]]:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return str(arrays.pop("config")), arrays

    def seed(self) -> Any:
        return self._file(self.contents[0], "npz")

    def make(self, rng: Random) -> Any:
        chance = rng.random()
        if self.keras and chance < 0.15:
            return self._file(damaged(rng, rng.choice(self.keras)), "h5")
        if chance < 0.3:
            return self._file(damaged(rng, rng.choice(self.contents)), "npz")
        return self._file(self._forged(rng), "npz")

    def _file(self, content: bytes, suffix: str) -> Path:
        path = self.folder / f"input.{suffix}"
        path.write_bytes(content)
        return path

    def _forged(self, rng: Random) -> bytes:
        text, arrays = rng.choice(self.parts)
        config, arrays = json.loads(text), dict(arrays)
        for _ in range(rng.randint(0, 3)):
            change_json(rng, config)
        for _ in range(rng.choice([0, 0, 1, 2])):
            name = rng.choice(list(arrays) or ["layers/0/weight"])
            arrays[rng.choice([name, name, name + "x", "config", "run/x"])] = some_array(rng, arrays.get(name))
        if rng.random() < 0.1 and arrays:
            del arrays[rng.choice(list(arrays))]
        if rng.random() < 0.95 and isinstance(config, dict):
            plain = {name: array for name, array in arrays.items() if array.dtype != object}
            config["sha256"] = native._digest(config, plain)
        return self._zipped(rng, {"config": np.array(json.dumps(config)), **arrays})

    @staticmethod
    def _zipped(rng: Random, arrays: dict[str, np.ndarray]) -> bytes:
        stream = io.BytesIO()
        odd = rng.random() < 0.15
        kind = zipfile.ZIP_DEFLATED if odd and rng.random() < 0.3 else zipfile.ZIP_STORED
        with zipfile.ZipFile(stream, "w", kind) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, rng.choice([(2, 0), (3, 0)]) if odd else None)
                content = member.getvalue()
                if odd and rng.random() < 0.3:
                    content = changed_header(rng, content)
                archive.writestr(f"{name}{rng.choice(['', '.txt', '/../x.npy']) if odd else '.npy'}", content)
            if odd:
                archive.comment = rng.randbytes(rng.choice([0, 20]))
        return rng.randbytes(5) * (odd and rng.random() < 0.2) + stream.getvalue()


def changed_header(rng: Random, content: bytes) -> bytes:
    """Return the ``.npy`` file with another text in its header, of the right length."""
    (length,) = struct.unpack("<H", content[8:10])
    texts = ["{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }", "{'descr': '|O'}", "()",
             "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "[" * 60, "__import__('os')", "1" * 70,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "{'descr': [('a', '<f4')], 'shape': ()}",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"]  # fmt: skip
    return content[:10] + rng.choice(texts).encode().ljust(length)[:length] + content[10 + length :]


def some_array(rng: Random, array: np.ndarray | None) -> np.ndarray:
    """Return an array that may stand in the place of another."""
    array = np.ones((2, 2), np.float32) if array is None or array.dtype.kind == "U" else array
    choices = [
        lambda: array.astype(rng.choice(["f8", "f2", ">f4", "i8", "u1", "?"])), lambda: array.reshape(-1),
        lambda: array[..., None], lambda: np.zeros(rng.choice([(), (0,), (3,), (2, 2), (70000,), (1,) * 32])),
        lambda: np.full_like(array, np.nan), lambda: np.full_like(array, np.inf), lambda: array * array,
        lambda: np.array("text"), lambda: np.asfortranarray(np.ones((2, 3), np.float32)),
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        return rng.choice(choices)()


def change_json(rng: Random, document: Any) -> None:
    """Change one place of the document: another value, a value from elsewhere, a key more or less."""
    places = [(holder, key) for holder, key in walk(document)]
    if not places:
        return
    holder, key = rng.choice(places)
    action = rng.random()
    if action < 0.6:
        holder[key] = some_value(rng)
    elif action < 0.8:
        other, other_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[other_key]))
    elif action < 0.9:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, some_value(rng))
    else:
        holder[rng.choice(["class", "config", "groups", "padding", "steps", "__class__", "self"])] = some_value(rng)


def walk(value: Any) -> Any:
    """Yield (holder, key) of every value in a JSON document."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from walk(value[key])


def some_value(rng: Random) -> Any:
    """Return something that JSON can hold."""
    nested: Any = 1
    for _ in range(rng.choice([1, 3, 200])):
        nested = [nested]
    names = ["Dense", "Conv2D", "BatchNorm", "Flatten", "MaxPool2D", "Adam", "SGD", "CosineDecay", "MeanSquaredError"]
    return rng.choice([
        None, True, False, -1, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "x" * 300, "same", "float64", [], {},
        nested, [3, 3], [0], [2, None], {"class": "Dense", "config": {"units": 2}, "state": {}}, rng.choice(names),
        rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(NUMBERS), 10**400,
    ])  # fmt: skip


class PictureInputs:
    """Pictures as arrays of every shape, type and content, and as files of several formats with damaged bytes."""

    FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "ppm": "PPM", "webp": "WEBP",
               "tga": "TGA", "jp2": "JPEG2000", "eps": "EPS"}  # fmt: skip
    SIDES = [1, 2, 3, 5, 8, 19, 20, 28, 29, 64]
    TYPES = ["u1", "u1", "u1", "?", "i1", "u2", "i4", "u8", "f2", "f4", "f4", "f8", ">f4", ">u2", "g", "c8", "O", "U1"]

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, []
        rng = Random(0)
        for mode in ("L", "RGB", "RGBA", "P", "1", "LA", "I;16", "F"):
            picture = Image.fromarray((255 * self._strokes(rng, 40, 30)).astype(np.uint8))
            picture = (picture.convert("I") if mode == "I;16" else picture).convert(mode)
            for suffix, name in self.FORMATS.items():
                stream = io.BytesIO()
                try:
                    picture.save(stream, name)
                except (OSError, ValueError, KeyError):  # a mode or a format that this Pillow cannot write
                    continue
                self.files.append((suffix, stream.getvalue()))

    def seed(self) -> Any:
        return self._strokes(Random(0), 40, 30)

    @staticmethod
    def _strokes(rng: Random, height: int, width: int) -> np.ndarray:
        """Return a picture (H, W) from 0 to 1 with a few lines on it."""
        picture = np.zeros((height, width))
        for _ in range(rng.randint(1, 4)):
            y, x = rng.randrange(height), rng.randrange(width)
            thick = max(1, min(height, width) // 8)
            if rng.random() < 0.5:
                picture[y : y + thick, x : x + width // 2 + 1] = rng.uniform(0.3, 1)
            else:
                picture[y : y + height // 2 + 1, x : x + thick] = rng.uniform(0.3, 1)
        return picture if rng.random() < 0.5 else 1 - picture

    def make(self, rng: Random) -> Any:
        return self._damaged_file(rng) if rng.random() < 0.4 else self._array(rng)

    def _damaged_file(self, rng: Random) -> Path:
        suffix, content = rng.choice(self.files)
        path = self.folder / f"input.{suffix}"
        path.write_bytes(damaged(rng, content))
        return path

    def _array(self, rng: Random) -> Any:
        sides = self.SIDES if rng.random() < 0.97 else [100, 513, 600, 1100]
        height, width = rng.choice(sides), rng.choice(sides)
        picture = self._content(rng, height, width)
        channels = rng.choice([None, None, 1, 2, 3, 4])
        if channels is not None:
            picture = picture[..., None] * np.linspace(1, rng.random(), channels)
        kind = rng.choice(self.TYPES)
        with np.errstate(all="ignore"):
            scale = rng.choice([1, 255, 255, 65535, 1e-40, 1e30, 1e300]) if kind[-1] not in "?OU" else 1
            array = (picture * scale).astype(kind)
        return self._odd(rng, array) if rng.random() < 0.15 else array

    def _content(self, rng: Random, height: int, width: int) -> np.ndarray:
        noise = np.random.default_rng(rng.getrandbits(32))
        picture = self._strokes(rng, height, width)
        content = rng.randrange(8)
        if content == 0:
            picture = noise.random((height, width))
        elif content == 1:
            picture = np.full((height, width), rng.random())
        elif content == 2:
            picture = picture * np.linspace(rng.random(), 1, width)  # shade
        elif content == 3:
            picture = np.clip(picture + 0.1 * noise.standard_normal((height, width)), 0, 1)
        elif content == 4 and rng.random() < 0.3:
            picture[rng.randrange(height), rng.randrange(width)] = rng.choice([np.nan, np.inf, -np.inf, -1, 1e30])
        return picture

    @staticmethod
    def _odd(rng: Random, array: np.ndarray) -> Any:
        choices = [
            lambda: array[::-1], lambda: array[:, ::-2], lambda: np.asfortranarray(array), lambda: array.tolist(),
            lambda: array[None], lambda: array[:0], lambda: array[0], lambda: np.ma.masked_array(array, array == 0),
            lambda: [array.tolist(), [1]], lambda: None, lambda: 3, lambda: "no such file.png", lambda: b"bytes",
            lambda: np.repeat(array[..., None], 5, axis=-1), lambda: {"a": 1},
            lambda: np.broadcast_to(array[:1], (9, *array.shape[1:])),
        ]  # fmt: skip
        return rng.choice(choices)()
