"""A network as a program in C99 that needs no Python: for a microcontroller, or to read in a course on C."""

from .program import export_c
from .run import predict_in_c

__all__ = ["export_c", "predict_in_c"]
