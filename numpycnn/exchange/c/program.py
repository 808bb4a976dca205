"""A model as a header and a source file: the functions of its layers, the call of one after the other, its numbers."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...checks import Shape
from ...files import atomic_write, path_text, printable
from ...layers import Layer
from ...losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from ...model import Sequential
from ..channels_first import check_model
from .helpers import HELPERS
from .layers import NOTHING, WRITERS, Code, function, indent
from .literals import array, dimensions, identifier, text

HEADER = """\
/*
 * {file}: a network of numpycnn in C99, {parameters:,} parameters.
 *
 * It takes {constants:,} bytes of constants and {rooms:,} bytes of static arrays, allocates nothing, and needs no
 * library but C's own mathematics (math.h).
 *
 *     float input[{macro}_INPUTS], output[{macro}_OUTPUTS];
 *     {name}_predict(input, output);
 *
 *     cc -std=c99 -O2 main.c {file}.c -lm
 */
#ifndef {macro}_H
#define {macro}_H

#define {macro}_INPUTS {inputs} /* {input_shape}, row by row{inputs_are} */
#define {macro}_OUTPUTS {outputs} /* {outputs_are} */
{class_names}
#ifdef __cplusplus
extern "C" {{
#endif

/* What the network says of one input. Not for two threads at once: they would share the static arrays. */
void {name}_predict(const float input[{macro}_INPUTS], float output[{macro}_OUTPUTS]);

#ifdef __cplusplus
}}
#endif

#endif
"""

SOURCE = """\
/* See {file}.h. Below: the numbers' names, a function for each layer, the prediction; the numbers themselves are last.
   x is what a layer reads, y what it writes; images are [row][column][channel]. */

#include "{file}.h"

#include <math.h>

