"""The calls on which kernels are timed: not made up, but recorded while the reference CNN trains and predicts.

So shapes are those of the network, the gradients have the zeros that training gives them, and a new kernel comes along
by itself, as soon as one of the models in ``RUNS`` calls it and ``WORK`` says what it does.
"""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import numpy as np

import numpycnn
from engines import ours
from networks import NETWORKS, RELU, Conv, Dense, Flatten, Network, Pool
from numpycnn.kernels import KERNELS, ops, reference, using
from numpycnn.memory import empty_aligned

BATCH = 64
TRAINED = 800 * BATCH  # images before the recording, most of an epoch: later, there are more zeros still

# The reference CNN with zeros around the images, and with filters of 5 x 5.
PADDED = Network(
    "with padding and larger filters", (28, 28, 1), 0,
    (Conv(32, 3, "same"), RELU, Pool("max"), Conv(64, 5, "same"), RELU, Pool("max"), Flatten(), Dense(128), RELU,
     Dense(10)),
)


def normalised() -> numpycnn.Sequential:
    """Return a model with batch normalisation, for which the other engines' networks have no word."""
    layers = [
        numpycnn.Conv2D(32, 3), numpycnn.ReLU(), numpycnn.MaxPool2D(2), numpycnn.BatchNorm(),
        numpycnn.Conv2D(32, 3), numpycnn.BatchNorm(), numpycnn.ReLU(), numpycnn.MaxPool2D(2),
        numpycnn.Conv2D(32, 3, strides=2, padding=1), numpycnn.ReLU(), numpycnn.Flatten(), numpycnn.Dense(10),
    ]
    return numpycnn.Sequential(layers, input_shape=(28, 28, 1), seed=0)


def curved() -> numpycnn.Sequential:
    """Return a model with every activation, a depthwise convolution and dropout."""
    nc = numpycnn
    layers = [
        nc.Conv2D(32, 3), nc.SiLU(), nc.MaxPool2D(2), nc.Conv2D(32, 3), nc.ELU(), nc.GELU(), nc.GELU(approximate=True),
        nc.LeakyReLU(), nc.Sigmoid(), nc.Tanh(), nc.DepthwiseConv2D(3), nc.Dropout(0.3), nc.Flatten(),
        nc.Dense(10),
    ]  # fmt: skip
    return nc.Sequential(layers, input_shape=(28, 28, 1), seed=0)


# Models that train and are recorded: (network or function, fused, optimizer, augment). First what everybody runs.
# The labels of Adagrad's are ten yes-or-no questions.
RUNS = [
    (NETWORKS["reference"], True, numpycnn.Adam, None),
    (NETWORKS["reference"], False, numpycnn.SGD, numpycnn.Augment.for_digits()),
    (NETWORKS["lenet5"], True, numpycnn.Adam, None),
    (PADDED, True, numpycnn.Adam, None),
    (normalised, True, numpycnn.Adam, None),
    (NETWORKS["mlp"], True, numpycnn.RMSprop, None),
    (NETWORKS["mlp"], True, numpycnn.Adagrad, None),
    (NETWORKS["mlp"], True, numpycnn.Adadelta, None),
    (NETWORKS["mlp"], True, numpycnn.Adamax, None),
    (NETWORKS["mlp"], True, numpycnn.Nadam, None),
    (curved, True, numpycnn.Adam, None),
]

FLOPS, BYTES = "GFLOP/s", "GB/s"


def traffic(*arrays: np.ndarray) -> int:
    """Bytes of arrays that are read once or written once."""
    return sum(a.nbytes for a in arrays)


def entries(a: SimpleNamespace) -> int:
    """Pixels with a gradient in the lists of a batch."""
    return int(a.starts[:, -1].sum())


