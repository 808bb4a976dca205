"""The data sets: where they are looked for and what is refused. Downloads: test_download.py."""

import dataclasses
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest
from generated_data import NAMES, assert_loaded, make_set, unpack

from numpycnn.data import load_fashion_mnist, load_mnist, mnist, write_idx
from numpycnn.data.mnist import load

REAL_DATA = os.environ.get("NUMPYCNN_DATA")  # before the tests hide it from each other


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder of its own for every test, and no NUMPYCNN_DATA."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("NUMPYCNN_DATA", raising=False)
    return tmp_path / "cache" / "numpycnn"


# -- a folder given by argument --------------------------------------------------------------


@pytest.mark.parametrize("raw_known", [True, False])
def test_data_dir_with_packed_and_unpacked_files(files, raw_known):
    data_set, arrays = make_set(files, 1, raw_known=raw_known)
    assert_loaded(load(data_set, files), arrays)
    (files / f"{NAMES[0]}.gz").rename(files / "aside")
    (files / NAMES[0]).write_bytes(gzip.decompress((files / "aside").read_bytes()))
    assert_loaded(load(data_set, str(files)), arrays)  # one unpacked, three packed
    unpack(files)
    assert_loaded(load(data_set, files), arrays)


def test_data_dir_home_is_expanded(files, monkeypatch):
    data_set, arrays = make_set(files, 1)
    monkeypatch.setenv("HOME", str(files.parent))
    monkeypatch.setenv("USERPROFILE", str(files.parent))
    assert_loaded(load(data_set, "~/files"), arrays)


def test_data_dir_lacks_files(files):
    data_set, _ = make_set(files, 1, mirrors=["http://mirror.example/"])
    (files / f"{NAMES[1]}.gz").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        load(data_set, files)
    message = str(caught.value)
    assert f"it lacks {NAMES[1]}." in message and NAMES[2] not in message.splitlines()[0]
    assert "NUMPYCNN_DATA" in message and "http://mirror.example/" in message


def test_data_dir_is_no_folder(files):
    data_set, _ = make_set(files, 1)
    for path in (files / "absent", files / f"{NAMES[0]}.gz"):
        with pytest.raises(FileNotFoundError, match="which is no folder"):
            load(data_set, path)


def test_data_dir_one_level_too_high_gets_a_hint(files):
    with pytest.raises(FileNotFoundError, match="lacks") as caught:
        load_mnist(files)
    assert "subfolder" not in str(caught.value)
    (files / "mnist").mkdir()
    with pytest.raises(FileNotFoundError, match="its subfolder mnist may be the one you mean"):
        load_mnist(files)


@pytest.mark.parametrize("packed", [True, False])
def test_altered_pixel_is_refused(files, packed):
    data_set, arrays = make_set(files, 1)
    altered = arrays[2].copy()
    altered[3, 4, 5] ^= 1
    if not packed:
        unpack(files)
    write_idx(files / (NAMES[2] + (".gz" if packed else "")), altered)
    with pytest.raises(ValueError, match=f"{NAMES[2]}.*SHA-256.*altered"):
        load(data_set, files)


def test_recompressed_file_is_accepted_where_the_unpacked_checksum_is_known(files):
    known, arrays = make_set(files, 1)
    path = files / f"{NAMES[0]}.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    assert_loaded(load(known, files), arrays)
    unknown = dataclasses.replace(
        known, files=tuple(dataclasses.replace(file, sha256=None) for file in known.files)
    )
    with pytest.raises(ValueError, match="SHA-256 .*as a .gz file"):
        load(unknown, files)


def test_truncated_file_names_itself(files):
    data_set, _ = make_set(files, 1)
    path = files / f"{NAMES[3]}.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{NAMES[3]}.gz: expected one whole gzip file"):
        load(data_set, files)


