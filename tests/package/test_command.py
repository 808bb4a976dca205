"""The command ``numpycnn``: its subcommands, their help and errors, and what goes through pipes."""

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from places import ROOT

from numpycnn import Dense, Flatten, InputFormat, Sequential, SoftmaxCrossEntropy
from numpycnn.command import info, main, options, predict, results, train
from numpycnn.command.data import SETS
from numpycnn.command.main import COMMANDS
from numpycnn.command.recipes import set_name
from numpycnn.data import mnist
from numpycnn.exchange.verify import verify
from numpycnn.metrics import Confidence, fit_class_distance
from numpycnn.plots.answers import Answer


def run(*arguments, stdin=None):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "numpycnn", *map(str, arguments)], cwd=ROOT, input=stdin,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}, timeout=300,
    )


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command in this process; return its exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")

    def run_main(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            status = stopped.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run_main


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen(call, command):
    status, text, errors = call(*filter(None, [command]), "--help")
    assert (status, errors) == (0, "")
    assert text.startswith(f"usage: {f'numpycnn {command}'.strip()} ") and len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 80
    if not command:
        assert all(f"\n  {name} " in text for name in COMMANDS) and call()[1] == text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_is_one_line(call, command):
    status, text, errors = call(command, "--colour", "red")
    assert (status, text) == (2, "") and errors.startswith(f"numpycnn {command}: ") and errors.count("\n") == 1


@pytest.mark.parametrize("arguments, status, fragment", [
    (["trian"], 2, "unknown command 'trian'; did you mean 'train'?"),
    (["\x1b[2J"], 2, r"unknown command"),
    (["--colour"], 2, "unrecognized arguments: --colour"),
    (["info", "absent.npz"], 2, "there is no absent.npz; train one with `numpycnn train`"),
    (["profile", "--model", "a\nb\x1b"], 2, r"there is no a\nb\x1b; train one"),
    (["train", "--images", "a\nb\x1b"], 1, r"a\nb\x1b: expected a folder with a subfolder"),
    (["info", "."], 1, "."),
    (["predict", "x.png", "--model", "absent.npz"], 1, "there is no model absent.npz; train one with `numpycnn train`"),
    (["predict", "x.png", "--json", "--csv"], 2, "not allowed with argument"),
    (["predict"], 2, "PICTURE"),
    (["profile", "--repeats", "0"], 2, "--repeats: expected an integer of at least 1, got 0"),
    (["profile", "--recipe", "resnet"], 2, "--recipe"),
    (["profile", "--recipe", "mlp", "--model", __file__], 2, "--model: not allowed with argument --recipe"),
    (["verify", "--against", "c", "--images", "5", __file__], 2, "--images, --data-dir: expected with --dataset alone"),
    (["verify", "--against", "c", "--data-dir", "x", __file__], 2, "--data-dir: expected with --dataset alone"),
    (["compile", "--threads", "0"], 2, "--threads"),
    (["gradcheck", "--kind", "none"], 2, "--kind"),
    (["gradcheck", "--break", "none"], 2, "--break: invalid choice: 'none'"),
    (["data", "steal"], 2, "steal"),
    (["data", "list", "imagenet"], 2, "imagenet"),
    (["train", "--size", "8"], 2, "--size, --grey: expected with --images alone"),
    (["train", "--images", "absent"], 1, "expected a folder with a subfolder for each class"),
    (["train", "--images", "x", "--validation-split", "0"], 2, "--images: expected"),
    (["train", "--images", "x", "--dataset", "cifar10"], 2, "--images: expected without --dataset, got both x"),
    (["train", "--size", "x"], 2, "--size: expected an integer of at least 1, got x"),
])
def test_errors(call, monkeypatch, tmp_path, arguments, status, fragment):
    monkeypatch.chdir(tmp_path)
    found, text, errors = call(*arguments)
    assert found == status and fragment in errors and "Traceback" not in errors and errors.count("\n") == 1
    assert errors[:-1].isprintable() and os.listdir() == []


def test_a_training_that_does_not_begin_leaves_no_folder(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    for place in ("runs/new", "there/a/b", "there"):
        status, _, errors = call("train", "--images", "absent", "--output-dir", place, "--model-file", "in/side.npz")
        assert status == 1 and "absent: expected a folder" in errors
        assert [path.name for path in tmp_path.rglob("*")] == ["there"]


HOSTILE = "a\nb \x1b[31m'\"$(touch executed)"  # the beginning of each file's name below


def make_bad_files(folder, good):
    """Write files with good content that is spoilt, or that are no files, each with the ending of the good one."""
    content, suffix = good.read_bytes(), good.suffix
    contents = {"text": b"hello, it is me", "empty": b"", "cut": content[: len(content) // 2], "zeros": bytes(999)}
    for name, each in contents.items():
        (folder / f"{HOSTILE} {name}{suffix}").write_bytes(each)
    with open(folder / f"{HOSTILE} huge{suffix}", "wb") as file:
        file.truncate(50 * 2**30)  # takes no room on the disk
    (folder / f"{HOSTILE} folder{suffix}").mkdir()
    os.symlink(f"{HOSTILE} loop{suffix}", folder / f"{HOSTILE} loop{suffix}")
    os.mkfifo(folder / f"{HOSTILE} pipe{suffix}")
    return sorted(folder.iterdir()) + [folder / f"{HOSTILE} absent{suffix}"]


def states(folder):
    """Return what would differ if a file of the folder was changed or added."""
    return [(path.name, path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.iterdir())]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names, and no pipes in folders")
@pytest.mark.parametrize("arguments, suffix", [
    (["info", "BAD"], ".npz"), (["info", "BAD"], ".h5"), (["info", "BAD"], ".keras"), (["info", "BAD"], ".onnx"),
    (["page", "BAD", "-o", "new.html"], ".npz"), (["predict", "a.png", "--model", "BAD"], ".npz"),
    (["predict", "BAD", "--model", "MODEL"], ".JPG"), (["predict", "BAD", "--model", "MODEL", "--json"], ".JPG"),
    (["export", "--to", "c", "BAD", "--output", "new.c"], ".npz"), (["verify", "--against", "c", "BAD"], ".npz"),
    (["profile", "--model", "BAD"], ".npz"), (["train", "--images", "BAD"], ".JPG"),
])
def test_bad_files(call, model_path, pictures, monkeypatch, tmp_path, arguments, suffix):
    """One line says what is wrong with each; nothing is written, changed or executed."""
    folder, good = tmp_path / "bad", next(pictures.glob("*.JPG")) if suffix == ".JPG" else tmp_path / f"good{suffix}"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if suffix != ".JPG":
        Sequential.load(model_path).save(good)
    bad = make_bad_files(folder, good)
    before = states(folder)
    for path in bad:
        named = {"BAD": path.relative_to(folder), "MODEL": model_path}
        status, text, errors = call(*(named.get(each, each) for each in arguments))
        assert status in (1, 2) and (text == "" or "--json" in arguments), path
        assert errors.startswith(f"numpycnn {arguments[0]}: ") and errors.endswith("\n") and errors[:-1].isprintable()
    assert states(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names, and no pipes in folders")
@pytest.mark.parametrize("arguments", [
    ["page", "MODEL", "-o", "OUT.html"], ["predict", "PICTURE", "--model", "MODEL", "--output", "OUT.png"],
    ["export", "--to", "c", "MODEL", "--output", "OUT.c"], ["export", "--to", "onnx", "MODEL", "--output", "OUT.onnx"],
    ["export", "--to", "torch", "MODEL", "--output", "OUT.safetensors"],
])
def test_places_that_cannot_be_written_to(call, model_path, pictures, tmp_path, arguments):
    (tmp_path / "file").write_text("kept")
    suffix = Path(arguments[-1]).suffix
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / "code.py").mkdir()  # beside the weights for PyTorch
    os.mkfifo(tmp_path / f"pipe{suffix}")
    before = sorted(tmp_path.rglob("*"))
    for place in ("file/new", "folder", "pipe", "x" * 255, *["code"] * (suffix == ".safetensors")):
        named = {"MODEL": model_path, "PICTURE": pictures / "a.png", arguments[-1]: tmp_path / f"{place}{suffix}"}
        status, _, errors = call(*(named.get(each, each) for each in arguments))
        lines = [line for line in errors.splitlines() if not line.startswith("numpycnn: compiling")]
        assert status in (1, 2) and len(lines) == 1 and place in lines[0], errors
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("system, written", [("c", ["net.h", "net.c"]), ("torch", ["net.safetensors", "net.py"])])
def test_export_replaces_no_source_that_it_did_not_write(call, model_path, tmp_path, monkeypatch, system, written):
    monkeypatch.chdir(tmp_path)
    for name in written:
        if name.endswith("safetensors"):
            continue
        (tmp_path / name).write_text("# my work, of many hours\nfrom torch import nn\n")
        status, text, errors = call("export", "--to", system, model_path, "--output", "net")
        assert (status, text) == (1, "") and f"{name}: there is a file of this name that numpycnn did not" in errors
        assert os.listdir(tmp_path) == [name] and "my work" in (tmp_path / name).read_text()
        (tmp_path / name).unlink()
    for _ in range(2):  # its own it does
        assert call("export", "--to", system, model_path, "--output", "net")[0] == 0
    assert sorted(os.listdir(tmp_path)) == sorted(written)


def test_export_keeps_what_follows_a_dot_and_takes_no_folder_for_a_name(call, model_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("onnx")
    for output, written in (("new/v1.2", "new/v1.2.onnx"), ("v1.3.onnx", "v1.3.onnx"), ("v1.4.ONNX", "v1.4.onnx")):
        assert call("export", "--to", "onnx", model_path, "--output", output)[1].startswith(f"{Path(written)}: ")
    for folder in ("new", "new/", "absent/"):
        status, _, errors = call("export", "--to", "onnx", model_path, "--output", folder)
        assert status == 2 and "expected the name of a file, got the folder" in errors
    status, _, errors = call("export", "--to", "onnx", "v1.3.onnx")
    assert status == 1 and "v1.3.onnx is the model itself" in errors
    Path("v1.5").write_bytes(model_path.read_bytes())
    assert call("export", "--to", "c", "v1.5")[1].startswith("v1.5.h: ")
    assert sorted(os.listdir()) == ["new", "v1.3.onnx", "v1.4.onnx", "v1.5", "v1.5.c", "v1.5.h"]


def test_a_count_is_a_whole_number_from_1_on():
    assert [options.positive(text) for text in ("1", "2", "60000")] == [1, 2, 60000]
    for text in ("0", "-1", "1.5", "x", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="expected an integer of at least 1"):
            options.positive(text)


def test_what_is_written_as_json(tmp_path):
    results.write_json(tmp_path / "a.json", {"a": [1], "b": None})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": [\n    1\n  ],\n  "b": null\n}\n'


def test_version_and_recipes(call):
    assert call("--version")[1].startswith("numpycnn 0.")
    assert "lenet5" in call("train", "--recipe", "list")[1]


def test_gradcheck_compile_and_profile_are_the_programs_of_these_names(call, tmp_path):
    status, text, _ = call("gradcheck", "--break", "list")
    assert status == 0 and "shape" in text
    Sequential([Dense(2)], input_shape=(3,)).save(tmp_path / "never_compiled.npz")
    for model in (["--recipe", "mlp"], ["--model", tmp_path / "never_compiled.npz"]):
        assert "total" in call("profile", *model, "--batch-size", 2, "--repeats", 1)[1]


# -- a model of three classes in colour


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """A model that says which of red, green and blue is the strongest."""
    model = Sequential([Flatten(), Dense(3)], input_shape=(4, 5, 3), seed=0)
    model.compile(loss=SoftmaxCrossEntropy())
    model.set_weights([np.tile(np.eye(3, dtype="f4"), (20, 1)), np.zeros(3)])
    model.input_format = InputFormat((4, 5), grey=False, class_names=("röt", "green", "=blue()"))
    path = tmp_path_factory.mktemp("model") / "model.npz"
    model.save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a.png", (255, 0, 0)), ("b.bmp", (0, 255, 0)), ("c.JPG", (0, 0, 255))):
        Image.new("RGB", (30, 40), colour).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_predict_treats_a_picture_as_in_training(call, model_path, pictures):
    status, text, errors = call("predict", pictures, "--model", model_path)
    assert (status, errors) == (0, "")
    assert [line.split(": ")[1].split(" (")[0] for line in text.splitlines()[::2]] == ["röt", "green", "=blue()"]
    status, _, errors = call("predict", pictures, "--model", model_path, "--digits", "several")
    assert status == 2 and "--digits several: expected a model of digits 0 to 9, got" in errors


def test_predict_as_json_and_as_a_table(call, model_path, pictures):
    (pictures / "bad.png").write_text("no picture")
    (pictures / "._a.png").write_text("hidden: what macOS keeps beside a picture on other disks")
    status, text, errors = call("predict", pictures, pictures / "absent.png", "--model", model_path, "--json")
    rows = json.loads(text)
    assert status == 1 and [row.get("class") for row in rows] == ["röt", "green", "=blue()", None, None]
    assert "doubt" in rows[0] and rows[0]["doubt"] is None  # the model does not say when to doubt
    assert rows[0]["p(röt)"] == rows[0]["probability"] > 0.99 and "bad.png: expected a picture" in rows[3]["error"]
    assert "2 of 5 files could not be read" in errors
    status, text, _ = call("predict", pictures, "--model", model_path, "--csv")
    table = list(csv.DictReader(io.StringIO(text)))
    assert status == 1 and [row["class"] for row in table] == ["röt", "green", "=blue()"]
    assert float(table[1]["p(green)"]) > 0.99


def test_predict_says_what_is_doubtful(call, model_path, pictures, tmp_path):
    model, rng = Sequential.load(model_path), np.random.default_rng(0)
    x = np.tile(np.repeat(np.eye(3), 40, axis=0)[:, None, None], (1, 4, 5, 1)) + rng.normal(0, 0.05, (120, 4, 5, 3))
    x, y = x.astype(np.float32), np.repeat(range(3), 40)
    distance = fit_class_distance(y, model.features(x), model.features(x))
    model.confidence = Confidence(1.0, 0.99, 0.01, 1.0, distance)
    model.save(tmp_path / "model.npz")
    for name, colour in ("d.png", (60, 0, 0)), ("e.png", (255, 230, 0)), ("f.png", (90, 90, 90)):
        Image.new("RGB", (30, 40), colour).save(pictures / name)
    arguments = "predict", pictures, "--model", tmp_path / "model.npz"
    text, rows = call(*arguments)[1], json.loads(call(*arguments, "--json")[1])
    assert [row["doubt"] for row in rows] == [None] * 3 + ["not sure"] + ["none of them?"] * 2
    assert re.search(r"d.png: röt \(.*; not sure\n", text) and re.search(r"e.png: röt \(.*; none of them\?\n", text)
    assert [row["doubt"] for row in csv.DictReader(io.StringIO(call(*arguments, "--csv")[1]))][3:5] == [
        "not sure", "none of them?"
    ]
    assert "none of them beyond the distance" in call("info", tmp_path / "model.npz")[1]


def test_an_empty_name_is_not_the_current_folder(call, model_path, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    for arguments in (["predict", "", "--model", model_path], ["predict", "a.png", "--model", ""], ["page", ""],
                      ["train", "--output-dir", ""], ["train", "--images", ""], ["info", ""]):
        status, _, errors = call(*arguments)
        assert status in (1, 2) and "expected" in errors and "got an empty one" in errors, arguments


def test_commands_that_are_proposed_can_be_copied(tmp_path):
    assert options.in_a_shell(tmp_path / "a b.npz") == f"'{tmp_path}/a b.npz'"
    assert "\x1b" not in options.in_a_shell(tmp_path / "\x1b[31m.npz")


def test_predict_reads_standard_input_and_ends_where_its_reader_does(model_path, pictures):
    content = (pictures / "c.JPG").read_bytes()
    process = run("predict", "-", "--model", model_path, "--json", stdin=content)
    assert process.returncode == 0 and json.loads(process.stdout)[0]["class"] == "=blue()", process.stderr
    process = run("predict", "-", "--model", model_path, stdin=b"")
    assert process.returncode == 1 and b"Traceback" not in process.stderr and b"expected a picture" in process.stderr
    assert process.stderr.startswith(b"numpycnn predict: standard input: ")


def test_standard_input_that_is_closed(call, model_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)  # as Python has it then
    status, text, errors = call("predict", "-", "--model", model_path)
    assert (status, text) == (1, "") and errors.count("\n") == 1 and "it is closed" in errors


def test_a_model_file_that_does_not_say_what_its_inputs_were(call, pictures, tmp_path):
    for shape, classes, expected in [((28, 28, 1), 10, 0), ((8, 8, 3), 10, 1)]:
        model = Sequential([Flatten(), Dense(classes)], input_shape=shape, seed=0)
        model.compile(loss=SoftmaxCrossEntropy())
        model.save(tmp_path / "model.npz")
        status, _, errors = call("predict", pictures / "a.png", "--model", tmp_path / "model.npz")
        assert status == expected and "does not say what its inputs were" in errors and "--prepare" in errors
        assert call("predict", pictures / "a.png", "--model", tmp_path / "model.npz", "--prepare", "resize")[0] == 0
    os.rename(tmp_path / "model.npz", tmp_path / "\x1b[2J.npz")
    assert r"\x1b[2J.npz does not say" in call("predict", "a.png", "--model", tmp_path / "\x1b[2J.npz")[2]


def answer(shares=(0.12345678, 0.87654322), **said):
    return Answer("a.png", None, np.zeros((2, 2, 1)), ["one", "two"], probabilities=np.array(shares), **said)


def test_a_row_says_what_the_network_does():
    row = predict.as_row(answer(notes=["faint", "small"], boxes=[(np.int64(1), 2, 3, 4)]))
    assert row == {"file": "a.png", "class": "two", "probability": 0.876543, "doubt": None, "notes": "faint; small",
                   "boxes": [[1, 2, 3, 4]], "p(one)": 0.123457, "p(two)": 0.876543}
    for said, word in (({"empty": True}, None), ({"text": "12"}, "12")):
        row = predict.as_row(answer(**said))
        assert row["class"] == word and row["probability"] is row["p(one)"] is row["p(two)"] is None


@pytest.mark.parametrize("pieces, height, width, several", [
    (1, 100, 180, False), (1, 100, 181, True), (2, 100, 135, False), (2, 100, 136, True), (5, 100, 50, False),
    (6, 100, 50, True), (1, 0, 1, False), (1, 0, 2, True),
])  # fmt: skip
def test_wide_or_in_many_pieces_is_more_than_one_digit(pieces, height, width, several):
    found = answer(pieces=pieces, boxes=[(7, 5, 7 + height, 5 + width)])
    assert predict.looks_like_several(found) is several


def test_info_says_what_inputs_and_training_were():
    model = Sequential([Flatten(), Dense(2)], input_shape=(8, 9, 1), seed=0)
    assert info.training(model) == "not compiled"
    assert info.inputs(model) == "shape (8, 9, 1); the file does not say what they were made of"
    model.compile("sgd", SoftmaxCrossEntropy())
    assert info.training(model) == f"{model.loss!r}, {model.optimizer!r}, 0 steps taken"
    model.input_format = InputFormat((8, 9))
    assert info.inputs(model) == "8 x 9 pixels, grey, times 0.00392157; pictures resized\nClasses: numbered"
    model = Sequential([Flatten(), Dense(2)], input_shape=(28, 28, 1), seed=0)
    model.input_format = InputFormat((28, 28), prepare="digit", class_names=("a", "b"))
    assert info.inputs(model).endswith("; digits cut out and centred, as prepare_digit does\nClasses: a, b")


def test_page(call, model_path, tmp_path, monkeypatch):
    served, page = [], tmp_path / "colours.html"
    monkeypatch.setattr("numpycnn.command.page.serve_page", served.append)  # it would wait for Ctrl-C
    status, text, errors = call("page", model_path, "-o", page)
    assert (status, errors, served) == (0, "", []) and f"Wrote {page}, 0." in text and "--open" in text
    assert "=blue()" in page.read_text(encoding="utf-8")
    status, text, errors = call("page", model_path, "-o", page, "--open")
    assert (status, errors, served) == (0, "", [page]) and "--open" not in text
    status, _, errors = call("page", model_path, "-o", tmp_path / "colours.txt")
    assert status == 1 and "expected a name that ends in .html" in errors
    assert "there is no absent.npz; train one" in call("page", "absent.npz")[2]
    assert call("page", model_path, "-o", page)[0] == 0  # its own it replaces
    (tmp_path / "notes.html").write_text("my work, of many hours")
    status, _, errors = call("page", model_path, "-o", tmp_path / "notes.html")
    assert status == 1 and "there is a file of this name that numpycnn did not write" in errors
    assert (tmp_path / "notes.html").read_text() == "my work, of many hours"


def test_info(call, model_path, tmp_path):
    status, text, _ = call("info", model_path)
    assert status == 0 and "4 x 5 pixels, in colour" in text and "Classes: röt, green, =blue()" in text
    (model_path.parent / "metrics.json").write_text('{"recipe": "\\u001b[2J", "epochs": 3}')
    assert "epochs 3" in (text := call("info", model_path)[1]) and "\x1b" not in text
    (model_path.parent / "metrics.json").write_text("[]")
    assert call("info", model_path)[0] == 0


def test_training_on_a_folder_and_predicting_with_it(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "draw", lambda *arguments: None)
    rng = np.random.default_rng(0)
    for name, level in (("bright", 230), ("dark", 20)):
        (tmp_path / "lamps" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.clip(rng.normal(level, 9, (12, 10, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "lamps" / name / f"{i}.png")
    (tmp_path / "lamps" / "dark" / "broken.png").write_text("")
    options = ["--recipe", "mlp", "--model-file", "m.npz", "--size", 10, "--grey", "--epochs", 10, "--batch-size", 6]
    for folder, place in (("lamps", "lamps/results"), ("lamps", "lamps/dark"), (".", "runs/x")):  # a class, next time
        status, _, errors = call("train", "--images", folder, "--output-dir", place, *options)
        assert status == 2 and f"--output-dir: expected a folder outside of {folder}, whose folders" in errors
    assert sorted(os.listdir("lamps")) == ["bright", "dark"]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))  # the system's, which is not needed
    status, text, errors = call("train", "--images", "lamps", *options)
    assert status == 0, errors
    assert not [name for name in os.listdir("runs/lamps-mlp") if name.startswith("tmp")]
    for said in ("40 images of 2 classes in lamps: bright, dark", "1 file could not be read", "Test accuracy: 1.0",
                 "val_accuracy", "Next:  numpycnn predict PICTURE... --model"):
        assert said in text
    saved = Sequential.load("runs/lamps-mlp/m.npz")
    assert saved.confidence is None and "images that are held out are too few to say when" in text
    assert saved.input_format == InputFormat((10, 10), class_names=("bright", "dark"))
    report = (tmp_path / "runs" / "lamps-mlp" / "report.txt").read_text()
    assert "bright" in report and "dark" in report
    answers = json.loads(call("predict", "lamps/dark", "--model", "runs/lamps-mlp/m.npz", "--json")[1])
    assert {row.get("class") for row in answers} == {"dark", None}


@pytest.mark.parametrize("count, right, says, error", [
    (2, 2, "2 images that are held out are too few", None),
    (299, 299, "299 images that are held out are too few", None), (400, 400, "sure from", 3 / 400),
    (400, 100, "never sure", 0.01), (3000, 2970, "sure from", 3 / 2970), (300, 0, "never sure", 0.01),
])
def test_of_few_pictures_nothing_is_promised(capsys, count, right, says, error):
    """Those that are right have a one where the network sees it, and it is sure of them alone."""
    model = Sequential([Flatten(), Dense(2)], input_shape=(1, 2, 1), seed=0)
    model.compile(loss=SoftmaxCrossEntropy())
    model.set_weights([np.diag([9.0, 9.0]).astype("f4"), np.zeros(2)])
    labels = np.arange(count) % 2
    images = 255 * np.eye(2, dtype=np.uint8)[labels][:, None]  # (N, 1, 2)
    images[right:] = 0  # as likely one as the other
    labels[right:] = 1  # and the first of equals is wrong
    found = results.when_to_trust(model, (images[:2], labels[:2]), 0.0, (images, labels))
    assert says in capsys.readouterr().out
    assert (found is None) if error is None else found.error == pytest.approx(error)
    assert found is None or (found.threshold > 1) == (says == "never sure")


def test_training_takes_the_names_that_data_lists():
    assert [set_name(name) for name in SETS] == ["mnist", "fashion_mnist", "cifar10", "kmnist", "emnist"]
    assert set_name("fashion_mnist") == "fashion_mnist" and set_name("imagenet") == "imagenet"


def test_data_says_where_the_sets_are(call, monkeypatch, tmp_path):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "x").touch()
    status, text, _ = call("data")
    assert status == 0 and str(tmp_path / "mnist") in text and "numpycnn data fetch cifar-10 downloads it" in text
    assert call("data", "check")[0] == call("data", "check", "cifar-10")[0] == call("data", "check", "mnist")[0] == 1


@pytest.mark.parametrize("found", ["environment", "keras", "npz", "nowhere"])
def test_data_finds_the_sets_where_they_are_loaded_from(found, call, monkeypatch, tmp_path):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NUMPYCNN_DATA", str(tmp_path / "data"))
    keras = tmp_path / "keras" / "datasets"
    places = {"environment": tmp_path / "data", "keras": keras, "npz": keras}
    (tmp_path / "data").mkdir()
    (keras / "emnist").mkdir(parents=True)  # which load_emnist does not look into
    (keras / "emnist" / "gzip.zip").touch()
    if found == "npz":
        (places[found] / "mnist.npz").touch()
    elif found in places:
        raw = places[found] / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for file in mnist.MNIST.files:
            (raw / file.name).touch()
    mnist_line, _, _, _, emnist_line = call("data")[1].splitlines()
    assert mnist_line.split()[1:] == [str(places[found])] if found in places else "not on this machine" in mnist_line
    assert "not on this machine" in emnist_line


def test_ctrl_c_while_a_command_is_imported_is_told_in_a_line(monkeypatch, call):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert call("info", "model.npz") == (130, "", "numpycnn info: interrupted\n")


def test_what_is_said_to_come_next_is_what_works():
    model = Sequential([Flatten(), Dense(2)], (8, 8, 1))
    own, known = argparse.Namespace(images=Path("pictures")), argparse.Namespace(images=None)
    assert train.what_next("m.keras", own, model) == ["numpycnn predict PICTURE... --model m.keras --prepare resize"]
    assert train.what_next("m.h5", known, model)[1] == "numpycnn page m.h5 --open"
    model.input_format = InputFormat((8, 8), grey=True)
    assert train.what_next("m.npz", own, model)[0] == "numpycnn predict PICTURE... --model m.npz"


def test_a_system_that_is_not_installed_is_told_with_how_to_get_it(monkeypatch, call, tmp_path):
    model, text = Sequential([Dense(2)], (3,)), "verify: torch is not installed: python -m pip install torch"
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=f"^{text}$"):
        verify(model, "torch")
    model.save(tmp_path / "model.npz")
    assert call("verify", "--against", "torch", tmp_path / "model.npz") == (1, "", f"numpycnn {text}\n")
