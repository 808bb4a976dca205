"""A model as a ``torch.nn.Sequential``: each layer becomes the module that computes the same, or a few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ...layers import (
    ELU, GELU, AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianNoise, GlobalAvgPool2D,
    GlobalMaxPool2D, LayerNorm, LeakyReLU, MaxPool2D, ReLU, Rescale, Reshape, SeparableConv2D, Sigmoid, SiLU, Softmax,
    SpatialDropout2D, Tanh, ZeroPad2D,
)
from ..channels_first import Placed, channels_first, check_model, sides, writer

if TYPE_CHECKING:
    from ...model import Sequential

TO_LAST, TO_FIRST = "Permute(0, 2, 3, 1)", "Permute(0, 3, 1, 2)"
PERMUTE = '''class Permute(nn.Module):
    def __init__(self, *axes):
        super().__init__()
        self.axes = axes

    def forward(self, x):
        return x.permute(self.axes)
'''
RESCALE = '''class Rescale(nn.Module):
    def __init__(self, scale, offset):
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x):
        return self.scale * x + self.offset
'''


class Module(NamedTuple):
    """One module of a ``nn.Sequential``.

    Attributes
    ----------
    code : str
        The call that makes it.
    placed : Placed
        The layer that it comes from.
    names : dict of str to str
        PyTorch's names of its arrays, and ours; the layer may lack one of a norm's: then it is ones or zeros there.
    """

    code: str
    placed: Placed
    names: dict[str, str] = {}


def modules(model: Sequential) -> list[Module]:
    """Return the modules in order.

    Raises
    ------
    TypeError, ValueError
        A layer that PyTorch has no module for, such as one of your own.
    """
    return [module for placed in channels_first(model) for module in writer(WRITERS, placed.layer, "PyTorch")(placed)]


def sequential_code(model: Sequential) -> str:
    """Return Python code that makes the model in PyTorch, for images (N, C, H, W), up to the last layer's output.

    Parameters
    ----------
    model : Sequential
        Built. The softmax of its loss is left out: PyTorch's ``cross_entropy`` has it in it, too.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        No built model, or a layer that PyTorch has no module for.
    """
    check_model(model, "sequential_code")
    codes = [module.code for module in modules(model)]
    helpers = [text for name, text in (("Permute(", PERMUTE), ("Rescale(", RESCALE)) if any(name in c for c in codes)]
    lines = "".join(f"    {code},  # {number}\n" for number, code in enumerate(codes))
    parts = ["from torch import nn\n", *helpers, f"model = nn.Sequential(\n{lines})\n"]
    return ("\n\n" if helpers else "\n").join(parts)


def _call(name: str, *arguments: Any, **options: Any) -> str:
    """Return the code of a call."""
    texts = [*map(_text, arguments), *(f"{key}={_text(value)}" for key, value in options.items())]
    return f"nn.{name}({', '.join(texts)})"


def _text(value: Any) -> str:
    """Return the code of a value: a pair of equal numbers as one of them."""
    same = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return repr(value[0] if same else value)


# One function a layer


def _convolution(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    channels, bias = layer.input_shape[2], {} if layer.use_bias else {"bias": False}
    before: list[Module] = []
    options: dict[str, Any] = {}
    top, left, bottom, right = sides(layer)
    if (top, left) != (bottom, right):
        before = [Module(_call("ZeroPad2d", (left, right, top, bottom)), placed)]
    elif top or left:
        options["padding"] = (top, left)
    groups = layer.groups if isinstance(layer, Conv2D) else channels
    given: dict[str, Any] = {"stride": layer.strides, "dilation": layer.dilation_rate, "groups": groups}
    options.update({name: value for name, value in given.items() if value not in (1, (1, 1))})
    if isinstance(layer, SeparableConv2D):
        middle = channels * layer.depth_multiplier
        first = _call("Conv2d", channels, middle, layer.kernel_size, **options, bias=False)
        second = _call("Conv2d", middle, layer.filters, 1, **bias)
        pointwise = {p.name.removeprefix("pointwise_"): p.name for p in layer.parameters[1:]}
        return [*before, Module(first, placed, {"weight": "depthwise_weight"}), Module(second, placed, pointwise)]
    code = _call("Conv2d", channels, layer.output_shape[2], layer.kernel_size, **options, **bias)
    return [*before, Module(code, placed, {p.name: p.name for p in layer.parameters})]


def _dense(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    bias = {} if layer.use_bias else {"bias": False}
    code = _call("Linear", layer.input_shape[0], layer.units, **bias)
    return [Module(code, placed, {p.name: p.name for p in layer.parameters})]


def _pooling(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    kind = "MaxPool2d" if isinstance(layer, MaxPool2D) else "AvgPool2d"
    options = {} if layer.strides == layer.pool_size else {"stride": layer.strides}
    top, left, bottom, right = sides(layer)
    uncounted = {"count_include_pad": False} if kind == "AvgPool2d" and (top or left) else {}
    padding = {"padding": (top, left)} if top or left else {}
    if top <= layer.pool_size[0] // 2 and left <= layer.pool_size[1] // 2:
        for ceil_mode in ({}, {"ceil_mode": True}):
            if _count(layer, bool(ceil_mode)) == layer.window.count:
                code = _call(kind, layer.pool_size, **options, **padding, **ceil_mode, **uncounted)
                return [Module(code, placed)]
    if kind == "AvgPool2d":
        raise ValueError(f"{layer!r}: expected as many zeros on opposite sides as PyTorch's pooling has, got "
                         f"{(top, bottom)} and {(left, right)}")  # fmt: skip
    lowest = f'nn.ConstantPad2d({(left, right, top, bottom)}, -float("inf"))'  # never wins
    return [Module(lowest, placed), Module(_call(kind, layer.pool_size, **options), placed)]


def _count(layer: Any, ceil_mode: bool) -> tuple[int, ...]:
    """Return how many windows PyTorch lays with as many zeros after the image as before it."""
    counts = []
    for size, before, k, stride in zip(layer.input_shape, layer.window.before, layer.pool_size, layer.strides):
        rest = size + 2 * before - k
        count = (-(-rest // stride) if ceil_mode else rest // stride) + 1
        counts.append(count - (ceil_mode and (count - 1) * stride >= size + before))  # not from the zeros after it
    return tuple(counts)


def _global_pooling(placed: Placed) -> list[Module]:
    kind = "Max" if isinstance(placed.layer, GlobalMaxPool2D) else "Avg"
    return [Module(f"nn.Adaptive{kind}Pool2d(1)", placed), Module("nn.Flatten()", placed)]


def _batch_norm(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    rank = len(layer.input_shape)
    if rank not in (1, 3):
        raise ValueError(f"{layer!r}: expected vectors or images, PyTorch normalises no inputs of rank {rank} so")
    names = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    affine = {} if layer.scale or layer.center else {"affine": False}
    momentum = float(f"{1 - layer.momentum:.12g}")  # of the batch, not of the past
    code = _call(f"BatchNorm{rank - 1 or 1}d", layer.input_shape[-1], eps=layer.epsilon, momentum=momentum, **affine)
    return [Module(code, placed, names if affine else {"weight": "gamma", "bias": "beta", **names})]


def _layer_norm(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    affine = {} if layer.scale or layer.center else {"elementwise_affine": False}
    code = _call("LayerNorm", layer.input_shape[-1], eps=layer.epsilon, **affine)
    return _among_channels_last(placed, Module(code, placed, {} if affine else {"weight": "gamma", "bias": "beta"}))


def _among_channels_last(placed: Placed, *inner: Module) -> list[Module]:
    """Bring images to the layout with the channels last, and back."""
    before = [Module(TO_LAST, placed)] if len(placed.layer.input_shape) == 3 else []
    after = [Module(TO_FIRST, placed)] if len(placed.layer.output_shape) == 3 else []
    return [*before, *inner, *after]


def _flatten(placed: Placed) -> list[Module]:
    flatten = Module("nn.Flatten()", placed)
    moved = len(placed.layer.input_shape) == 3 and placed.image is None  # the order matters to what follows
    return [Module(TO_LAST, placed), flatten] if moved else [flatten]


def _reshape(placed: Placed) -> list[Module]:
    layer = placed.layer
    unflatten = Module(f"nn.Unflatten(1, {layer.output_shape})", placed)
    return _among_channels_last(placed, Module("nn.Flatten()", placed), unflatten)


def _zero_padding(placed: Placed) -> list[Module]:
    layer: Any = placed.layer
    (top, bottom), (left, right) = layer.sides
    return [Module(_call("ZeroPad2d", (left, right, top, bottom)), placed)]


def _simple(make: Callable[[Any], str]) -> Callable[[Placed], list[Module]]:
    """Return the function for a layer that is one module without arrays."""
    return lambda placed: [Module(make(placed.layer), placed)]


WRITERS: dict[type, Callable[[Placed], list[Module]]] = {
    Conv2D: _convolution, DepthwiseConv2D: _convolution, SeparableConv2D: _convolution, Dense: _dense,
    MaxPool2D: _pooling, AvgPool2D: _pooling, GlobalAvgPool2D: _global_pooling, GlobalMaxPool2D: _global_pooling,
    BatchNorm: _batch_norm, LayerNorm: _layer_norm, Flatten: _flatten, Reshape: _reshape, ZeroPad2D: _zero_padding,
    Softmax: _simple(lambda layer: f"nn.Softmax(dim={1 if len(layer.input_shape) == 3 else -1})"),
    Rescale: _simple(lambda layer: f"Rescale({layer.scale!r}, {layer.offset!r})"),
    ReLU: _simple(lambda layer: "nn.ReLU()"),
    LeakyReLU: _simple(lambda layer: _call("LeakyReLU", layer.negative_slope)),
    ELU: _simple(lambda layer: _call("ELU", layer.alpha)),
    Sigmoid: _simple(lambda layer: "nn.Sigmoid()"),
    Tanh: _simple(lambda layer: "nn.Tanh()"),
    SiLU: _simple(lambda layer: "nn.SiLU()"),
    GELU: _simple(lambda layer: 'nn.GELU(approximate="tanh")' if layer.approximate else "nn.GELU()"),
    Dropout: _simple(lambda layer: _call("Dropout", layer.rate)),
    SpatialDropout2D: _simple(lambda layer: _call("Dropout2d", layer.rate)),
    GaussianNoise: _simple(lambda layer: "nn.Identity()"),  # works in training alone
}  # fmt: skip
