"""Folders of images: classes, broken files, what is refused."""

import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from numpycnn import InputFormat, load_image_folder
from numpycnn.data.folders import ImageFolder


def picture(path, colour, size=(9, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def root(tmp_path):
    """Two classes of two and three pictures of one colour each; one lies deeper."""
    for i, name in enumerate(["dög/a.png", "dög/deeper/b.bmp", "Cat/1.png", "Cat/2.jpg", "Cat/.hidden/3.png"]):
        picture(tmp_path / name, (10 * i, 200, 100))
    picture(tmp_path / ".git" / "x.png", (0, 0, 0))
    (tmp_path / "readme.txt").write_text("not a class")
    return tmp_path


def test_every_subfolder_is_a_class(root):
    found = load_image_folder(root, size=(4, 5))
    assert found.class_names == ("Cat", "dög") and found.broken == []
    assert [os.path.basename(file) for file in found.files] == ["1.png", "2.jpg", "a.png", "b.bmp"]
    assert found.images.shape == (4, 4, 5, 3) and found.images.dtype == np.uint8
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert (found.images[0] == (20, 200, 100)).all() and (found.images[2] == (0, 200, 100)).all()
    assert found.input_format == InputFormat((4, 5), grey=False, class_names=("Cat", "dög"))
    scaled = found.input_format.read(root / "Cat" / "1.png")
    np.testing.assert_allclose(scaled, found.images[0] / 255, rtol=1e-6)  # predicted as trained
    assert load_image_folder(str(root), size=7, grey=True).images.shape == (4, 7, 7)


def png_bomb():
    """A PNG of 200 bytes that promises 60,000 x 60,000 pixels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(999))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def test_broken_files_are_listed_and_left_out(root):
    bad = {"text.jpg": b"no picture", "empty.png": b"", "bomb.png": png_bomb(),
           "cut.png": (root / "dög" / "a.png").read_bytes()[:45], "Thumbs.db": b"\xd0\xcf"}
    for name, content in bad.items():
        (root / "Cat" / name).write_bytes(content)
    found = load_image_folder(root)
    assert len(found.files) == len(found.images) == len(found.labels) == 4
    assert len(found.broken) == len(bad) and all(any(name in line for line in found.broken) for name in bad)
    assert "50 million pixels" in next(line for line in found.broken if "bomb" in line)


@pytest.mark.skipif(os.name != "posix", reason="pipes in folders are POSIX's, and links need rights on Windows")
def test_pipes_and_links_do_not_hang_it(root):
    os.mkfifo(root / "Cat" / "pipe.png")
    os.symlink(root / "nowhere", root / "Cat" / "dead.png")
    os.symlink(root, root / "Cat" / "loop")
    os.symlink(root / "Cat" / "1.png", root / "dög" / "linked.png")
    (root / "dög" / "es\x1b[2Jcape.png").write_bytes(b"")
    found = load_image_folder(root)
    assert len(found.files) == 5 and len(found.broken) == 3 and all(line.isprintable() for line in found.broken)
    os.symlink("..", root / "again")
    with pytest.raises(ValueError, match="again: expected a folder of pictures, got a link to a folder around it"):
        load_image_folder(root / "Cat" / "..")


@pytest.mark.parametrize("make, error, message", [
    (lambda root: root / "absent", FileNotFoundError, "got nothing of that name"),
    (lambda root: root / "readme.txt", FileNotFoundError, "got a file"),
    (lambda root: root / "dög" / "deeper", ValueError, "at least two subfolders, .* got none"),
    (lambda root: root / "dög", ValueError, "at least two subfolders, .* got only 'deeper'"),
    (lambda root: ((root / "empty").mkdir(), root)[1], ValueError, "empty: expected at least one picture .* got none"),
    (lambda root: ((root / "bad").mkdir(), (root / "bad" / "x.png").write_bytes(b"x"), root)[2], ValueError,
     "bad: expected at least one picture of this class, got none; .* the first of 1 files .*x.png"),
    (lambda root: ((root / "accuracy").mkdir(), root)[1], ValueError, "a report could not tell"),
])
def test_what_is_no_data_set_is_refused(root, make, error, message):
    with pytest.raises(error, match=message):
        load_image_folder(make(root))


@pytest.mark.parametrize("names, first", [(("train", "test"), "train"), (("val", "Training", "test"), "Training"),
                                          (("validation", "test"), "test")])
def test_a_split_is_not_taken_for_classes(tmp_path, names, first):
    for name in names:
        for kind in ("cat", "dog"):
            picture(tmp_path / name / kind / "1.png", (0, 0, 0))
        (tmp_path / name / "labels.csv").write_text("")
    with pytest.raises(ValueError, match=f"which hold folders of classes themselves; give .*{first}$"):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path / first).class_names == ("cat", "dog")
    for name in names:  # pictures of trains and of tests, some of them in folders
        picture(tmp_path / name / "1.png", (0, 0, 0))
    assert len(load_image_folder(tmp_path).class_names) == len(names)


@pytest.mark.skipif(os.name != "posix", reason="such names do not exist on Windows")
@pytest.mark.parametrize("name", ["\x1b[31mred", b"\xff\xfe", "line\nbreak", "\u202etxt"])
def test_names_that_cannot_be_printed_are_refused(root, name):
    os.mkdir(os.path.join(os.fsencode(root), name if isinstance(name, bytes) else name.encode()))
    with pytest.raises(ValueError, match="class_names: expected names that can be printed") as caught:
        load_image_folder(root)
    assert str(caught.value).isprintable()


@settings(max_examples=60, deadline=None, database=None)
@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=5), share=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_the_split_takes_the_same_share_of_every_class(counts, share, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None]  # each its own number
    names = tuple(f"class {i}" for i in range(len(counts)))
    folder = ImageFolder(images, labels, [], [], InputFormat((1, 1), class_names=names))
    if share and max(counts) == 1:
        with pytest.raises(ValueError, match="expected at least two images in some class"):
            folder.split(share, seed)
        return
    (x, y), (x_held, y_held) = folder.split(share, seed)
    assert sorted([*x.ravel(), *x_held.ravel()]) == list(range(len(labels)))
    assert np.array_equal(labels[x.ravel()], y) and np.array_equal(labels[x_held.ravel()], y_held)
    for number, count in enumerate(counts):
        held = int((y_held == number).sum())
        assert 0 <= held < count and abs(held - share * count) <= 1
        assert held > 0 or count == 1 or share == 0
    again = folder.split(share, seed)
    assert np.array_equal(again[0][0], x) and np.array_equal(again[1][0], x_held)
