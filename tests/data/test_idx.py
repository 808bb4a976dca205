"""IDX files: the bytes on disk, the round trip, and every kind of damage."""

import gzip
import io
import itertools
import math
import os
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpycnn.data import IdxError, read_idx, write_idx

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
quick = settings(max_examples=100, deadline=None, database=None)


def most_dimensions():
    """Return how many this NumPy allows."""
    for rank in itertools.count(1):
        try:
            np.empty((1,) * (rank + 1))
        except ValueError:
            return rank


MAX_RANK = most_dimensions()


def read_bytes(data, **options):
    return read_idx(io.BytesIO(data), **options)


def header(code, *shape):
    return struct.pack(f">HBB{len(shape)}i", 0, code, len(shape), *shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


# -- what a file looks like ------------------------------------------------------------------


def test_bytes_on_disk_by_hand(tmp_path):
    # 0x0B is int16, rank 2, 1 row, 3 columns; 258 = 0x0102, -2 = 0xFFFE, high byte first.
    by_hand = bytes.fromhex("00000b02 00000001 00000003 0102 fffe 0000")
    write_idx(tmp_path / "a.idx", np.array([[258, -2, 0]], dtype=np.int16))
    assert (tmp_path / "a.idx").read_bytes() == by_hand
    array = read_bytes(by_hand)
    assert array.tolist() == [[258, -2, 0]]
    assert array.dtype == np.int16 and array.dtype.isnative


@pytest.mark.parametrize(
    "code, payload, value",
    [
        (0x08, "ff", 255),
        (0x09, "ff", -1),
        (0x0B, "8000", -32768),
        (0x0C, "00000100", 256),
        (0x0D, "3f800000", 1.0),
        (0x0E, "c000000000000000", -2.0),
    ],
)
def test_each_type_by_hand(code, payload, value):
    array = read_bytes(header(code, 1) + bytes.fromhex(payload))
    assert array.tolist() == [value]
    assert array.dtype.isnative and array.flags.writeable


@quick
@given(
    array=hnp.arrays(
        dtype=st.builds(lambda order, t: np.dtype(order + t), st.sampled_from("<>"),
                        st.sampled_from(TYPES)),
        shape=hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4),
    ),
    name=st.sampled_from(["a.idx", "a.gz"]),
    layout=st.sampled_from("CF"),
)
def test_round_trip(folder, array, name, layout):
    native = array.astype(array.dtype.newbyteorder("="))
    write_idx(folder / name, np.asarray(array, order=layout))
    back = read_idx(folder / name)
    assert back.shape == array.shape and back.dtype == native.dtype and back.dtype.isnative
    assert back.tobytes() == native.tobytes()  # bytes, so that NaNs and -0.0 count too
    assert ((folder / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_highest_rank(folder):
    array = np.arange(4, dtype=np.float32).reshape(2, *(1,) * (MAX_RANK - 2), 2)
    write_idx(folder / "highest", array)
    assert np.array_equal(read_idx(folder / "highest"), array)


# -- reading: where from ---------------------------------------------------------------------


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    write_idx(tmp_path / "packed.gz", np.arange(5, dtype=np.uint8))
    write_idx(tmp_path / "plain", np.arange(5, dtype=np.uint8))
    os.replace(tmp_path / "packed.gz", tmp_path / "packed")
    os.replace(tmp_path / "plain", tmp_path / "plain.gz")
    assert read_idx(tmp_path / "packed").tolist() == [0, 1, 2, 3, 4]
    assert read_idx(str(tmp_path / "plain.gz")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_file_object_is_read_from_its_position_and_stays_open(pack):
    stream = io.BytesIO(b"before" + pack(header(8, 2) + b"\1\2"))
    stream.seek(6)
    assert read_idx(stream).tolist() == [1, 2]
    assert not stream.closed


def test_file_object_that_delivers_one_byte_at_a_time():
    class Trickle(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1))

    assert read_idx(Trickle(header(8, 3) + b"\1\2\3")).tolist() == [1, 2, 3]


def test_file_object_that_cannot_seek():
    class Pipe(io.BytesIO):
        def seek(self, *args):
            raise io.UnsupportedOperation("seek")

    with pytest.raises(IdxError, match="expected a file that can seek"):
        read_idx(Pipe(header(8, 1) + b"\1"))


def test_what_is_no_binary_file():
    with pytest.raises(TypeError, match="binary mode"):
        read_idx(io.StringIO("text"))
    with pytest.raises(TypeError, match="expected a path or a file .* got None"):
        read_idx(None)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_idx(tmp_path / "absent")
    with pytest.raises(IdxError, match="got a folder"):
        read_idx(tmp_path)


# -- reading: damage -------------------------------------------------------------------------

SMALL = header(0x0B, 2, 3) + bytes(range(1, 13))


@pytest.mark.parametrize("pack", [bytes, lambda data: gzip.compress(data, mtime=0)])
def test_every_truncation_is_refused(pack):
    whole = pack(SMALL)
    assert read_bytes(whole).shape == (2, 3)
    for length in range(len(whole)):
        with pytest.raises(IdxError):
            read_bytes(whole[:length])


def test_every_header_byte_flip_is_refused_or_harmless():
    original = read_bytes(SMALL)
    survivors = set()
    for position in range(12):
        for value in set(range(256)) - {SMALL[position]}:
            changed = SMALL[:position] + bytes([value]) + SMALL[position + 1:]
            try:
                array = read_bytes(changed)
            except IdxError:
                continue
            survivors.add((position, value))
            assert array.shape == original.shape
    assert survivors == set()  # int16 is the only type of two bytes, so nothing can pass


def test_every_byte_flip_of_a_gzip_file_is_refused_or_harmless():
    packed = gzip.compress(SMALL, mtime=0)
    original = read_bytes(packed)
    refused = 0
    for position in range(len(packed)):
        for mask in range(1, 256):
            changed = bytearray(packed)
            changed[position] ^= mask
            try:
                array = read_bytes(bytes(changed))
            except IdxError:
                refused += 1
            else:  # the time stamp and the like
                assert array.dtype == original.dtype and np.array_equal(array, original)
    assert refused > 0.8 * 255 * (len(packed) - 10)  # all but ten bytes of gzip header matter


@quick
@given(
    start=st.sampled_from([b"", b"\0\0", b"\0\0\x08\1", b"\0\0\x0d\2", b"\x1f\x8b\x08\0"]),
    rest=st.binary(max_size=40),
)
def test_arbitrary_bytes_give_an_array_or_the_documented_error(start, rest):
    try:
        array = read_bytes(start + rest, max_bytes=2**20)
    except IdxError:
        return
    rank = array.ndim
    assert len(start + rest) == 4 + 4 * rank + array.nbytes  # only a file that fits exactly


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty file"),
        (b"\0\0\x08", "two zero bytes"),
        (b"PK\3\4", "of another kind"),
        (b"\0\1\x08\1" + b"\0" * 5, "two zero bytes"),
        (header(0x0A, 1) + b"\1", "type byte .* got 0x0A"),
        (b"\0\0\x08\0" + b"\1", f"expected 1 to {MAX_RANK} dimensions, got 0"),
        (b"\0\0\x08\x41" + b"\0" * 65 * 4, f"expected 1 to {MAX_RANK} dimensions, got 65"),
        (b"\0\0\x08\2" + b"\0" * 7, "expected 8 bytes of dimensions in the header, got 7"),
        (header(8, -1), "dimensions of 0 or more"),
        (header(8, -2, -3) + b"\0" * 6, "dimensions of 0 or more"),
        (header(8, 4) + b"\0" * 3, "expected 4 bytes .* got only 3"),
        (header(8, 4) + b"\0" * 5, "expected 4 bytes .* got more"),
        (header(8, 0) + b"\0", "expected 0 bytes .* got more"),
    ],
)
def test_message_says_what_was_expected_and_what_came(data, message):
    with pytest.raises(IdxError, match=message):
        read_bytes(data)
    if data:
        with pytest.raises(IdxError, match=message):
            read_bytes(gzip.compress(data))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "page",
    [b"<!DOCTYPE html><html>404</html>", b"\xef\xbb\xbf \r\n<HTML lang='en'>", b"<?xml?><Error/>"],
)
def test_html_page_is_recognised(tmp_path, pack, page):
    (tmp_path / "labels.gz").write_bytes(pack(page))
    with pytest.raises(IdxError, match="labels.gz.*HTML or XML page.*another address"):
        read_idx(tmp_path / "labels.gz")


