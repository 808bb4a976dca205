"""The command ``python -m numpycnn.kernels``: compile all kernels now, for an image of a machine or before CI's tests.

They are those that training and predicting with the networks of ``numpycnn.architectures`` take, in blocks and layer by
layer. What they need for other layers' arguments is compiled when it is used.
"""

from __future__ import annotations

import argparse
import time
from typing import Iterator, Sequence

import numpy as np

from .. import architectures
from ..data.augment import Augment
from ..layers import (
    ELU,
    GELU,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from ..losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from ..model import Sequential
from ..optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, Optimizer, RMSprop
from ..terminal import show
from ..training.batches import take
from ..training.loop import train_step
from . import jit_disabled


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m numpycnn.kernels", description="Compile all kernels ahead.")
    add_arguments(parser)
    return run(parser.parse_args(arguments), parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which options there are."""
    parser.add_argument("--dtype", nargs="+", choices=["float32", "float64"], default=["float32"],
                        help="of the networks (float32)")
    parser.add_argument("--threads", type=int, help="processes that compile side by side (one a core)")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Compile what is not on disk yet, and say what was done; return 0."""
    if options.threads is not None and options.threads < 1:
        parser.error(f"--threads: expected at least 1, got {options.threads}")
    if jit_disabled():
        parser.error("NUMBA_DISABLE_JIT is set: nothing is compiled")
    from . import ahead, jit

    start = time.perf_counter()
    with ahead.noting() as tasks:
        for dtype in options.dtype:
            use_all(dtype)
    ahead.compile_all(tasks, options.threads)
    seconds = time.perf_counter() - start
    done = f"compiled {len(tasks)} kernels" if tasks else "every kernel was there"
    show(f"{done} ({', '.join(options.dtype)}; {seconds:.1f} s): {jit.cache_dir()}")
    return 0


def use_all(dtype: str) -> None:
    """Train a step and predict with each network, on two images."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((2, 28, 28, 1)).astype(dtype), np.array([0, 1])
    for model, optimizer in networks(dtype):
        x = take(images, np.arange(2), model.dtype)
        train_step(model, SoftmaxCrossEntropy(), optimizer, x, labels)
        model.compile(optimizer, SoftmaxCrossEntropy())
        model.predict(x)
    for optimizer in (RMSprop(), Adagrad(), Adadelta(), Adamax(), Nadam()):
        model = Sequential([Flatten(), Dense(10)], input_shape=(28, 28, 1), seed=0, dtype=dtype)
        train_step(model, BinaryCrossEntropy(), optimizer, images, np.eye(10)[labels])
    Augment.for_digits()(images, rng)


def networks(dtype: str) -> Iterator[tuple[Sequential, Optimizer]]:
    """Yield networks that together take every kernel, with an optimizer for each."""
    for fused in (True, False):
        for name in architectures.__all__:
            yield getattr(architectures, name)(seed=0, dtype=dtype, fused=fused), Adam()
        layers = [  # steps between the filters, no pooling behind ReLU, pooling behind another layer, larger filters
            Conv2D(4, 3, strides=2), ReLU(), Conv2D(4, 3, padding="same"), BatchNorm(), ReLU(), Conv2D(4, 3), ReLU(),
            Flatten(), Dense(10),
        ]
        yield Sequential(layers, input_shape=(28, 28, 1), seed=0, dtype=dtype, fused=fused), SGD()
        layers = [
            Conv2D(4, 3), MaxPool2D(2), ReLU(), MaxPool2D(2), Conv2D(4, 5), ReLU(), MaxPool2D(2), Flatten(), Dense(10),
        ]
        yield Sequential(layers, input_shape=(28, 28, 1), seed=0, dtype=dtype, fused=fused), SGD()
        layers = [
            Conv2D(4, 3), SiLU(), MaxPool2D(2), Conv2D(4, 3), ELU(), GELU(), GELU(approximate=True), LeakyReLU(),
            Sigmoid(), Tanh(), DepthwiseConv2D(3), Dropout(0.3), Flatten(), Dense(10),
        ]
        yield Sequential(layers, input_shape=(28, 28, 1), seed=0, dtype=dtype, fused=fused), SGD()


if __name__ == "__main__":
    raise SystemExit(main())
