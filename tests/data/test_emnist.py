"""EMNIST and KMNIST, on generated files: places, checksums, orientation, labels."""

import dataclasses
import gzip
import hashlib
import zipfile

import numpy as np
import pooch
import pytest
from generated_data import assert_loaded, make_set

from numpycnn import DownloadError, load_emnist, load_kmnist, write_idx
from numpycnn.data import emnist, kmnist, mnist
from numpycnn.data.idx import idx_header


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, nothing of Keras's, no NUMPYCNN_DATA, and mirrors that refuse."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("NUMPYCNN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(emnist, "MIRRORS", ("http://127.0.0.1:9/",))
    return tmp_path / "cache" / "numpycnn"


UPRIGHT = np.zeros((7, 28, 28), np.uint8)
UPRIGHT[:, 3, 5:20] = 200  # the upper stroke of a T
UPRIGHT[:, 3:25, 12] = 100


def files(split, first=0, images=UPRIGHT):
    """Four IDX files as NIST has them: on their side."""
    count = len(emnist.CLASS_NAMES[split])
    labels = (np.linspace(0, count - 1, len(images)).astype(np.uint8) + first).astype(np.uint8)
    content = {}
    for part in emnist.PARTS:
        array = images.transpose(0, 2, 1) if "images" in part else labels
        content[f"emnist-{split}-{part}-ubyte"] = idx_header(array) + array.tobytes()
    return content


def write(folder, content, packed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


def assert_upright(loaded, split):
    for images, labels in loaded:
        assert images.dtype == labels.dtype == np.uint8 and np.array_equal(images, UPRIGHT)
        assert labels.min() == 0 and labels.max() == len(emnist.CLASS_NAMES[split]) - 1


@pytest.mark.parametrize("split", emnist.CLASS_NAMES)
def test_every_split_stands_upright_and_counts_from_0(tmp_path, split):
    write(tmp_path / "files", files(split, first=int(split == "letters")), packed=split != "digits")
    assert_upright(load_emnist(split, tmp_path / "files"), split)


def test_names_of_classes():
    sizes = {"balanced": 47, "byclass": 62, "bymerge": 47, "letters": 26, "digits": 10, "mnist": 10}
    assert {split: len(set(names)) for split, names in emnist.CLASS_NAMES.items()} == sizes
    assert emnist.CLASS_NAMES["byclass"][36] == "a" and emnist.CLASS_NAMES["balanced"][10:12] == ("A", "B")
    assert "".join(emnist.CLASS_NAMES["balanced"][36:]) == "abdefghnqrt"


@pytest.mark.parametrize("place", ["", "gzip", "EMNIST/raw", "emnist/gzip"])
def test_places(tmp_path, monkeypatch, place):
    write(tmp_path / "data" / "emnist" / place, files("digits"), packed=False)
    assert_upright(load_emnist("digits", tmp_path / "data" / "emnist"), "digits")
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path / "data"))
    assert_upright(load_emnist("digits"), "digits")


def archive(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(f"gzip/{name}.gz", gzip.compress(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_archive_is_read_where_it_lies_and_its_checksum_is_checked(tmp_path, monkeypatch, cache):
    digest = archive(cache / "emnist" / "gzip.zip", files("letters", first=1))
    with pytest.raises(ValueError, match=f"gzip.zip: expected EMNIST's archive with the SHA-256 fb9bb67e.* {digest}"):
        load_emnist("letters")
    monkeypatch.setattr(emnist, "ARCHIVE_SHA256", digest)
    assert_upright(load_emnist("letters"), "letters")
    assert_upright(load_emnist("letters", cache / "emnist"), "letters")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected gzip.zip, or emnist-balanced-train-images-idx3-ubyte"):
        load_emnist(data_dir=tmp_path)
    with pytest.raises(DownloadError, match="EMNIST is not on this machine(.|\n)*What to do"):
        load_emnist()


@pytest.mark.parametrize("change, message", [
    ({"train-labels-idx1": np.full(7, 10, np.uint8)}, "expected labels 0 to 9, got 10 to 10"),
    ({"test-labels-idx1": np.zeros(6, np.uint8)}, "expected a label for each of 7 images"),
    ({"test-images-idx3": np.zeros((7, 28, 27), np.uint8)}, r"expected images, uint8 \(N, 28, 28\)"),
    ({"train-images-idx3": np.zeros((0, 28, 28), np.uint8)}, "expected images"),
    ({"train-images-idx3": np.zeros(7, np.float32)}, "expected images"),
])
def test_wrong_files_are_refused(tmp_path, change, message):
    write(tmp_path, files("digits"), packed=False)
    for part, array in change.items():
        write_idx(tmp_path / f"emnist-digits-{part}-ubyte", array)
    with pytest.raises(ValueError, match=f"emnist-digits-{next(iter(change))}-ubyte: {message}"):
        load_emnist("digits", tmp_path)


def test_letters_that_count_from_0_are_not_taken_for_others(tmp_path):
    write(tmp_path, files("letters", first=0), packed=False)
    with pytest.raises(ValueError, match="expected labels 1 to 26, got 0 to 25"):
        load_emnist("letters", tmp_path)


# -- KMNIST


def test_kmnist_is_read_as_mnist_is(tmp_path, monkeypatch):
    generated, arrays = make_set(tmp_path, 1, raw_known=False)
    monkeypatch.setattr(kmnist, "KMNIST", dataclasses.replace(generated, folder="kmnist"))
    assert_loaded(load_kmnist(tmp_path), arrays)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\1\0\0\0\1\0"))
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz"):
        load_kmnist(tmp_path)


def test_kmnist_s_table(tmp_path):
    for file, other in zip(kmnist.KMNIST.files, mnist.MNIST.files):
        assert (file.name, file.shape) == (other.name, other.shape)
        assert len(bytes.fromhex(file.gzip_sha256)) == 32 and file.gzip_sha256 != other.gzip_sha256
    assert len(set(kmnist.CLASS_NAMES)) == 10
    with pytest.raises(FileNotFoundError, match=r"load_kmnist\("):
        load_kmnist(tmp_path)
