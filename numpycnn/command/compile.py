"""Compile all kernels now, for an image of a machine or before a measurement."""

from ..kernels.__main__ import add_arguments, run

__all__ = ["add_arguments", "run"]
