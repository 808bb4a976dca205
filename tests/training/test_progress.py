"""What fit prints: into a file, into a terminal, or nothing."""

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from small_models import make_images, small_cnn

from numpycnn.training.progress import Progress, draw_bar, format_figures

ROOT = Path(__file__).resolve().parents[2]
LINE = r"Epoch {}/2: 2/2 \d+s \d+\.\dms/step - accuracy: \d\.\d{{4}} - loss: \d\.\d{{4}}"


@pytest.mark.parametrize("verbose", [1, 2, "auto", True])
def test_one_line_an_epoch_where_the_output_is_no_terminal(verbose, capsys):
    x, y = make_images(20)
    small_cnn().fit(x, y, batch_size=16, epochs=2, verbose=verbose)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(LINE.format(1), first) and re.fullmatch(LINE.format(2), second)


def test_validation_figures_come_last(capsys):
    x, y = make_images(20)
    history = small_cnn().fit(x, y, validation_split=0.2)
    names = re.findall(r" - (\w+): ([\d.]+)", capsys.readouterr().out)
    assert names == [(name, f"{values[0]:.4f}") for name, values in history.history.items()]
    assert [name for name, _ in names] == ["accuracy", "loss", "val_accuracy", "val_loss"]


@pytest.mark.parametrize("verbose", [0, False])
def test_silence(verbose, capsys):
    x, y = make_images(20)
    small_cnn().fit(x, y, verbose=verbose)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "value, text",
    [(0.5, "0.5000"), (0, "0.0000"), (1.5e-5, "1.500e-05"), (123.4, "123.4000"), (float("nan"), "nan"),
     (0.001, "0.0010"), (-0.001, "-0.0010"), (9.99e-4, "9.990e-04"), (-1.5e-5, "-1.500e-05"), (-2, "-2.0000")],
)
def test_figures(value, text):
    assert format_figures({"loss": value}) == [f"loss: {text}"]


# -- in a terminal ----------------------------------------------------------------------------

SETUP = """
import sys
sys.path.insert(0, sys.argv[1])
from small_models import make_images, small_cnn
from numpycnn import LambdaCallback
x, y = make_images(40)
assert sys.stdout.isatty()
"""


def run_in_terminal(code, columns=120, **variables):
    """Run Python code in a pseudo-terminal; return everything that it wrote there."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT),
                   **variables}
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        environment.pop(name, None)
    command = [sys.executable, "-W", "error", "-c", SETUP + code, str(ROOT / "tests/helpers")]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        chunks = []
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # how Linux says that the other side has closed
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(master)
    output = b"".join(chunks).decode()
    assert process.returncode == 0, output
    return output


def without_escapes(output):
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", output)


BAR = r"3/3 ━{20} \d+s \d+\.\dms/step - accuracy: \d\.\d{4} - loss: \d\.\d{4}"


def test_a_terminal_shows_a_bar():
    output = run_in_terminal("small_cnn().fit(x, y, batch_size=12, epochs=2, validation_split=0.1)")
    text = without_escapes(output)
    assert "Epoch 1/2" in text and "Epoch 2/2" in text
    assert len(set(re.findall(BAR + r" - val_accuracy: \d\.\d{4} - val_loss: \d\.\d{4}", text))) == 2
    assert text.index("Epoch 1/2") < text.index("3/3") < text.index("Epoch 2/2")
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")  # the cursor is visible again


@pytest.mark.parametrize("verbose, bar, lines", [(0, False, False), (1, True, True), (2, False, True)])
def test_verbose_in_a_terminal(verbose, bar, lines):
    text = without_escapes(run_in_terminal(f"small_cnn().fit(x, y, batch_size=16, verbose={verbose})"))
    assert ("━" in text, "Epoch 1/1" in text) == (bar, lines)


def test_a_terminal_survives_an_interruption():
    output = run_in_terminal("""
from numpycnn import Callback
class Interrupt(Callback):
    def on_batch_end(self, batch, logs):
        raise KeyboardInterrupt
small_cnn().fit(x, y, batch_size=16, callbacks=[Interrupt()])
print("and on")
""")
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    assert "interrupted" in output and "and on" in output


def test_two_models_train_at_once_in_one_terminal():
    text = run_in_terminal("""
