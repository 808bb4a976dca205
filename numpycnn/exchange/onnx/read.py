"""An ONNX file as a model."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ...data import InputFormat
from ...files import open_file
from ...io.native import documented_errors
from ...layers import Softmax
from ...losses import SoftmaxCrossEntropy
from .file import INPUT_FORMAT, import_onnx, read_content
from .operators import READERS
from .walk import Walk

if TYPE_CHECKING:
    from ...model import Sequential


def load(path: str | os.PathLike, model_class: type[Sequential]) -> Sequential:
    """Read a model; see ``Sequential.load``."""
    import_onnx()
    with open_file(path) as stream, documented_errors(path, "an ONNX model that is a chain of layers"):
        walk = Walk(read_content(stream), READERS)
        walk.go()
        return _assemble(walk, model_class)


def _assemble(walk: Walk, model_class: type[Sequential]) -> Sequential:
    """Return the model; a softmax over classes at its end goes into the loss."""
    layers, stored = walk.layers, walk.stored
    ends_in_softmax = len(layers) > 1 and isinstance(layers[-1], Softmax) and len(layers[-1].input_shape) == 1
    if ends_in_softmax:
        del layers[-1], stored[-1]
    model = model_class(layers, dtype=walk.content.dtype)
    model.build(walk.input_shape, stored)
    for layer, left in zip(layers, stored):
        if left:  # the moving statistics; build took the parameters
            layer.set_state(left)
    if ends_in_softmax:
        model.compile(loss=SoftmaxCrossEntropy())
    if INPUT_FORMAT in walk.content.metadata:
        model.input_format = InputFormat.from_config(json.loads(walk.content.metadata[INPUT_FORMAT]))
    return model
