"""Your own digits: any picture of one made to look as MNIST's do, and sheets of several read."""

from .prepare import PreparedDigit, prepare_digit
from .sheet import Reading, read_digits

__all__ = ["PreparedDigit", "Reading", "prepare_digit", "read_digits"]
