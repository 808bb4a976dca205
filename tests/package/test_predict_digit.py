"""The example that reads one's own pictures: what it prints, what it draws, what it says when something is wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numpycnn import Dense, Flatten, MeanSquaredError, Sequential, SoftmaxCrossEntropy, load_synthetic_digits
from numpycnn.command import predict
from numpycnn.command.main import make_parser

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "predict_digit.py"


def run(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """A model that knows ten pictures by heart: its weights are those pictures."""
    images, labels = load_synthetic_digits(200, seed=1)
    model = Sequential([Flatten(), Dense(10)], input_shape=(28, 28, 1), seed=0)
    model.compile(loss=SoftmaxCrossEntropy())
    known = np.stack([images[labels == digit][0].ravel() for digit in range(10)]) / 255
    model.set_weights([(10 * known / np.linalg.norm(known, axis=1, keepdims=True)).T, np.zeros(10)])
    path = tmp_path_factory.mktemp("model") / "model.npz"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ten files with those pictures, dark on light and larger, and an empty one."""
    images, labels = load_synthetic_digits(200, seed=1)
    folder = tmp_path_factory.mktemp("pictures")
    for digit in range(10):
        picture = np.pad(255 - np.kron(images[labels == digit][0], np.ones((4, 4), np.uint8)), 30, constant_values=255)
        Image.fromarray(picture).save(folder / f"{digit}.png")
    Image.fromarray(np.full((40, 30, 4), 255, np.uint8)).save(folder / "empty.png")
    return sorted(folder.iterdir())


def test_prints_and_draws_every_picture(model_path, pictures, tmp_path):
    drawing = tmp_path / "new" / "drawing.png"
    process = run(*pictures, "--model", model_path, "--output", drawing)
    assert process.returncode == 0, process.stderr
    for digit in range(10):
        assert re.search(rf"{digit}\.png: {digit} \(>?\d+\.\d%\)", process.stdout), process.stdout
    assert "empty.png: empty\n    empty: nothing stands out" in process.stdout
    assert process.stdout.count("  9: ") == 10 and "inverted" not in process.stdout  # ten probabilities, no jargon
    assert f"of 11 of 11 pictures in {drawing}" in process.stdout
    with Image.open(drawing) as picture:
        assert picture.format == "PNG" and picture.width > 1000 and picture.height > 1000
        assert picture.convert("L").getextrema() == (0, 255)


def test_one_picture_from_another_folder(model_path, pictures, tmp_path):
    runs = tmp_path / "runs" / "mnist"
    runs.mkdir(parents=True)
    (runs / "model.npz").write_bytes(model_path.read_bytes())
    process = run(pictures[3], cwd=tmp_path)  # the defaults
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "runs" / "predict_digit.png").exists()


def test_says_what_is_wrong(model_path, pictures, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for arguments, fragment in [
        ([pictures[0]], "train one with `numpycnn train`"),
        ([tmp_path / "text.png", "--model", model_path], "expected a picture such as PNG"),
    ]:
        process = run(*arguments, "--output", tmp_path / "x.png", cwd=tmp_path)
        assert process.returncode != 0 and fragment in process.stderr
        assert "Traceback" not in process.stderr
    assert not (tmp_path / "x.png").exists()


def main(*arguments):
    """Run the example in this process; errors of the model are raised, not told. Return the exit status."""
    parser = make_parser(predict, "predict_digit")
    return predict.run(parser.parse_args(["--output", "runs/predict_digit.png", *map(str, arguments)]), parser)


def test_a_model_of_other_images(pictures, tmp_path):
    Sequential([Dense(2)], input_shape=(3,), seed=0).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"expected a model of images, .*got one of \(3,\)"):
        main(pictures[0], "--model", tmp_path / "other.npz")


def test_bad_files_do_not_stop_the_good_ones(model_path, pictures, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "nothing.png").write_text("")
    drawing = tmp_path / "drawing.png"
    (tmp_path / "no_pictures").mkdir()
    names = "absent.png", "text.png", "nothing.png", "no_pictures"
    bad = [*(tmp_path / name for name in names), "https://a.b/c.png"]
    files = [bad[0], pictures[7], *bad[1:], pictures[3]]
    assert main(*files, "--model", model_path, "--output", drawing) == 1
    printed = capsys.readouterr()
    assert printed.err.endswith("predict_digit: 5 of 7 files could not be read\n")
    assert re.findall(r"^(?:.*)(\d)\.png: (\d) ", printed.out, re.MULTILINE) == [("7", "7"), ("3", "3")]
    assert "of 2 of 2 pictures" in printed.out and drawing.exists()
    for fragment in ("there is no file", "text.png: expected a picture such as PNG", "got an empty file",
                     "expected a folder with pictures",
                     "https://a.b/c.png: expected a file or a folder, got an address; download it first"):
        assert fragment in printed.err


