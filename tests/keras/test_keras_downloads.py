"""``keras.utils.get_file``: from a server on this machine."""

import functools
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from numpycnn import keras
from numpycnn.data import DownloadError

get_file = keras.utils.get_file


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that is served; its address; and the names that were asked for."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    files, asked = tmp_path / "files", []
    files.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, *args):
            asked.append(self.path)

        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=str(files))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield files, f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()


def pack(path, names):
    """Write an archive of small files."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, name)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size = len(name)
                archive.addfile(entry, io.BytesIO(name.encode()))


def test_a_file_is_fetched_once_under_its_name_or_another(server, tmp_path):
    files, address, asked = server
    (files / "a.bin").write_bytes(b"abc")
    for _ in range(2):
        assert get_file(origin=address + "a.bin?version=1") == str(tmp_path / "home/datasets/a.bin")
    assert get_file("b.bin", address + "a.bin", cache_subdir="x") == str(tmp_path / "home/x/b.bin")
    assert get_file("b.bin", address + "a.bin", cache_dir=tmp_path) == str(tmp_path / "datasets/b.bin")
    assert (tmp_path / "home/x/b.bin").read_bytes() == b"abc" and len(asked) == 3
    get_file("a.bin", address + "a.bin", force_download=True)
    assert len(asked) == 4


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_file_has_the_hash_or_is_fetched_again(server, tmp_path, kind):
    files, address, asked = server
    (files / "a.bin").write_bytes(b"abc")
    right = hashlib.new(kind, b"abc").hexdigest()
    path = get_file("a.bin", address + "a.bin", file_hash=right)
    Path(path).write_bytes(b"changed")
    get_file("a.bin", address + "a.bin", file_hash=right)
    assert Path(path).read_bytes() == b"abc" and len(asked) == 2
    with pytest.raises(DownloadError, match="expected a file with the hash"):
        get_file("c.bin", address + "a.bin", file_hash=hashlib.new(kind, b"other").hexdigest())
    assert os.listdir(tmp_path / "home/datasets") == ["a.bin"]


@pytest.mark.parametrize("given, folder, archive", [
    ({"fname": "pets.tgz", "extract": True}, "pets_extracted", "pets.tgz"),
    ({"fname": "pets", "untar": True}, "pets", "pets_archive"), ({"extract": True}, "pets.tgz", "pets.tgz_archive"),
    ({"fname": "pets.zip", "extract": True}, "pets_extracted", "pets.zip"),
])  # fmt: skip
def test_archives_are_unpacked_where_keras_puts_them(server, tmp_path, given, folder, archive):
    files, address, asked = server
    source = files / (given.get("fname", "") if "zip" in given.get("fname", "") else "pets.tgz")
    pack(source, ["pets/cat/1.png", "pets/dog/2.png"])
    for _ in range(2):
        path = get_file(origin=address + source.name, **given)
        assert path == str(tmp_path / "home/datasets" / folder)
    assert Path(path, "pets/cat/1.png").read_text() == "pets/cat/1.png" and len(asked) == 1
    assert sorted(os.listdir(tmp_path / "home/datasets")) == sorted([folder, archive])


def test_nothing_lands_outside_and_what_is_no_archive_is_told(server, tmp_path):
    files, address, _ = server
    pack(files / "bad.tgz", ["../outside.txt"])
    pack(files / "bad.zip", ["../outside.txt", "inside.txt"])
    (files / "no.zip").write_bytes(b"<html>")
    with pytest.raises(tarfile.OutsideDestinationError):
        get_file("bad.tgz", address + "bad.tgz", extract=True)
    assert os.listdir(get_file("bad.zip", address + "bad.zip", extract=True)) == ["inside.txt"]
    with pytest.raises(ValueError, match="expected a tar or zip archive to extract"):
        get_file("no.zip", address + "no.zip", extract=True)
    assert not list(tmp_path.rglob("outside.txt"))


def test_what_it_refuses(server, tmp_path):
    _, address, _ = server
    with pytest.raises(ValueError, match="expected origin"):
        get_file("a.bin")
    for name in ("../a.bin", "x/a.bin", ".."):
        with pytest.raises(ValueError, match="expected the name of a file"):
            get_file(name, address + "a.bin")
    with pytest.raises(ValueError, match="expected the name of a file"):
        get_file(origin=address)
    with pytest.raises(DownloadError, match="missing.bin: .*404"):
        get_file(origin=address + "missing.bin")
