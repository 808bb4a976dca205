"""Write a model for another system: a program in C, an ONNX graph, or weights and code for PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable

from ..exchange.c import export_c
from ..exchange.torch import save_state_dict, sequential_code
from ..files import atomic_write, printable
from ..model import Sequential
from ..terminal import show
from .options import add_model, named

USAGE = "%(prog)s --to SYSTEM [options] MODEL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--to", choices=WRITERS, required=True, help=f"the other system: {', '.join(WRITERS)}")
    parser.add_argument("--output", type=named, metavar="FILE",
                        help="where to; its ending is the format's (MODEL's name, beside it)")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Write the files and name them."""
    model = Sequential.load(options.model)
    for path in WRITERS[options.to](model, options.output or options.model):
        show(f"{printable(path)}: {path.stat().st_size:,} bytes")


def _to_c(model: Sequential, path: Path) -> list[Path]:
    """Write the header and the source."""
    export_c(model, path.with_suffix(".c"))
    return [path.with_suffix(".h"), path.with_suffix(".c")]


def _to_onnx(model: Sequential, path: Path) -> list[Path]:
    model.save(path.with_suffix(".onnx"))
    return [path.with_suffix(".onnx")]


def _to_torch(model: Sequential, path: Path) -> list[Path]:
    """Write weights, and code that makes the model and loads them."""
    weights, code = path.with_suffix(".safetensors"), path.with_suffix(".py")
    text = (f"{sequential_code(model)}\n# Images are (N, C, H, W).\n# from safetensors.torch import load_file\n"
            f"# model.load_state_dict(load_file({weights.name!r}))\n")  # fmt: skip
    with atomic_write(code) as file:  # both or none
        file.write(text.encode())
        save_state_dict(model, weights)
    return [weights, code]


WRITERS: dict[str, Callable[[Sequential, Path], list[Path]]] = {"c": _to_c, "onnx": _to_onnx, "torch": _to_torch}
