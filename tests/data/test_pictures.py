"""Pictures as files, bytes and Pillow images: all forms give the same digit, and large ones take little memory."""

import contextlib
import io
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from own_pictures import difference, enlarged
from PIL import Image, ImageOps
from places import python_path

from numpycnn import load_synthetic_digits, prepare_digit
from numpycnn.data.own_digit import picture as picture_module
from numpycnn.data.own_digit.picture import MAX_PIXELS, TURNS, Picture, _strips, reduced, to_grey

IMAGES, _ = load_synthetic_digits(200, seed=3)
GREY = (enlarged(IMAGES[0], 4) * 255).astype(np.uint8)  # (112, 112)


@pytest.mark.parametrize("mode, suffix", [
    ("L", "png"), ("1", "png"), ("RGB", "png"), ("RGBA", "png"), ("P", "png"), ("LA", "png"), ("I;16", "png"),
    ("RGB", "jpg"), ("L", "jpg"), ("CMYK", "jpg"), ("RGB", "bmp"), ("P", "gif"),
])
def test_files(tmp_path, mode, suffix):
    grey = (enlarged(IMAGES[0], 4) * 255).astype(np.uint8)
    picture = Image.fromarray(grey.astype(np.uint16) * 257 if mode == "I;16" else grey)
    if mode != "I;16":
        picture = picture.convert(mode, dither=Image.Dither.NONE)
    path = tmp_path / f"digit.{suffix}"
    picture.save(path)
    expected = prepare_digit(grey)
    for name in (path, str(path)):
        prepared = prepare_digit(name)
        assert difference(prepared.image, expected.image) < 0.05
        assert not prepared.inverted and prepared.components == expected.components


def test_the_camera_was_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    Image.fromarray(np.rot90(IMAGES[0])).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_allclose(prepare_digit(tmp_path / "turned.png").image, prepare_digit(IMAGES[0]).image, atol=1e-6)


@contextlib.contextmanager
def every_form(path):
    """The same picture as its path, content, open file, stream that cannot seek, and as Pillow opens it."""
    content = path.read_bytes()
    with open(path, "rb") as file, Image.open(path) as opened, io.BufferedReader(OneWay(content)) as stream:
        yield {
            "path": path, "text": str(path), "bytes": content, "bytearray": bytearray(content), "file": file,
            "BytesIO": io.BytesIO(content), "stream": stream, "Pillow": opened,
        }  # fmt: skip


class OneWay(io.RawIOBase):
    """A stream such as a socket's: it can be read, but not wound back."""

    def __init__(self, content):
        self.rest = content

    def readable(self):
        return True

    def readinto(self, buffer):
        part, self.rest = self.rest[: len(buffer)], self.rest[len(buffer):]
        buffer[: len(part)] = part
        return len(part)


def saved(folder, kind):
    """Save the digit in a file of this kind."""
    grey = Image.fromarray(GREY)
    path = folder / f"digit.{'png' if ' ' in kind else kind}"
    if kind == "jpg":
        grey.convert("CMYK").save(path, quality=95)
    elif kind == "tiff":
        grey.convert("CMYK").save(path)
    elif kind == "a palette with a transparent colour":
        grey.point(lambda shade: 255 * (shade > 127)).convert("P").save(path, transparency=0)
    elif kind == "a transparent shade":
        Image.fromarray(np.where(GREY > 127, 255, 7).astype(np.uint8)).save(path, transparency=7)
    elif kind == "grey and alpha":
        Image.merge("LA", [Image.new("L", grey.size, 255), grey]).save(path)
    elif kind == "16 bits":
        Image.fromarray(GREY.astype(np.uint16) * 257).save(path)
    elif kind == "1 bit":
        grey.convert("1", dither=Image.Dither.NONE).save(path)
    elif kind == "webp":
        grey.convert("RGBA").save(path, lossless=True)
    elif kind == "gif":
        grey.save(path, save_all=True, append_images=[Image.new("L", grey.size, shade) for shade in (90, 200)])
    return path


KINDS = [
    "jpg", "tiff", "gif", "webp", "16 bits", "1 bit", "grey and alpha", "a transparent shade",
    "a palette with a transparent colour",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_a_picture_gives_the_same_digit(tmp_path, kind):
    """As an array, an image with a palette holds numbers of colours, and one in CMYK looks like RGBA."""
    path = saved(tmp_path, kind)
    expected = prepare_digit(path)
    assert difference(expected.image, prepare_digit(GREY).image) < 0.06
    assert not expected.inverted and expected.components == prepare_digit(GREY).components
    with every_form(path) as forms:
        for form, image in forms.items():
            prepared = prepare_digit(image)
            np.testing.assert_array_equal(prepared.image, expected.image, err_msg=form)
            assert (prepared.box, prepared.notes) == (expected.box, expected.notes), form
        assert not forms["file"].closed and forms["Pillow"].size == GREY.shape[::-1]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "LA", "PA",
                                  "La", "RGBa", "I;16", "I;16B"])
