"""What the package prints arrives, whatever standard output is: in another encoding, without some methods, or None."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from places import python_path
from small_models import make_images, reference_cnn, small_cnn

from numpycnn import TerminateOnNaN, terminal
from numpycnn.command.main import main as command
from numpycnn.data.download import _Progress
from numpycnn.gradcheck.__main__ import main as gradcheck
from numpycnn.kernels import jit
from numpycnn.learn.__main__ import COMMANDS as LEARN
from numpycnn.learn.__main__ import main as learn
from numpycnn.plots.answers import Answer
from numpycnn.profile import _table

X, Y = make_images(20)


class OnlyWrite:
    """A stream with no method but ``write``, as programs with windows put in the place of standard output."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def print_all(folder):
    """Print whatever the package prints."""
    model = small_cnn()
    model.summary()
    for verbose in ("auto", 1, 2):
        model.fit(X, Y, verbose=verbose, validation_split=0.2)
    model.profile(X, Y, repeats=1)
    assert gradcheck(["--break", "relu-no-mask"]) == 0
    bad = X.copy()
    bad[3] = np.nan
    model.fit(bad, Y, callbacks=[TerminateOnNaN()])


HEADINGS = "Output shape", "Epoch 1/1", "MFLOP", "1 of 1 rejected", "TerminateOnNaN"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8", "utf-16"])
def test_all_is_printed_in_any_encoding(encoding, monkeypatch, tmp_path):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding))
    print_all(tmp_path)
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert all(heading in text for heading in HEADINGS) and "\\u" not in text
    assert ("│" in text) == encoding.startswith("utf") and ("| Layer" in text) != encoding.startswith("utf")


def test_all_is_printed_into_a_stream_that_can_only_write(monkeypatch, tmp_path):
    stream = OnlyWrite()
    monkeypatch.setattr(sys, "stdout", stream)
    print_all(tmp_path)
    assert all(heading in stream.text for heading in HEADINGS) and "┃" in stream.text


@pytest.mark.parametrize("stream", [OnlyWrite(), None])
def test_notes_go_to_a_standard_error_of_any_kind(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", None)
    jit.warn_once(f"a note for {stream}")
    monkeypatch.setattr(jit, "_announced", False)
    jit.announce()
    with _Progress("https://example.org/file") as progress:
        progress.update(1)
    assert stream is None or stream.text.count("\n") == 3


@pytest.mark.parametrize("closed", [False, True])
def test_without_a_standard_output_all_runs_in_silence(closed, monkeypatch, tmp_path):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream if closed else None)
    print_all(tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252:strict"])
def test_a_program_in_another_encoding_comes_to_its_end(encoding):
    code = """
from small_models import make_images, small_cnn
model = small_cnn()
model.summary()
model.fit(*make_images(20), epochs=2)
print("done")
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8=0", "-c", code], capture_output=True, timeout=300,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": python_path()},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr.decode()
    assert b"Epoch 2/2" in result.stdout and result.stdout.split()[-1] == b"done"


@pytest.mark.parametrize(
    "text, encoding, expected",
    [
        ("┃ a │", "utf-8", "┃ a │"),
        ("┃ a │", "cp1252", "| a |"),
        ("── │", "cp437", "── │"),  # which has the light lines
        ("━─┌", "ascii", "=-+"),
        ("größer…", "ascii", "gr\\xf6\\xdfer..."),
        ("größer", "cp1252", "größer"),
        ("\udce9.png", "utf-8", "\\udce9.png"),  # a file name of another encoding
    ],
)
def test_what_an_encoding_lacks(text, encoding, expected):
    assert terminal.encodable(text, encoding) == expected


def test_every_line_of_rich_s_tables_has_its_ascii():
    from rich import box

    for name in ("HEAVY_HEAD", "SIMPLE_HEAD"):  # of summary and profile
        assert terminal.encodable(str(getattr(box, name)), "ascii").isascii()
        assert "\\u" not in terminal.encodable(str(getattr(box, name)), "ascii")


@pytest.mark.parametrize("columns, figures", [(200, 9), (120, 9), (80, 4), (60, 2), (40, 2)])
def test_the_profile_shows_the_most_important_figures_that_fit(columns, figures):
    model = reference_cnn()
    model.compile("sgd", "sparse_categorical_crossentropy")
    found = model.profile(np.zeros((2, 28, 28, 1)), np.zeros(2, int), repeats=1, print_fn=lambda text: None)
    for row in (*found.rows, found.total):
        row.seconds = 0.0125  # a slow machine's are longer, and fewer columns fit
        if row.forward_seconds is not None:
            row.forward_seconds = row.backward_seconds = 0.006
    lines = _table(found, columns).splitlines()
    assert max(map(len, lines)) <= columns
    (total,) = [line.split() for line in lines if line.split()[:1] == ["total"]]
    assert len([word for word in total[1:] if word != "%"]) == figures
    assert total[1] == f"{found.total.seconds * 1e3:,.3f}" and "100.0" in total
    assert len([line for line in lines if line.startswith(" Dense")]) == 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at_a_terminal(monkeypatch):
    """Let standard output be a terminal of 80 columns, and return it."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", Terminal())
    return sys.stdout


