"""A model as an ONNX graph: each layer becomes the operator that computes the same, or a few of them.

Images are (N, C, H, W) in the graph, as nearly everything that runs ONNX expects; vectors are as here. The numbers are
float32 whatever the model's dtype: ONNX Runtime has no convolution of others on a CPU.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ...files import atomic_write
from ...layers import (
    ELU, GELU, AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianNoise, GlobalAvgPool2D,
    GlobalMaxPool2D, LayerNorm, LeakyReLU, MaxPool2D, ReLU, Rescale, Reshape, SeparableConv2D, Sigmoid, SiLU, Softmax,
    SpatialDropout2D, Tanh, ZeroPad2D,
)
from ...losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from ..channels_first import Placed, channels_first, check_model, sides, writer
from .file import INPUT_FORMAT, MAX_FILE_BYTES, PRODUCER, import_onnx

if TYPE_CHECKING:
    from ...model import Sequential

OPSET, IR_VERSION = 17, 8  # old enough for every ONNX Runtime of the last years
TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # (N, C, H, W) to (N, H, W, C), and back


class Graph:
    """Nodes in order, each of which reads what the one before it wrote.

    Attributes
    ----------
    nodes, weights : list
        ONNX's messages.
    value : str
        What the latest node wrote.
    layer : str
        Name of the layer that is written: names of nodes, values and weights begin with it.
    """

    def __init__(self) -> None:
        self.onnx = import_onnx()
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.value, self.layer = "input", ""

    def add(self, kind: str, others: dict[str, NDArray | str] | None = None, **attributes: Any) -> None:
        """Append a node that reads the latest value.

        Parameters
        ----------
        kind : str
            ONNX's name of the operator.
        others : dict
            Its other inputs in order: arrays by a name of their own, or the names of values.
        **attributes
        """
        inputs = [self.value]
        for name, value in (others or {}).items():
            inputs.append(value if isinstance(value, str) else self._keep(name, value))
        self.value = f"{self.layer}.{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [self.value], name=self.value, **attributes))

    def _keep(self, name: str, array: NDArray) -> str:
        """Add an array to the graph; return its name there."""
        dtype = np.int64 if array.dtype.kind in "iu" else np.float32
        name = f"{self.layer}.{name}"
        self.weights.append(self.onnx.numpy_helper.from_array(np.asarray(array, dtype, order="C"), name))
        return name

    def scalar(self, kind: str, name: str, number: float) -> None:
        """Append a node that computes with one number."""
        self.add(kind, {name: np.array(number)})


def save(model: Sequential, path: str) -> None:
    """Write the model; see ``Sequential.save``."""
    content = to_onnx(model).SerializeToString()
    with atomic_write(path) as file:
        file.write(content)


def to_onnx(model: Sequential) -> Any:
    """Return the model as an ``onnx.ModelProto``, from images or vectors to what ``predict`` returns.

    Parameters
    ----------
    model : Sequential
        Built.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        No built model, a layer that ONNX does not have, such as one of your own, or more than 2 GiB of weights.
    ImportError
        Without onnx.
    """
    check_model(model, "to_onnx")
    graph = Graph()
    onnx = graph.onnx
    if 4 * model.count_params() > MAX_FILE_BYTES - 2**20:
        raise ValueError(f"{model.count_params():,} parameters: expected less than 2 GiB of them, all that ONNX holds")
    for position, placed in enumerate(channels_first(model)):
        layer = placed.layer
        graph.layer = f"{position}_{type(layer).__name__}"
        writer(WRITERS, layer, "ONNX")(graph, placed)
    name = _write_end(graph, model)
    values = onnx.helper.make_tensor_value_info
    proto = onnx.helper.make_graph(
        graph.nodes, "numpycnn",
        [values("input", onnx.TensorProto.FLOAT, ["N", *_dimensions(model.input_shape)])],
        [values(name, onnx.TensorProto.FLOAT, ["N", *_dimensions(model.output_shape)])],
        graph.weights, doc_string="Images are (N, C, H, W), float32.",
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", OPSET)
    made = onnx.helper.make_model(proto, opset_imports=[opset], ir_version=IR_VERSION, producer_name=PRODUCER)
    onnx.helper.set_model_props(made, _metadata(model))
    return made


def _metadata(model: Sequential) -> dict[str, str]:
    """Return what the model knows about its inputs and its classes, as JSON."""
    form = model.input_format
    if form is None:
        return {}
    names = {"class_names": json.dumps(form.class_names)} if form.class_names else {}
    return {INPUT_FORMAT: json.dumps(form.get_config()), **names}


def _dimensions(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


def _write_end(graph: Graph, model: Sequential) -> str:
    """Append what ``predict`` does with the last layer's output, and give the result its name."""
    graph.layer, name = "predict", "output"
    if isinstance(model.loss, (SoftmaxCrossEntropy, BinaryCrossEntropy)) and not model.loss.predict_logits:
        name = "probabilities"
        if isinstance(model.loss, SoftmaxCrossEntropy):
            graph.add("Softmax", axis=1)
        else:
            graph.add("Sigmoid")
    if not graph.nodes:
        graph.add("Identity")
    graph.nodes[-1].output[0] = name
    return name


# One function a layer


