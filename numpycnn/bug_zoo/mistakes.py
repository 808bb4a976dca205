"""Wrong layers and losses, one mistake each, that hand-written packages have shipped; ``bug_zoo`` lists them by name.

Where dx comes from a formula of ``gradcheck.suspects``, the mistake is an argument of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..gradcheck.suspects import batchnorm_dx, conv_dx, maxpool_dx
from ..layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    ELU,
    GELU,
    Flatten,
    GlobalAvgPool2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from ..losses import MeanSquaredError, SoftmaxCrossEntropy


class Remembers(Layer):
    """Keeps the latest input and output."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        self.x = np.array(x)
        self.y = np.array(super().forward(x, training))
        return self.y


class ConvWithOwnDx(Conv2D):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy, need_dx=False)
        return conv_dx(self, dy, **self.wrong)


class ConvStrideForgotten(ConvWithOwnDx):
    wrong = {"strides": (1, 1)}


class ConvDilationForgotten(ConvWithOwnDx):
    wrong = {"dilation": (1, 1)}


class ConvPaddingOffByOne(ConvWithOwnDx):
    wrong = {"off": 1}


class ConvOverlapAssigned(ConvWithOwnDx):
    wrong = {"assign": True}


class ConvFiltersFlipped(ConvWithOwnDx):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy)
        return conv_dx(self, dy, self.parameters[0].value[::-1, ::-1])


class ConvForwardFlipped(Conv2D):
    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        weight = self.parameters[0].value
        right = weight.copy()
        weight[...] = right[::-1, ::-1]
        y = super().forward(x, training)
        weight[...] = right
        return y


class ConvForwardStrideForgotten(Conv2D):
    """The right number of windows, but each begins at the pixel next to the one before."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        super().forward(x, training)
        side_by_side = Conv2D(self.filters, self.kernel_size)
        side_by_side.build(self.input_shape, dtype=self.dtype)
        for mine, theirs in zip(side_by_side.parameters, self.parameters):
            mine.value = theirs.value
        height, width, _ = self.output_shape
        return side_by_side.forward(x)[:, :height, :width]


class ConvHeightWidthSwapped(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx.swapaxes(1, 2)


class ConvWeightScaled(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        self.parameters[0].grad *= 1.01
        return dx


class ConvWeightReversed(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        self.parameters[0].grad = self.parameters[0].grad[::-1, ::-1].copy()
        return dx


class ConvBiasDropped(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        bias = self.parameters[1].grad.copy()
        dx = super().backward(dy)
        self.parameters[1].grad = bias
        return dx


class ConvWithoutDx(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return super().backward(dy, need_dx=False)


class MaxPoolWithOwnDx(Remembers, MaxPool2D):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return maxpool_dx(self, self.x, dy, **self.wrong)


class MaxPoolOverlapAssigned(MaxPoolWithOwnDx):
    wrong = {"assign": True}


class MaxPoolPaddedCoordinates(MaxPoolWithOwnDx):
    wrong = {"off": 1}


class MaxPoolCreditsAllTies(MaxPoolWithOwnDx):
    wrong = {"all_ties": True}


class AvgPoolFullWindowAtBorder(AvgPool2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        inside = super().forward(np.ones((len(dy), *self.input_shape)), True)  # all windows: 1
        window: Any = self.padding
        top, left = window
        padded = np.pad(np.ones(self.input_shape), ((top, top), (left, left), (0, 0)))
        cells = AvgPool2D(self.pool_size, self.strides)
        cells.build(padded.shape, dtype="float64")
        return super().backward(dy * inside * cells.forward(padded[None]))


class GlobalAvgPoolNotDivided(GlobalAvgPool2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return np.broadcast_to(dy[:, None, None], (len(dy), *self.input_shape))


class DenseWeightNotTransposed(Dense):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy)
        return dy @ self.parameters[0].value


class DenseWeightTransposed(Dense):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        self.parameters[0].grad = self.parameters[0].grad.T.copy()
        return dx


class DenseAveragedTwice(Dense):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        for parameter in self.parameters:
            parameter.grad /= len(dy)
        return dx


class DenseAccumulates(Dense):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        before = [p.grad.copy() for p in self.parameters]
        dx = super().backward(dy)
        for parameter, old in zip(self.parameters, before):
            parameter.grad += old
        return dx


class DenseBiasNotAdded(Dense):
    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        return super().forward(x, training) - self.parameters[1].value


class FlattenAnotherOrder(Flatten):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx.swapaxes(1, 2)


class ReLUWithoutMask(ReLU):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy


class LeakyReLULeaksForwardOnly(Remembers, LeakyReLU):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * (self.y > 0)


class SigmoidOfTheInput(Remembers, Sigmoid):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * self.x * (1 - self.x)


class TanhNotSquared(Remembers, Tanh):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * (1 - self.y)


class ELUSlopeIsTheOutput(Remembers, ELU):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return np.where(self.y > 0, dy, dy * self.y)


class SiLUWithoutProductRule(Remembers, SiLU):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy / (1 + np.exp(-self.x))


class GELUGradientOfTheOther(Remembers, GELU):
    """Forwards exact, backwards the approximation's."""

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        other = GELU(approximate=True)
        other.build(self.input_shape, dtype="float64")
        other.forward(self.x, training=True)
        return other.backward(dy)


