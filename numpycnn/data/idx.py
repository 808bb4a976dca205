"""IDX files: the format that MNIST comes in.

A header, then the numbers, nothing else. The header is two zero bytes, one byte for the element type, one for the rank
(how many dimensions) and one big-endian int32 a dimension; the elements follow in row-major order, big-endian too. A
header is only a claim: everything in it is checked before an array is made. Source:
http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_numeric
from ..files import atomic_write, open_file, path_text, printable

# The header's type byte -> the element type as it lies on disk (">": high byte first).
DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_TYPE_CODES = {dtype.newbyteorder("="): code for code, dtype in DTYPES.items()}
_TYPE_NAMES = ", ".join(dtype.name for dtype in DTYPES.values())

MAX_RANK = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32  # NumPy's own; the rank byte could say 255
_MAX_DIMENSION = 2**31 - 1
_CHUNK = 2**20
_GZIP_MAGIC = b"\x1f\x8b"
_PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<error")
OF_ANOTHER_KIND = "the file is damaged or of another kind"


class IdxError(ValueError):
    """What `read_idx` and `write_idx` raise for a file or an array that is not valid IDX."""


def read_idx(file: str | os.PathLike[str] | IO[bytes], max_bytes: int = 2**30) -> NDArray[Any]:
    """Read an IDX file, gzip-compressed or not.

    Whether it is compressed is told by its first bytes, not by its name. The bytes after the header must be exactly as
    many as the header promises. A gzip stream is decompressed only up to one byte past that promise, so a small file
    cannot expand without bound.

    Parameters
    ----------
    file : path or binary file
        The file to read. A file object must be seekable and is read from its current position
        to its end; it stays open. Gzip files of several members (RFC 1952, section 2.2) count
        as one stream; anything after the last member but zero bytes is an error.
    max_bytes : int
        The most bytes that the elements may take (default 1 GiB). In this count a dimension of 0 is taken as 1.

    Returns
    -------
    array : ndarray
        A writable array of the rank and shape in the header, in this machine's byte order:
        uint8, int8, int16, int32, float32 or float64. The rank is 1 to 64, NumPy's maximum (32 before NumPy 2).

    Raises
    ------
    IdxError
        A subclass of ValueError: the file is truncated, too long, damaged, not IDX, larger than `max_bytes`, or no
        file but a folder, a pipe or a device.
    FileNotFoundError
        There is no such file. Other failures to open it are OSErrors too.

    Examples
    --------
    >>> images = read_idx("train-images-idx3-ubyte.gz")  # doctest: +SKIP
    >>> images.shape, images.dtype  # doctest: +SKIP
    ((60000, 28, 28), dtype('uint8'))
    """
    max_bytes = check_count(max_bytes, "max_bytes", minimum=0)
    if not isinstance(file, (str, bytes, os.PathLike)):
        if not hasattr(file, "read"):
            raise TypeError(f"expected a path or a file opened in mode 'rb', got {file!r}")
        return _read_stream(file, printable(getattr(file, "name", file)), max_bytes)
    name = path_text(file, "file")
    if os.path.isdir(name):
        raise IdxError(f"{printable(name)}: expected an IDX file, got a folder; name the file inside it")
    try:
        stream = open_file(name)
    except ValueError as error:  # a pipe or a device
        raise IdxError(str(error)) from None
    with stream:
        return _read_stream(stream, printable(name), max_bytes)


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array to an IDX file, gzip-compressed if the name ends in ``.gz``.

    The file appears whole or not at all: it is written under a temporary name in the same
    folder and then renamed. The same array always gives the same bytes.

    Parameters
    ----------
    path : path
        Where to write. An existing file is replaced; the folder is made if it does not exist.
    array : array_like
        Rank 1 to 64 (32 before NumPy 2); uint8, int8, int16, int32, float32 or float64, of any byte order.

    Raises
    ------
    TypeError
        `array` does not hold real numbers, or is masked.
    IdxError
        A subclass of ValueError: the format has no such type, rank or size.
    OSError
        The file cannot be written.
    """
    target = Path(os.path.realpath(path_text(path)))  # through a symbolic link to the file it names
    array = check_numeric(array, "array")
    content = idx_content(array)
    if target.name.lower().endswith(".gz"):
        # No time in the gzip header, so that equal arrays give equal files. Level 6 is several times faster than the
        # default 9 and hardly larger.
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with atomic_write(path_text(path)) as file:
        file.write(content)


def idx_content(array: NDArray[Any]) -> bytes:
    """Return what is in an array's IDX file, or raise IdxError."""
    return idx_header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()


