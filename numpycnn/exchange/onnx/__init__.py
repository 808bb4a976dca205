"""ONNX, the common graph format: a model becomes a graph, and a graph that is a chain becomes a model."""

from .read import load
from .write import save, to_onnx

__all__ = ["load", "save", "to_onnx"]
