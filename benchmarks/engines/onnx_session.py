"""ONNX Runtime: inference of the network as ``Sequential.save`` writes it."""

from __future__ import annotations

from typing import Callable

import numpy as np
import onnxruntime

from networks import Network
from numpycnn.exchange.onnx import to_onnx
from . import ours


def predictor(
    network: Network, threads: int
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    model = to_onnx(ours.build(network, threads, True, network.varied_weights())).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return (
        lambda images: np.ascontiguousarray(images.transpose(0, 3, 1, 2)),
        lambda images: session.run(None, {"input": images})[0],
    )