# -- reading: gzip's corners -----------------------------------------------------------------


def test_gzip_members_are_one_stream():
    assert read_bytes(gzip.compress(SMALL[:13]) + gzip.compress(SMALL[13:])).shape == (2, 3)
    with pytest.raises(IdxError, match="got more"):
        read_bytes(gzip.compress(SMALL) + gzip.compress(b"x"))


def test_what_may_follow_a_gzip_file():
    packed = gzip.compress(SMALL)
    assert read_bytes(packed + b"\0" * 100).shape == (2, 3)  # padding, as tapes leave it
    with pytest.raises(IdxError, match="followed by other bytes"):
        read_bytes(packed + b"garbage")


def test_gzip_checksum_is_checked_even_for_an_array_without_elements():
    packed = bytearray(gzip.compress(header(8, 0)))
    assert read_bytes(bytes(packed)).shape == (0,)
    packed[-8] ^= 1  # the first byte of the CRC
    with pytest.raises(IdxError, match="CRC"):
        read_bytes(bytes(packed))


# -- reading: promises that would fill the memory --------------------------------------------


def peak_memory_and_seconds(action):
    tracemalloc.start()
    start = time.process_time()  # other processes do not count
    try:
        action()
        return tracemalloc.get_traced_memory()[1], time.process_time() - start
    finally:
        tracemalloc.stop()


def test_pixels_are_in_memory_once(tmp_path):
    write_idx(tmp_path / "a.idx", np.zeros((10, 1000, 1000), np.uint8))
    memory, _ = peak_memory_and_seconds(lambda: read_idx(tmp_path / "a.idx"))
    assert memory < 16e6


