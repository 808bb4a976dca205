"""Check every gradient of the package, in float64; or show how the check finds a planted bug."""

from ..gradcheck.__main__ import add_arguments, run

__all__ = ["add_arguments", "run"]
