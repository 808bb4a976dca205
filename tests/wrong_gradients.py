"""A zoo of wrong gradients: each class has one bug that hand-written packages have shipped.

``ZOO`` says for each which arrays the check must reject, and which hint it must give. The helpers at the top compute
dx rightly unless told otherwise, so each bug is one argument.
"""

import numpy as np

from numpycnn import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    LeakyReLU,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)


class Remembers:
    """Keeps the latest input and output."""

    def forward(self, x, training=False):
        self.x = np.array(x)
        self.y = np.array(super().forward(x, training))
        return self.y


def conv_dx(layer, dy, weight=None, strides=None, dilation=None, off=0, assign=False):
    """dx of a convolution with explicit padding, patch by patch."""
    weight = layer.parameters[0].value if weight is None else weight
    (sh, sw), (eh, ew) = strides or layer.strides, dilation or layer.dilation_rate
    (kh, kw), (top, left) = weight.shape[:2], layer.padding if layer.padding != "valid" else (0, 0)
    n, height, width, channels = len(dy), *layer.input_shape
    padded = np.zeros((n, height + 2 * top + off, width + 2 * left + off, channels))
    for oy, ox in np.ndindex(dy.shape[1:3]):
        for ky, kx in np.ndindex(kh, kw):
            pixel = (slice(None), oy * sh + ky * eh, ox * sw + kx * ew)
            update = dy[:, oy, ox] @ weight[ky, kx].T  # (N, C)
            padded[pixel] = update if assign else padded[pixel] + update
    return padded[:, top + off : top + off + height, left + off : left + off + width]


def maxpool_dx(layer, x, dy, assign=False, all_ties=False, off=0):
    """dx of max pooling with explicit padding, window by window."""
    (kh, kw), (sh, sw) = layer.pool_size, layer.strides
    top, left = layer.padding if layer.padding != "valid" else (0, 0)
    pads = ((0, 0), (top, top), (left, left), (0, 0))
    padded = np.pad(x, pads, constant_values=-np.inf)
    dpadded = np.zeros_like(padded)
    for n, oy, ox, c in np.ndindex(dy.shape):
        place = (n, slice(oy * sh, oy * sh + kh), slice(ox * sw, ox * sw + kw), c)
        winners = padded[place] == padded[place].max()
        if not all_ties:
            winners = np.arange(winners.size).reshape(winners.shape) == winners.argmax()
        dpadded[place] = np.where(winners, dy[n, oy, ox, c] + (0 if assign else dpadded[place]), dpadded[place])
    return dpadded[:, top - off : top - off + x.shape[1], left - off : left - off + x.shape[2]]


def batchnorm_dx(layer, x, dy, epsilon=None, ddof=0, through_mean=True, through_variance=True):
    """dx of batch normalisation."""
    axes = tuple(range(x.ndim - 1))
    scale = 1 / np.sqrt(x.var(axes, ddof=ddof) + (layer.epsilon if epsilon is None else epsilon))
    normalised = (x - x.mean(axes)) * scale
    centred = dy - through_mean * dy.mean(axes) - through_variance * normalised * (dy * normalised).mean(axes)
    return layer.parameters[0].value * scale * centred


# Convolution


class ConvWithOwnDx(Conv2D):
    """Right: the control for those that follow."""

    wrong = {}

    def backward(self, dy, need_dx=True):
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
    def backward(self, dy, need_dx=True):
        super().backward(dy)
        return conv_dx(self, dy, self.parameters[0].value[::-1, ::-1])


class ConvHeightWidthSwapped(Conv2D):
    def backward(self, dy, need_dx=True):
        return super().backward(dy).swapaxes(1, 2)


class ConvWeightScaled(Conv2D):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy)
        self.parameters[0].grad *= 1.01
        return dx


class ConvWeightReversed(Conv2D):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy)
        self.parameters[0].grad = self.parameters[0].grad[::-1, ::-1].copy()
        return dx


class ConvBiasDropped(Conv2D):
    def backward(self, dy, need_dx=True):
        bias = self.parameters[1].grad.copy()
        dx = super().backward(dy)
        self.parameters[1].grad = bias
        return dx


class ConvWithoutDx(Conv2D):
    def backward(self, dy, need_dx=True):
        return super().backward(dy, need_dx=False)


# Pooling


class MaxPoolWithOwnDx(Remembers, MaxPool2D):
    """Right: the control for those that follow."""

    wrong = {}

    def backward(self, dy, need_dx=True):
        return maxpool_dx(self, self.x, dy, **self.wrong)


