"""An ONNX file, which anybody may have made, as nodes and arrays.

It is one protobuf message. Its arrays take the memory that they take in the file; all the rest takes up to a hundred
times its bytes once it is parsed, so it is measured before. Arrays in other files are not read.
"""

from __future__ import annotations

import os
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...files import import_library
from ...io.native import ModelFileError

MAX_FILE_BYTES = 2**31 - 1  # protobuf's limit
MAX_STRUCTURE_BYTES = 2**23  # in memory, of everything but arrays; a layer takes some thousand
FIELD_BYTES = 64  # what a field takes in memory, about, besides its bytes in the file
OPSETS = range(7, 27)  # versions of the operators whose meaning `operators.py` knows
DOMAINS = ("", "ai.onnx")
PRODUCER = "numpycnn"  # of the files that `write.py` makes
INPUT_FORMAT = "numpycnn.input_format"  # in the metadata: what `InputFormat.get_config` returns, as JSON

# Where arrays are: numbers of protobuf's fields that lead from a ModelProto to a TensorProto.
INSIDE = {
    "model": {7: "graph"}, "graph": {1: "node", 5: "tensor"}, "node": {5: "attribute"}, "attribute": {5: "tensor"},
    "tensor": {},
}  # fmt: skip
NUMBERS = (4, 5, 7, 9, 10)  # of a TensorProto's fields: float_data, int32_data, int64_data, raw_data, double_data


class Node(NamedTuple):
    """One operator; names of values, and its attributes as Python has them."""

    kind: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class Content(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    nodes : list of Node
        In the order in which they run.
    constants : dict of str to ndarray
        By the name of the value.
    input, output : str
        Names of the values.
    dimensions : list of int
        Of the input, with the batch axis, which is -1 if its length is free.
    dtype : str
    opset : int
    producer : str
        Name of the program that wrote it.
    metadata : dict of str to str
    """

    nodes: list[Node]
    constants: dict[str, NDArray]
    input: str
    output: str
    dimensions: list[int]
    dtype: str
    opset: int
    producer: str
    metadata: dict[str, str]


def import_onnx() -> Any:
    """Return the module onnx, with what is needed of it; raise ImportError if it is not installed."""
    return import_library("onnx", "ONNX files", "onnx", "helper", "numpy_helper")


def read_content(stream: IO[bytes]) -> Content:
    """Return what the file holds, checked as far as it can be without knowing the operators.

    Raises
    ------
    ModelFileError
        It is no ONNX file, or no model with one input and one output that lies in it as a whole. protobuf's own errors
        pass through.
    """
    onnx = import_onnx()
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise ModelFileError(f"expected at most {MAX_FILE_BYTES:,} bytes, got {size:,}")
    stream.seek(0)
    content = stream.read()
    if structure_bytes(memoryview(content), "model") > MAX_STRUCTURE_BYTES:
        raise ModelFileError(f"expected less than {MAX_STRUCTURE_BYTES:,} bytes besides arrays, got more")
    model = onnx.load_model_from_string(content)
    graph = model.graph
    opset = max((entry.version for entry in model.opset_import if entry.domain in DOMAINS), default=0)
    if opset not in OPSETS:
        raise ModelFileError(f"expected operators of version {OPSETS[0]} to {OPSETS[-1]}, got {opset}; export anew")
    if graph.sparse_initializer or graph.quantization_annotation or model.functions:
        raise ModelFileError("expected plain arrays and operators, got sparse or quantized ones, or functions")
    constants = {tensor.name: read_array(onnx, tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ModelFileError(f"expected one input and one output, got {len(inputs)} and {len(graph.output)}")
    dimensions, dtype = _read_type(onnx, inputs[0])
    return Content(
        [_read_node(onnx, node) for node in graph.node], constants, inputs[0].name, graph.output[0].name, dimensions,
        dtype, opset, model.producer_name, {entry.key: entry.value for entry in model.metadata_props},
    )  # fmt: skip


def structure_bytes(content: memoryview, kind: str, found: int = 0) -> int:
    """Return about how many bytes a message takes besides its arrays, added to `found`; at the limit it stops counting.

    Raises
    ------
    ModelFileError
        It is no protobuf message.
    """
    position = 0
    while position < len(content) and found <= MAX_STRUCTURE_BYTES:
        start = position
        key, position = _varint(content, position)
        field, wire = key >> 3, key & 7
        inner: memoryview | None = None
        if wire == 0:
            _, position = _varint(content, position)
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        elif wire == 2:
            length, position = _varint(content, position)
            inner = content[position : position + length]
            position += length
        if wire not in (0, 1, 2, 5) or position > len(content):
            raise ModelFileError("expected an ONNX model, got a file that is truncated or of another kind")
        found += position - start + FIELD_BYTES
        if inner and field in INSIDE[kind]:
            found = structure_bytes(inner, INSIDE[kind][field], found - len(inner))
        elif inner and kind == "tensor" and field in NUMBERS:
            found -= len(inner)
    return found


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    """Return the number that begins here, seven bits a byte, and the position after it."""
    number = 0
    for i, byte in enumerate(content[position : position + 10]):
        number |= (byte & 127) << 7 * i
        if byte < 128:
            return number, position + i + 1
    raise ModelFileError("expected an ONNX model, got a file that is truncated or of another kind")


def read_array(onnx: Any, tensor: Any) -> NDArray:
    """Return the array of a TensorProto; its shape must promise exactly the numbers that are there."""
    types = onnx.TensorProto
    if tensor.data_location == types.EXTERNAL or tensor.external_data:
        raise ModelFileError(f"{tensor.name!r}: expected its numbers in the file, got a reference to another file")
    if tensor.data_type not in (types.FLOAT, types.DOUBLE, types.FLOAT16, types.INT64, types.INT32, types.BOOL):
        raise ModelFileError(f"{tensor.name!r}: expected floats or integers, got ONNX's data type {tensor.data_type}")
    if any(n < 0 for n in tensor.dims):
        raise ModelFileError(f"{tensor.name!r}: expected a shape, got {list(tensor.dims)[:8]}")
    array = onnx.numpy_helper.to_array(tensor)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _read_type(onnx: Any, value: Any) -> tuple[list[int], str]:
    """Return dimensions and dtype of the input; only the first dimension may be free."""
    tensor = value.type.tensor_type
    dtypes = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"}
    if tensor.elem_type not in dtypes:
        raise ModelFileError(f"input {value.name!r}: expected float or double, got data type {tensor.elem_type}")
    dimensions = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    if not 2 <= len(dimensions) <= 8 or any(n < 1 for n in dimensions[1:]):
        names = [d.dim_value or d.dim_param or "?" for d in tensor.shape.dim]
        raise ModelFileError(f"input {value.name!r}: expected a batch axis and fixed dimensions after it, got "
                             f"{names[:8]}; export with a fixed size of the images")
    return dimensions, dtypes[tensor.elem_type]


def _read_node(onnx: Any, node: Any) -> Node:
    if node.domain not in DOMAINS:
        raise ModelFileError(f"{node.name!r}: expected ONNX's own operators, got {node.op_type} of {node.domain!r}")
    attributes = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        attributes[attribute.name] = read_array(onnx, value) if isinstance(value, onnx.TensorProto) else value
    return Node(node.op_type, node.name, list(node.input), list(node.output), attributes)