class DropoutNotScaled(Dropout):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx * (1 - self.rate)


class DropoutOtherHoles(Dropout):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * (np.random.default_rng(0).random(dy.shape) >= self.rate) / (1 - self.rate)


class BatchNormWithOwnDx(Remembers, BatchNorm):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy)
        return batchnorm_dx(self, self.x, dy, **self.wrong)


class BatchNormStatisticsConstant(BatchNormWithOwnDx):
    wrong = {"through_mean": False, "through_variance": False}


class BatchNormVarianceConstant(BatchNormWithOwnDx):
    wrong = {"through_variance": False}


class BatchNormEpsilonForgotten(BatchNormWithOwnDx):
    wrong = {"epsilon": 0.0}


class BatchNormUnbiasedVariance(BatchNormWithOwnDx):
    wrong = {"ddof": 1}


class BatchNormGammaForgotten(BatchNorm):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return super().backward(dy) / self.parameters[0].value


class CrossEntropyNotAveraged(SoftmaxCrossEntropy):
    def __call__(self, logits: NDArray, labels: ArrayLike) -> tuple[float, NDArray]:
        loss, dlogits = super().__call__(logits, labels)
        return loss, dlogits * len(logits)


class SoftmaxWithoutMaximum(SoftmaxCrossEntropy):
    def shift(self, logits: NDArray) -> Any:
        return 0.0

    def __call__(self, logits: NDArray, labels: ArrayLike) -> tuple[float, NDArray]:
        rows = np.arange(len(logits))
        with np.errstate(all="ignore"):
            exponentials = np.exp(logits - self.shift(logits))
            p = exponentials / exponentials.sum(axis=1, keepdims=True)
            loss = -np.log(p[rows, labels]).mean()
        p[rows, labels] -= 1
        return float(loss), p / len(logits)


class SoftmaxGlobalMaximum(SoftmaxWithoutMaximum):
    def shift(self, logits: NDArray) -> Any:
        return logits.max()


class CrossEntropyUnsmoothedGradient(SoftmaxCrossEntropy):
    def __call__(self, logits: NDArray, labels: ArrayLike) -> tuple[float, NDArray]:
        return super().__call__(logits, labels)[0], SoftmaxCrossEntropy()(logits, labels)[1]


class SquaredErrorReportsAnother(MeanSquaredError):
    """The number is the absolute error, the gradient is the squared error's."""

    def __call__(self, outputs: NDArray, targets: ArrayLike) -> tuple[float, NDArray]:
        return float(np.abs(outputs - targets).mean()), super().__call__(outputs, targets)[1]


class SquaredErrorSignFlipped(MeanSquaredError):
    def __call__(self, outputs: NDArray, targets: ArrayLike) -> tuple[float, NDArray]:
        return super().__call__(outputs, targets)[0], 2 * (targets - outputs) / outputs.size
