"""CIFAR-10's binary files: what is read, from where, and what is refused. All files here are generated."""

import dataclasses
import gzip
import hashlib
import io
import os
import socket
import tarfile

import numpy as np
import pooch
import pytest

from numpycnn import DownloadError, load_cifar10
from numpycnn.data import cifar
from numpycnn.data.cifar import CIFAR10, EXTRACTED, RECORD_BYTES, load

RECORDS = 7
FOLDER = f"{EXTRACTED}/"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def tar_gz(members):
    """Return an archive with these members: name -> bytes, or a TarInfo as it is."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@dataclasses.dataclass
class Generated:
    """A small set in CIFAR-10's format: its description, its arrays, the contents of its files and its archive."""

    description: cifar.BinarySet
    images: np.ndarray
    labels: np.ndarray
    contents: dict
    archive: bytes

    def put(self, folder, how):
        folder.mkdir(parents=True, exist_ok=True)
        if how == "archive":
            (folder / self.description.archive).write_bytes(self.archive)
            return
        place = folder / EXTRACTED if how == "extracted" else folder
        place.mkdir(exist_ok=True)
        for name, content in self.contents.items():
            (place / name).write_bytes(content)

    def assert_loaded(self, result):
        (x_train, y_train), (x_test, y_test) = result
        assert x_train.shape == (5 * RECORDS, 32, 32, 3) and x_test.shape == (RECORDS, 32, 32, 3)
        for array in (x_train, y_train, x_test, y_test):
            assert array.dtype == np.uint8 and array.flags.writeable and array.flags.c_contiguous
        assert np.array_equal(np.concatenate([x_train, x_test]), self.images)
        assert np.array_equal(np.concatenate([y_train, y_test]), self.labels)


