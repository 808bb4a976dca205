"""ONNX Runtime: inference of the network written as an ONNX graph."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from networks import Activation, Conv, Dense, Flatten, Network, Pool, channels_first

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh"}
POOLS = {"max": "MaxPool", "average": "AveragePool"}
OPSET, IR_VERSION = 17, 8  # old enough for every ONNX Runtime of the last years


def export(network: Network) -> onnx.ModelProto:
    """Return the network with its initial weights as an ONNX model from images (N, C, H, W) to probabilities."""
    height, width, channels = network.input_shape
    arrays = iter(channels_first(network, network.initial_weights()))
    nodes, weights, value = [], [], "images"
    for position, layer in enumerate((*network.layers, "softmax")):
        inputs, value = [value], f"value_{position}"
        for name in ("weight", "bias") if isinstance(layer, (Conv, Dense)) else ():
            inputs.append(f"{name}_{position}")
            weights.append(numpy_helper.from_array(next(arrays), inputs[-1]))
        kind, attributes = _operator(layer)
        nodes.append(helper.make_node(kind, inputs, [value], **attributes))
    graph = helper.make_graph(
        nodes, network.title,
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N", channels, height, width])],
        [helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, ["N", network.layers[-1].units])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def _operator(layer: Any) -> tuple[str, dict[str, Any]]:
    """Return the ONNX operator and its attributes."""
    match layer:
        case Conv(_, size, padding):
            return "Conv", {"kernel_shape": [size, size], "pads": [size // 2 if padding == "same" else 0] * 4}
        case Pool(kind, size):
            return POOLS[kind], {"kernel_shape": [size, size], "strides": [size, size]}
        case Activation(name):
            return ACTIVATIONS[name], {}
        case Flatten():
            return "Flatten", {}
        case Dense():
            return "Gemm", {"transB": 1}
    return "Softmax", {"axis": 1}


def predictor(
    network: Network, threads: int
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        export(network).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return (
        lambda images: np.ascontiguousarray(images.transpose(0, 3, 1, 2)),
        lambda images: session.run(None, {"images": images})[0],
    )
