"""A model in ONNX Runtime."""

from __future__ import annotations

from numpy.typing import NDArray

from ...model import Sequential
from ..channels_first import channels_first, images_first
from ..onnx import to_onnx
from ..onnx.file import import_onnx


def version() -> str:
    import onnxruntime

    return f"ONNX Runtime {onnxruntime.__version__}"


def outputs(model: Sequential, x: NDArray) -> list[NDArray]:
    """Return what each layer makes of x, as it is here."""
    import onnxruntime

    onnx = import_onnx()
    proto = to_onnx(model)
    names, value = [], "input"
    for position, _ in enumerate(model.layers):
        made = [node.output[0] for node in proto.graph.node if node.name.startswith(f"{position}_")]
        value = made[-1] if made else value  # noise has no operator
        names.append(value)
    known = {proto.graph.output[0].name, "input"}
    for name in dict.fromkeys(name for name in names if name not in known):
        proto.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = images_first(x)
    wanted = [name for name in dict.fromkeys(names) if name != "input"]
    found = {"input": fed, **dict(zip(wanted, session.run(wanted, {"input": fed})))}
    return [placed.from_images_first(found[name]) for placed, name in zip(channels_first(model), names)]