class MaxPoolOverlapAssigned(MaxPoolWithOwnDx):
    wrong = {"assign": True}


class MaxPoolPaddedCoordinates(MaxPoolWithOwnDx):
    wrong = {"off": 1}


class MaxPoolCreditsAllTies(MaxPoolWithOwnDx):
    wrong = {"all_ties": True}


class AvgPoolFullWindowAtBorder(AvgPool2D):
    def backward(self, dy, need_dx=True):
        inside = super().forward(np.ones((len(dy), *self.input_shape)), True)  # all windows: 1
        padded = np.pad(np.ones(self.input_shape), [(p, p) for p in self.padding] + [(0, 0)])
        cells = AvgPool2D(self.pool_size, self.strides)
        cells.build(padded.shape, dtype="float64")
        return super().backward(dy * inside * cells.forward(padded[None]))


class GlobalAvgPoolNotDivided(GlobalAvgPool2D):
    def backward(self, dy, need_dx=True):
        return np.broadcast_to(dy[:, None, None], (len(dy), *self.input_shape))


# Dense, reshaping


class DenseWeightNotTransposed(Dense):
    def backward(self, dy, need_dx=True):
        super().backward(dy)
        return dy @ self.parameters[0].value


class DenseWeightTransposed(Dense):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy)
        self.parameters[0].grad = self.parameters[0].grad.T.copy()
        return dx


class DenseAveragedTwice(Dense):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy)
        for parameter in self.parameters:
            parameter.grad /= len(dy)
        return dx


class DenseAccumulates(Dense):
    def backward(self, dy, need_dx=True):
        before = [p.grad.copy() for p in self.parameters]
        dx = super().backward(dy)
        for parameter, old in zip(self.parameters, before):
            parameter.grad += old
        return dx


class DenseBiasNotAdded(Dense):
    def forward(self, x, training=False):
        return super().forward(x, training) - self.parameters[1].value


class FlattenAnotherOrder(Flatten):
    def backward(self, dy, need_dx=True):
        return super().backward(dy).swapaxes(1, 2)


# Activations, dropout


class ReLUWithoutMask(ReLU):
    def backward(self, dy, need_dx=True):
        return dy


class LeakyReLULeaksForwardOnly(Remembers, LeakyReLU):
    def backward(self, dy, need_dx=True):
        return dy * (self.y > 0)


class SigmoidOfTheInput(Remembers, Sigmoid):
    def backward(self, dy, need_dx=True):
        return dy * self.x * (1 - self.x)


class TanhNotSquared(Remembers, Tanh):
    def backward(self, dy, need_dx=True):
        return dy * (1 - self.y)


class DropoutNotScaled(Dropout):
    def backward(self, dy, need_dx=True):
        return super().backward(dy) * (1 - self.rate)


class DropoutOtherHoles(Dropout):
    def backward(self, dy, need_dx=True):
        return dy * (self.rng.random(dy.shape) >= self.rate) / (1 - self.rate)


# Batch normalisation


class BatchNormWithOwnDx(Remembers, BatchNorm):
    """Right: the control for those that follow."""

    wrong = {}

    def backward(self, dy, need_dx=True):
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
    def backward(self, dy, need_dx=True):
        return super().backward(dy) / self.parameters[0].value


# Losses


class CrossEntropyNotAveraged(SoftmaxCrossEntropy):
    def __call__(self, logits, labels):
        loss, dlogits = super().__call__(logits, labels)
        return loss, dlogits * len(logits)


class CrossEntropyUnsmoothedGradient(SoftmaxCrossEntropy):
    def __call__(self, logits, labels):
        return super().__call__(logits, labels)[0], SoftmaxCrossEntropy()(logits, labels)[1]


class SquaredErrorReportsAnother(MeanSquaredError):
    """The number is the absolute error, the gradient is the squared error's."""

    def __call__(self, outputs, targets):
        return float(np.abs(outputs - targets).mean()), super().__call__(outputs, targets)[1]


class SquaredErrorSignFlipped(MeanSquaredError):
    def __call__(self, outputs, targets):
        return super().__call__(outputs, targets)[0], 2 * (targets - outputs) / outputs.size


