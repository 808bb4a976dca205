"""The attributes of an HDF5 object, read from the file's bytes.

HDF5 itself believes whatever length a text claims to have: it allocates gigabytes for a text of ten letters, and writes
past the end of its memory for a text that is longer than it says. Nothing here takes more than the file holds. The
layout is that of the "HDF5 File Format Specification", version 3, sections III.E (global heaps) and IV (objects).
"""

from __future__ import annotations

from typing import Iterator

from ..native import ModelFileError

HEAP = b"GCOL\1\0\0\0"  # how a global heap begins
MAX_HEAPS, MAX_TEXTS = 200, 2**16  # in a file
ATTRIBUTE, CONTINUATION = 0x0C, 0x10  # kinds of messages in an object's header
SHARED = 2  # flag of a message that lies elsewhere


def find_texts(content: bytes) -> dict[tuple[int, int], tuple[int, int]]:
    """Return position and size of all texts by heap and number; refuse heaps in which HDF5 would be busy for ever.

    Texts are kept in global heaps, chains of objects: a number (2 bytes), 6 others, its size (8), then the text itself.
    Number 0 is the free rest. HDF5 goes from one to the next, and a rest of size 0 never ends
    (https://github.com/HDFGroup/hdf5/issues/1707).

    Raises
    ------
    ModelFileError
        There is such a heap, or the file is not laid out as Keras's are, with numbers of 8 bytes.
    """
    sizes = slice(13, 15) if content[8] < 2 else slice(9, 11)  # in the superblock, whose version is the byte 8
    if content[sizes] != b"\x08\x08":
        raise ModelFileError("expected an HDF5 file with addresses and sizes of 8 bytes")
    texts: dict[tuple[int, int], tuple[int, int]] = {}
    heap, heaps, objects = content.find(HEAP), 0, 0
    while heap >= 0:
        heaps += 1
        for number, position, size in _heap_objects(content, heap):
            objects += 1
            if heaps == MAX_HEAPS or objects == MAX_TEXTS or number == size == 0:
                raise ModelFileError(f"its texts are damaged, or more than {MAX_TEXTS}")
            if number:
                texts[heap, number] = position, size
        heap = content.find(HEAP, heap + 1)
    return texts


def attribute_data(content: bytes, header: int, name: bytes) -> bytes:
    """Return the data of an attribute as they lie in the file.

    Parameters
    ----------
    content : bytes
        The whole file.
    header : int
        Where the header of the object begins that has the attribute.
    name : bytes

    Raises
    ------
    ModelFileError
        It has no such attribute, or keeps it outside its header; Keras does not.
    """
    for kind, flags, message in _messages(content, header):
        if kind == ATTRIBUTE and not flags & SHARED:
            version, parts = message[0], [_number(message, i, 2) for i in (2, 4, 6)]  # sizes of name, type and shape
            start = 9 if version == 3 else 8
            if message[start : start + parts[0]].rstrip(b"\0") == name:
                padded = [-(-size // 8) * 8 if version == 1 else size for size in parts]
                return message[start + sum(padded) :]
    raise ModelFileError(f"expected the attribute {name.decode()!r} in the header of its object, as Keras writes it")


def text_reference(data: bytes) -> tuple[int, tuple[int, int]]:
    """Return the length, and heap and number, of a text to which 16 bytes of an attribute refer."""
    return _number(data, 0, 4), (_number(data, 4, 8), _number(data, 12, 4))


def _heap_objects(content: bytes, heap: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, position and size of the objects in the heap at this position."""
    position, end = heap + 16, min(heap + _number(content, heap + 8, 8), len(content))
    while position + 16 <= end:
        number, size = _number(content, position, 2), _number(content, position + 8, 8)
        yield number, position + 16, size
        position += 16 + -(-size // 8) * 8 if number else size


def _messages(content: bytes, header: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield kind, flags and content of the messages in an object's header, in the older or the newer of two layouts."""
    newer = content[header : header + 4] == b"OHDR"
    lead = 8  # bytes before each message
    if newer:
        options = content[header + 5]
        lead = 6 if options & 4 else 4
        width = 1 << (options & 3)  # of the size of the first block
        start = header + 6 + (16 if options & 32 else 0) + (4 if options & 16 else 0)
        blocks = [(start + width, _number(content, start, width))]
    else:
        blocks = [(header + 16, _number(content, header + 8, 4))]
    for begin, length in blocks:  # it grows on the way
        if len(set(blocks)) < len(blocks):
            raise ModelFileError("its attributes are damaged")
        position, end = begin, min(begin + length, len(content))
        while position + lead <= end:
            kind, size = (content[position], 1) if newer else (_number(content, position, 2), 2)
            flags = content[position + 3] if newer else content[position + 4]
            size = _number(content, position + size, 2)
            message = content[position + lead : min(position + lead + size, end)]
            if kind == CONTINUATION:
                address, extent = _number(message, 0, 8), _number(message, 8, 8)
                blocks.append((address + 4, extent - 8) if newer else (address, extent))  # "OCHK", a checksum
            yield kind, flags, message
            position += lead + size


def _number(content: bytes, position: int, size: int) -> int:
    return int.from_bytes(content[position : position + size], "little")