# What a call with the arguments `a` does: the operations (a multiplication and an addition are two) that the formula
# needs, for convolutions' gradients without those on zeros; or, where copying is the work, the bytes read and written.
WORK: dict[str, tuple[str, Callable[[SimpleNamespace], int]]] = {
    "affine": (FLOPS, lambda a: 2 * a.x.size * a.w.shape[1]),
    "matmul_tn": (FLOPS, lambda a: 2 * a.x.size * a.dy.shape[1]),
    "affine_weight_gradient": (FLOPS, lambda a: 2 * a.x.size * a.dy.shape[1]),
    "matmul_nt": (FLOPS, lambda a: 2 * a.dy.size * len(a.w)),
    "conv_forward": (FLOPS, lambda a: 2 * a.y.size * len(a.w)),
    "conv_relu_pool_forward": (FLOPS, lambda a: 2 * 4 * a.y.size * len(a.w)),
    "winograd_relu_pool_forward": (FLOPS, lambda a: 2 * 4 * a.y.size * len(a.w)),  # as the formula says: it makes fewer
    "winograd_forward": (FLOPS, lambda a: 2 * a.y.size * len(a.w)),  # the same
    "winograd_weight_gradient": (FLOPS, lambda a: 2 * a.dy.size * len(a.dw)),
    "conv_dense_weight_gradient": (FLOPS, lambda a: 2 * a.dy.size * len(a.dw)),
    "conv_dense_input_gradient": (FLOPS, lambda a: 2 * a.dy.size * len(a.w)),
    "conv_entries": (BYTES, lambda a: traffic(a.dy, a.codes) + 8 * entries(a)),
    "conv_weight_gradient": (FLOPS, lambda a: 2 * entries(a) * len(a.dw)),
    "conv_input_gradient": (FLOPS, lambda a: 2 * entries(a) * len(a.w)),
    "window_input_gradient": (FLOPS, lambda a: 2 * int((a.codes < 4).sum()) * len(a.w)),
    "conv_tap_gradient": (FLOPS, lambda a: 2 * int((a.codes < 4).sum()) * len(a.dw)),
    "pad_images": (BYTES, lambda a: traffic(a.x, a.padded)),
    "crop_images": (BYTES, lambda a: 2 * traffic(a.x)),
    "im2col": (BYTES, lambda a: traffic(a.x, a.cols)),
    "col2im": (BYTES, lambda a: traffic(a.cols, a.dx)),
    "maxpool_forward": (BYTES, lambda a: traffic(a.x, a.y, a.winners)),
    "maxpool_backward": (BYTES, lambda a: traffic(a.dy, a.winners, a.dx)),
    "avgpool_forward": (BYTES, lambda a: traffic(a.x, a.y)),
    "avgpool_backward": (BYTES, lambda a: traffic(a.dy, a.dx)),
    **{
        f"{curve}_forward": (BYTES, lambda a: traffic(a.x, a.y))
        for curve in ("relu", "leaky_relu", "elu", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh")
    },
    **{
        f"{curve}_backward": (BYTES, lambda a: 3 * traffic(a.dx))  # dy, x or y, dx
        for curve in ("relu", "leaky_relu", "elu", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh")
    },
    "depthwise_forward": (FLOPS, lambda a: 2 * a.w.shape[0] * a.w.shape[1] * a.y.size),
    "depthwise_weight_gradient": (FLOPS, lambda a: 2 * a.dw.shape[0] * a.dw.shape[1] * a.dy.size),
    "depthwise_input_gradient": (FLOPS, lambda a: 2 * a.w.shape[0] * a.w.shape[1] * a.dy.size),
    "dropout": (BYTES, lambda a: traffic(a.x, a.y)),
    "softmax": (BYTES, lambda a: traffic(a.logits, a.p)),
    "softmax_cross_entropy": (BYTES, lambda a: traffic(a.logits, a.targets, a.losses, a.dlogits)),
    "take_rows": (BYTES, lambda a: 2 * traffic(a.y)),
    "sum_rows": (BYTES, lambda a: traffic(a.x, a.total)),
    "moments": (BYTES, lambda a: traffic(a.x)),
    "normalise_relu_pool": (BYTES, lambda a: traffic(a.x, a.y, a.codes)),
    "normalise_relu_pool_sums": (BYTES, lambda a: traffic(a.x, a.dy, a.codes)),
    "normalise_relu_pool_backward": (BYTES, lambda a: traffic(a.x, a.dy, a.codes, a.dx)),
    "sum_products": (BYTES, lambda a: traffic(a.x, a.y)),
    "normalise": (BYTES, lambda a: traffic(a.x, a.y)),
    "normalise_backward": (BYTES, lambda a: traffic(a.dy, a.x, a.dx)),
    "sgd": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.velocity)),
    "adam": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.m, a.v)),
    "binary_cross_entropy": (BYTES, lambda a: traffic(a.logits, a.targets, a.losses, a.dlogits)),
    "rmsprop": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.v)),
    "adagrad": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.accumulator)),
    "adadelta": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.v, a.u)),
    "adamax": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.m, a.u)),
    "nadam": (BYTES, lambda a: traffic(a.gradient) + 2 * traffic(a.weight, a.m, a.v)),
    "warp": (BYTES, lambda a: traffic(a.x, a.field, a.y)),
}


