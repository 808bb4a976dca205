"""The workflows and the quickstart run under the real Keras, with their import lines changed."""

import os
import re
import subprocess
import sys

import places
import pytest

# tests/keras would do for "keras"
pytest.importorskip("keras.layers", reason="Keras is not installed: pip install -e '.[bench]'")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install -e '.[bench]'")
PROGRAMS = sorted((places.TESTS / "keras/workflows").glob("*.py")) + [places.ROOT / "examples/keras_quickstart.py"]

# Keras's loader gives a few digits of ours: nothing is downloaded.
FEW_DIGITS = """
import numpycnn
from tensorflow import keras
few = numpycnn.load_synthetic_digits(300), numpycnn.load_synthetic_digits(100, seed=1)
keras.datasets.mnist.load_data = lambda: few
"""


def for_keras(program):
    """Return the program with its import lines changed, and nothing else."""
    lines = program.read_text(encoding="utf-8").splitlines()
    return "\n".join(
        re.sub(r"^from numpycnn import", "from tensorflow import", line).replace("numpycnn.keras", "tensorflow.keras")
        if re.match(r"(from|import) numpycnn", line) else line for line in lines
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_it_runs_under_keras(program, tmp_path):
    arguments = ["300", "1"] * (program.parent.name == "workflows")
    code = FEW_DIGITS + f"import sys; sys.argv = {['program', *arguments]}\n{for_keras(program)}"
    assert "numpycnn.keras" not in for_keras(program)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": places.python_path(), "KERAS_BACKEND": "tensorflow", "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
