"""Write a page in one HTML file: draw, and look into the network that reads it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..files import open_file, printable
from ..model import Sequential
from ..page import serve_page, write_page
from ..terminal import show
from .options import MODEL, add_model, check_own, in_a_shell, named

OURS = b'<script type="application/json" id="model">'  # what stands in the first bytes of every page, after its style
START = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser, usual=str(MODEL), nargs="?")
    parser.add_argument("-o", "--output", type=named, default=Path("digits.html"), metavar="FILE.html",
                        help="the page (digits.html)")
    parser.add_argument("--open", action="store_true", help="serve it on this machine and open the browser")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Write the page, and serve it if asked to."""
    if options.output.is_file():
        with open_file(options.output) as file:
            check_own(options.output, file.read(START), OURS)
    path = write_page(Sequential.load(options.model), options.output)
    show(f"Wrote {printable(path)}, {path.stat().st_size / 1e6:.1f} MB: no picture leaves the machine")
    if options.open:
        serve_page(path)
    else:
        again = f"numpycnn page {in_a_shell(options.model)} -o {in_a_shell(path)} --open"
        show(f"Next:  open it in a browser; for the camera: {again}")