def idx_header(array: NDArray[Any]) -> bytes:
    """Return the header of an array's IDX file: 4 + 4 * rank bytes, or raise IdxError."""
    code = _TYPE_CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise IdxError(f"expected an array of {_TYPE_NAMES} (IDX has no other types), got {array.dtype}; convert it "
                       "with array.astype(...)")
    if not 1 <= array.ndim <= MAX_RANK:
        raise IdxError(f"expected an array of rank 1 to {MAX_RANK}, got rank {array.ndim}; a single number is written "
                       "as array.reshape(1)")
    if max(array.shape) > _MAX_DIMENSION:
        raise IdxError(f"expected dimensions of at most {_MAX_DIMENSION} (IDX stores them as int32), got shape "
                       f"{array.shape}; split the array over several files")
    return struct.pack(f">HBB{array.ndim}i", 0, code, array.ndim, *array.shape)


def _read_stream(file: IO[bytes], name: str, max_bytes: int) -> NDArray[Any]:
    try:
        with _unpacker(file, name) as stream:
            dtype, shape = _read_header(stream, name, max_bytes)
            data = _read_elements(stream, name, dtype, shape)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IdxError(f"{name}: expected one whole gzip file, got one that is cut short, damaged or followed by other "
                       f"bytes ({error}); download or copy it again") from error
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _unpacker(file: IO[bytes], name: str) -> contextlib.AbstractContextManager[Any]:
    if isinstance(file, io.TextIOBase):
        raise TypeError(f"{name}: expected a file opened in binary mode ('rb'), got a text file")
    start = _read_up_to(file, len(_GZIP_MAGIC))
    try:
        file.seek(-len(start), os.SEEK_CUR)
    except (AttributeError, OSError) as error:
        text = "expected a file that can seek, got a stream; pass io.BytesIO(stream.read()) instead"
        raise IdxError(f"{name}: {text}") from error
    if start == _GZIP_MAGIC:
        return gzip.GzipFile(fileobj=file, mode="rb")
    return contextlib.nullcontext(file)


def _read_header(stream: IO[bytes], name: str, max_bytes: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = _read_up_to(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise IdxError(_not_idx(name, bytes(magic + _read_up_to(stream, 252))))
    dtype, rank = DTYPES.get(magic[2]), magic[3]
    if dtype is None:
        codes = ", ".join(f"0x{code:02X}" for code in DTYPES)
        raise IdxError(f"{name}: expected an IDX type byte ({codes}), got 0x{magic[2]:02X}; {OF_ANOTHER_KIND}")
    if not 1 <= rank <= MAX_RANK:
        raise IdxError(f"{name}: expected 1 to {MAX_RANK} dimensions, got {rank}; {OF_ANOTHER_KIND}")
    dimensions = _read_up_to(stream, 4 * rank)
    if len(dimensions) < 4 * rank:
        raise IdxError(f"{name}: expected {4 * rank} bytes of dimensions in the header, got {len(dimensions)}; the "
                       "file is cut short: download or copy it again")
    shape = struct.unpack(f">{rank}i", dimensions)
    if min(shape) < 0:
        raise IdxError(f"{name}: expected dimensions of 0 or more, got {shape}; the file is damaged")
    # A zero counts as 1 here: NumPy refuses (0, 2**31 - 1, 2**31 - 1, 2**31 - 1) as too big.
    size = dtype.itemsize * math.prod(max(n, 1) for n in shape)
    if size > max_bytes:
        raise IdxError(f"{name}: expected at most {max_bytes} bytes of elements (max_bytes), but the header "
                       f"promises {size} for shape {shape}; pass a larger max_bytes if you trust the file")
    return dtype, shape


def _read_elements(stream: IO[bytes], name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytearray:
    promised = dtype.itemsize * math.prod(shape)
    data = _read_up_to(stream, promised + 1)  # one more shows whether anything follows
    if len(data) != promised:
        more = len(data) > promised
        got, cause = ("more than that", "has something appended") if more else (f"only {len(data)}", "is cut short")
        raise IdxError(f"{name}: expected {promised} bytes of elements for shape {shape} of {dtype.name}, got {got}; "
                       f"the file {cause}, or its header is damaged: download or copy it again")
    return data


def _read_up_to(stream: IO[bytes], count: int) -> bytearray:
    """Read `count` bytes, or fewer where the stream ends; memory grows only with what comes."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(_CHUNK, count - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def _not_idx(name: str, start: bytes) -> str:
    """Say what a file that does not begin like IDX seems to be; `start` is its first bytes."""
    if not start:
        return f"{name}: expected an IDX file, got an empty file; download or copy it again"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGE_STARTS):
        return (f"{name}: expected an IDX file, got an HTML or XML page, which is how a server reports that a file has "
                "gone; download it from another address")
    return (f"{name}: expected an IDX file, which begins with two zero bytes, a type and a rank, got {start[:4]!r}; "
            f"{OF_ANOTHER_KIND}")
