"""Compare a model with itself in another system: outputs, gradients and training steps, layer by layer."""

from __future__ import annotations

import argparse

from ..exchange.verify import AGAINST, verify
from ..model import Sequential
from ..terminal import show_folded
from .options import add_model, named, positive
from .recipes import DATA_SETS, set_name
from .results import as_input

USAGE = "%(prog)s --against SYSTEM [options] MODEL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--against", choices=AGAINST, required=True,
                        help=f"the other system, which has to be installed: {', '.join(AGAINST)}")
    parser.add_argument("--dataset", type=set_name, choices=DATA_SETS, metavar="NAME",
                        help="whose test images are compared besides random ones (none)")
    parser.add_argument("--images", type=positive, metavar="N", help="how many of them (1000)")
    parser.add_argument("--data-dir", type=named, metavar="FOLDER", help="with the data set's files")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the table; the status is 1 if they differ by more than rounding."""
    if options.dataset is None and (options.images or options.data_dir):
        parser.error("--images, --data-dir: expected with --dataset alone")
    model, images = Sequential.load(options.model), None
    if options.dataset is not None:
        images = as_input(DATA_SETS[options.dataset].load(options.data_dir)[1][0][: options.images or 1000])
    report = verify(model, options.against, images)
    show_folded(str(report))
    return 0 if report.agrees else 1
