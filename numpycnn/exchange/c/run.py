"""A model's C, compiled and run: to see that it says what Python says."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...model import Sequential
from ...training.data import check_images
from ..channels_first import check_model
from .program import export_c

MAIN = """\
#include <stdio.h>

#include "model.h"

/* Reads inputs from one file and writes the outputs to another. */
int main(int count, char **names)
{
    static float input[MODEL_INPUTS], output[MODEL_OUTPUTS];
    FILE *inputs = count > 2 ? fopen(names[1], "rb") : NULL, *outputs = count > 2 ? fopen(names[2], "wb") : NULL;
    if (inputs == NULL || outputs == NULL)
        return 1;
    while (fread(input, sizeof input, 1, inputs) == 1) {
        model_predict(input, output);
        if (fwrite(output, sizeof output, 1, outputs) != 1)
            return 1;
    }
    return fclose(inputs) || fclose(outputs);
}
"""


def compiler() -> str:
    """Return the C compiler.

    Raises
    ------
    FileNotFoundError
        There is none: neither one that the variable CC names, nor ``cc``.
    """
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        raise FileNotFoundError("no C compiler: expected one that the variable CC names, or cc; install gcc or clang")
    return found


def predict_in_c(model: Sequential, x: ArrayLike, options: Sequence[str] = ("-O2",)) -> NDArray[np.float32]:
    """Return what the model's program in C says of inputs: written, compiled and run in a temporary folder.

    Parameters
    ----------
    model : Sequential
        As for `export_c`.
    x : array of shape (N, *input_shape)
    options : list of str
        For the compiler, beside ``-std=c99``.

    Returns
    -------
    ndarray of shape (N, *output_shape)

    Raises
    ------
    FileNotFoundError
        There is no compiler: none that the variable CC names, and no ``cc``.
    RuntimeError
        The compiler or the program failed; the message is what it said.
    ValueError, TypeError
        As `export_c`, or `x` does not suit the model.
    """
    command = compiler()
    check_model(model, "predict_in_c")
    images = np.ascontiguousarray(check_images(model, x), np.float32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_c(model, folder / "model.c")
        (folder / "main.c").write_text(MAIN)
        images.tofile(folder / "inputs")
        _run([command, "-std=c99", *options, "main.c", "model.c", "-o", "program", "-lm"], folder)
        _run([str(folder / "program"), "inputs", "outputs"], folder)
        return np.fromfile(folder / "outputs", np.float32).reshape(len(images), *model.output_shape)


def _run(command: Sequence[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{command[0]} failed with status {result.returncode}:\n{result.stderr or result.stdout}")