@dataclass
class Case:
    """One kernel with the arguments of one call, from before the call."""

    kernel: str
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Kernel and shapes, such as "affine 64x1600 to 64x128"."""
        first, *_, last = self.shapes()
        return f"{self.kernel} {'x'.join(map(str, first))} to {'x'.join(map(str, last))}"

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the arrays that hold something, in order."""
        return [a.shape for a in self.arguments if isinstance(a, np.ndarray) and a.size]

    def work(self) -> tuple[str, int]:
        """Return the unit of the rate, and how much there is to do."""
        unit, count = WORK[self.kernel]
        bound = inspect.signature(getattr(reference, self.kernel)).bind(*self.arguments)
        return unit, count(SimpleNamespace(**bound.arguments))

    def without_ties(self) -> Case:
        """Return the case with some noise: many patches of a picture are equal, and either may win a window."""
        rng, arguments = np.random.default_rng(0), copies(self.arguments)
        with np.errstate(all="ignore"):  # outputs hold whatever was in memory
            for a in {id(a): a for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f"}.values():
                a *= rng.uniform(0.9, 1.1, a.shape).astype(a.dtype)
        return Case(self.kernel, arguments)

    def run(self, kernel: Callable[..., None]) -> list[np.ndarray]:
        """Return all arrays after a call on copies of the arguments, without what lies beyond the end of lists."""
        arguments = copies(self.arguments)
        kernel(*arguments)
        if self.kernel == "conv_entries":
            *_, starts, positions, values, _ = arguments
            beyond = np.arange(positions.shape[1]) >= starts[:, -1:]
            positions[beyond], values[beyond] = 0, 0
        return [a for a in arguments if isinstance(a, np.ndarray)]


def copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copy the arrays; one that is given twice (an output in the place of an input) remains one."""
    made: dict[tuple[int, tuple[int, ...]], np.ndarray] = {}
    copied = []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            place = argument.ctypes.data, argument.shape
            argument = made.setdefault(place, aligned_copy(argument)) if argument.size else argument.copy()
        copied.append(argument)
    return tuple(copied)


def aligned_copy(a: np.ndarray) -> np.ndarray:
    """Copy to the start of a cache line, where a model's arrays lie; elsewhere kernels take up to twice as long."""
    copied = empty_aligned(a.size, a.dtype).reshape(a.shape)
    copied[...] = a
    return copied


@contextlib.contextmanager
def recording() -> Iterator[list[Case]]:
    """Collect every call of a kernel in this block."""
    calls: list[Case] = []

    def recorder(name: str, kernel: Callable[..., None]) -> Callable[..., None]:
        def record(*arguments: Any) -> None:
            calls.append(Case(name, copies(arguments)))
            kernel(*arguments)

        return record

    with using(ops.active):  # restores the kernels at the end
        for name in KERNELS:
            setattr(ops, name, recorder(name, getattr(ops, name)))
        yield calls


def recorded_cases(images: np.ndarray, labels: np.ndarray, threads: int) -> list[Case]:
    """Train the models on images (N, 28, 28, 1), N at least ``TRAINED``; return the calls of one batch of each.

    A model adds the kernels that those before it do not call; the reference CNN also larger calls of the others. Calls
    that differ in the length of the first axis (blocks of a batch, and what is left) or in what is not asked for
    (codes, when nothing is trained) give one case, the largest. The cases are sorted as ``KERNELS`` is.
    """
    largest: dict[tuple, Case] = {}
    for network, fused, optimizer, augment in RUNS:
        model = ours.build(network, threads, fused) if isinstance(network, Network) else network()
        questions = optimizer is numpycnn.Adagrad
        model.compile(optimizer(), numpycnn.BinaryCrossEntropy() if questions else numpycnn.SoftmaxCrossEntropy())
        targets = numpycnn.to_categorical(labels, 10) if questions else labels
        model.fit(images[:TRAINED], targets[:TRAINED], batch_size=BATCH, verbose=0, augment=augment)
        with recording() as calls:
            model.fit(images[:BATCH], targets[:BATCH], batch_size=BATCH, verbose=0, augment=augment)
            model.predict(images[:BATCH])
        known = {case.kernel for case in largest.values()}
        for case in calls:
            first, *_, last = case.shapes()
            group = case.kernel, first[1:], last[1:]
            wanted = case.kernel not in known or (network is NETWORKS["reference"] and group in largest)
            if wanted and (group not in largest or case.shapes() > largest[group].shapes()):
                largest[group] = case
    order = list(KERNELS)
    return sorted(largest.values(), key=lambda case: order.index(case.kernel))
