"""Reading HDF5 files that anybody may have made.

HDF5 can point out of the file (external links, external storage, virtual datasets), and it can promise terabytes in a
few bytes (compressed or unwritten chunks). Keras uses neither, so what does not lie plainly in the file is refused.
"""

from __future__ import annotations

import io
import math
import os
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...files import import_library
from ..native import ModelFileError
from .attributes import attribute_data, find_texts, text_reference

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_FILE_BYTES = 2**31
FLOATS = tuple(np.dtype(t) for t in ("<f4", "<f8", ">f4", ">f8"))
INTEGERS = tuple(np.dtype(t) for t in ("<i4", "<i8", ">i4", ">i8"))


def import_h5py() -> Any:
    """Return the module h5py; raise ImportError if it is not installed."""
    return import_library("h5py", "Keras files (.keras, .h5)", "keras")


class Hdf5Reader:
    """Groups, texts and arrays of an open HDF5 file; everything it reads lies in the file itself.

    Parameters
    ----------
    stream : binary file
        Open for reading; it is read as a whole, so that what was checked is what is used.

    Raises
    ------
    ModelFileError
        It is no HDF5 file; and from each method: what was asked for is missing or stored in another way. h5py's own
        errors (damaged structures) pass through.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        start = stream.read(len(SIGNATURE))
        if start != SIGNATURE:
            raise ModelFileError(f"expected an HDF5 file, got one that begins with {start!r}")
        self._size = stream.seek(0, os.SEEK_END)
        if self._size > MAX_FILE_BYTES:
            raise ModelFileError(f"expected at most {MAX_FILE_BYTES:,} bytes, got {self._size:,}")
        stream.seek(0)
        self._content = stream.read()
        self._heap_texts = find_texts(self._content)
        self._h5py = import_h5py()
        self._left = self._size  # what arrays may still take: many names for one array must not multiply it
        self.root = self._h5py.File(io.BytesIO(self._content), "r")

    def __enter__(self) -> Hdf5Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.root.close()

    def has(self, group: Any, name: str) -> bool:
        """Whether the group has a member of this name."""
        return group.id.links.exists(name.encode())

    def group(self, parent: Any, path: str) -> Any:
        """Return the group at this path."""
        return self._open(parent, path, self._h5py.Group)

    def array(self, parent: Any, path: str, dtypes: tuple[np.dtype, ...]) -> NDArray:
        """Return a copy of the dataset at this path, of one of these dtypes and stored in one piece."""
        dataset = self._open(parent, path, self._h5py.Dataset)
        storage = dataset.id.get_create_plist()
        # Before anything else is asked: even the shape of a virtual dataset can depend on other files.
        if storage.get_layout() != self._h5py.h5d.CONTIGUOUS or storage.get_external_count():
            raise ModelFileError(f"{path!r}: expected an array in one piece in this file, as Keras writes it")
        if dataset.shape is None or dataset.dtype not in dtypes:
            wanted = sorted({dtype.name for dtype in dtypes})
            raise ModelFileError(f"{path!r}: expected {' or '.join(wanted)}, got {dataset.dtype} {dataset.shape}")
        size, start = math.prod(dataset.shape) * dataset.dtype.itemsize, dataset.id.get_offset()
        if start is None or dataset.id.get_storage_size() != size or start + size > self._size:
            raise ModelFileError(f"{path!r}: the file does not hold the {size:,} bytes of an array of {dataset.shape}")
        self._left -= size
        if self._left < 0:
            raise ModelFileError("its arrays are larger than the file")
        return np.array(dataset[()], dataset.dtype.newbyteorder("="))

    def text(self, holder: Any, name: str, max_length: int) -> str | None:
        """Return an attribute that is one string, or None if there is no such attribute."""
        texts = self._texts(holder, name, (), max_length)
        return None if texts is None else texts[0]

    def texts(self, holder: Any, name: str, count: int, max_length: int = 1000) -> list[str]:
        """Return an attribute that is a list of `count` strings."""
        found = self._texts(holder, name, (count,), max_length)
        if found is None:
            raise ModelFileError(f"{holder.name}: there is no list {name!r}")
        return found

    def _texts(self, holder: Any, name: str, shape: tuple[int, ...], max_length: int) -> list[str] | None:
        h5a = self._h5py.h5a
        if not h5a.exists(holder.id, name.encode()):
            return None
        attribute = h5a.open(holder.id, name.encode())
        if attribute.shape != shape:  # before it is read: each string may be as long as the file
            raise ModelFileError(f"{holder.name}: {name}: expected strings of shape {shape}, got {attribute.shape}")
        if math.prod(shape) == 0:
            return []
        kind = attribute.get_type()
        if kind.get_class() != self._h5py.h5t.STRING:
            raise ModelFileError(f"{holder.name}: {name}: expected text, got {attribute.dtype}")
        data = attribute_data(self._content, self._h5py.h5o.get_info(holder.id).addr, name.encode())
        size, read = (16, self._heap_text) if kind.is_variable_str() else (kind.get_size(), bytes)
        texts = [read(data[i * size : (i + 1) * size]).split(b"\0")[0].decode() for i in range(math.prod(shape))]
        if any(len(text) > max_length for text in texts):
            raise ModelFileError(f"{holder.name}: {name}: expected text of at most {max_length:,} characters")
        return texts

    def _heap_text(self, reference: bytes) -> bytes:
        length, place = text_reference(reference)
        position, size = self._heap_texts.get(place, (0, 0))
        if size != length:
            raise ModelFileError(f"it promises a text of {length:,} bytes and has {size:,}")
        return self._content[position : position + size]

    def _open(self, parent: Any, path: str, kind: type) -> Any:
        """Go down the path by hard links alone; soft and external ones may lead out of the file."""
        here = parent
        for part in path.split("/"):
            if part in ("", ".") or not isinstance(here, self._h5py.Group) or not self.has(here, part):
                raise ModelFileError(f"{parent.name}: there is no {path!r}")
            if here.id.links.get_info(part.encode()).type != self._h5py.h5l.TYPE_HARD:
                raise ModelFileError(f"{parent.name}: {path!r} is a link; expected it in its place, as Keras writes it")
            here = here[part]
        if not isinstance(here, kind):
            raise ModelFileError(f"{path!r}: expected a {kind.__name__.lower()}, got {here!r}")
        return here