def test_every_mode_of_pillow(mode):
    if mode == "PA":
        picture = Image.fromarray(GREY).convert("P").convert("PA")
    elif mode in ("La", "RGBa"):
        picture = Image.fromarray(GREY).convert(mode.upper()).convert(mode)
    elif mode.startswith("I;16"):
        picture = Image.fromarray(GREY.astype(np.int32)).convert("I;16").convert(mode)
    else:
        picture = Image.fromarray(GREY).convert(mode, **({"dither": Image.Dither.NONE} if mode == "1" else {}))
    assert picture.mode == mode
    prepared, expected = prepare_digit(picture), prepare_digit(GREY)
    assert difference(prepared.image, expected.image) < (0.05 if mode == "1" else 0.01)
    assert not prepared.inverted and prepared.components == expected.components
    assert abs(np.subtract(prepared.box, expected.box)).max() <= (3 if mode == "1" else 1)


def test_lab_colours():
    picture = Image.merge("LAB", [Image.fromarray(GREY), *[Image.new("L", GREY.shape[::-1], 128)] * 2])
    np.testing.assert_allclose(prepare_digit(picture).image, prepare_digit(GREY).image, atol=1e-5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
def test_however_the_camera_was_held(tmp_path, orientation, suffix):
    """A telephone's picture is often stored on its side, and says so in its EXIF data."""
    back = {6: 8, 8: 6}.get(orientation, orientation)  # the orientation that undoes this one
    turned = Image.fromarray(np.pad(GREY, ((3, 40), (20, 0))))
    turned.getexif()[0x0112] = back
    turned = ImageOps.exif_transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    turned.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    expected = prepare_digit(np.pad(GREY, ((3, 40), (20, 0))))
    with every_form(path) as forms:
        if suffix == "tiff":
            del forms["Pillow"]  # Image.open(path) itself misreads an uncompressed TIFF that is stored on its side
        for form, image in forms.items():
            prepared = prepare_digit(image)
            assert difference(prepared.image, expected.image) < 0.02, form
            assert abs(np.subtract(prepared.box, expected.box)).max() <= 2, form


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    note = "several pictures in one file: only the first was looked at"
    assert note in prepare_digit(saved(tmp_path, "gif")).notes
    assert prepare_digit(saved(tmp_path, "16 bits")).notes == prepare_digit(GREY).notes


def test_an_image_in_pillows_hands_stays_as_it_is(tmp_path):
    with Image.open(saved(tmp_path, "gif")) as picture:
        picture.seek(1)  # an even grey
        assert prepare_digit(picture).empty and picture.tell() == 1
    picture = Image.fromarray(GREY)
    before = picture.tobytes()
    prepare_digit(picture)
    assert picture.tobytes() == before


def test_a_telephones_heic_photo_is_read_where_pillow_heif_is(tmp_path, monkeypatch):
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(GREY).convert("RGB")).save(tmp_path / "photo.heic", quality=95)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    for form in (tmp_path / "photo.heic", (tmp_path / "photo.heic").read_bytes()):
        assert difference(prepare_digit(form).image, prepare_digit(GREY).image) < 0.02


