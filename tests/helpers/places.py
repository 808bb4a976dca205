"""Where things are, for tests that start Python processes of their own."""

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent


def python_path(package=ROOT):
    """Return a PYTHONPATH with the folder that holds the package, and what tests share."""
    return os.pathsep.join(map(str, (package, TESTS / "helpers")))
