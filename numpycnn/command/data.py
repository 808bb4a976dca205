"""List the data sets and where they are on this machine; fetch them; check every byte."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Callable

from ..data import load_cifar10, load_emnist, load_fashion_mnist, load_kmnist, load_mnist
from ..data.kmnist import KMNIST
from ..data.mnist import FASHION_MNIST, MNIST, folder_of
from ..data.places import cache_folder, own_folder
from ..files import printable
from ..terminal import show
from .options import said

USAGE = "%(prog)s [list | fetch | check] [SET...]"
SETS: dict[str, Callable] = {
    "mnist": load_mnist, "fashion-mnist": load_fashion_mnist, "cifar-10": load_cifar10, "kmnist": load_kmnist,
    "emnist": functools.partial(load_emnist, "balanced"),
}  # fmt: skip

IDX_SETS = {data_set.folder: data_set for data_set in (MNIST, FASHION_MNIST, KMNIST)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "check"), default="list",
                        help="list: where they are (the default); fetch: load them, downloaded if they are nowhere; "
                        "check: compare all files that are here with their checksums")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)} (all)")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print a line for each set; return 1 if one could not be fetched or is damaged."""
    known = {name.replace("-", ""): name for name in SETS}  # numpycnn train writes cifar10 and fashion_mnist
    options.sets = [known.get(name.replace("-", "").replace("_", ""), name) for name in options.sets]
    wrong = [name for name in options.sets if name not in SETS]
    if wrong:
        parser.error(f"SET: expected {', '.join(SETS)}, got {wrong[0]}")
    failed = 0
    for name in options.sets or SETS:
        try:
            text = act(options.action, name, needed=bool(options.sets))
        except (OSError, ValueError) as error:
            text, failed = said(error), failed + 1
        show(f"{name:14} {text}")
    return min(failed, 1)


def act(action: str, name: str, needed: bool) -> str:
    """List, fetch or check a set, and say what came of it; one that is absent is an error where it is `needed`."""
    if action == "fetch":
        SETS[name]()
    place = where(name)
    if place is None:
        text = f"not on this machine; numpycnn data fetch {name} downloads it"
        if needed and action == "check":
            raise FileNotFoundError(text)
        return text
    if action == "check":
        SETS[name](place)
        return f"good, every byte; {printable(place)}"
    return printable(place)


def where(name: str) -> Path | None:
    """Return the folder that the set is loaded from; None if it would be downloaded."""
    found = folder_of(IDX_SETS[name]) if name in IDX_SETS else own_folder(name, None)
    place = cache_folder(name) if found is None else found
    return place if place.is_dir() and any(place.iterdir()) else None