def test_a_telephones_heic_photo_names_what_reads_it(tmp_path, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # not installed
    content = b"\0\0\0\x18ftypheic" + bytes(100)
    (tmp_path / "photo.heic").write_bytes(content)
    for image in (content, io.BytesIO(content), tmp_path / "photo.heic"):
        with pytest.raises(ValueError, match="got a HEIC photo; save it as JPEG or PNG, or install pillow-heif"):
            prepare_digit(image)


def test_bad_content(tmp_path):
    with pytest.raises(ValueError, match=r"image \(5 bytes\): expected a picture such as PNG or JPEG"):
        prepare_digit(b"hello")
    with pytest.raises(ValueError, match=r"image \(0 bytes\): expected a picture"):
        prepare_digit(b"")
    with pytest.raises(TypeError, match="opened in binary mode"):
        prepare_digit(io.StringIO("picture"))
    content = saved(tmp_path, "16 bits").read_bytes()
    with pytest.raises(ValueError, match="damaged or cut short"):
        prepare_digit(content[: len(content) // 2])
    with Image.open(io.BytesIO(content[: len(content) // 2])) as picture:
        with pytest.raises(ValueError, match="image: expected a whole picture"):
            prepare_digit(picture)
    closed = Image.fromarray(GREY)
    closed.close()
    with pytest.raises(ValueError, match="image: expected a whole picture"):
        prepare_digit(closed)
    with pytest.raises(ValueError, match="at most 50 million pixels"):
        prepare_digit(Image.new("1", (8000, 8000)))
    with pytest.raises(ValueError, match="got -3.0 to"):
        prepare_digit(Image.fromarray(GREY.astype(np.float32) - 3))
    with pytest.raises(ValueError, match="got nan to nan"):
        prepare_digit(Image.fromarray(np.full((9, 9), np.nan, np.float32)))


@pytest.mark.parametrize("turn", [(False, False, False), *TURNS.values()])
@pytest.mark.parametrize("strip", [1, 50, 10**6])
def test_a_part_in_strips_is_the_part_of_the_whole(monkeypatch, turn, strip):
    """Whatever the strips, the orientation and the scale: the mean over squares, from the upper left corner."""
    monkeypatch.setattr("numpycnn.data.own_digit.picture.STRIP", strip)
    stored = np.random.default_rng(0).integers(0, 256, (23, 17, 3), np.uint8)
    shown = stored.swapaxes(0, 1) if turn[0] else stored
    shown = shown[:: -1 if turn[1] else 1, :: -1 if turn[2] else 1]
    for source in (stored, Image.fromarray(stored)):
        picture = Picture(source, *shown.shape[:2], white=255, turn=turn)
        for (top, left, bottom, right), factor in [(picture.whole, 1), (picture.whole, 4), ((2, 3, 16, 13), 3),
                                                   ((1, 1, 3, 12), 5), ((0, 0, 1, 1), 7)]:
            expected = to_grey(reduced(shown[top:bottom, left:right], factor), 255)
            np.testing.assert_allclose(picture.shades((top, left, bottom, right), factor), expected, atol=1e-6)


def test_a_strip_is_as_many_whole_squares_as_may_be_numbers_at_a_time(monkeypatch):
    monkeypatch.setattr("numpycnn.data.own_digit.picture.STRIP", 100)
    for factor, rows in ((1, [5, 5, 5, 5, 3]), (2, [4, 4, 4, 4, 4, 3]), (5, [5, 5, 5, 5, 3]), (7, [7, 7, 7, 2])):
        assert [len(strip) for strip in _strips(np.zeros((23, 17, 1)), (0, 0, 23, 17), factor)] == rows


@pytest.mark.skipif(os.name != "posix", reason="the peak of a process's memory is asked of POSIX's resource module")
@pytest.mark.parametrize("kind", ["png", "turned jpg"])
def test_a_small_file_takes_little_more_memory_than_its_pixels(tmp_path, kind):
    """190 kB that unpack to 49 million pixels: 4 bytes for each is what Pillow needs, all the rest is small."""
    code = """
import resource, sys
import numpy as np
from numpycnn import prepare_digit
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
prepare_digit(sys.argv[1])
before = peak()
prepared = prepare_digit(sys.argv[2])
assert not prepared.empty
print(prepared.box, (peak() - before) / 2**20)
"""
    small, large = tmp_path / f"small.{kind[-3:]}", tmp_path / f"large.{kind[-3:]}"
    exif = Image.Exif()
    exif[0x0112] = 6 if kind.startswith("turned") else 1
    for path, side in ((small, 700), (large, 7000)):
        picture = Image.new("RGB", (side, side), "white")
        picture.paste("black", (side // 2, side // 4, side * 6 // 10, side * 3 // 4))
        picture.save(path, exif=exif, **({"compress_level": 1} if kind == "png" else {}))
        picture.close()
    environment = {**os.environ, "PYTHONPATH": python_path()}
    process = subprocess.run([sys.executable, "-c", code, str(small), str(large)], capture_output=True, text=True,
                             env=environment, timeout=120)
    assert process.returncode == 0, process.stderr
    growth = float(process.stdout.split(")")[1])
    assert growth < 240, process.stdout  # MiB; the pixels are 187 of them. It was 790


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*missing.png"):
        prepare_digit(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="got a folder"):
        prepare_digit(tmp_path)
    (tmp_path / "text.png").write_text("<html>")
    with pytest.raises(ValueError, match="text.png: expected a picture such as PNG"):
        prepare_digit(tmp_path / "text.png")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ValueError, match="empty.png: expected a picture such as PNG"):
        prepare_digit(tmp_path / "empty.png")
    for name, shades in (("centred", [[-128, 127]]), ("nan", [[0, np.nan]])):
        Image.fromarray(np.array(shades, np.float32)).save(tmp_path / f"{name}.tiff")
        with pytest.raises(ValueError, match=rf"{name}.tiff: expected numbers from 0 \(black\)"):
            prepare_digit(tmp_path / f"{name}.tiff")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"digit.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)).save(path)
    content = path.read_bytes()
    for length in (len(content) // 2, len(content) // 4):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="expected a"):
            prepare_digit(path)


@pytest.mark.parametrize("width, height", [(10_000, 6_000), (30_000, 20_000)])  # Pillow warns; Pillow refuses
def test_a_huge_file_is_refused_before_it_is_decoded(tmp_path, width, height):
    path = tmp_path / "huge.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    assert width * height > MAX_PIXELS
    with pytest.raises(ValueError, match="expected at most 50 million pixels"):
        prepare_digit(path)


def test_formats_that_are_programs_are_refused(tmp_path):
    """Pillow has Ghostscript run an EPS file."""
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "digit.eps")
    with Image.open(tmp_path / "digit.eps") as file:
        assert file.format == "EPS"
    with pytest.raises(ValueError, match="got a file of another kind; save it as PNG"):
        prepare_digit(tmp_path / "digit.eps")


def test_no_grey_has_a_hue():
    assert np.array_equal(picture_module.HUES @ np.ones(3), [0, 0])
