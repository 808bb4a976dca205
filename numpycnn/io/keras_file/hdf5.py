"""Reading HDF5 files that anybody may have made.

HDF5 can point out of the file (external links, external storage, virtual datasets), and it can promise terabytes in a
few bytes (compressed or unwritten chunks). Keras uses neither, so what does not lie plainly in the file is refused.
"""

from __future__ import annotations

import io
import itertools
import math
import os
from typing import IO, Any, Iterator

import numpy as np
from numpy.typing import NDArray

from ..native import ModelFileError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAP = b"GCOL\1\0\0\0"  # how a global heap begins
MAX_FILE_BYTES = 2**31
MAX_HEAPS, MAX_TEXTS = 200, 2**16  # heaps in a file, and objects in a heap
FLOATS = tuple(np.dtype(t) for t in ("<f4", "<f8", ">f4", ">f8"))
INTEGERS = tuple(np.dtype(t) for t in ("<i4", "<i8", ">i4", ">i8"))


def import_h5py() -> Any:
    """Return the module h5py.

    Raises
    ------
    ImportError
        It is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'Keras files (.h5) need h5py, which is not installed: python -m pip install -e ".[keras]" in the checkout, '
            "or python -m pip install h5py"
        ) from error
    return h5py


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
        content = stream.read()
        check_heaps(content)
        self._h5py = import_h5py()
        self._left = self._size  # what arrays may still take: many names for one array must not multiply it
        self.root = self._h5py.File(io.BytesIO(content), "r")

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
        if attribute.get_type().get_class() != self._h5py.h5t.STRING:
            raise ModelFileError(f"{holder.name}: {name}: expected text, got {attribute.dtype}")
        value = holder.attrs[name]
        texts = [t.decode() if isinstance(t, bytes) else t for t in (value.flat if shape else [value])]
        if any(not isinstance(text, str) or len(text) > max_length for text in texts):
            raise ModelFileError(f"{holder.name}: {name}: expected text of at most {max_length:,} characters")
        return texts

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


def check_heaps(content: bytes) -> None:
    """Refuse texts that would keep HDF5 busy for ever, or have it allocate gigabytes for nothing.

    Texts are kept in global heaps, chains of objects: a number (2 bytes), 6 others, its size (8), then the text itself.
    Number 0 is the free rest. HDF5 goes from one to the next, and a rest of size 0 never ends
    (https://github.com/HDFGroup/hdf5/issues/1707). Whoever owns a text keeps its length (4 bytes), the address of the
    heap (8) and the number (4), and HDF5 believes the length.

    Raises
    ------
    ModelFileError
        There is such a text, or the file is not laid out as Keras's are, with numbers of 8 bytes.
    """
    sizes = slice(13, 15) if content[8] < 2 else slice(9, 11)  # in the superblock, whose version is the byte 8
    if content[sizes] != b"\x08\x08":
        raise ModelFileError("expected an HDF5 file with addresses and sizes of 8 bytes")
    heaps = list(itertools.islice(_find(content, HEAP), MAX_HEAPS))
    if len(heaps) == MAX_HEAPS:
        raise ModelFileError(f"expected fewer than {MAX_HEAPS} heaps of texts")
    texts = {heap: _heap_sizes(content, heap) for heap in heaps}
    for shift in range(8):  # an address can stand anywhere
        words = np.frombuffer(content, "<u8", (len(content) - shift) // 8, shift)
        places = np.flatnonzero((words > 0) & (words < len(content)))
        for place in places[np.isin(words[places], heaps)].tolist():
            owner, heap = 8 * place + shift, int(words[place])
            length, number = _number(content, owner - 4, 4), _number(content, owner + 8, 4)
            if length > texts[heap].get(number, length):
                raise ModelFileError(f"it promises a text of {length:,} bytes and has {texts[heap][number]:,}")


def _heap_sizes(content: bytes, heap: int) -> dict[int, int]:
    """Return the sizes of the objects in the heap at this position, by number."""
    sizes: dict[int, int] = {}
    position, end = heap + 16, min(heap + _number(content, heap + 8, 8), len(content))
    for _ in range(MAX_TEXTS):
        if position + 16 > end:
            return sizes
        number, size = _number(content, position, 2), _number(content, position + 8, 8)
        if number == 0 and size == 0:
            break
        sizes[number] = size
        position += 16 + (size + 7) // 8 * 8 if number else size
    raise ModelFileError("its texts are damaged")


def _find(content: bytes, part: bytes) -> Iterator[int]:
    """Yield where `part` stands."""
    position = content.find(part)
    while position >= 0:
        yield position
        position = content.find(part, position + 1)


def _number(content: bytes, position: int, size: int) -> int:
    return int.from_bytes(content[position : position + size], "little")