import threading
failures = []
threading.excepthook = failures.append
threads = [threading.Thread(target=small_cnn().fit, args=(x, y, 4), kwargs={"epochs": 5}) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
""")
    assert without_escapes(text).count("Epoch 5/5") == 2


# -- at every width ---------------------------------------------------------------------------

FIGURES = {"accuracy": 0.94321, "loss": 0.19023, "val_accuracy": 0.98124, "val_loss": 0.06123}


def shown(columns, verbose="auto"):
    """Return what stands on the screen of a terminal after an epoch with four figures, without escape codes."""
    code = f"""
from numpycnn.training.progress import Progress
with Progress(0, 10, 469, {verbose!r}) as progress:
    progress.update(469, lambda: {dict(list(FIGURES.items())[:2])})
    progress.finish({FIGURES}, 2.861)
"""
    return without_escapes(run_in_terminal(code, columns).replace("\r", "\n")).splitlines()


@pytest.mark.parametrize(
    "columns, expected",
    [
        (120, ["469/469 ━━━━━━━━━━━━━━━━━━━━ 3s 6.1ms/step - accuracy: 0.9432 - loss: 0.1902"
               " - val_accuracy: 0.9812 - val_loss: 0.0612"]),
        (80, ["469/469 ━━━━━━━━━━━━━━━━━━━━ 3s 6.1ms/step - accuracy: 0.9432 - loss: 0.1902",
              "  val_accuracy: 0.9812 - val_loss: 0.0612"]),
        (60, ["469/469 ━━━━━━━━━━━━━━━━━━━━ 3s 6.1ms/step",
              "  accuracy: 0.9432 - loss: 0.1902 - val_accuracy: 0.9812", "  val_loss: 0.0612"]),
        (40, ["469/469 ━━━━━━━━━━━━━━━━━━ 3s 6.1ms/step", "  accuracy: 0.9432 - loss: 0.1902",
              "  val_accuracy: 0.9812", "  val_loss: 0.0612"]),
        (24, ["469/469 3s 6.1ms/step", "  accuracy: 0.9432", "  loss: 0.1902", "  val_accuracy: 0.9812",
              "  val_loss: 0.0612"]),
    ],
)  # fmt: skip
def test_an_epoch_is_shown_whole_at_every_width(columns, expected):
    lines = shown(columns)
    assert [line.rstrip() for line in lines if line.strip()][-len(expected):] == expected
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120])
def test_a_line_an_epoch_is_not_broken_within_a_word(columns):
    lines = [line for line in shown(columns, verbose=2) if line]
    assert max(map(len, lines)) <= columns and len(lines) == {40: 4, 60: 2, 80: 2, 100: 2, 120: 1}[columns]
    assert [word for line in lines for word in line.split() if word != "-"] == (
        "Epoch 1/10: 469/469 3s 6.1ms/step accuracy: 0.9432 loss: 0.1902 val_accuracy: 0.9812 val_loss: 0.0612".split()
    )


@pytest.mark.parametrize("columns", range(4, 30))
def test_the_bar_is_as_long_as_what_is_done(columns):
    for share, filled in ((0, 0), (0.5, columns // 2), (1, columns)):
        assert draw_bar(share, columns) == "━" * filled + "─" * (columns - filled) + " "
    assert draw_bar(0.5, 3) == draw_bar(0.5, -7) == ""


# -- where no bar can be drawn ----------------------------------------------------------------


def train_slowly(monkeypatch, verbose, seconds, steps=6):
    """Run the output of an epoch of so many steps, each of so many seconds by the clock."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with Progress(0, 1, steps, verbose) as progress:
        for step in range(1, steps + 1):
            now[0] += seconds
            progress.update(step, lambda: {"loss": 1 / step})
        progress.finish({"loss": 0.5, "val_loss": 0.25}, now[0])


@pytest.mark.parametrize(
    "verbose, seconds, steps",
    [("auto", 4, [3, 6]), (1, 4, [3, 6]), (1, 1, [6]), (1, 60, [1, 2, 3, 4, 5, 6]), (2, 60, [6]), (0, 60, [])],
)
def test_a_line_every_ten_seconds_elsewhere(verbose, seconds, steps, monkeypatch, capsys):
    train_slowly(monkeypatch, verbose, seconds)
    lines = capsys.readouterr().out.splitlines()
    assert [int(re.match(r"Epoch 1/1: (\d)/6 ", line)[1]) for line in lines] == steps
    assert all("val_loss" not in line for line in lines[:-1]) and all(" - loss: " in line for line in lines)
    assert not lines or lines[-1].endswith(" - loss: 0.5000 - val_loss: 0.2500")


def test_the_rate_of_an_epoch_that_was_begun_by_another_run(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with Progress(0, 1, 10, 1, done=5) as progress:
        now[0] = 12.0
        progress.update(7, lambda: {"loss": 1.0})  # two steps of six seconds
        progress.finish({"loss": 1.0}, 70.0)  # with those of the first run
    assert [line.split(" - ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Epoch 1/1: 7/10 12s 6000.0ms/step", "Epoch 1/1: 7/10 70s 10000.0ms/step"
    ]  # fmt: skip


def test_a_terminal_that_cannot_move_its_cursor_gets_lines():
    output = run_in_terminal("small_cnn().fit(x, y, batch_size=16)", TERM="dumb")
    assert "\x1b" not in output and re.fullmatch(r"Epoch 1/1: 3/3 .* - loss: \d\.\d{4}", output.strip())


class Cell(io.StringIO):
    """A notebook's standard output."""


class Display:
    """IPython's display: what stands in the cell, and how often it was drawn."""

    def __init__(self):
        self.pictures, self.drawn = [], 0

    def display(self, data, *, raw, display_id):
        assert raw and display_id is True
        self.pictures.append(None)
        handle = SimpleNamespace(place=len(self.pictures) - 1)
        handle.update = lambda data, *, raw: self.draw(handle.place, data, raw)
        handle.update(data, raw=raw)
        return handle

    def draw(self, place, data, raw):
        assert raw  # else IPython would show the dict
        self.drawn += 1
        (self.pictures[place],) = data.values()


@pytest.mark.parametrize("verbose, bars", [("auto", 2), (1, 2), (2, 0), (0, 0)])
def test_a_notebook_s_cell_shows_a_bar(verbose, bars, monkeypatch):
    cell, display = Cell(), Display()
    monkeypatch.setattr(Cell, "__module__", "ipykernel.iostream")
    monkeypatch.setattr(sys, "stdout", cell)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr("numpycnn.training.progress.REFRESH", 0.0)  # a picture a step
    x, y = make_images(40)
    small_cnn().fit(x, y, batch_size=12, epochs=2, verbose=verbose, validation_split=0.1)
    assert len(display.pictures) == bars and display.drawn == bars * (1 + 3 + 1)
    for picture in display.pictures:
        lines = picture.splitlines()
        assert re.fullmatch(BAR, lines[0])
        assert re.fullmatch(r"  val_accuracy: \d\.\d{4} - val_loss: \d\.\d{4}", lines[1])
    assert cell.getvalue().count("Epoch") == {"auto": 2, 1: 2, 2: 2, 0: 0}[verbose]