{declarations}
{rooms}
{functions}
void {name}_predict(const float input[{macro}_INPUTS], float output[{macro}_OUTPUTS])
{{
    for (int i = 0; i < {macro}_INPUTS; i++)
        {first}.numbers[i] = input[i];
{calls}
    for (int i = 0; i < {macro}_OUTPUTS; i++)
        output[i] = {last}.numbers[i];
}}
{class_names}
{constants}"""

ROOMS = "room_a", "room_b"


def export_c(model: Sequential, path: str | os.PathLike) -> None:
    """Write a model as C99: a source file, and beside it the header with what a program calls.

    The C is plain loops on float32 with every size a number, to be read as well as run: no allocation, no library but
    ``math.h``. ``NAME_predict(input, output)`` gives what ``model.predict`` does, within 1e-5.

    Parameters
    ----------
    model : Sequential
        Built. float64 weights are rounded to float32.
    path : str or path
        Name of the source, which ends in ``.c``. What is in C is named after it: ``digits.c`` has ``digits_predict``.

    Raises
    ------
    RuntimeError, ValueError, TypeError, OSError
        The model is not built; a layer or loss that does not exist in C here (the message names it), or a weight that
        is not finite; a name that does not end in ``.c`` or that C could not include; or a failure to write.
    """
    check_model(model, "export_c")
    path = Path(path_text(path))
    if path.suffix != ".c":
        raise ValueError(f"export_c: expected a name that ends in .c, got {printable(path)!r}")
    if printable(path.stem) != path.stem or set(path.stem) & set('"\\*?'):
        raise ValueError(f"export_c: expected a name that C can include and name in a comment, got {path.stem!r}")
    with model.lock:
        header, source = Program(model, path.stem).files()
    with atomic_write(path.with_suffix(".h")) as header_file, atomic_write(path) as source_file:  # both or none
        header_file.write(header.encode())
        source_file.write(source.encode())


class Program:
    """What the two files are made of.

    The arrays between the layers lie in two rooms, which take turns: a layer reads one and writes the other. A room is
    a union, the same numbers seen in several shapes.
    """

    def __init__(self, model: Sequential, file: str) -> None:
        self.model, self.file, self.name = model, file, identifier(file)
        self.shape: Shape = model.input_shape
        self.room = 0  # the one that holds the present numbers
        self.shapes: tuple[list[Shape], ...] = [], []  # in which each room is seen
        self.calls: list[str] = []
        self.functions: dict[str, str] = {}
        self.constants: dict[str, NDArray] = {}
        self._see(self.shape)
        for number, layer in enumerate(model.layers, 1):
            self._add(layer, f"layer_{number}")
        self.outputs_are = self._add_loss()

    def _see(self, shape: Shape) -> str:
        """Return the present numbers in a shape, as an argument in C."""
        if shape not in self.shapes[self.room]:
            self.shapes[self.room].append(shape)
        return f"{ROOMS[self.room]}.{_member(shape)}"

    def _add(self, layer: Layer, name: str) -> None:
        kind = type(layer)
        comment = f"/* {name.replace('_', ' ')}, {kind.__name__}"
        if kind in NOTHING:
            self.calls.append(f"{comment}: {NOTHING[kind]} */")
        elif kind in WRITERS:
            code = WRITERS[kind](layer, name)
            self._declare(code, name, layer)
            self.calls.append(f"{self._call(code, name, layer)}; {comment} */")
        else:
            known = ", ".join(sorted(each.__name__ for each in (*WRITERS, *NOTHING)))
            raise ValueError(f"export_c: {name.replace('_', ' ')}, {layer!r}, does not exist in C here; expected "
                             f"layers of {known}")
        self.shape = layer.output_shape

    def _declare(self, code: Code, name: str, layer: Layer) -> None:
        """Take the function and the constants of a layer."""
        for word, values in code.weights.items():
            with np.errstate(over="ignore"):
                self.constants[f"{name}_{word}"] = values = values.astype(np.float32)
            if not np.isfinite(values).all():
                raise ValueError(f"export_c: expected finite float32 weights, got {word} of {name.replace('_', ' ')}, "
                                 f"{layer!r}, with others")
        if code.body:
            self.functions[name] = function(code, name, layer)
        else:
            self.functions[code.word] = HELPERS[code.word]

    def _call(self, code: Code, name: str, layer: Layer) -> str:
        if not code.body:
            return f"{code.word}({ROOMS[self.room]}.numbers, {code.arguments})"
        if code.rows is not None:
            return f"{name}_{code.word}({self._see(code.rows)})"
        source = self._see(layer.input_shape)
        self.room = 1 - self.room
        return f"{name}_{code.word}({source}, {self._see(layer.output_shape)})"

    def _add_loss(self) -> str:
        """Make of the outputs what ``predict`` shows; return what that is."""
        loss, count = self.model.loss, math.prod(self.shape)
        if type(loss) is SoftmaxCrossEntropy and not loss.predict_logits:
            self._add_helper("softmax", f"1, {count}")
            return "the probability of each class"
        if type(loss) is BinaryCrossEntropy and not loss.predict_logits:
            self._add_helper("sigmoid", f"{count}")
            return "the probability of a yes"
        if loss is not None and type(loss).predict is not Loss.predict and not getattr(loss, "predict_logits", False):
            raise ValueError(f"export_c: the predictions of {loss!r} do not exist in C here; expected "
                             "SoftmaxCrossEntropy, BinaryCrossEntropy or a loss that leaves the outputs as they are")
        return f"{self.shape}"

    def _add_helper(self, word: str, arguments: str) -> None:
        self.functions[word] = HELPERS[word]
        self.calls.append(f"{word}({ROOMS[self.room]}.numbers, {arguments}); /* as in the loss */")

    def files(self) -> tuple[str, str]:
        """Return the texts of the header and the source."""
        names = self._class_names()
        numbers = sum(values.size for values in self.constants.values())
        rooms = [max(map(math.prod, shapes)) for shapes in self.shapes if shapes]
        words = {
            "file": self.file, "name": self.name, "macro": self.name.upper(), "outputs_are": self.outputs_are,
            "inputs": math.prod(self.model.input_shape), "outputs": math.prod(self.model.output_shape),
            "input_shape": self.model.input_shape, "inputs_are": self._inputs_are(),
            "parameters": self.model.count_params(), "constants": 4 * numbers, "first": ROOMS[0],
            "last": ROOMS[self.room], "calls": indent("\n".join(self.calls)),
            "functions": "\n".join(self.functions.values()),
            "declarations": "".join(f"static const float {name}{dimensions(values.shape)};\n"
                                    for name, values in self.constants.items()),
        }  # fmt: skip
        header = HEADER.format(**words, rooms=4 * sum(rooms), class_names=names and f"\nextern {names[0]};\n")
        source = SOURCE.format(**{**words, "constants": self._numbers()}, rooms=self._rooms(),
                               class_names=names and f"\n{names[0]} = {{\n{names[1]}\n}};\n")
        return header, source

    def _rooms(self) -> str:
        """Return the two unions."""
        lines = ["/* The arrays between the layers. They take turns: a layer reads one room and writes the other.",
                 "   All that stands in a union lies in the same place. */"]
        for room, shapes in zip(ROOMS, self.shapes):
            if shapes:
                members = [f"float numbers[{max(map(math.prod, shapes))}];",
                           *(f"float {_member(shape)}{dimensions(shape)};" for shape in shapes)]
                lines += ["static union {", indent("\n".join(members)), f"}} {room};"]
        return "\n".join(lines) + "\n"

    def _numbers(self) -> str:
        return "\n".join(f"static const float {name}{dimensions(values.shape)} =\n{array(values)};\n"
                         for name, values in self.constants.items())

    def _inputs_are(self) -> str:
        given = self.model.input_format
        return "" if given is None else f"; pixels from 0 to 255, times {np.float32(given.scale)!s}"

    def _class_names(self) -> tuple[str, str] | str:
        """Return declaration and texts of the classes' names; "" if they have none."""
        given = self.model.input_format
        if given is None or given.class_names is None:
            return ""
        declaration = f"const char *const {self.name}_class_names[{self.name.upper()}_OUTPUTS]"
        return declaration, indent(",\n".join(map(text, given.class_names)))


def _member(shape: Shape) -> str:
    """Return the name of a room's numbers in a shape: as_28x28x1."""
    return f"as_{'x'.join(map(str, shape or (1,)))}"