@pytest.mark.parametrize("columns", ["40", "120"])
def test_the_width_is_the_terminal_s_and_80_elsewhere(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.width() == 80
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal.width() == int(columns)


def test_arguments_are_not_broken():
    text = "Conv2D(filters=3, kernel_size=(3, 3), padding='same') on (5, 6, 2)"
    assert terminal.wrap_arguments(text, 40) == [
        "Conv2D(filters=3, kernel_size=(3, 3),", "  padding='same') on (5, 6, 2)"
    ]  # fmt: skip
    assert terminal.wrap_arguments(text, 66) == [text]
    assert " ".join(line.strip() for line in terminal.wrap_arguments(text, 1)) == text


def test_long_lines_are_broken_between_words(monkeypatch):
    monkeypatch.setattr(terminal, "width", lambda: 12)
    assert terminal.folded("one two three\n\nepsilon=1e-08, a-very-long-word") == (
        "one two\nthree\n\nepsilon=1e-08,\na-very-long-word"
    )
    assert terminal.folded(f"    one two three\n7:{terminal.KEPT}99.9%  8:{terminal.KEPT}0.1%") == (
        "    one two\n    three\n7: 99.9%\n8: 0.1%"
    )


@pytest.mark.parametrize("name", [name for name in LEARN if name != "start"])
def test_what_is_learned_fits_the_terminal(name, monkeypatch, tmp_path):
    blank = tmp_path / "blank.py"
    blank.write_text("def conv2d_backward(dy, x, w, b, stride, padding):\n    pass\n", "utf-8")
    screen = at_a_terminal(monkeypatch)
    learn([name, *(["conv2d_backward", str(blank), "--hints", "9"] if name == "check" else [])])
    lines = screen.getvalue().splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 80


def test_lists_and_answers_fit_the_terminal(monkeypatch):
    screen = at_a_terminal(monkeypatch)
    assert command(["train", "--recipe", "list"]) == gradcheck(["--break", "list"]) == 0
    answer = Answer("a.png", None, X[0], [f"class {k}" for k in range(10)], probabilities=np.full(10, 0.1))
    terminal.show_folded("\n    ".join(["a.png", *answer.lines]))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and lines[-3].startswith("    class 0: 10.0%  class 1: 10.0%")
    assert all(line.startswith("    class ") for line in lines[-2:])


def test_elsewhere_lines_stay_whole(capsys):
    terminal.show_folded("word " * 50 + f"1:{terminal.KEPT}2")
    assert capsys.readouterr().out == "word " * 50 + "1: 2\n"