# What each hint says, by the name of its function.
HINTS = {
    "": "",
    "not_finite": "NaN",
    "never_written": "never written",
    "flat": "does not depend on this array",
    "scaled": "scaled by",
    "doubled": "doubled",
    "sign": "sign is flipped",
    "too_large": "times too large, as many as there are rows",
    "too_small": "times too small, as many as there are rows",
    "transposed": "H and W",
    "turned": "180 degrees",
    "shifted": "shift by 1 rows and 1 columns",
    "shifted_back": "shift by -1 rows and -1 columns",
    "overlapping": "overwrite instead of adding",
    "border": "near the border",
    "blocked": "mask missing",
    "holes": "some elements are never written",
    "mean_is_constant": "mean over the batch taken for a constant",
    "shape": "expected a gradient of shape",
}

# (layer, shape of an input, {array that must be rejected: key of its hint})
LAYERS = [
    (ConvWeightScaled(3, 3), (6, 5, 2), {"weight.grad": "scaled"}),
    (ConvWeightReversed(3, 3), (6, 5, 2), {"weight.grad": "turned"}),
    (ConvBiasDropped(3, 3), (6, 5, 2), {"bias.grad": "never_written"}),
    (ConvWithoutDx(3, 3), (6, 5, 2), {"dx": "shape"}),
    (ConvHeightWidthSwapped(3, 3), (5, 5, 2), {"dx": "transposed"}),
    (ConvFiltersFlipped(3, (3, 2)), (6, 5, 2), {"dx": ""}),
    (ConvStrideForgotten(3, 3, strides=2), (7, 7, 2), {"dx": ""}),
    (ConvDilationForgotten(3, 2, dilation_rate=2), (6, 6, 2), {"dx": ""}),
    (ConvPaddingOffByOne(3, 3, padding=1), (5, 6, 2), {"dx": "shifted_back"}),
    (ConvOverlapAssigned(3, 3, strides=2), (7, 7, 2), {"dx": "overlapping"}),
    (MaxPoolOverlapAssigned(3, strides=2), (7, 7, 2), {"dx": "overlapping"}),
    (MaxPoolPaddedCoordinates(2, padding=1), (6, 6, 2), {"dx": "shifted"}),
    (AvgPoolFullWindowAtBorder(3, strides=1, padding=1), (8, 9, 2), {"dx": "border"}),
    (GlobalAvgPoolNotDivided(), (4, 5, 2), {"dx": "scaled"}),
    (DenseWeightNotTransposed(5), (5,), {"dx": ""}),
    (DenseWeightTransposed(5), (5,), {"weight.grad": "transposed"}),
    (DenseAveragedTwice(4), (5,), {"weight.grad": "too_small", "bias.grad": "too_small"}),
    (DenseAccumulates(4), (5,), {"weight.grad": "doubled", "bias.grad": "doubled"}),
    (DenseBiasNotAdded(4), (5,), {"bias.grad": "flat"}),
    (FlattenAnotherOrder(), (4, 4, 2), {"dx": "transposed"}),
    (ReLUWithoutMask(), (5, 4), {"dx": "blocked"}),
    (LeakyReLULeaksForwardOnly(), (5, 4), {"dx": "holes"}),
    (SigmoidOfTheInput(), (5, 4), {"dx": ""}),
    (TanhNotSquared(), (5, 4), {"dx": ""}),
    (DropoutNotScaled(0.4), (5, 4), {"dx": "scaled"}),
    (DropoutOtherHoles(0.4), (5, 4), {"dx": ""}),
    (BatchNormStatisticsConstant(), (4, 3, 2), {"dx": "mean_is_constant"}),
    (BatchNormVarianceConstant(), (4, 3, 2), {"dx": ""}),
    (BatchNormEpsilonForgotten(), (4, 3, 2), {"dx": ""}),
    (BatchNormUnbiasedVariance(), (4, 3, 2), {"dx": ""}),
    (BatchNormGammaForgotten(), (4, 3, 2), {"dx": ""}),
]

# (loss, key of its hint)
LOSSES = [
    (CrossEntropyNotAveraged(), "too_large"),
    (CrossEntropyUnsmoothedGradient(label_smoothing=0.1), ""),
    (SquaredErrorReportsAnother(), ""),
    (SquaredErrorSignFlipped(), "sign"),
]

# As the wrong ones, but right.
CONTROLS = [
    (ConvWithOwnDx(3, 3, strides=2, padding=1, dilation_rate=2), (7, 6, 2)),
    (MaxPoolWithOwnDx(3, strides=2, padding=1), (7, 6, 2)),
    (BatchNormWithOwnDx(), (4, 3, 2)),
]