@pytest.fixture(scope="module")
def ten_gigabytes_packed():
    return gzip.compress(bytes(2**26), compresslevel=1) * 160  # 160 members of 64 MB of zeros


def test_gzip_bomb_is_cut_off_at_the_promise(ten_gigabytes_packed):
    bomb = io.BytesIO(gzip.compress(header(8, 60000, 28, 28)) + ten_gigabytes_packed)

    def attempt():
        with pytest.raises(IdxError, match="got more"):
            read_idx(bomb)

    memory, seconds = peak_memory_and_seconds(attempt)
    assert memory < 100e6 and seconds < 1  # all of it would take far longer


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "shape", [(2**15,) * 4, (10_000, 1000, 1000), (2**31 - 1,) * MAX_RANK, (0,) + (2**31 - 1,) * 3]
)
def test_promise_beyond_max_bytes_is_refused_unread(pack, shape):
    data = pack(header(8, *shape) + b"\0" * 100)

    def attempt():
        with pytest.raises(IdxError, match="max_bytes"):
            read_bytes(data)

    memory, seconds = peak_memory_and_seconds(attempt)
    assert memory < 10e6 and seconds < 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_promise_below_max_bytes_allocates_only_what_comes(pack):
    def attempt():
        with pytest.raises(IdxError, match="got only 3"):
            read_bytes(pack(header(8, 2**30) + b"abc"))

    memory, _ = peak_memory_and_seconds(attempt)
    assert memory < 10e6


def test_max_bytes_is_exact():
    assert read_bytes(SMALL, max_bytes=12).nbytes == 12
    with pytest.raises(IdxError, match="at most 11 bytes"):
        read_bytes(SMALL, max_bytes=11)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        read_bytes(SMALL, max_bytes=-1)
    with pytest.raises(TypeError):
        read_bytes(SMALL, max_bytes=1e9)


# -- writing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array, message",
    [
        (np.array([True]), "got bool"),
        (np.array([1], dtype=np.int64), "got int64"),
        (np.array([1], dtype=np.uint16), "got uint16"),
        (np.array([1], dtype=np.float16), "got float16"),
        (np.array(7, dtype=np.uint8), rf"rank 1 to {MAX_RANK}, got rank 0.*reshape\(1\)"),
        (np.broadcast_to(np.uint8(0), (2**31,)), "at most 2147483647"),
    ],
)
def test_write_refuses_what_the_format_cannot_hold(tmp_path, array, message):
    with pytest.raises(IdxError, match=message):
        write_idx(tmp_path / "a", array)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "array",
    [np.array([None, 1]), np.array([1j]), np.array(["a"]), np.zeros(1, dtype=[("a", "i4")]), [[1], [1, 2]]],
    ids=["objects", "complex", "text", "records", "ragged"],
)
def test_write_refuses_what_is_not_real_numbers(tmp_path, array):
    with pytest.raises(TypeError, match="array: expected an array of real numbers, got"):
        write_idx(tmp_path / "a", array)
    assert list(tmp_path.iterdir()) == []


def test_gzip_bytes_are_reproducible(tmp_path):
    array = np.arange(1000, dtype=np.int32)
    write_idx(tmp_path / "one.gz", array)
    write_idx(tmp_path / "two.GZ", array)
    data = (tmp_path / "one.gz").read_bytes()
    assert data == (tmp_path / "two.GZ").read_bytes()
    assert data[4:8] == bytes(4)  # gzip's time stamp


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    write_idx(path, np.array([1], dtype=np.uint8))

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_idx(path, np.array([2], dtype=np.uint8))
    assert read_idx(path).tolist() == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_write_replaces_and_leaves_nothing_behind(tmp_path):
    for value in (1, 2):
        write_idx(tmp_path / "a", np.array([value], dtype=np.uint8))
    assert read_idx(tmp_path / "a").tolist() == [2]
    assert os.listdir(tmp_path) == ["a"]
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
def test_write_does_not_disturb_a_reader_of_the_old_file(tmp_path):
    path = tmp_path / "a"
    write_idx(path, np.array([1, 2], dtype=np.uint8))
    with open(path, "rb") as reader:
        write_idx(path, np.array([3], dtype=np.uint8))
        assert read_idx(reader).tolist() == [1, 2]
    assert read_idx(path).tolist() == [3]


def test_write_into_a_folder_that_does_not_exist(tmp_path):
    write_idx(tmp_path / "absent" / "too" / "a", np.zeros(1, dtype=np.uint8))
    assert read_idx(tmp_path / "absent" / "too" / "a").tolist() == [0]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_write_through_a_symbolic_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_idx(tmp_path / "link", np.array([5], dtype=np.uint8))
    assert (tmp_path / "link").is_symlink()
    assert read_idx(tmp_path / "target").tolist() == [5]


def test_size_on_disk_is_header_plus_elements(folder):
    for shape in [(3,), (2, 0, 5), (2, 3, 4, 5)]:
        write_idx(folder / "size", np.zeros(shape, dtype=np.float64))
        assert (folder / "size").stat().st_size == 4 + 4 * len(shape) + 8 * math.prod(shape)