def test_no_picture_is_lost_to_the_drawing(model_path, pictures, tmp_path, capsys):
    for name in "a.png", "b.png":
        shutil.copy(pictures[0], tmp_path / name)
    content = (tmp_path / "b.png").read_bytes()
    for asked in ([tmp_path], [tmp_path / "a.png", tmp_path / "b.png"]):
        with pytest.raises(FileExistsError, match="b.png is one of the pictures; name another file"):
            main(*asked, "--model", model_path, "--output", tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == content
    assert main(tmp_path.parent, "--model", model_path) == 1  # its pictures are further inside
    assert "got none" in (errors := capsys.readouterr().err) and "; name the folders in it, one by one" in errors


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_drawn(model_path, pictures, tmp_path):
    odd = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"\xff\xfe.png"))
    shutil.copy(pictures[0], odd)
    assert main(odd, "--model", model_path, "--output", tmp_path / "drawn.png") == 0


def test_nothing_to_draw(model_path, tmp_path, capsys):
    assert main(tmp_path / "absent.png", "--model", model_path, "--output", tmp_path / "x.png") == 1
    assert "expected a picture, but there is no file" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


@pytest.fixture
def figure_of(monkeypatch, model_path, tmp_path):
    """Run the example; return its drawing as a figure."""

    def draw(*files):
        figures = []
        monkeypatch.setattr(predict, "save_figure", lambda figure, path: figures.append(figure))
        main(*files, "--model", model_path, "--output", tmp_path / "x.png")
        figures[0].draw_without_rendering()
        return figures[0]

    return draw


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_drawing_is_full(figure_of, pictures, count):
    """A drawing of one picture used to be blank for two thirds."""
    figure = figure_of(*pictures[:count])
    assert len(figure.axes) == 3 * count and len(figure.texts) == count
    assert figure.get_figwidth() == pytest.approx(4.8 * min(count, 3))
    bounds = figure.get_tightbbox()
    assert bounds.width > 0.9 * figure.get_figwidth()


def test_probabilities_and_notes_are_in_the_drawing(figure_of, pictures, tmp_path):
    whole = np.asarray(Image.open(pictures[5]))
    Image.fromarray(np.hstack([whole, whole])).save(tmp_path / "two.png")
    figure = figure_of("--digits", "one", tmp_path / "two.png", pictures[-1])
    first, empty, (notes, empty_notes) = figure.axes[:3], figure.axes[3:], figure.texts
    bars = first[2].patches
    assert len(bars) == len(first[2].texts) == 10
    assert sum(bar.get_width() for bar in bars) == pytest.approx(1, abs=1e-5)
    assert len({bar.get_facecolor() for bar in bars}) == 2  # the likeliest has a colour of its own
    assert "2 separate pieces: taken as one digit" in notes.get_text().replace("\n", " ")
    assert empty_notes.get_text().startswith("empty: nothing stands out") and not empty[2].axison
    boxes = [ax.get_tightbbox() for ax in first] + [notes.get_window_extent()]
    assert all(figure.bbox.x0 <= box.x0 and box.y0 >= 0 for box in boxes)
    assert max(ax.get_window_extent().y0 for ax in first) > boxes[-1].y1


def test_several_digits_are_read_in_lines(model_path, figure_of, pictures, tmp_path, capsys):
    rows = [np.hstack([np.asarray(Image.open(pictures[digit])) for digit in row]) for row in ([3, 7, 0], [9, 4, 1])]
    Image.fromarray(np.vstack(rows)).save(tmp_path / "sheet.png")
    figure = figure_of(tmp_path / "sheet.png", pictures[8])
    assert "sheet.png: 6 digits in 2 lines\n    370\n    941\n" in capsys.readouterr().out
    sheet, *single = figure.axes
    assert len(sheet.patches) == 6 and len(single) == 3
    assert figure.texts[0].get_text().startswith("370\n941")
    assert main(tmp_path / "sheet.png", "--json", "--model", model_path, "--output", tmp_path / "x.png") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["class"] == "370\n941" and len(row["boxes"]) == 6 and row["probability"] is None


def test_models_without_probabilities_of_digits(pictures, tmp_path):
    for outputs, loss, fragment in [
        (26, SoftmaxCrossEntropy(), "does not say what its inputs were"),
        (10, MeanSquaredError(), "expected a model that gives the probabilities of classes"),
    ]:
        model = Sequential([Flatten(), Dense(outputs)], input_shape=(28, 28, 1), seed=0)
        model.compile(loss=loss)
        model.save(tmp_path / "other.npz")
        with pytest.raises(ValueError, match=fragment):
            main(pictures[0], "--model", tmp_path / "other.npz")


@pytest.mark.parametrize("arguments, fragment", [
    (["a.png", "--output", "drawing.jpg"], "expected a name that ends in .png, got drawing.jpg"),
    ([], "PICTURE"),
])
def test_bad_options(capsys, arguments, fragment):
    with pytest.raises(SystemExit):
        main(*arguments)
    assert fragment in capsys.readouterr().err
