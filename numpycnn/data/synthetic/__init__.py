"""Digits that are drawn here, from strokes: data without a file."""

from .draw import load_synthetic_digits

__all__ = ["load_synthetic_digits"]
