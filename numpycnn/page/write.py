"""Writing the page: template, style, scripts and the model become one HTML file that needs nothing else.

The file is closed to everything from outside: its Content-Security-Policy admits no address at all, and no script or
style but the ones whose checksums it names. What comes from the model goes in as JSON, never as HTML or script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from ..files import atomic_write, path_text
from ..model import Sequential
from .network import describe

# In this order: each uses those before it.
SCRIPTS = "arrays", "picture", "ink", "lines", "prepare", "turned", "network", "pad", "sources", "show", "page"
SUFFIXES = ".html", ".htm"
MARKER = re.compile(r"\{\{(\w+)\}\}")

DIGIT_WORDS = {"title": "Draw a digit", "thing": "digit"}
PICTURE_WORDS = {"title": "Show it a picture", "thing": "picture"}


def write_page(model: Sequential, path: str | os.PathLike) -> Path:
    """Write a page in one HTML file: draw, and see what the network makes of it.

    The browser computes everything; no picture leaves the machine. The names of the classes, and whether a digit is to
    be cut out of a picture, come from ``model.input_format``. Where that is None, a network for 28 x 28 grey pixels and
    ten classes is taken to read MNIST's digits.

    Parameters
    ----------
    model : Sequential
        A classifier of images, compiled with ``SoftmaxCrossEntropy``. Its weights are kept to 1 in 65,000.
    path : str or path
        Of the file, which ends in ``.html``; an earlier one is replaced.

    Returns
    -------
    Path
        The file. To open it in a browser is enough; where the browser wants a server for the camera, `serve_page`.

    Raises
    ------
    TypeError, RuntimeError, ValueError
        `model` is no `Sequential`, is not built, has a layer that the page cannot compute (which the message names), is
        no classifier of images, does not say what its inputs are, or has weights that are not finite; the path ends
        otherwise.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> from numpycnn.architectures import reference_cnn
    >>> model = reference_cnn(seed=0)
    >>> model.compile("adam", "sparse_categorical_crossentropy")  # and fit, or Sequential.load
    >>> write_page(model, "digits.html").name
    'digits.html'
    """
    target = Path(path_text(path))
    if target.suffix.lower() not in SUFFIXES:
        raise ValueError(f"path: expected a name that ends in .html, which browsers open, got {str(target)!r}")
    text = page_text(describe(model))
    with atomic_write(target) as file:
        file.write(text.encode("utf-8"))
    return target


def page_text(description: dict[str, Any]) -> str:
    """Return the page, of what `describe` returned."""
    script = "\n".join(["\n'use strict';", *(part(f"scripts/{name}.js") for name in SCRIPTS)])
    style = part("style.css")
    policy = (
        f"default-src 'none'; script-src '{checksum(script)}'; style-src '{checksum(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    words = DIGIT_WORDS if description["input"]["prepare"] == "digit" else PICTURE_WORDS
    contents = {**words, "policy": policy, "style": style, "script": script, "model": as_json(description)}
    # In one go: what looks like a marker in a name stays text.
    return MARKER.sub(lambda marker: contents[marker[1]], part("template.html"))


def part(name: str) -> str:
    """Return a part of the page as it lies beside this file."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def checksum(text: str) -> str:
    """Return what a Content-Security-Policy calls a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def as_json(value: Any) -> str:
    """Return JSON in ASCII without a "<": nothing in it can end the element that it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