def make(largest_label=9, mirrors=(), extra=None, left_out=()):
    """Generate a set; `extra` are further members of the archive, put before the others."""
    rng = np.random.default_rng(0)
    names = [name for name, _ in CIFAR10.batches]
    images = rng.integers(0, 256, (6 * RECORDS, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 6 * RECORDS, dtype=np.uint8)
    labels[-1] = largest_label
    contents = {}
    for i, name in enumerate(names):
        part = slice(i * RECORDS, (i + 1) * RECORDS)
        records = [bytes([label]) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
                   for image, label in zip(images[part], labels[part])]
        contents[name] = b"".join(records)
    inside = {f"{FOLDER}{name}": content for name, content in contents.items() if name not in left_out}
    archive = tar_gz({**(extra or {}), f"{FOLDER}readme.html": b"<html>", **inside})
    batches = tuple((name, sha256(content)) for name, content in contents.items())
    description = dataclasses.replace(
        CIFAR10, mirrors=tuple(mirrors), archive_sha256=sha256(archive), batches=batches, records=RECORDS
    )
    return Generated(description, images, labels, contents, archive)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder of its own for every test, and no NUMPYCNN_DATA."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("NUMPYCNN_DATA", raising=False)
    return tmp_path / "cache" / "numpycnn"


@pytest.mark.parametrize("how", ["archive", "files", "extracted"])
@pytest.mark.parametrize("where", ["data_dir", "environment"])
def test_reads_the_archive_and_extracted_files(tmp_path, monkeypatch, how, where):
    generated = make()
    folder = tmp_path / "data" / "cifar-10"
    generated.put(folder, how)
    before = sorted(tmp_path.rglob("*"))
    if where == "environment":
        monkeypatch.setenv("NUMPYCNN_DATA", str(folder.parent))
    generated.assert_loaded(load(generated.description, folder if where == "data_dir" else None))
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked


@pytest.mark.parametrize("how", ["archive", "files", "extracted"])
def test_one_level_too_high(tmp_path, how):
    generated = make()
    generated.put(tmp_path / "cifar-10", how)
    generated.assert_loaded(load(generated.description, tmp_path))


def test_the_python_version_is_named(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(FileNotFoundError, match="holds 'cifar-10-batches-py/'.* pickles: they are programs"):
        load_cifar10(tmp_path)


def test_reads_the_cache(cache):
    generated = make()
    generated.put(cache / "cifar-10", "archive")
    generated.assert_loaded(load(generated.description))


def test_members_with_other_paths_are_left_alone(tmp_path):
    """An archive that would overwrite files elsewhere, or show other files, if it were extracted."""
    link = tarfile.TarInfo(f"{FOLDER}link.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    evil = {"../escaped.bin": b"x", str(tmp_path / "absolute.bin"): b"x", "link": link, "data_batch_1.bin": b"x"}
    generated = make(extra=evil)
    generated.put(tmp_path / "data", "archive")
    generated.assert_loaded(load(generated.description, tmp_path / "data"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [CIFAR10.archive]


def test_link_in_place_of_a_file_is_not_followed(tmp_path):
    link = tarfile.TarInfo(f"{FOLDER}test_batch.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "data_batch_1.bin"
    generated = make(extra={"link": link}, left_out=["test_batch.bin"])
    generated.put(tmp_path, "archive")
    with pytest.raises(ValueError, match="it lacks test_batch.bin"):
        load(generated.description, tmp_path)


@pytest.mark.parametrize("change, fragment", [
    (lambda content: content[:-1], f"expected 7 records of 3,073 bytes, 21,511 bytes altogether, got {21_510:,};"),
    (lambda content: content + b"\0", "21,511 bytes altogether, got more"),
    (lambda content: b"", "21,511 bytes altogether, got 0"),
    (lambda content: b"\x0a" + content[1:], "expected labels 0 to 9, got 10"),
    (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "SHA-256"),
], ids=["short", "long", "empty", "label", "pixel"])
def test_altered_file_names_itself(tmp_path, change, fragment):
    generated = make()
    generated.put(tmp_path, "files")
    path = tmp_path / "data_batch_3.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=fragment) as caught:
        load(generated.description, tmp_path)
    assert str(caught.value).startswith(str(path))


def test_wrong_content_of_an_archive_with_the_right_checksum(tmp_path):
    generated = make(largest_label=10)
    generated.put(tmp_path, "archive")
    with pytest.raises(ValueError, match="gz: test_batch.bin: expected labels 0 to 9, got 10"):
        load(generated.description, tmp_path)


@pytest.mark.parametrize("change", [lambda data: data[:-30], lambda data: data + b"\0", lambda data: b"<html>gone"])
def test_altered_archive(tmp_path, change):
    generated = make()
    (tmp_path / CIFAR10.archive).write_bytes(change(generated.archive))
    with pytest.raises(ValueError, match="SHA-256 .*download it again"):
        load(generated.description, tmp_path)


def test_no_files(tmp_path, monkeypatch):
    generated = make()
    generated.put(tmp_path, "files")
    (tmp_path / "test_batch.bin").unlink()  # five of six are not enough
    with pytest.raises(FileNotFoundError, match="which lacks them") as caught:
        load(generated.description, tmp_path)
    assert "NUMPYCNN_DATA" in str(caught.value) and "not the Python one" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="which is no folder"):
        load_cifar10(tmp_path / "absent")
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="NUMPYCNN_DATA: expected a folder"):
        load_cifar10()


def test_without_a_network(cache):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        generated = make(mirrors=[mirror])
        with pytest.raises(DownloadError) as caught:
            load(generated.description)
    message = str(caught.value)
    assert message.startswith("CIFAR-10 is not on this machine and could not be downloaded.")
    assert f"{mirror}{CIFAR10.archive}: " in message and "NUMPYCNN_DATA (not set)" in message
    assert os.listdir(cache / "cifar-10") == []


def test_download_is_checked_and_kept(cache, tmp_path, monkeypatch):
    generated = make(mirrors=["first/", "second/"])
    answers = {"first/": generated.archive[:-9], "second/": generated.archive}
    asked = []

    def fetch(url, file, max_bytes):
        asked.append(url)
        file.write(answers[url.removesuffix(CIFAR10.archive)])

    monkeypatch.setattr("numpycnn.data.download._fetch", fetch)
    (cache / "cifar-10").mkdir(parents=True)
    (cache / "cifar-10" / CIFAR10.archive).write_bytes(gzip.compress(b"damaged"))
    generated.assert_loaded(load(generated.description))
    generated.assert_loaded(load(generated.description))
    assert asked == [f"first/{CIFAR10.archive}", f"second/{CIFAR10.archive}"]
    assert (cache / "cifar-10" / CIFAR10.archive).read_bytes() == generated.archive


def test_description_of_the_real_files():
    assert RECORD_BYTES == 3073 and CIFAR10.records == 10_000
    assert len({sha for _, sha in CIFAR10.batches} | {CIFAR10.archive_sha256}) == 7
    assert all(len(sha) == 64 and int(sha, 16) for _, sha in CIFAR10.batches)
