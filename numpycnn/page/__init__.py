"""A page in one file: draw a digit or show one to the camera, and look into the network that reads it."""

from .serve import serve_page
from .write import write_page

__all__ = ["serve_page", "write_page"]