def _convolution(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    arrays: dict[str, Any] = dict(placed.arrays())
    pointwise: dict[str, Any] = {}
    if isinstance(layer, SeparableConv2D):
        pointwise = {name: arrays.pop(name) for name in list(arrays) if name != "depthwise_weight"}
    groups = layer.groups if isinstance(layer, Conv2D) else layer.input_shape[2]
    graph.add("Conv", arrays, kernel_shape=layer.kernel_size, strides=layer.strides, dilations=layer.dilation_rate,
              group=groups, pads=sides(layer))  # fmt: skip
    if pointwise:
        graph.add("Conv", pointwise, kernel_shape=[1, 1])


def _pooling(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    kind = "MaxPool" if isinstance(layer, MaxPool2D) else "AveragePool"
    graph.add(kind, kernel_shape=layer.pool_size, strides=layer.strides, pads=sides(layer))


def _global_pooling(graph: Graph, placed: Placed) -> None:
    graph.add("GlobalMaxPool" if isinstance(placed.layer, GlobalMaxPool2D) else "GlobalAveragePool")
    graph.add("Flatten")


def _batch_norm(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    arrays = placed.arrays()
    channels = len(arrays["moving_mean"])
    gamma, beta = arrays.get("gamma", np.ones(channels)), arrays.get("beta", np.zeros(channels))
    mean, variance = arrays["moving_mean"], arrays["moving_variance"]
    if len(layer.input_shape) in (1, 3):
        graph.add("BatchNormalization", {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance},
                  epsilon=layer.epsilon, momentum=layer.momentum)  # fmt: skip
        return
    scale = gamma / np.sqrt(np.asarray(variance, np.float64) + layer.epsilon)  # ONNX's channels come second
    graph.add("Mul", {"scale": scale})
    graph.add("Add", {"offset": beta - mean * scale})


def _layer_norm(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    gamma = {"gamma": np.ones(layer.input_shape[-1]), **placed.arrays()}
    _among_channels_last(graph, layer, "LayerNormalization", gamma, axis=-1, epsilon=layer.epsilon)


def _among_channels_last(graph: Graph, layer: Any, kind: str, others: dict, **attributes: Any) -> None:
    """Append a node that wants images with the channels last, and bring them there and back."""
    if len(layer.input_shape) == 3:
        graph.add("Transpose", perm=TO_LAST)
    graph.add(kind, others, **attributes)
    if len(layer.output_shape) == 3:
        graph.add("Transpose", perm=TO_FIRST)


def _flatten(graph: Graph, placed: Placed) -> None:
    if len(placed.layer.input_shape) == 3 and placed.image is None:  # the order matters to what follows
        graph.add("Transpose", perm=TO_LAST)
    graph.add("Flatten")


def _reshape(graph: Graph, placed: Placed) -> None:
    shape = np.array([0, *placed.layer.output_shape])  # 0: the batch as it is
    _among_channels_last(graph, placed.layer, "Reshape", {"shape": shape})


def _zero_padding(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    (top, bottom), (left, right) = layer.sides
    graph.add("Pad", {"pads": np.array([0, 0, top, left, 0, 0, bottom, right])})


def _rescale(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    graph.scalar("Mul", "scale", layer.scale)
    graph.scalar("Add", "offset", layer.offset)


def _gelu(graph: Graph, placed: Placed) -> None:
    layer: Any = placed.layer
    x = graph.value
    if layer.approximate:
        graph.scalar("Pow", "three", 3.0)
        graph.scalar("Mul", "factor", 0.044715)
        graph.add("Add", {"": x})
        graph.scalar("Mul", "root", math.sqrt(2 / math.pi))
        graph.add("Tanh")
    else:
        graph.scalar("Mul", "root", math.sqrt(0.5))
        graph.add("Erf")
    graph.scalar("Add", "one", 1.0)
    graph.add("Mul", {"": x})
    graph.scalar("Mul", "half", 0.5)


def _silu(graph: Graph, placed: Placed) -> None:
    x = graph.value
    graph.add("Sigmoid")
    graph.add("Mul", {"": x})


def _nothing(graph: Graph, placed: Placed) -> None:
    """For what works in training alone, and has no operator."""


WRITERS: dict[type, Callable[[Graph, Any], None]] = {
    Conv2D: _convolution, DepthwiseConv2D: _convolution, SeparableConv2D: _convolution,
    MaxPool2D: _pooling, AvgPool2D: _pooling, GlobalAvgPool2D: _global_pooling, GlobalMaxPool2D: _global_pooling,
    BatchNorm: _batch_norm, LayerNorm: _layer_norm, Flatten: _flatten, Reshape: _reshape, ZeroPad2D: _zero_padding,
    Rescale: _rescale, GELU: _gelu, SiLU: _silu, SpatialDropout2D: _nothing, GaussianNoise: _nothing,
    Dense: lambda graph, placed: graph.add("Gemm", placed.arrays(), transB=1),
    Softmax: lambda graph, placed: graph.add("Softmax", axis=1 if len(placed.layer.input_shape) == 3 else -1),
    ReLU: lambda graph, placed: graph.add("Relu"),
    LeakyReLU: lambda graph, placed: graph.add("LeakyRelu", alpha=placed.layer.negative_slope),
    ELU: lambda graph, placed: graph.add("Elu", alpha=placed.layer.alpha),
    Sigmoid: lambda graph, placed: graph.add("Sigmoid"),
    Tanh: lambda graph, placed: graph.add("Tanh"),
    Dropout: lambda graph, placed: graph.scalar("Dropout", "rate", placed.layer.rate),  # idle outside of training
}  # fmt: skip
