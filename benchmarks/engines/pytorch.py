"""PyTorch: eager or compiled, in either memory layout, with its fused Adam."""

from __future__ import annotations

import os
import shutil
from typing import Any, Callable

import numpy as np
import torch
from torch import nn

from . import Unavailable, timed
from networks import (
    EPSILON, MOMENTUM, Activation, Conv, Dense, Dropout, Flatten, GlobalAverage, Network, Normalisation, Pool,
    channels_first,
)

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def build(network: Network, threads: int, channels_last: bool, weights: list[np.ndarray]) -> nn.Sequential:
    """Return the model with these weights."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = nn.Sequential(*(_module(layer, before) for layer, before, _ in network.steps()))
    numbers = [array for name, array in model.state_dict().items() if not name.endswith("num_batches_tracked")]
    for array, weight in zip(numbers, channels_first(network, weights), strict=True):
        array.copy_(torch.from_numpy(weight))
    return model.to(memory_format=torch.channels_last) if channels_last else model


def _module(layer: Any, before: tuple[int, ...]) -> nn.Module:
    match layer:
        case Conv(filters, size, padding, strides):
            return nn.Conv2d(before[-1], filters, size, strides, size // 2 if padding == "same" else 0)
        case Pool(kind, size):
            return POOLS[kind](size)
        case GlobalAverage():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case Normalisation():
            return (nn.BatchNorm2d if len(before) == 3 else nn.BatchNorm1d)(before[-1], EPSILON, 1 - MOMENTUM)
        case Dropout(rate):
            return nn.Dropout(rate)
        case Activation(name):
            return ACTIVATIONS[name]()
        case Flatten():
            return nn.Flatten()
        case Dense(units):
            return nn.Linear(before[0], units)
    raise ValueError(f"no module for {layer}")


def convert(network: Network, images: np.ndarray, channels_last: bool) -> torch.Tensor:
    """Return images (N, H, W, C) as a tensor (N, C, H, W) that lies in memory as asked, mirrored where needed."""
    if network.mirrored:
        images = np.ascontiguousarray(images[:, ::-1, ::-1])
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def maybe_compiled(function: Callable, compiled: bool) -> Callable:
    """Return the function, compiled if asked for; its other modes are no faster on a CPU.

    Raises
    ------
    Unavailable
        There is no C++ compiler.
    """
    if not compiled:
        return function
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++", "cl")))):
        raise Unavailable("torch.compile needs a C++ compiler (g++ or clang++, or CXX set to one)")
    return torch.compile(function)


def trainer(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int,
    channels_last: bool, compiled: bool = False,
) -> tuple[Callable[[], float], Callable[[], float]]:
    model = build(network, threads, channels_last, network.initial_weights())
    x, y = convert(network, images, channels_last), torch.from_numpy(labels)
    in_memory = x.permute(0, 2, 3, 1) if channels_last else x
    pixels = in_memory.reshape(len(x), -1)  # of which index_select copies rows fastest
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    cross_entropy = nn.CrossEntropyLoss()
    loss_of = maybe_compiled(lambda images, labels: cross_entropy(model(images), labels), compiled)

    def gather(rows: torch.Tensor) -> torch.Tensor:
        batch = pixels.index_select(0, rows).view(-1, *in_memory.shape[1:])
        return batch.permute(0, 3, 1, 2) if channels_last else batch

    def epoch() -> None:
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad(set_to_none=True)
            loss_of(gather(rows), y.index_select(0, rows)).backward()
            optimizer.step()

    def loss() -> float:
        model.eval()
        with torch.inference_mode():
            value = float(cross_entropy(model(x[:batch_size]), y[:batch_size]))
        model.train()
        return value

    return timed(epoch), loss


def predictor(
    network: Network, threads: int, channels_last: bool, compiled: bool = False
) -> tuple[Callable[[np.ndarray], torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]:
    model = nn.Sequential(build(network, threads, channels_last, network.varied_weights()), nn.Softmax(dim=1)).eval()
    forward = maybe_compiled(model, compiled)

    def predict(images: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return forward(images)

    return lambda images: convert(network, images, channels_last), predict