@pytest.mark.parametrize("raw_known", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_wrong_shape_is_refused(files, raw_known, packed):
    data_set, arrays = make_set(files, 1, raw_known=raw_known)
    if not packed:
        unpack(files)
    write_idx(files / (NAMES[1] + (".gz" if packed else "")), arrays[1][:-1])
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(20,\).*got .*\(19,\)"):
        load(data_set, files)


def test_wrong_type_is_refused(files):
    data_set, arrays = make_set(files, 1, raw_known=False)
    unpack(files)
    write_idx(files / NAMES[1], arrays[1].astype(np.int8))
    with pytest.raises(ValueError, match="expected uint8 .* got int8"):
        load(data_set, files)


def test_label_beyond_nine_is_refused(files):
    data_set, _ = make_set(files, 1, raw_known=False, largest_label=10)
    unpack(files)
    with pytest.raises(ValueError, match="expected labels 0 to 9, got 10"):
        load(data_set, files)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("wanted_raw_known", [True, False])
def test_files_of_another_set_are_named(files, tmp_path, monkeypatch, packed, wanted_raw_known):
    (tmp_path / "other").mkdir()
    wanted, _ = make_set(files, 1, raw_known=wanted_raw_known)
    other, _ = make_set(tmp_path / "other", 2)
    monkeypatch.setattr(mnist, "DATA_SETS", (wanted, other))
    if not packed:
        unpack(tmp_path / "other")
    with pytest.raises(ValueError, match=f"expected Set1's {NAMES[0]}, got Set2's {NAMES[0]}"):
        load(wanted, tmp_path / "other")


def test_files_of_a_set_known_by_its_packed_checksum_are_named(files, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    wanted, _ = make_set(files, 1)
    other, _ = make_set(tmp_path / "other", 2, raw_known=False)
    monkeypatch.setattr(mnist, "DATA_SETS", (wanted, other))
    with pytest.raises(ValueError, match="got Set2's"):
        load(wanted, tmp_path / "other")
    unpack(tmp_path / "other")  # now unrecognisable, but still not Set1
    with pytest.raises(ValueError, match="SHA-256"):
        load(wanted, tmp_path / "other")


# -- NUMPYCNN_DATA and the cache -------------------------------------------------------------


def test_environment_names_a_folder_with_one_subfolder_a_set(tmp_path, monkeypatch):
    (tmp_path / "data" / "set-1").mkdir(parents=True)
    data_set, arrays = make_set(tmp_path / "data" / "set-1", 1)
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path / "data"))
    assert_loaded(load(data_set), arrays)


def test_environment_with_an_incomplete_subfolder(tmp_path, monkeypatch):
    (tmp_path / "data" / "set-1").mkdir(parents=True)
    data_set, _ = make_set(tmp_path / "data" / "set-1", 1)
    (tmp_path / "data" / "set-1" / f"{NAMES[0]}.gz").unlink()
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match=f"lacks {NAMES[0]}"):
        load(data_set)


def test_environment_without_the_subfolder_goes_on_to_the_cache(tmp_path, monkeypatch, cache):
    (cache / "set-1").mkdir(parents=True)
    data_set, arrays = make_set(cache / "set-1", 1)
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path))
    assert_loaded(load(data_set), arrays)
    (tmp_path / "set-1").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMPYCNN_DATA", "")  # as if unset; not the current folder
    assert_loaded(load(data_set), arrays)


def test_environment_names_no_folder(files, monkeypatch):
    data_set, _ = make_set(files, 1)
    monkeypatch.setenv("NUMPYCNN_DATA", str(files / "absent"))
    with pytest.raises(FileNotFoundError, match="NUMPYCNN_DATA: expected a folder .*absent"):
        load(data_set)


def test_cache_may_hold_unpacked_files(cache):
    (cache / "set-1").mkdir(parents=True)
    data_set, arrays = make_set(cache / "set-1", 1)
    unpack(cache / "set-1")
    assert_loaded(load(data_set), arrays)


# -- the real data and the real tables -------------------------------------------------------


@pytest.fixture
def real_mnist(monkeypatch):
    if not REAL_DATA:
        pytest.skip("NUMPYCNN_DATA is not set, so there is no real MNIST to read")
    if not (Path(REAL_DATA) / "mnist").is_dir():
        pytest.skip(f"NUMPYCNN_DATA={REAL_DATA} has no folder mnist, so no real MNIST to read")
    monkeypatch.setenv("NUMPYCNN_DATA", REAL_DATA)
    return Path(REAL_DATA) / "mnist"


def test_real_mnist(real_mnist):
    (x_train, y_train), (x_test, y_test) = load_mnist()
    assert x_train.shape == (60000, 28, 28) and x_train.dtype == np.uint8
    assert x_test.shape == (10000, 28, 28) and y_test.shape == (10000,)
    # Facts published about the set: the first labels, the count of each digit, the mean pixel.
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9] and y_test[:3].tolist() == [7, 2, 1]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_train).tolist() == counts
    assert x_train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


def test_real_mnist_is_not_fashion_mnist(real_mnist):
    with pytest.raises(ValueError, match="expected Fashion-MNIST's train-images.*got MNIST's"):
        load_fashion_mnist(real_mnist)


def test_tables_are_complete_and_distinct():
    digests = []
    for data_set in mnist.DATA_SETS:
        assert [file.name for file in data_set.files] == NAMES
        assert [file.shape[0] for file in data_set.files] == [60000, 60000, 10000, 10000]
        assert all(mirror.endswith("/") for mirror in data_set.mirrors)
        for file in data_set.files:
            digests += [file.gzip_sha256] + [file.sha256] * (file.sha256 is not None)
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
    assert len(set(digests)) == len(digests) == 12


def test_import_is_light():
    code = "import sys, numpycnn.data; print(*{'pooch', 'requests', 'matplotlib'} & {*sys.modules})"
    root = Path(mnist.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
