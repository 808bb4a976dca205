"""Your own digit: any picture of one, made to look as MNIST's do."""

from .prepare import PreparedDigit, prepare_digit

__all__ = ["PreparedDigit", "prepare_digit"]
