"""What PyTorch makes of layers in float64, kept in ``tests/layers/torch_layers.npz`` for machines without PyTorch.

    python tests/helpers/layer_references.py FILE   # asks PyTorch and writes the file
"""

import sys

import numpy as np

from numpycnn import (
    BatchNorm,
    DepthwiseConv2D,
    GlobalMaxPool2D,
    LayerNorm,
    Rescale,
    Reshape,
    SeparableConv2D,
    Softmax,
    ZeroPad2D,
)


def depthwise(F, x, w, b=None, *, strides=1, pad=(0, 0, 0, 0), dilation=1):
    filters = w.permute(2, 3, 0, 1).reshape(-1, 1, *w.shape[:2])  # (kh, kw, C, m) to (C * m, 1, kh, kw)
    return F.conv2d(F.pad(x, pad), filters, b, strides, 0, dilation, groups=w.shape[2])


def separable(F, x, w, p, b=None, **options):
    return F.conv2d(depthwise(F, x, w, **options), p.permute(3, 2, 0, 1), b)


def last_axis(F, x, gamma, beta, channels, epsilon=1e-3):
    moved = x.movedim(1, -1) if x.ndim == 4 else x
    y = F.layer_norm(moved, (channels,), gamma, beta, epsilon)
    return y.movedim(-1, 1) if x.ndim == 4 else y


# Name: layer, shape of one input, the same by PyTorch from images (N, C, H, W) and our parameters.
REFERENCES = {
    "DepthwiseConv2D": (DepthwiseConv2D(3), (6, 5, 4), depthwise),
    "DepthwiseConv2D, strides": (
        DepthwiseConv2D((2, 3), (2, 1), "same", 3), (5, 6, 2),
        lambda F, *a: depthwise(F, *a, strides=(2, 1), pad=(1, 1, 0, 1)),
    ),
    "DepthwiseConv2D, dilation": (
        DepthwiseConv2D(2, padding=(3, 0), use_bias=False, dilation_rate=(1, 2)), (4, 5, 2),
        lambda F, *a: depthwise(F, *a, pad=(0, 0, 3, 3), dilation=(1, 2)),
    ),
    "SeparableConv2D": (
        SeparableConv2D(4, 3, padding="same"), (6, 5, 3), lambda F, *a: separable(F, *a, pad=(1, 1, 1, 1)),
    ),
    "SeparableConv2D, strides": (
        SeparableConv2D(3, (2, 3), 2, depth_multiplier=2, use_bias=False), (5, 6, 2),
        lambda F, *a: separable(F, *a, strides=2),
    ),
    "GlobalMaxPool2D": (GlobalMaxPool2D(), (5, 4, 3), lambda F, x: x.amax((2, 3))),
    "LayerNorm": (LayerNorm(), (4, 3, 5), lambda F, x, g, b: last_axis(F, x, g, b, 5)),
    "LayerNorm, vectors": (LayerNorm(1e-5, center=False), (7,), lambda F, x, g: last_axis(F, x, g, None, 7, 1e-5)),
    "BatchNorm without gamma": (
        BatchNorm(scale=False), (4, 3, 2),
        lambda F, x, beta: F.batch_norm(x, None, None, None, beta, training=True, eps=1e-3),
    ),
    "BatchNorm without beta": (
        BatchNorm(center=False), (5,),
        lambda F, x, gamma: F.batch_norm(x, None, None, gamma, None, training=True, eps=1e-3),
    ),
    "Softmax": (Softmax(), (7,), lambda F, x: F.softmax(x, 1)),
    "Softmax of pixels": (Softmax(), (3, 2, 4), lambda F, x: F.softmax(x, 1)),
    "ZeroPad2D": (ZeroPad2D(((1, 2), (0, 3))), (3, 2, 4), lambda F, x: F.pad(x, (0, 3, 1, 2))),
    "Reshape": (Reshape((-1, 6)), (3, 4, 2), lambda F, x: x.permute(0, 2, 3, 1).reshape(len(x), -1, 6)),
    "Rescale": (Rescale(1 / 127.5, -1), (3, 4, 2), lambda F, x: x / 127.5 - 1),
}  # fmt: skip


def result(layer, shape):
    """Return y, dx and the parameters' gradients by name; and the numbers that they come from: x, dy, parameters."""
    rng = np.random.default_rng(0)
    layer.build(shape, rng, "float64")
    for parameter in layer.parameters:
        parameter.value = rng.standard_normal(parameter.value.shape)
    x = rng.standard_normal((3, *shape))
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    found = {"y": y, "dx": layer.backward(dy)} | {f"d{p.name}": p.grad for p in layer.parameters}
    return {name: array.copy() for name, array in found.items()}, [x, dy, *(p.value for p in layer.parameters)]


def gradients_by_torch(name, numbers):
    """Return the same as ``result``, by PyTorch."""
    import torch

    layer, _, function = REFERENCES[name]
    x, dy, *parameters = numbers
    images = [a if a.ndim < 4 else np.moveaxis(a, -1, 1) for a in (x, dy)]
    x, dy, *parameters = (torch.tensor(np.ascontiguousarray(a)) for a in (*images, *parameters))
    for tensor in (x, *parameters):
        tensor.requires_grad_()
    y = function(torch.nn.functional, x, *parameters)
    y.backward(dy)
    arrays = {"y": y, "dx": x.grad} | {f"d{p.name}": t.grad for p, t in zip(layer.parameters, parameters)}
    arrays = {name: tensor.detach().numpy() for name, tensor in arrays.items()}
    return {n: np.moveaxis(a, 1, -1) if n in ("y", "dx") and a.ndim == 4 else a for n, a in arrays.items()}


if __name__ == "__main__":
    recorded = {}
    for title, (each, of_input, _) in REFERENCES.items():
        by_torch = gradients_by_torch(title, result(each, of_input)[1])
        recorded |= {f"{title}: {array}": value for array, value in by_torch.items()}
    np.savez_compressed(sys.argv[1], **recorded)
