"""The command ``numpycnn``, a file a subcommand; ``main.py`` says which there are."""

from .main import main

__all__ = ["main"]
