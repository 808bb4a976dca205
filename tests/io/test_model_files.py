"""Model files that are damaged, of another kind, or made to harm: one documented error, and nothing else."""

import io
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import forge, identical
from small_models import small_mlp

from numpycnn import ModelFileError, Sequential


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Bytes of a small model file, with an optimizer's state in it."""
    model = small_mlp()
    model.train_on_batch(np.ones((2, 6)), [0, 1])
    path = tmp_path_factory.mktemp("content") / "model.npz"
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def load(tmp_path):
    def load_bytes(data):
        (tmp_path / "damaged.npz").write_bytes(data)
        return Sequential.load(tmp_path / "damaged.npz")

    return load_bytes


@settings(max_examples=60, deadline=None, database=None)
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"PK\3\4", b"PK\5\6", b"\x89HDF\r\n\x1a\n"]))
def test_arbitrary_bytes_are_refused(data, start, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "model.npz"
    path.write_bytes(start + data)
    with pytest.raises(ModelFileError):
        Sequential.load(path)


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "got an empty file"),
        (npz(weight=np.ones(3))[:-9], "got one that is cut short; copy it again"),
        (b"<!DOCTYPE html><html>404</html>", "begins with b'<!DOCTYP'"),
        (b"\x89HDF\r\n\x1a\n" + bytes(2000), "got an HDF5 file"),
        (npz(weight=np.ones(3)), "this is another .npz file"),
        (npz(config=np.ones(3)), "expected a member 'config' .* this is another .npz file"),
        (npz(config=np.array(["{}"])), "expected a member 'config' .* this is another .npz file"),
        (npz(config=np.array(3.0)), "expected a member 'config' .* this is another .npz file"),
        (npz(config=np.array("[1, 2]")), "this is another .npz file"),
        (npz(config=np.array("{no json")), "damaged or of another kind"),
        (npz(config=np.array('{"format": "numpycnn model", "version": 99}')), "version 1, got 99; update numpycnn"),
        (npz(config=np.array('{"format": "numpycnn model", "version": 1}')), "checksum"),
    ],
)
def test_files_of_another_kind(data, message, load):
    with pytest.raises(ModelFileError, match=f"damaged.npz: .*{message}"):
        load(data)


# -- files made to harm -----------------------------------------------------------------------


def test_numpy_opens_the_file_without_pickle(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        assert {"config", "layers/0/weight", "layers/2/bias", "optimizer/m"} <= set(archive.files)


def test_the_forger_forges_well(content, load):
    assert identical(load(forge(content)), load(content))


def test_objects_are_never_unpickled(content, load):
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    def plant(config, arrays):
        arrays["layers/0/bias"] = np.array([Bomb()], dtype=object)

    with pytest.raises(ModelFileError, match="expected C-ordered arrays of numbers, got object"):
        load(forge(content, plant))


def test_an_array_in_fortran_order_is_refused_and_not_read_as_another(content, load):
    def transpose(config, arrays):
        arrays["layers/0/weight"] = np.asfortranarray(arrays["layers/0/weight"])

    with pytest.raises(ModelFileError, match="expected C-ordered arrays of numbers, got float32 in Fortran order"):
        load(forge(content, transpose))


def nested_members(count, size):
    """A sound archive of `count` arrays that holds `size` bytes: each array's bytes are the next member, whole."""
    content, members = bytes(size), []
    for i in reversed(range(count)):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(content)},), }}".ljust(117) + "\n"
        data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + content
        name, crc = f"{i:03d}.npy".encode(), zlib.crc32(data)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, crc, len(data), len(data), len(name), 0)
        content = b"PK\3\4" + fields + name + data
        members.append((name, fields, len(content)))
    directory = b"".join(
        b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(content) - length) + name
        for name, fields, length in members
    )
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(content), 0)
    return content + directory + b"PK\5\6" + end


def test_members_that_overlap_are_refused_without_reading_them(load):
    few = zipfile.ZipFile(io.BytesIO(nested_members(1, 100)))
    assert few.testzip() is None and np.load(io.BytesIO(few.read("000.npy"))).tolist() == [0] * 100  # it is a sound one
    bomb = nested_members(100, 2**20)
    assert len(bomb) < 2**20 + 50_000
    assert_refused_without_memory(bomb, "expected members within the file", load)


def test_compressed_members_are_refused(content, load):
    def inflate(config, arrays):
        arrays["layers/0/weight"] = np.zeros(2**24)  # 128 MB that compress to nothing

    bomb = forge(content, inflate, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**20
    assert_refused_without_memory(bomb, "uncompressed", load)


def assert_refused_without_memory(data, message, load):
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message):
            load(data)
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()


def set_units(config, arrays):
    config["layers"][0]["config"]["units"] = 10**12


def set_input_shape(config, arrays):
    config["input_shape"] = [10**12]


def set_batch_norm(config, arrays):
    config["layers"][0] = {"class": "BatchNorm", "config": {}, "state": {}}
    config["input_shape"] = [10**12]


@pytest.mark.parametrize("change", [set_units, set_input_shape, set_batch_norm])
def test_a_file_that_claims_to_be_huge_is_refused_without_allocating(change, content, load):
    assert_refused_without_memory(forge(content, change), "10{12}|the file has no", load)


def test_a_member_that_claims_to_be_huge_is_refused_without_allocating(load):
    stream = io.BytesIO()
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
    assert_refused_without_memory(stream.getvalue(), "expected 8000000000000 bytes", load)
