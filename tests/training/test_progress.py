"""What fit prints: into a file, into a terminal, or nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import make_images, small_cnn

from numpycnn.training.progress import format_figures

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
    [(0.5, "0.5000"), (0, "0.0000"), (1.5e-5, "1.500e-05"), (123.4, "123.4000"), (float("nan"), "nan")],
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


def run_in_terminal(code):
    """Run Python code in a pseudo-terminal; return everything that it wrote there."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
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
