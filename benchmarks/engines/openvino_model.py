"""OpenVINO: inference of the network as ``Sequential.save`` writes it for ONNX, in float32."""

from __future__ import annotations

from typing import Callable

import numpy as np
import openvino

from networks import Network
from numpycnn.exchange.onnx import to_onnx
from . import ours


def predictor(
    network: Network, threads: int
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    core = openvino.Core()
    written = to_onnx(ours.build(network, threads, True, network.varied_weights())).SerializeToString()
    options = {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",  # some CPUs would compute in bfloat16
    }
    requests: dict[int, openvino.InferRequest] = {}  # by the number of images: fixed shapes are faster

    def predict(images: np.ndarray) -> np.ndarray:
        if len(images) not in requests:
            model = core.read_model(written)
            model.reshape(images.shape)
            requests[len(images)] = core.compile_model(model, "CPU", options).create_infer_request()
        return requests[len(images)].infer([images], share_inputs=True)[0]

    return lambda images: np.ascontiguousarray(images.transpose(0, 3, 1, 2)), predict
