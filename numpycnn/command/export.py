"""Write a model for another system: a program in C, an ONNX graph, or weights and code for PyTorch."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Callable, NamedTuple

from ..exchange.c import export_c
from ..exchange.torch import save_state_dict, sequential_code
from ..files import KERAS_SUFFIXES, atomic_write, open_file, printable
from ..model import Sequential
from ..terminal import show
from .options import add_model, check_own, named

USAGE = "%(prog)s --to SYSTEM [options] MODEL"
MODEL_SUFFIXES = ".npz", ".onnx", *KERAS_SUFFIXES
TORCH_CODE = "# A network of numpycnn's in PyTorch, for images (N, C, H, W)."
OURS = {  # what stands in the first two lines of source that was written here
    ".py": TORCH_CODE, ".h": ": a network of numpycnn in C99, ", ".c": ".h. Below: the numbers' names, a function for",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--to", choices=SYSTEMS, required=True, help=f"the other system: {', '.join(SYSTEMS)}")
    parser.add_argument("--output", type=no_folder, metavar="FILE",
                        help="where to; its ending is the format's (MODEL's name, beside it)")


def no_folder(text: str) -> Path:
    """Read the name of a file."""
    path = named(text)
    if text.endswith(("/", os.sep)) or path.is_dir():
        raise argparse.ArgumentTypeError(f"expected the name of a file, got the folder {text}")
    return path


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Write the files and name them."""
    system = SYSTEMS[options.to]
    base = without(system.suffixes, options.output) if options.output else without(MODEL_SUFFIXES, options.model)
    paths = [base.with_name(base.name + suffix) for suffix in system.suffixes]
    for path in paths:
        check_replaceable(path, options.model)
    system.write(Sequential.load(options.model), *paths)
    for path in paths:
        show(f"{printable(path)}: {path.stat().st_size:,} bytes")


def without(suffixes: tuple[str, ...], path: Path) -> Path:
    """Return the path without its ending, if it is one of these: what follows the dot of ``net_v1.2`` is none."""
    return path.with_suffix("") if path.suffix.lower() in suffixes else path


def check_replaceable(path: Path, model: Path) -> None:
    """Raise FileExistsError if there is a file that would be lost: the model, or source that somebody else wrote."""
    if not path.is_file():
        return
    if path.samefile(model):
        raise FileExistsError(f"{printable(path)} is the model itself; name another file with --output")
    mark = OURS.get(path.suffix)
    if mark is None:
        return
    with open_file(path) as file:
        check_own(path, file.readline(1000) + file.readline(1000), mark.encode())


def _to_torch(model: Sequential, weights: Path, code: Path) -> None:
    """Write weights, and code that makes the model and loads them."""
    text = (f"{TORCH_CODE}\n\n{sequential_code(model)}\n# from safetensors.torch import load_file\n"
            f"# model.load_state_dict(load_file({weights.name!r}))\n")  # fmt: skip
    with atomic_write(code) as file:  # both or none
        file.write(text.encode())
        save_state_dict(model, weights)


class System(NamedTuple):
    """The endings of what is written, and what writes it: (model, *paths) -> None."""

    suffixes: tuple[str, ...]
    write: Callable[..., None]


SYSTEMS = {
    "c": System((".h", ".c"), lambda model, header, source: export_c(model, source)),  # it writes the header, too
    "onnx": System((".onnx",), Sequential.save),
    "torch": System((".safetensors", ".py"), _to_torch),
}
