"""Wrong layers and losses, one mistake each, that hand-written packages have shipped; ``bugs`` lists them by name.

Where dx comes from a formula of ``gradcheck.suspects``, the mistake is an argument of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..gradcheck.suspects import batchnorm_dx
from ..layers import (
    BatchNorm,
    Dense,
    Dropout,
    ELU,
    GELU,
    Flatten,
    GaussianNoise,
    Layer,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Rescale,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    SpatialDropout2D,
    Tanh,
)
from ..losses import BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy


class Remembers(Layer):
    """Keeps the latest input and output."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        self.x = np.array(x)
        self.y = np.array(super().forward(x, training))
        return self.y


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


class ReshapeAnotherOrder(Reshape):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx.swapaxes(1, 2)


class RescaleForwardOnly(Rescale):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy


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


class SoftmaxDiagonalOnly(Remembers, Softmax):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * self.y * (1 - self.y)


class DropoutNotScaled(Dropout):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx * (1 - self.rate)


class DropoutOtherHoles(Dropout):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * (np.random.default_rng(0).random(dy.shape) >= self.rate) / (1 - self.rate)


class SpatialDropoutOtherHoles(SpatialDropout2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        holes = np.random.default_rng(0).random((len(dy), 1, 1, dy.shape[3])) >= self.rate
        return dy * holes / (1 - self.rate)


class NoiseInBackward(GaussianNoise):
    """The noise multiplies the gradient, as Dropout's holes do."""

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return dy * (1 + self.stddev)


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


class LayerNormWithOwnDx(Remembers, LayerNorm):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy)
        return batchnorm_dx(self, self.x, dy, axes=-1, **self.wrong)


class LayerNormVarianceConstant(LayerNormWithOwnDx):
    wrong = {"through_variance": False}


class LayerNormGammaOutside(LayerNormWithOwnDx):
    wrong = {"gamma_outside": True}


class CrossEntropyNotAveraged(SoftmaxCrossEntropy):
    def __call__(self, logits: NDArray, labels: ArrayLike, weights: Any = None) -> tuple[float, NDArray]:
        loss, dlogits = super().__call__(logits, labels, weights)
        return loss, dlogits * len(logits)


class SoftmaxWithoutMaximum(SoftmaxCrossEntropy):
    def shift(self, logits: NDArray) -> Any:
        return 0.0

    def value_and_gradient(self, logits: NDArray, labels: NDArray, weights: Any = None) -> tuple[float, NDArray]:
        rows = np.arange(len(logits))
        with np.errstate(all="ignore"):
            exponentials = np.exp(logits - self.shift(logits))
            p = exponentials / exponentials.sum(axis=1, keepdims=True)
            losses = -np.log(p[rows, labels])
        p[rows, labels] -= 1
        return self.reduce(losses, p / len(logits), weights)


class SoftmaxGlobalMaximum(SoftmaxWithoutMaximum):
    def shift(self, logits: NDArray) -> Any:
        return logits.max()


class CrossEntropyUnsmoothedGradient(SoftmaxCrossEntropy):
    def __call__(self, logits: NDArray, labels: ArrayLike, weights: Any = None) -> tuple[float, NDArray]:
        return super().__call__(logits, labels, weights)[0], SoftmaxCrossEntropy()(logits, labels, weights)[1]


class SquaredErrorReportsAnother(MeanSquaredError):
    """The number is the absolute error, the gradient is the squared error's."""

    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        return np.abs(difference), super().curve(difference)[1]


class SquaredErrorSignFlipped(MeanSquaredError):
    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        return super().curve(difference)[0], -2 * difference


class AbsoluteErrorWithoutSign(MeanAbsoluteError):
    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        return np.abs(difference), difference


class HuberNotCut(Huber):
    def curve(self, difference: NDArray) -> tuple[NDArray, NDArray]:
        return super().curve(difference)[0], difference


class BinaryCrossEntropyOfAllQuestions(BinaryCrossEntropy):
    def value_and_gradient(self, logits: NDArray, targets: NDArray, weights: Any = None) -> tuple[float, NDArray]:
        loss, dlogits = super().value_and_gradient(logits, targets, weights)
        return loss, dlogits * logits.shape[1]


class WeightsOfTheLossAlone(SoftmaxCrossEntropy):
    def reduce(self, losses: NDArray, dmean: NDArray, weights: Any) -> tuple[float, NDArray]:
        return super().reduce(losses, dmean.copy(), weights)[0], dmean
