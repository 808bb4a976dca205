"""Mistakes that hand-written packages have shipped, each with a name: planted, so that one can watch them being found.

``python -m numpycnn.gradcheck --break maxpool-overlap`` runs the gradient check on one of them, ``--break list`` lists
them. Most "worked": a network with a gradient that is a little wrong still learns, only worse, and passes tests that
look at shapes and at the loss going down.

    from numpycnn.bug_zoo import BUGS

    print(BUGS["maxpool-overlap"].check())
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from .. import gradcheck
from ..gradcheck.cases import clear_of_kinks
from ..layers import Layer
from ..losses import Loss
from . import mistakes as wrong
from . import window_mistakes as windows


@dataclasses.dataclass(frozen=True)
class Bug:
    """A mistake, and what has to be said about it.

    Attributes
    ----------
    name : str
        For the command line: ``"maxpool-overlap"``.
    kind : str
        What it is a mistake in, as they come in families: ``"max pooling"``.
    mistake : str
        What the code does, and what it should do.
    subject : Layer or Loss
        A layer (not built) or a loss with the mistake.
    data : tuple
        For a layer the shape of an input, or an input; for a loss (outputs, targets).
    found : dict
        Each array whose gradient comes out wrong: a part of what the check says about it.
    """

    name: str
    kind: str
    mistake: str
    subject: Layer | Loss
    data: Any
    found: dict[str, str]

    def check(self) -> gradcheck.Report:
        """Run the gradient check on it; the report must not pass."""
        if isinstance(self.subject, Loss):
            return gradcheck.check_loss(self.subject, *self.data)
        layer = copy.deepcopy(self.subject)
        if isinstance(self.data, np.ndarray):
            return gradcheck.check_layer(layer, x=self.data)
        return gradcheck.check_layer(layer, self.data)

    def is_found_in(self, report: gradcheck.Report) -> bool:
        """Whether a report of ``check`` rejects these arrays and no other, and says what is wrong with each."""
        hints = {row.name: row.hint for row in report.rows if not row.passed}
        return hints.keys() == self.found.keys() and all(text in hints[name] for name, text in self.found.items())


def image_with_a_tie() -> np.ndarray:
    """Images (2, 8, 8, 2) in which all numbers differ, except that one 2x2 window has two equal maxima."""
    x = clear_of_kinks((2, 8, 8, 2), np.random.default_rng(0))
    x[0, 0, 0, 0] = x[0, 1, 1, 0] = 3
    return x


LOGITS, LABELS = np.random.default_rng(0).standard_normal((5, 4)), np.array([1, 0, 3, 2, 2])
ONE_HOT = np.eye(4)[LABELS]
APART = LOGITS + 1000 * np.arange(5.0)[:, None]  # rows a thousand apart

_LIST = [
    # Convolution
    Bug("conv-stride-forgotten", "im2col", "dx puts patches side by side whatever the stride; right for stride 1 only",
        windows.ConvStrideForgotten(3, 3, strides=2), (7, 7, 2), {"dx": "the stride is forgotten"}),
    Bug("conv-dilation-forgotten", "im2col", "dx puts the filter's elements side by side whatever the dilation",
        windows.ConvDilationForgotten(3, 2, dilation_rate=2), (6, 6, 2), {"dx": "the dilation is forgotten"}),
    Bug("conv-overlap", "im2col", "dx assigns (=) each patch where overlapping patches must add (+=)",
        windows.ConvOverlapAssigned(3, 3, strides=2), (7, 7, 2),
        {"dx": "overlapping windows overwrite instead of adding"}),
    Bug("conv-filters-flipped", "convolution", "filters are flipped in one of the two passes, not in both or neither",
        windows.ConvFiltersFlipped(3, (3, 2)), (6, 5, 2), {"dx": "filters flipped in one of the two passes"}),
    Bug("conv-forward-flipped", "convolution", "the forward flips the filters; backward is right for those not flipped",
        windows.ConvForwardFlipped(3, (3, 2)), (6, 5, 2), dict.fromkeys(
            ("dx", "weight.grad"), "backward is right for Conv2D: forward is what is wrong")),
    Bug("conv-forward-stride", "im2col", "the forward puts windows side by side whatever the stride; backward is right",
        windows.ConvForwardStrideForgotten(3, 3, strides=2), (7, 7, 2), {
            "dx": "forward is what is wrong (the stride is forgotten", "weight.grad": "forward is what is wrong"}),
    Bug("conv-weight-reversed", "convolution", "dw comes out turned by 180 degrees; it \"appeared to perform well\"",
        windows.ConvWeightReversed(3, 3), (6, 5, 2), {"weight.grad": "after a turn by 180 degrees"}),
    Bug("conv-padding-off-by-one", "padding", "dx cuts the padding off one row and one column too late",
        windows.ConvPaddingOffByOne(3, 3, padding=1), (5, 6, 2), {"dx": "shift by -1 rows and -1 columns"}),
    Bug("conv-height-width-swapped", "convolution", "H and W are swapped; square images and an all-ones dy hide it",
        windows.ConvHeightWidthSwapped(3, 3), (5, 5, 2), {"dx": "rows and columns (H and W) swapped"}),
    Bug("conv-no-dx", "convolution", "there is no dx: a second convolution cannot be stacked on the first",
        windows.ConvWithoutDx(3, 3), (6, 5, 2), {"dx": "expected a gradient of shape (3, 6, 5, 2), got None"}),
    Bug("conv-no-bias-gradient", "convolution", "db is never computed: the bias stays at 0",
        windows.ConvBiasDropped(3, 3), (6, 5, 2), {"bias.grad": "never written"}),
    Bug("conv-weight-scaled", "convolution", "dw is 1 % too long: the smallest of the mistakes, invisible in training",
        windows.ConvWeightScaled(3, 3), (6, 5, 2), {"weight.grad": "scaled by 1.01"}),
    Bug("depthwise-stride-forgotten", "depthwise convolution", "dx puts windows side by side whatever the stride",
        windows.DepthwiseStrideForgotten(3, strides=2), (7, 7, 2), {"dx": "the stride is forgotten"}),
    Bug("depthwise-channels-mixed", "depthwise convolution", "the forward orders its outputs by filter, not channel",
        windows.DepthwiseChannelsMixed(2, depth_multiplier=3), (4, 5, 2), dict.fromkeys(
            ("dx", "weight.grad", "bias.grad"), "backward is right for DepthwiseConv2D: forward is what is wrong")),
    Bug("separable-half-trained", "depthwise convolution", "the depthwise half gets no gradient: only mixing learns",
        windows.SeparableDepthwiseNotTrained(3, 2), (4, 5, 2), {"depthwise_weight.grad": "never written"}),
    # Pooling
    Bug("maxpool-overlap", "max pooling", "backward assigns (=) where overlapping windows must add (+=)",
        windows.MaxPoolOverlapAssigned(3, strides=2), (7, 7, 2),
        {"dx": "overlapping windows overwrite instead of adding"}),
    Bug("maxpool-all-ties", "max pooling", "every tied maximum is given the whole gradient (mask = window == maximum)",
        windows.MaxPoolCreditsAllTies(2), image_with_a_tie(), {"sum of dx": "is more than one of them credited"}),
    Bug("maxpool-padded-coordinates", "max pooling", "the unpadded image is indexed with coordinates of the padded one",
        windows.MaxPoolPaddedCoordinates(2, padding=1), (6, 6, 2), {"dx": "shift by 1 rows and 1 columns"}),
    Bug("avgpool-border", "average pooling", "padded cells count in one of the two passes",
        windows.AvgPoolFullWindowAtBorder(3, strides=1, padding=1), (8, 9, 2), {"dx": "wrong only near the border"}),
    Bug("avgpool-not-divided", "average pooling", "every pixel is given the whole gradient, not its share",
        windows.GlobalAvgPoolNotDivided(), (4, 5, 2), {"dx": "scaled by 20"}),
    Bug("global-maxpool-all-pixels", "max pooling", "every pixel is given the gradient, not the winner alone",
        windows.GlobalMaxPoolCreditsAll(), (4, 5, 2), {"dx": "only where the output does not move"}),
    # Dense, reshaping
    Bug("dense-not-transposed", "dense layer", "dx = dy @ W, which fits as long as W is square",
        wrong.DenseWeightNotTransposed(5), (5,), {"dx": "the weight is not transposed"}),
    Bug("dense-weight-transposed", "dense layer", "dw comes out transposed, which fits as long as W is square",
        wrong.DenseWeightTransposed(5), (5,), {"weight.grad": "after a transposition"}),
    Bug("dense-averaged-twice", "batch mean", "gradients are divided by N, as the loss did already",
        wrong.DenseAveragedTwice(4), (5,), dict.fromkeys(("weight.grad", "bias.grad"), "3 times too small")),
    Bug("dense-accumulates", "parameters", "gradients are added to those of the batch before (no zero_grad)",
        wrong.DenseAccumulates(4), (5,), dict.fromkeys(("weight.grad", "bias.grad"), "doubled")),
    Bug("dense-bias-not-added", "dense layer", "the forward forgets the bias that backward has a gradient for",
        wrong.DenseBiasNotAdded(4), (5,), {"bias.grad": "does not depend on this array"}),
    Bug("flatten-order", "reshaping", "backward reshapes in another order than forward",
        wrong.FlattenAnotherOrder(), (4, 4, 2), {"dx": "rows and columns (H and W) swapped"}),
    Bug("reshape-order", "reshaping", "backward reshapes in another order than forward",
        wrong.ReshapeAnotherOrder((2, 8)), (4, 4, 1), {"dx": "rows and columns (H and W) swapped"}),
    Bug("zeropad-cut-at-the-corner", "padding", "dx is cut out at the padded image's corner, not where the image lies",
        windows.ZeroPadCutAtTheCorner(1), (5, 6, 2), {"dx": "shift by 1 rows and 1 columns"}),
    Bug("rescale-forward-only", "rescaling", "the factor is forgotten in backward",
        wrong.RescaleForwardOnly(0.25), (5, 4), {"dx": "scaled by 4"}),
    # Activations, dropout
    Bug("relu-no-mask", "activation", "backward lets everything through",
        wrong.ReLUWithoutMask(), (5, 4), {"dx": "is a mask missing"}),
    Bug("leaky-relu-forward-only", "activation", "the slope of the negative side is forgotten in backward",
        wrong.LeakyReLULeaksForwardOnly(), (5, 4), {"dx": "zero where it should not be"}),
    Bug("sigmoid-of-input", "activation", "y * (1 - y) with x for y",
        wrong.SigmoidOfTheInput(), (5, 4), {"dx": "computed from the input where the output belongs"}),
    Bug("tanh-not-squared", "activation", "1 - y in place of 1 - y**2",
        wrong.TanhNotSquared(), (5, 4), {"dx": "y is not squared"}),
    Bug("elu-slope-is-output", "activation", "y in place of y + alpha where x is negative",
        wrong.ELUSlopeIsTheOutput(), (5, 4), {"dx": "alpha is not added"}),
    Bug("silu-no-product-rule", "activation", "sigmoid(x) alone: the sigmoid's own slope is forgotten",
        wrong.SiLUWithoutProductRule(), (5, 4), {"dx": "the sigmoid is taken for a constant"}),
    Bug("gelu-slope-of-tanh-form", "activation", "the exact curve with the slope of its approximation by tanh",
        wrong.GELUGradientOfTheOther(), (5, 4), {"dx": "GELU's other form"}),
    Bug("softmax-diagonal-only", "softmax", "y * (1 - y), as if an output depended on its own input alone",
        wrong.SoftmaxDiagonalOnly(), (5,), {"dx": "depends on every input of its row"}),
    Bug("dropout-not-scaled", "dropout", "the inverted scaling is forgotten in backward",
        wrong.DropoutNotScaled(0.4), (5, 4), {"dx": "scaled by 0.6"}),
    Bug("dropout-other-holes", "dropout", "backward draws a mask of its own",
        wrong.DropoutOtherHoles(0.4), (5, 4), {"dx": "is the mask drawn anew in backward"}),
    Bug("spatial-dropout-other-holes", "dropout", "backward draws channels of its own",
        wrong.SpatialDropoutOtherHoles(0.4), (3, 3, 6), {"dx": "is the mask drawn anew in backward"}),
    Bug("noise-in-backward", "noise", "noise that is added in the forward scales the gradient in backward",
        wrong.NoiseInBackward(0.25), (5, 4), {"dx": "scaled by 1.25"}),
    # Batch normalisation
    Bug("batchnorm-statistics-constant", "batch normalisation", "mean and variance are taken for constants",
        wrong.BatchNormStatisticsConstant(), (4, 3, 2), {"dx": "a mean over the batch taken for a constant"}),
    Bug("batchnorm-variance-constant", "batch normalisation", "the variance is taken for a constant",
        wrong.BatchNormVarianceConstant(), (4, 3, 2), {"dx": "variance is taken for a constant"}),
    Bug("batchnorm-no-epsilon", "batch normalisation", "epsilon is forgotten in backward",
        wrong.BatchNormEpsilonForgotten(), (4, 3, 2), {"dx": "epsilon is forgotten"}),
    Bug("batchnorm-unbiased", "batch normalisation", "the variance is divided by M forwards and by M - 1 backwards",
        wrong.BatchNormUnbiasedVariance(), (4, 3, 2), {"dx": "divided by M - 1 in one of the two passes"}),
    Bug("batchnorm-no-gamma", "batch normalisation", "gamma is forgotten in dx, invisible as long as it is 1",
        wrong.BatchNormGammaForgotten(), (4, 3, 2), {"dx": "gamma is forgotten"}),
    Bug("layernorm-variance-constant", "layer normalisation", "the variance is taken for a constant",
        wrong.LayerNormVarianceConstant(), (4, 3, 5), {"dx": "variance of each vector is taken for a constant"}),
    Bug("layernorm-gamma-outside", "layer normalisation", "gamma multiplies dx at the end, as in batch normalisation",
        wrong.LayerNormGammaOutside(), (4, 3, 5), {"dx": "gamma belongs inside of the means"}),
    # Losses
    Bug("softmax-no-maximum", "softmax", "exp(logits) without subtracting the row's maximum overflows",
        wrong.SoftmaxWithoutMaximum(), (LOGITS + 1000, LABELS), {"doutputs": "gives NaN or infinity"}),
    Bug("softmax-global-maximum", "softmax", "the maximum of the whole array is subtracted: small rows become 0 / 0",
        wrong.SoftmaxGlobalMaximum(), (APART, LABELS), {"doutputs": "gives NaN or infinity"}),
    Bug("cross-entropy-not-averaged", "batch mean", "the loss is a mean, its gradient lacks the 1/N",
        wrong.CrossEntropyNotAveraged(), (LOGITS, ONE_HOT), {"doutputs": "5 times too large"}),
    Bug("cross-entropy-no-smoothing", "loss", "labels are smoothed in the loss, not in its gradient",
        wrong.CrossEntropyUnsmoothedGradient(label_smoothing=0.1), (LOGITS, ONE_HOT),
        {"doutputs": "belong to different functions"}),
    Bug("squared-error-another", "loss", "the number reported is the absolute error, the gradient the squared error's",
        wrong.SquaredErrorReportsAnother(), (LOGITS, ONE_HOT), {"doutputs": "belong to different functions"}),
    Bug("squared-error-sign", "loss", "target - output in place of output - target: training climbs",
        wrong.SquaredErrorSignFlipped(), (LOGITS, ONE_HOT), {"doutputs": "the sign is flipped"}),
    Bug("absolute-error-no-sign", "loss", "the gradient is the difference, not its sign: the squared error's, halved",
        wrong.AbsoluteErrorWithoutSign(), (LOGITS, ONE_HOT), {"doutputs": "belong to different functions"}),
    Bug("huber-not-cut", "loss", "beyond delta the loss is a straight line, its gradient goes on growing",
        wrong.HuberNotCut(0.5), (LOGITS, ONE_HOT), {"doutputs": "belong to different functions"}),
    Bug("binary-cross-entropy-no-mean", "batch mean", "a mean over rows and outputs, its gradient over rows alone",
        wrong.BinaryCrossEntropyOfAllQuestions(), (LOGITS, ONE_HOT), {"doutputs": "scaled by 4"}),
    Bug("weights-of-the-loss-alone", "weights", "rows are weighted in the loss, not in its gradient",
        wrong.WeightsOfTheLossAlone(), (LOGITS, LABELS, np.arange(5.0)),
        {"doutputs": "belong to different functions"}),
]
BUGS: dict[str, Bug] = {bug.name: bug for bug in _LIST}
