"""Bad inputs for ``test_bad_inputs.py``: a table of parameters; what each kind refuses stands in ``bad_values.py``."""

import numpy as np
from bad_values import (
    ARRAY, CHOICE, CLASSES, COUNT, COUNT_LARGE, DTYPE, EMPTY, FINITE, FLAG, FRACTION, FROM_0, FROM_ZERO, FUNCTION,
    GENERATOR, INF, LENGTH, LIST, NAMES, NAN, Odd, PAIR, PATH, POSITIVE, ROWS, SHAPE, SIZE, STATE, T, TEXT,
    TOO_LARGE, V, but,
)  # fmt: skip
from small_models import make_images, small_cnn

import numpycnn as nc
from numpycnn import architectures, gradcheck, initializers, kernels, metrics, plots, testing, training
from numpycnn.exchange import torch, verify

X, Y = make_images(20)
MODEL = small_cnn()
with kernels.using("reference"):  # both workers of the tests read this file, and would compile the same
    PROBABILITIES = MODEL.predict(X)
FEATURES = np.ones((20, 4))
GREY = np.clip(X[..., 0], 0, 1)
RNG = np.random.default_rng(0)
RELU = nc.ReLU()
NO_MODEL = {"None": (None, T), "a path": ("a.npz", T), "a layer": (RELU, T), "a class": (nc.Sequential, T)}
FOLDER = nc.ImageFolder(np.zeros((4, 1, 1), np.uint8), np.array([0, 0, 1, 1]), [], [],
                        nc.InputFormat(1, class_names=("a", "b")))
CLASS_WEIGHT = {
    "a list": ([1.0, 2.0], T), "a number": (2.0, T), "an unknown class": ({4: 1.0}, V), "a text": ({"0": 1.0}, T),
    "negative": ({0: -1.0}, V), "no number": ({0: "1"}, T), "NaN": ({0: NAN}, V),
}
WEIGHTS = {
    **but(ROWS, "None"),
    "too few": ([1.0], V), "negative": ([1, -1], V), "NaN": ([1, NAN], V), "infinite": ([1, INF], V),
    "two columns": (np.ones((2, 2)), V),
}


def layer_cases():
    """Return (layer, shape of an input) for each layer of the package."""
    image = (6, 6, 2)
    return [
        (nc.Conv2D(2, 3), image), (nc.Conv2D(2, 3, groups=2, dilation_rate=2), image), (nc.MaxPool2D(2), image),
        (nc.AvgPool2D(2), image), (nc.GlobalAvgPool2D(), image), (nc.BatchNorm(), image), (nc.Flatten(), image),
        (nc.Dense(2), (5,)), (nc.ReLU(), (5,)), (nc.LeakyReLU(), (5,)), (nc.Sigmoid(), (5,)), (nc.Tanh(), (5,)),
        (nc.ELU(), (5,)), (nc.GELU(), (5,)), (nc.SiLU(), (5,)),
        (nc.Dropout(0.5), (5,)), (nc.GlobalMaxPool2D(), image), (nc.DepthwiseConv2D(3), image),
        (nc.SeparableConv2D(2, 3), image), (nc.Reshape((8, 9)), image), (nc.ZeroPad2D(), image),
        (nc.Rescale(0.5), (5,)), (nc.SpatialDropout2D(0.5), image), (nc.GaussianNoise(0.5), (5,)),
        (nc.LayerNorm(), image), (nc.Softmax(), (5,)),
    ]  # fmt: skip


def new(layer):
    return type(layer)(**layer.get_config())


def built(layer, shape):
    layer = new(layer)
    layer.build(shape, np.random.default_rng(0))
    return layer


def forward_and_backward(layer, shape, dy):
    layer = built(layer, shape)
    layer.forward(np.ones((2, *shape)), training=True)
    layer.backward(dy)


# Public name, dot, parameter: a call with one value in its place, and what it refuses.
PARAMETERS = {
    "Conv2D.filters": (lambda v: nc.Conv2D(v, 3), SIZE),
    "Conv2D.kernel_size": (lambda v: nc.Conv2D(2, v), PAIR),
    "Conv2D.strides": (lambda v: nc.Conv2D(2, 3, strides=v), PAIR),
    "Conv2D.dilation_rate": (lambda v: nc.Conv2D(2, 3, dilation_rate=v), PAIR),
    "Conv2D.groups": (lambda v: nc.Conv2D(2, 3, groups=v), COUNT),
    "Conv2D.groups ": (lambda v: nc.Conv2D(2, 3, groups=v), {"3 of 2 filters": (3, V)}),
    "Conv2D.groups  ": (lambda v: nc.Conv2D(4, 3, groups=v), {"3 of 4 filters": (3, V)}),
    "Conv2D.padding": (
        lambda v: nc.Conv2D(2, 3, padding=v),
        {**TOO_LARGE, "-1": (-1, V), "None": (None, T), "full": ("full", V), "three": ((1, 2, 3), V), "1.5": (1.5, T),
         "a list of text": (["same"], V), "an object": (Odd(), T), "a dict": ({}, T)},
    ),
    "Conv2D.use_bias": (lambda v: nc.Conv2D(2, 3, use_bias=v), FLAG),
    "Conv2D.initializer": (lambda v: nc.Conv2D(2, 3, kernel_initializer=v), CHOICE),
    "Conv2D.initializer ": (lambda v: nc.Conv2D(2, 3, bias_initializer=v), CHOICE),
    "Dense.units": (nc.Dense, SIZE),
    "Dense.use_bias": (lambda v: nc.Dense(2, use_bias=v), FLAG),
    "Dense.initializer ": (lambda v: nc.Dense(2, bias_initializer=v), CHOICE),
    "Dense.initializer": (lambda v: nc.Dense(2, kernel_initializer=v), CHOICE),
    "Conv2D.kernel_regularizer": (lambda v: nc.Conv2D(2, 3, kernel_regularizer=v), but(CHOICE, "None")),
    "Conv2D.bias_regularizer": (lambda v: nc.Conv2D(2, 3, bias_regularizer=v), but(CHOICE, "None")),
    "Dense.kernel_regularizer": (lambda v: nc.Dense(2, kernel_regularizer=v), but(CHOICE, "None")),
    "Dense.bias_regularizer": (lambda v: nc.Dense(2, bias_regularizer=v), but(CHOICE, "None")),
    "L1.l1": (nc.L1, FROM_ZERO),
    "L2.l2": (nc.L2, FROM_ZERO),
    "L1L2.l1": (nc.L1L2, FROM_ZERO),
    "L1L2.l2": (lambda v: nc.L1L2(0.1, v), FROM_ZERO),
    "MaxPool2D.pool_size": (nc.MaxPool2D, PAIR),
    "MaxPool2D.strides": (lambda v: nc.MaxPool2D(2, v), but(PAIR, "None")),
    "MaxPool2D.padding": (
        lambda v: nc.MaxPool2D(2, padding=v),
        {**TOO_LARGE, "-1": (-1, V), "2": (2, V), "(1, 3)": ((1, 3), V), "None": (None, T), "text": ("same ", V)},
    ),
    "AvgPool2D.pool_size": (nc.AvgPool2D, PAIR),
    "AvgPool2D.padding": (lambda v: nc.AvgPool2D((3, 2), padding=v), {"-1": (-1, V), "(1, 2)": ((1, 2), V)}),
    "AvgPool2D.strides": (lambda v: nc.AvgPool2D(2, v), but(PAIR, "None")),
    "DepthwiseConv2D.kernel_size": (nc.DepthwiseConv2D, PAIR),
    "DepthwiseConv2D.strides": (lambda v: nc.DepthwiseConv2D(3, v), PAIR),
    "DepthwiseConv2D.padding": (lambda v: nc.DepthwiseConv2D(3, padding=v), {"-1": (-1, V), "full": ("full", V)}),
    "DepthwiseConv2D.depth_multiplier": (lambda v: nc.DepthwiseConv2D(3, depth_multiplier=v), SIZE),
    "DepthwiseConv2D.use_bias": (lambda v: nc.DepthwiseConv2D(3, use_bias=v), FLAG),
    "DepthwiseConv2D.initializer": (lambda v: nc.DepthwiseConv2D(3, kernel_initializer=v), CHOICE),
    "DepthwiseConv2D.initializer ": (lambda v: nc.DepthwiseConv2D(3, bias_initializer=v), CHOICE),
    "DepthwiseConv2D.dilation_rate": (lambda v: nc.DepthwiseConv2D(3, dilation_rate=v), PAIR),
    "DepthwiseConv2D.kernel_regularizer": (lambda v: nc.DepthwiseConv2D(3, kernel_regularizer=v), but(CHOICE, "None")),
    "DepthwiseConv2D.bias_regularizer": (lambda v: nc.DepthwiseConv2D(3, bias_regularizer=v), but(CHOICE, "None")),
    "SeparableConv2D.pointwise_regularizer": (
        lambda v: nc.SeparableConv2D(2, 3, pointwise_regularizer=v), but(CHOICE, "None"),
    ),
    "SeparableConv2D.filters": (lambda v: nc.SeparableConv2D(v, 3), SIZE),
    "Reshape.target_shape": (
        nc.Reshape,
        {**LIST, "None": (None, T), "0": ((2, 0), V), "-2": ((-2,), V), "twice": ((-1, -1), V), "1.5": ((1.5,), T)},
    ),
    "ZeroPad2D.padding": (
        nc.ZeroPad2D,
        {**TOO_LARGE, "-1": (-1, V), "None": (None, T), "text": ("same", T), "three": ((1, 2, 3), V),
         "three pairs": (((1, 1),) * 3, V), "a triple": (((1, 1, 1), (1, 1)), V), "1.5": (((1.5, 1), (1, 1)), T)},
    ),
    "Rescale.scale": (nc.Rescale, FINITE),
    "Rescale.offset": (lambda v: nc.Rescale(1, v), FINITE),
    "SpatialDropout2D.rate": (nc.SpatialDropout2D, FRACTION),
    "GaussianNoise.stddev": (nc.GaussianNoise, FROM_ZERO),
    "LayerNorm.epsilon": (nc.LayerNorm, POSITIVE),
    "LayerNorm.center": (lambda v: nc.LayerNorm(center=v), FLAG),
    "LayerNorm.scale": (lambda v: nc.LayerNorm(scale=v), FLAG),
    "BatchNorm.center": (lambda v: nc.BatchNorm(center=v), FLAG),
    "BatchNorm.scale": (lambda v: nc.BatchNorm(scale=v), FLAG),
    "BatchNorm.momentum": (nc.BatchNorm, {**FROM_ZERO, "1.1": (1.1, V)}),
    "BatchNorm.epsilon": (lambda v: nc.BatchNorm(epsilon=v), POSITIVE),
    "Dropout.rate": (nc.Dropout, FRACTION),
    "ELU.alpha": (nc.ELU, FROM_ZERO),
    "GELU.approximate": (nc.GELU, FLAG),
    "LeakyReLU.negative_slope": (nc.LeakyReLU, FROM_ZERO),
    "SGD.learning_rate": (nc.SGD, FROM_ZERO),
    "SGD.global_clipnorm": (lambda v: nc.SGD(global_clipnorm=v), but(POSITIVE, "None")),
    "SGD.momentum": (lambda v: nc.SGD(0.1, v), FRACTION),
    "SGD.nesterov": (lambda v: nc.SGD(0.1, 0.9, v), FLAG),
    "SGD.velocity_of_steps": (lambda v: nc.SGD(0.1, velocity_of_steps=v), FLAG),
    "Adam.learning_rate": (nc.Adam, FROM_ZERO),
    "Adam.learning_rate ": (lambda v: setattr(nc.Adam(), "learning_rate", v), FROM_ZERO),
    "Adam.beta1": (lambda v: nc.Adam(beta1=v), FRACTION),
    "Adam.beta2": (lambda v: nc.Adam(beta2=v), FRACTION),
    "Adam.epsilon": (lambda v: nc.Adam(epsilon=v), POSITIVE),
    "Adam.global_clipnorm": (lambda v: nc.Adam(global_clipnorm=v), but(POSITIVE, "None")),
    "AdamW.learning_rate": (nc.AdamW, FROM_ZERO),
    "AdamW.weight_decay": (lambda v: nc.AdamW(weight_decay=v), FROM_ZERO),
    "Adam.epsilon_hat": (lambda v: nc.Adam(epsilon_hat=v), FLAG),
    "RMSprop.learning_rate": (nc.RMSprop, FROM_ZERO),
    "RMSprop.rho": (lambda v: nc.RMSprop(rho=v), FRACTION),
    "RMSprop.momentum": (lambda v: nc.RMSprop(momentum=v), FRACTION),
    "RMSprop.epsilon": (lambda v: nc.RMSprop(epsilon=v), POSITIVE),
    "RMSprop.global_clipnorm": (lambda v: nc.RMSprop(global_clipnorm=v), but(POSITIVE, "None")),
    "Adagrad.learning_rate": (nc.Adagrad, FROM_ZERO),
    "Adagrad.epsilon": (lambda v: nc.Adagrad(epsilon=v), POSITIVE),
    "Adagrad.global_clipnorm": (lambda v: nc.Adagrad(global_clipnorm=v), but(POSITIVE, "None")),
    "Adadelta.learning_rate": (nc.Adadelta, FROM_ZERO),
    "Adadelta.rho": (lambda v: nc.Adadelta(rho=v), FRACTION),
    "Adadelta.epsilon": (lambda v: nc.Adadelta(epsilon=v), POSITIVE),
    "Adadelta.global_clipnorm": (lambda v: nc.Adadelta(global_clipnorm=v), but(POSITIVE, "None")),
    "Adamax.learning_rate": (nc.Adamax, FROM_ZERO),
    "Adamax.beta1": (lambda v: nc.Adamax(beta1=v), FRACTION),
    "Adamax.beta2": (lambda v: nc.Adamax(beta2=v), FRACTION),
    "Adamax.epsilon": (lambda v: nc.Adamax(epsilon=v), POSITIVE),
    "Adamax.global_clipnorm": (lambda v: nc.Adamax(global_clipnorm=v), but(POSITIVE, "None")),
    "Nadam.learning_rate": (nc.Nadam, FROM_ZERO),
    "Nadam.beta1": (lambda v: nc.Nadam(beta1=v), FRACTION),
    "Nadam.beta2": (lambda v: nc.Nadam(beta2=v), FRACTION),
    "Nadam.epsilon": (lambda v: nc.Nadam(epsilon=v), POSITIVE),
    "Nadam.global_clipnorm": (lambda v: nc.Nadam(global_clipnorm=v), but(POSITIVE, "None")),
    "RMSprop.centered": (lambda v: nc.RMSprop(centered=v), FLAG),
    "Adagrad.initial_accumulator_value": (lambda v: nc.Adagrad(initial_accumulator_value=v), FROM_ZERO),
    "Optimizer.step": (
        lambda v: nc.SGD().step(v, np.ones(3)),
        {**ROWS, "a number": (3.0, T), "a list": ([1.0], T), "another length": (np.ones(4), V)},
    ),
    "Optimizer.values": (
        lambda v: nc.SGD().bind(v),
        {"a list": ([1.0], T), "integers": (np.arange(3), T), "strided": (np.ones(6)[::2], V)},
    ),
    "Optimizer.state": (lambda v: nc.Adam().set_state(v), STATE),
    "SoftmaxCrossEntropy.label_smoothing": (nc.SoftmaxCrossEntropy, FRACTION),
    "SoftmaxCrossEntropy.outputs": (lambda v: nc.SoftmaxCrossEntropy()(v, [0, 1]), ARRAY),
    "SoftmaxCrossEntropy.logits": (
        lambda v: nc.SoftmaxCrossEntropy().predict(v),
        {"rank 1": (np.ones(3), V), "rank 3": (np.ones((2, 2, 2)), V)},
    ),
    "SoftmaxCrossEntropy.labels": (lambda v: nc.SoftmaxCrossEntropy()(np.ones((20, 3)), v), CLASSES),
    "SoftmaxCrossEntropy.reduction": (lambda v: nc.SoftmaxCrossEntropy(reduction=v), CHOICE),
    "SoftmaxCrossEntropy.weights": (lambda v: nc.SoftmaxCrossEntropy()(np.ones((2, 3)), [0, 1], v), WEIGHTS),
    "BinaryCrossEntropy.label_smoothing": (nc.BinaryCrossEntropy, FRACTION),
    "BinaryCrossEntropy.predict_logits": (lambda v: nc.BinaryCrossEntropy(predict_logits=v), FLAG),
    "BinaryCrossEntropy.reduction": (lambda v: nc.BinaryCrossEntropy(reduction=v), CHOICE),
    "BinaryCrossEntropy.outputs": (lambda v: nc.BinaryCrossEntropy()(v, [1.0]), {**ARRAY, **EMPTY}),
    "BinaryCrossEntropy.outputs ": (nc.BinaryCrossEntropy().predict, {"None": (None, T), "text": ("a", T)}),
    "BinaryCrossEntropy.targets": (
        lambda v: nc.BinaryCrossEntropy()(np.ones((2, 3)), v),
        {**ROWS, "2": (np.full((2, 3), 2), V), "-1": (np.full((2, 3), -1), V), "NaN": (np.full((2, 3), NAN), V)},
    ),
    "MeanAbsoluteError.outputs": (lambda v: nc.MeanAbsoluteError()(v, [1.0]), {**ARRAY, **EMPTY}),
    "MeanAbsoluteError.targets": (lambda v: nc.MeanAbsoluteError()(np.ones((2, 3)), v), ROWS),
    "MeanAbsoluteError.reduction": (nc.MeanAbsoluteError, CHOICE),
    "MeanSquaredError.reduction": (nc.MeanSquaredError, CHOICE),
    "Huber.delta": (nc.Huber, POSITIVE),
    "Huber.reduction": (lambda v: nc.Huber(1.0, v), CHOICE),
    "Huber.outputs": (lambda v: nc.Huber()(v, [1.0]), {**ARRAY, **EMPTY}),
    "Huber.targets": (lambda v: nc.Huber()(np.ones((2, 3)), v), ROWS),
    "MeanSquaredError.outputs": (lambda v: nc.MeanSquaredError()(v, [1.0]), {**ARRAY, **EMPTY}),
    "MeanSquaredError.targets": (lambda v: nc.MeanSquaredError()(np.ones((2, 3)), v), ROWS),
    "Constant.learning_rate": (nc.Constant, FROM_ZERO),
    "Constant.step": (nc.Constant(0.1), FROM_0),
    "StepDecay.learning_rate": (lambda v: nc.StepDecay(v, 3), FROM_ZERO),
    "StepDecay.step_size": (lambda v: nc.StepDecay(0.1, v), COUNT),
    "StepDecay.factor": (lambda v: nc.StepDecay(0.1, 3, v), POSITIVE),
    "StepDecay.step": (nc.StepDecay(0.1, 3), FROM_0),
    "CosineDecay.learning_rate": (lambda v: nc.CosineDecay(v, 3), FROM_ZERO),
    "CosineDecay.steps": (lambda v: nc.CosineDecay(0.1, v), LENGTH),
    "CosineDecay.final_rate": (lambda v: nc.CosineDecay(0.1, 3, v), FROM_ZERO),
    "CosineDecay.step": (nc.CosineDecay(0.1, 3), FROM_0),
    "OneCycle.peak_rate": (lambda v: nc.OneCycle(v, 3), POSITIVE),
    "OneCycle.steps": (lambda v: nc.OneCycle(0.1, v), COUNT),
    "OneCycle.warmup": (lambda v: nc.OneCycle(0.1, 3, v), FRACTION),
    "OneCycle.start_factor": (lambda v: nc.OneCycle(0.1, 3, 0.3, v), POSITIVE),
    "OneCycle.end_factor": (lambda v: nc.OneCycle(0.1, 3, end_factor=v), POSITIVE),
    "OneCycle.step": (nc.OneCycle(0.1, 3), FROM_0),
    "ExponentialDecay.learning_rate": (lambda v: nc.ExponentialDecay(v, 3, 0.5), FROM_ZERO),
    "ExponentialDecay.decay_steps": (lambda v: nc.ExponentialDecay(0.1, v, 0.5), LENGTH),
    "ExponentialDecay.decay_rate": (lambda v: nc.ExponentialDecay(0.1, 3, v), {**POSITIVE, "1.1": (1.1, V)}),
    "ExponentialDecay.staircase": (lambda v: nc.ExponentialDecay(0.1, 3, 0.5, v), FLAG),
    "ExponentialDecay.step": (nc.ExponentialDecay(0.1, 3, 0.5), FROM_0),
    "InverseTimeDecay.learning_rate": (lambda v: nc.InverseTimeDecay(v, 3, 0.5), FROM_ZERO),
    "InverseTimeDecay.decay_steps": (lambda v: nc.InverseTimeDecay(0.1, v, 0.5), LENGTH),
    "InverseTimeDecay.decay_rate": (lambda v: nc.InverseTimeDecay(0.1, 3, v), FROM_ZERO),
    "InverseTimeDecay.staircase": (lambda v: nc.InverseTimeDecay(0.1, 3, 0.5, v), FLAG),
    "InverseTimeDecay.step": (nc.InverseTimeDecay(0.1, 3, 0.5), FROM_0),
    "PolynomialDecay.learning_rate": (lambda v: nc.PolynomialDecay(v, 3), FROM_ZERO),
    "PolynomialDecay.steps": (lambda v: nc.PolynomialDecay(0.1, v), LENGTH),
    "PolynomialDecay.final_rate": (lambda v: nc.PolynomialDecay(0.1, 3, v), FROM_ZERO),
    "PolynomialDecay.power": (lambda v: nc.PolynomialDecay(0.1, 3, 0.1, v), POSITIVE),
    "PolynomialDecay.step": (nc.PolynomialDecay(0.1, 3), FROM_0),
    "PiecewiseConstant.boundaries": (
        lambda v: nc.PiecewiseConstant(v, [0.1, 0.2, 0.3]),
        {**LIST, "falling": ([2, 1], V), "equal": ([2, 2], V), "one": ([1], V), "negative": ([-1, 2], V),
         "floats": ([1.5, 2.5], T)},
    ),
    "PiecewiseConstant.rates": (
        lambda v: nc.PiecewiseConstant([1], v), {**LIST, "negative": ([0.1, -0.1], V), "text in it": (["a", 1], T)},
    ),
    "PiecewiseConstant.step": (nc.PiecewiseConstant([1], [0.1, 0.2]), FROM_0),
    "EarlyStopping.monitor": (nc.EarlyStopping, TEXT),
    "EarlyStopping.min_delta": (lambda v: nc.EarlyStopping(min_delta=v), FROM_ZERO),
    "EarlyStopping.patience": (lambda v: nc.EarlyStopping(patience=v), FROM_0),
    "EarlyStopping.mode": (lambda v: nc.EarlyStopping(mode=v), CHOICE),
    "EarlyStopping.restore_best_weights": (lambda v: nc.EarlyStopping(restore_best_weights=v), FLAG),
    "ModelCheckpoint.filepath": (nc.ModelCheckpoint, {**PATH, "another suffix": ("model.pt", V)}),
    "ModelCheckpoint.monitor": (lambda v: nc.ModelCheckpoint("a.npz", v), TEXT),
    "ModelCheckpoint.mode": (lambda v: nc.ModelCheckpoint("a.npz", mode=v), CHOICE),
    "ModelCheckpoint.save_best_only": (lambda v: nc.ModelCheckpoint("a.npz", save_best_only=v), FLAG),
    "ReduceLROnPlateau.monitor": (nc.ReduceLROnPlateau, TEXT),
    "ReduceLROnPlateau.factor": (lambda v: nc.ReduceLROnPlateau(factor=v), {**FRACTION, "0": (0, V)}),
    "ReduceLROnPlateau.patience": (lambda v: nc.ReduceLROnPlateau(patience=v), FROM_0),
    "ReduceLROnPlateau.mode": (lambda v: nc.ReduceLROnPlateau(mode=v), CHOICE),
    "ReduceLROnPlateau.min_delta": (lambda v: nc.ReduceLROnPlateau(min_delta=v), FROM_ZERO),
    "ReduceLROnPlateau.min_lr": (lambda v: nc.ReduceLROnPlateau(min_lr=v), FROM_ZERO),
    "CSVLogger.filename": (nc.CSVLogger, PATH),
    "CSVLogger.append": (lambda v: nc.CSVLogger("a.csv", v), FLAG),
    "LambdaCallback.on_epoch_end": (nc.LambdaCallback, FUNCTION),
    "BackupAndRestore.filepath": (nc.BackupAndRestore, {**PATH, "another suffix": ("model.h5", V)}),
    "BackupAndRestore.save_freq": (lambda v: nc.BackupAndRestore("a.npz", v), {**COUNT, "text": ("batch", V)}),
    "BackupAndRestore.delete_checkpoint": (lambda v: nc.BackupAndRestore("a.npz", 1, v), FLAG),
    "History.logs": (lambda v: nc.History().append(0, v, 1.0), {"None": (None, T), "a list": ([1], T)}),
    "Parameter.name": (lambda v: nc.Parameter(v, np.ones(3)), {"None": (None, T), "a number": (3, T)}),
    "Parameter.value": (
        lambda v: nc.Parameter("w", v),
        {"a list": ([1.0], T), "integers": (np.arange(3), T), "float16": (np.ones(3, "f2"), T), "a number": (1.0, T),
         "byte-swapped": (np.ones(3, np.dtype("f4").newbyteorder()), T), "strided": (np.ones(6)[::2], V),
         "masked": (np.ma.masked_array([1.0, 2.0]), T), "read-only": (np.broadcast_to(1.0, 3), V)},
    ),
    "Parameter.value ": (
        lambda v: setattr(nc.Parameter("w", np.ones(2)), "value", v),
        {**ROWS, "another shape": (np.ones(3), V)},
    ),
    "Parameter.grad": (
        lambda v: setattr(nc.Parameter("w", np.ones(2)), "grad", v),
        {**ROWS, "another shape": (np.ones((2, 1)), V)},
    ),
    "Parameter.move": (
        lambda v: nc.Parameter("w", np.ones(2)).move(v, v),
        {"larger": (np.ones((3, 2)), V), "smaller": (np.ones(1), V)},
    ),
    "Augment.shift": (lambda v: nc.Augment(shift=v), FRACTION),
    "Augment.rotation": (lambda v: nc.Augment(rotation=v), {**FROM_ZERO, "360": (360, V)}),
    "Augment.zoom": (lambda v: nc.Augment(zoom=v), FRACTION),
    "Augment.shear": (lambda v: nc.Augment(shear=v), {**FROM_ZERO, "90": (90, V)}),
    "Augment.elastic": (lambda v: nc.Augment(elastic=v), {**FROM_ZERO, "1e39": (1e39, V)}),
    "Augment.sigma": (lambda v: nc.Augment(sigma=v), {**POSITIVE, "0.4": (0.4, V), "1e39": (1e39, V)}),
    "Augment.horizontal_flip": (lambda v: nc.Augment(horizontal_flip=v), FLAG),
    "Augment.fill": (lambda v: nc.Augment(fill=v), {**FINITE, "1e39": (1e39, V), "-1e39": (-1e39, V)}),
    "Augment.images": (
        lambda v: nc.Augment.for_digits()(v, RNG),
        {"a list": (X.tolist(), T), "None": (None, T), "masked": (np.ma.masked_array(X, X > 0), T),
         "no channels": (GREY, V),
         "float16": (X.astype("f2"), T), "int64": (X.astype(int), T), "byte-swapped": (X.astype(">f4"), T),
         "complex": (X.astype(complex), T), "rank 5": (X[None], V),
         "huge": (np.broadcast_to(X[:1, :1, :1], (1, 40000, 1, 1)), V)},
    ),
    "Augment.rng": (lambda v: nc.Augment.for_digits()(X, v), {**GENERATOR, "None": (None, T)}),
    "to_categorical.y": (
        nc.to_categorical,
        {**CLASSES, "one-hot": (np.eye(3), V), "stray": (np.array([-1]).astype("u4"), V)},
    ),
    "to_categorical.num_classes": (lambda v: nc.to_categorical([0, 1], v), but(SIZE, "None")),
    "to_categorical.num_classes ": (lambda v: nc.to_categorical([0, 5], v), {"a label beyond": (3, V)}),
    "confusion_matrix.y_true": (lambda v: nc.confusion_matrix(v, Y), CLASSES),
    "confusion_matrix.y_pred": (lambda v: nc.confusion_matrix(Y, v), CLASSES),
    "confusion_matrix.num_classes": (lambda v: nc.confusion_matrix(Y, Y, v), but(COUNT_LARGE, "None")),
    "classification_report.y_pred": (lambda v: nc.classification_report(Y, v), CLASSES),
    "classification_report.class_names": (lambda v: nc.classification_report(Y, Y, v), NAMES),
    "classification_report.digits": (
        lambda v: nc.classification_report(Y, Y, digits=v),
        {**FROM_0, "18": (18, V), "10**30": (10**30, V)},
    ),
    "classification_report.output_dict": (lambda v: nc.classification_report(Y, Y, output_dict=v), FLAG),
    "metrics.accuracy.y_true": (lambda v: metrics.accuracy(v, Y), CLASSES),
    "metrics.top_k_accuracy.k": (
        lambda v: metrics.top_k_accuracy(Y, PROBABILITIES, v),
        COUNT_LARGE,
    ),
    "metrics.precision_recall_f1.y_pred": (lambda v: metrics.precision_recall_f1(Y, v), CLASSES),
    "metrics.fit_confidence.probabilities": (
        lambda v: metrics.fit_confidence(Y, v),
        {"None": (None, T), "rank 1": (np.ones(3), V), "sums": (np.ones((3, 3)), V)},
    ),
    "metrics.fit_confidence.error": (lambda v: metrics.fit_confidence(Y, PROBABILITIES, v), FRACTION),
    "metrics.fit_confidence.distance": (
        lambda v: metrics.fit_confidence(Y, PROBABILITIES, distance=v), {"a number": (1.0, T), "a text": ("far", T)},
    ),
    "metrics.fit_class_distance.y_true": (lambda v: metrics.fit_class_distance(v, FEATURES, FEATURES), CLASSES),
    "metrics.fit_class_distance.features": (
        lambda v: metrics.fit_class_distance(Y, v, FEATURES),
        {"None": (None, T), "rank 1": (np.ones(20), V), "fewer rows": (FEATURES[:3], V), "NaN": (FEATURES * NAN, V)},
    ),
    "metrics.fit_class_distance.held_out": (
        lambda v: metrics.fit_class_distance(Y, FEATURES, v),
        {"None": (None, T), "rank 1": (np.ones(4), V), "other width": (np.ones((5, 3)), V), "NaN": (FEATURES * NAN, V)},
    ),
    "metrics.fit_class_distance.refused": (
        lambda v: metrics.fit_class_distance(Y, FEATURES, FEATURES, v), FRACTION,
    ),
    "metrics.calibration.probabilities": (
        lambda v: metrics.calibration(Y, v),
        {**ROWS, "NaN": (np.full((20, 4), NAN), V)},
    ),
    "metrics.Accuracy.name": (metrics.Accuracy, TEXT),
    "metrics.BinaryAccuracy.threshold": (metrics.BinaryAccuracy, {**FROM_ZERO, "1.1": (1.1, V)}),
    "metrics.TopKAccuracy.k": (metrics.TopKAccuracy, COUNT),
    "metrics.MeanLoss.loss": (lambda v: metrics.MeanLoss(v, "mine"), {"None": (None, T), "a name": ("mse", T)}),
    "metrics.Precision.threshold": (metrics.Precision, but({**FROM_ZERO, "1.1": (1.1, V)}, "None")),
    "metrics.Recall.threshold": (metrics.Recall, but({**FROM_ZERO, "1.1": (1.1, V)}, "None")),
    "metrics.F1Score.average": (metrics.F1Score, CHOICE),
    "metrics.F1Score.threshold": (
        lambda v: metrics.F1Score(threshold=v), but({**FROM_ZERO, "1.1": (1.1, V)}, "None"),
    ),
    "metrics.AUC.num_thresholds": (metrics.AUC, {**COUNT, "1": (1, V)}),
    "metrics.calibration.bins": (lambda v: metrics.calibration(Y, PROBABILITIES, v), COUNT_LARGE),
    "metrics.most_confident_mistakes.most": (
        lambda v: metrics.most_confident_mistakes(Y, PROBABILITIES, v),
        but(COUNT, "None"),
    ),
    "read_idx.file": (nc.read_idx, PATH),
    "read_idx.max_bytes": (lambda v: nc.read_idx("a.idx", v), FROM_0),
    "write_idx.path": (lambda v: nc.write_idx(v, np.ones(3)), PATH),
    "write_idx.array": (
        lambda v: nc.write_idx("a.idx", v),
        {
            **ARRAY, "uint64": (np.ones(3, "u8"), V),
            "float16": (np.ones(3, "f2"), V), "a number": (3.0, V),
        },
    ),
    "load_mnist.data_dir": (nc.load_mnist, but(PATH, "None")),
    "load_fashion_mnist.data_dir": (nc.load_fashion_mnist, but(PATH, "None")),
    "load_cifar10.data_dir": (nc.load_cifar10, but(PATH, "None")),
    "load_kmnist.data_dir": (nc.load_kmnist, but(PATH, "None")),
    "load_emnist.data_dir": (lambda v: nc.load_emnist(data_dir=v), but(PATH, "None")),
    "load_emnist.split": (nc.load_emnist, CHOICE),
    "load_image_folder.path": (nc.load_image_folder, PATH),
    "load_image_folder.size": (lambda v: nc.load_image_folder("absent", v), {**PAIR, **TOO_LARGE}),
    "load_image_folder.grey": (lambda v: nc.load_image_folder("absent", 8, v), FLAG),
    "ImageFolder.split.validation_split": (lambda v: FOLDER.split(v), FRACTION),
    "ImageFolder.split.seed": (lambda v: FOLDER.split(0.5, v), FROM_0),
    "load_synthetic_digits.n": (nc.load_synthetic_digits, {**FROM_0, **TOO_LARGE}),
    "load_synthetic_digits.seed": (lambda v: nc.load_synthetic_digits(1, v), FROM_0),
    "InputFormat.size": (nc.InputFormat, PAIR),
    "InputFormat.grey": (lambda v: nc.InputFormat(8, v), FLAG),
    "InputFormat.scale": (lambda v: nc.InputFormat(8, scale=v), POSITIVE),
    "InputFormat.prepare": (lambda v: nc.InputFormat(8, prepare=v), {**CHOICE, "a digit of 8 x 8": ("digit", V)}),
    "InputFormat.class_names": (
        lambda v: nc.InputFormat(8, class_names=v),
        {**but(NAMES, "too few"), "an escape code": (["a\x1b[2J"], V), "a blank": ([" "], V)},
    ),
    "prepare_digit.image": (
        nc.prepare_digit,
        {k: (v, T) for k, (v, _) in ARRAY.items() if k not in ("ragged", "text")}
        | {"ragged": ([[1], [1, 2]], T), "rank 1": (np.ones(9), V), "five channels": (np.ones((4, 4, 5)), V),
           "NaN": (np.full((4, 4), NAN), V), "infinite": (np.full((4, 4), INF), V),
           "beyond float32": (np.full((4, 4), 1e300), V), "negative": (-np.ones((4, 4)), V),
           "no pixel": (np.ones((0, 4)), V),
           "huge": (np.broadcast_to(np.uint8(3), (10**5, 10**5)), V), "a zero byte": ("a\0b.png", V)},
    ),
    "read_digits.model": (
        lambda v: nc.read_digits(np.ones((9, 9)), v), {"None": (None, T), "a number": (3, T), "an object": (Odd(), T)},
    ),
    "set_num_threads.n": (nc.set_num_threads, SIZE),
    "kernels.using": (lambda v: kernels.using(v).__enter__(), CHOICE),
    "Sequential.layers": (
        nc.Sequential,
        {
            **LIST, "a text in it": (["Dense"], T), "a class in it": ([nc.Dense], T),
            "a layer twice": ([RELU, RELU], V),
        },
    ),
    "Sequential.input_shape": (
        lambda v: nc.Sequential([nc.Conv2D(2, 2)], v),
        but(SHAPE, "None") | {"rank 1": ((3,), V), "too small": ((1, 1, 1), V)},
    ),
    "Sequential.seed": (lambda v: nc.Sequential(seed=v), but(FROM_0, "None")),
    "Sequential.dtype": (lambda v: nc.Sequential(dtype=v), DTYPE),
    "Sequential.fused": (lambda v: nc.Sequential(fused=v), FLAG),
    "Sequential.add": (
        lambda v: nc.Sequential().add(v),
        {"None": (None, T), "text": ("Dense", T), "a class": (nc.Dense, T), "a model": (MODEL, T)},
    ),
    "Sequential.build": (lambda v: nc.Sequential([nc.Flatten()]).build(v), SHAPE),
    "Sequential.forward": (lambda v: small_cnn().forward(v), ROWS),
    "Sequential.backward": (
        lambda v: (m := small_cnn(), m.forward(X, True), m.backward(v)),
        {**ROWS, "other rows": (np.ones((3, 4)), V)},
    ),
    "Sequential.predict.x": (MODEL.predict, ROWS),
    "Sequential.predict.batch_size": (lambda v: MODEL.predict(X, v), but(COUNT, "None")),
    "Sequential.predict.check_finite": (lambda v: MODEL.predict(X, check_finite=v), FLAG),
    "Sequential.activations": (MODEL.activations, ROWS),
    "Sequential.features.x": (MODEL.features, ROWS),
    "Sequential.features.batch_size": (lambda v: MODEL.features(X, v), but(COUNT, "None")),
    "Sequential.evaluate.x": (lambda v: MODEL.evaluate(v, Y), ROWS),
    "Sequential.evaluate.batch_size": (lambda v: MODEL.evaluate(X, Y, v), but(COUNT, "None")),
    "Sequential.evaluate.y": (lambda v: MODEL.evaluate(X, v), CLASSES),
    "Sequential.evaluate.check_finite": (lambda v: MODEL.evaluate(X, Y, check_finite=v), FLAG),
    "Sequential.train_on_batch": (lambda v: MODEL.train_on_batch(v, Y), ROWS),
    "Sequential.train_on_batch.sample_weight": (lambda v: MODEL.train_on_batch(X, Y, v), WEIGHTS),
    "Sequential.train_on_batch.class_weight": (lambda v: MODEL.train_on_batch(X, Y, class_weight=v), CLASS_WEIGHT),
    "Sequential.evaluate.sample_weight": (lambda v: MODEL.evaluate(X, Y, sample_weight=v), WEIGHTS),
    "Sequential.evaluate.steps": (
        lambda v: MODEL.evaluate([(X, Y)], steps=v), but(COUNT, "None"),
    ),
    "Sequential.evaluate.steps ": (lambda v: MODEL.evaluate(X, Y, steps=v), {"beside arrays": (1, V)}),
    "Sequential.predict.steps": (lambda v: MODEL.predict([(X,)], steps=v), but(COUNT, "None")),
    "Sequential.predict.steps ": (lambda v: MODEL.predict(X, steps=v), {"beside an array": (1, V)}),
    "Sequential.compile.optimizer": (
        lambda v: MODEL.compile(v, "mse"),
        {"None": (None, T), "a number": (0.1, T), "a class": (nc.Adam, T), "unknown": ("lion", V)},
    ),
    "Sequential.compile.loss": (
        lambda v: MODEL.compile("adam", v),
        {"None": (None, T), "a number": (0.1, T), "a class": (nc.SoftmaxCrossEntropy, T), "unknown": ("l1", V)},
    ),
    "Sequential.compile.metrics": (
        lambda v: MODEL.compile("adam", "mse", v),
        {**LIST, "numbers": ([1], T), "arrays": ([np.ones(2)], T), "None in it": ([None], T),
         "misspelt": (["acuracy"], V),
         "unknown": (["f1"], V)},
    ),
    "Sequential.compile.weighted_metrics": (
        lambda v: MODEL.compile("adam", "mse", weighted_metrics=v),
        {**LIST, "numbers": ([1], T), "misspelt": (["acuracy"], V), "twice": (["mae", "mae"], V)},
    ),
    "Sequential.fit.x": (lambda v: MODEL.fit(v, Y, verbose=0), ROWS),
    "Sequential.fit.y": (lambda v: MODEL.fit(X, v, verbose=0), CLASSES),
    "Sequential.fit.batch_size": (lambda v: MODEL.fit(X, Y, batch_size=v, verbose=0), COUNT),
    "Sequential.fit.epochs": (lambda v: MODEL.fit(X, Y, epochs=v, verbose=0), COUNT),
    "Sequential.fit.verbose": (lambda v: MODEL.fit(X, Y, verbose=v), {**CHOICE, "3": (3, V), "-1": (-1, V)}),
    "Sequential.fit.callbacks": (
        lambda v: MODEL.fit(X, Y, callbacks=v, verbose=0),
        {
            **LIST, "one callback": (nc.TerminateOnNaN(), T), "a class": ([nc.TerminateOnNaN], T),
            "an array": (np.ones(2), T),
        },
    ),
    "Sequential.fit.validation_split": (lambda v: MODEL.fit(X, Y, validation_split=v, verbose=0), FRACTION),
    "Sequential.fit.validation_data": (
        lambda v: MODEL.fit(X, Y, validation_data=v, verbose=0),
        {**but(LIST, "a class"), "one array": (X, T), "a dict": ({}, T), "four": ((X, Y, Y, Y), V), "none": ((), V),
         "texts": (("a", "b"), T)},
    ),
    "Sequential.fit.shuffle": (lambda v: MODEL.fit(X, Y, shuffle=v, verbose=0), FLAG),
    "Sequential.fit.initial_epoch": (lambda v: MODEL.fit(X, Y, initial_epoch=v, verbose=0), FROM_0),
    "Sequential.fit.augment": (
        lambda v: MODEL.fit(X, Y, augment=v, verbose=0),
        but(FUNCTION, "None") | {"masks": (lambda x, rng: np.ma.masked_array(x, x > 0), T)},
    ),
    "Sequential.fit.seed": (lambda v: MODEL.fit(X, Y, seed=v, verbose=0), but(FROM_0, "None")),
    "Sequential.fit.class_weight": (lambda v: MODEL.fit(X, Y, class_weight=v, verbose=0), CLASS_WEIGHT),
    "Sequential.fit.class_weight ": (
        lambda v: MODEL.fit(X, Y, sample_weight=np.ones(20), class_weight=v, verbose=0), {"twice": ({0: 2.0}, V)},
    ),
    "Sequential.fit.sample_weight": (lambda v: MODEL.fit(X, Y, sample_weight=v, verbose=0), WEIGHTS),
    "Sequential.fit.sample_weight ": (
        lambda v: MODEL.fit([(X, Y)], sample_weight=v, verbose=0), {"beside batches": (np.ones(20), V)},
    ),
    "Sequential.fit.x ": (
        lambda v: MODEL.fit(v, verbose=0),
        {"a generator of numbers": (iter([1, 2]), T), "of single things": (iter([(X,)]), T), "of none": (iter(()), V),
         "of other images": (iter([(GREY, Y)]), V), "a dict": ({"x": X}, T)},
    ),
    "Sequential.fit.steps_per_epoch": (
        lambda v: MODEL.fit(X, Y, steps_per_epoch=v, verbose=0), {**but(COUNT, "None"), "2 of 1": (2, V)},
    ),
    "Sequential.fit.validation_steps": (
        lambda v: MODEL.fit(X, Y, validation_data=[(X, Y)], validation_steps=v, verbose=0), but(COUNT, "None"),
    ),
    "Sequential.fit.validation_steps ": (
        lambda v: MODEL.fit(X, Y, validation_data=(X, Y), validation_steps=v, verbose=0), {"beside arrays": (1, V)},
    ),
    "Sequential.fit.validation_freq": (
        lambda v: MODEL.fit(X, Y, validation_freq=v, verbose=0), {**but(COUNT, "a list"), "0 in it": ([0], V)},
    ),
    "Sequential.fit.check_finite": (lambda v: MODEL.fit(X, Y, check_finite=v, verbose=0), FLAG),
    "Sequential.fit.communicator": (
        lambda v: MODEL.fit(X, Y, communicator=v, verbose=0),
        {"a number": (2, T), "text": ("mpi", T), "a list": ([], T)},
    ),
    "Sequential.set_weights": (
        MODEL.set_weights,
        {
            **LIST, "None": (None, T), "none": ([], V), "texts": (["a"] * 8, T), "numbers": ([1] * 8, V),
            "masked": ([np.ma.masked_array(w, w > 0) for w in MODEL.get_weights()], T),
        },
    ),
    "Sequential.save": (MODEL.save, {**PATH, "another suffix": ("model.pt", V)}),
    "Sequential.save_weights": (MODEL.save_weights, {**PATH, "another suffix": ("model.h5", V)}),
    "Sequential.load_weights": (MODEL.load_weights, {**PATH, "another suffix": ("model.h5", V)}),
    "Sequential.load.path": (nc.Sequential.load, PATH),
    "Sequential.load.custom_layers": (
        lambda v: nc.Sequential.load("model.npz", v),
        {**LIST, "None": (None, T), "a layer": ([nc.ReLU()], T), "another class": ([int], T)},
    ),
    "Sequential.summary.print_fn": (MODEL.summary, FUNCTION),
    "Sequential.profile.x": (lambda v: MODEL.profile(v, Y), ROWS),
    "Sequential.profile.repeats": (lambda v: MODEL.profile(X, Y, v), COUNT),
    "Sequential.profile.print_fn": (lambda v: MODEL.profile(X, Y, 1, v), FUNCTION),
    "training.train_step.model": (
        lambda v: training.train_step(v, MODEL.loss, MODEL.optimizer, X, Y),
        {"None": (None, T), "a layer": (nc.ReLU(), T)},
    ),
    "training.train_step.loss": (
        lambda v: training.train_step(MODEL, v, MODEL.optimizer, X, Y),
        {"None": (None, T), "a name": ("mse", T)},
    ),
    "training.train_step.optimizer": (
        lambda v: training.train_step(MODEL, MODEL.loss, v, X, Y),
        {"None": (None, T), "a name": ("sgd", T)},
    ),
    "training.train_step.x": (lambda v: training.train_step(MODEL, MODEL.loss, MODEL.optimizer, v, Y), ROWS),
    "training.train_step.y": (lambda v: training.train_step(MODEL, MODEL.loss, MODEL.optimizer, X, v), CLASSES),
    "initializers.get_initializer": (initializers.get_initializer, CHOICE),
    "architectures.num_classes": (lambda v: architectures.mlp(num_classes=v), SIZE),
    "plots.plot_samples.images": (lambda v: plots.plot_samples(v, Y), ROWS),
    "plots.plot_samples.labels": (lambda v: plots.plot_samples(GREY, v), CLASSES),
    "plots.plot_samples.rows": (lambda v: plots.plot_samples(GREY, Y, v), COUNT),
    "plots.plot_samples.cols": (lambda v: plots.plot_samples(GREY, Y, 1, v), COUNT),
    "plots.plot_samples.class_names": (lambda v: plots.plot_samples(GREY, Y, class_names=v), NAMES),
    "plots.plot_predictions.rows": (lambda v: plots.plot_predictions(GREY, Y, PROBABILITIES, v), COUNT),
    "plots.plot_predictions.cols": (lambda v: plots.plot_predictions(GREY, Y, PROBABILITIES, 1, v), COUNT),
    "plots.plot_predictions.probabilities": (
        lambda v: plots.plot_predictions(GREY, Y, v),
        {**ROWS, "logits": (np.full((20, 4), -3.0), V)},
    ),
    "plots.plot_mistakes.rows": (lambda v: plots.plot_mistakes(GREY, Y, PROBABILITIES, v), COUNT),
    "plots.plot_mistakes.cols": (lambda v: plots.plot_mistakes(GREY, Y, PROBABILITIES, 1, v), COUNT),
    "plots.plot_mistakes.probabilities": (lambda v: plots.plot_mistakes(GREY, Y, v), ROWS),
    "plots.plot_augmentation.augment": (
        lambda v: plots.plot_augmentation(GREY, v),
        {
            **FUNCTION, "returns None": (lambda x, rng: None, T), "drops rows": (lambda x, rng: x[1:], V),
            "ragged": (lambda x, rng: [[1], [1, 2]], T),
        },
    ),
    "plots.plot_augmentation.rows": (lambda v: plots.plot_augmentation(GREY, len, v), COUNT),
    "plots.plot_augmentation.versions": (lambda v: plots.plot_augmentation(GREY, len, 1, v), COUNT_LARGE),
    "plots.plot_augmentation.seed": (lambda v: plots.plot_augmentation(GREY, len, 1, 1, v), FROM_0),
    "plots.plot_curves.history": (
        plots.plot_curves,
        {
            "None": (None, T), "a list": ([1.0], T), "no loss": ({}, V), "texts": ({"loss": ["a"]}, T),
            "ragged": ({"loss": [[1], [1, 2]]}, T), "empty": ({"loss": []}, V),
            "lengths": ({"loss": [1.0], "val_loss": [1.0, 2.0]}, V),
        },
    ),
    "plots.plot_confusion_matrix.matrix": (
        plots.plot_confusion_matrix,
        {
            **ARRAY, **EMPTY, "shares": (np.full((2, 2), 0.5), V), "negative": (-np.eye(2), V),
            "oblong": (np.ones((2, 3)), V), "zeros": (np.zeros((2, 2)), V), "NaN": (np.full((2, 2), NAN), V),
        },
    ),
    "plots.plot_reliability.result": (plots.plot_reliability, {"None": (None, T), "probabilities": (PROBABILITIES, T)}),
    "plots.plot_filters.layer": (plots.plot_filters, {"None": (None, T), "dense": (MODEL.layers[-1], T)}),
    "plots.plot_filters.most": (lambda v: plots.plot_filters(MODEL.layers[0], v), COUNT),
    "plots.plot_feature_maps.model": (
        lambda v: plots.plot_feature_maps(v, X[0]),
        {"None": (None, T), "a layer": (nc.ReLU(), T)},
    ),
    "plots.plot_feature_maps.image": (lambda v: plots.plot_feature_maps(MODEL, v), ROWS),
    "plots.plot_feature_maps.maps": (lambda v: plots.plot_feature_maps(MODEL, X[0], v), COUNT),
    "LayerRatios.every": (nc.LayerRatios, COUNT),
    **{
        f"plots.plot_{name}.image": (lambda v, plot=getattr(plots, f"plot_{name}"): plot(MODEL, v), ROWS)
        for name in ("saliency", "occlusion")
    },
    "plots.plot_saliency.unit": (lambda v: plots.plot_saliency(MODEL, X[0], v), but(FROM_0, "None")),
    "plots.plot_occlusion.fill": (lambda v: plots.plot_occlusion(MODEL, X[0], fill=v), FINITE),
    "plots.plot_occlusion.size": (lambda v: plots.plot_occlusion(MODEL, X[0], size=v), COUNT),
    "plots.plot_favourites.x": (lambda v: plots.plot_favourites(MODEL, v), ROWS),
    "plots.plot_favourites.layer": (lambda v: plots.plot_favourites(MODEL, X, v), FROM_0),
    "plots.plot_favourites.filters": (lambda v: plots.plot_favourites(MODEL, X, 0, v), COUNT),
    "plots.plot_favourites.most": (lambda v: plots.plot_favourites(MODEL, X, 0, 1, v), COUNT),
    "plots.plot_components.x": (lambda v: plots.plot_components(MODEL, v, Y), ROWS),
    "plots.plot_components.labels": (
        lambda v: plots.plot_components(MODEL, X, v), {"None": (None, T), "text": ("a", T), "too few": (Y[:2], V)},
    ),
    "plots.plot_ratios.ratios": (
        plots.plot_ratios, {"None": (None, T), "a class": (nc.LayerRatios, T), "unused": (nc.LayerRatios(), V)},
    ),
    "plots.plot_loss_slice.x": (lambda v: plots.plot_loss_slice(MODEL, v, Y), ROWS),
    "plots.plot_loss_slice.points": (lambda v: plots.plot_loss_slice(MODEL, X, Y, 1.0, v), COUNT),
    "plots.plot_loss_slice.seed": (lambda v: plots.plot_loss_slice(MODEL, X, Y, 1.0, 3, v), FROM_0),
    "plots.plot_roofline.profile": (plots.plot_roofline, {"None": (None, T), "a table": ("table", T)}),
    "plots.save_figure.figure": (lambda v: plots.save_figure(v, "a.png"), {"None": (None, T), "text": ("figure", T)}),
    "plots.save_figure.path": (
        lambda v: plots.save_figure(plots.plot_curves({"loss": [1.0]}), v),
        {**PATH, "another suffix": ("a.jpg", V)},
    ),
    "plots.save_figure.dpi": (
        lambda v: plots.save_figure(plots.plot_curves({"loss": [1.0]}), "a.png", v),
        {**POSITIVE, "1": (1, V)},
    ),
    "gradcheck.check_layer.layer": (
        lambda v: gradcheck.check_layer(v, (3,)),
        {"None": (None, T), "a class": (nc.ReLU, T), "a model": (MODEL, T)},
    ),
    "gradcheck.check_layer.input_shape": (lambda v: gradcheck.check_layer(nc.Conv2D(2, 2), v), but(SHAPE, "None")),
    "gradcheck.check_layer.x": (lambda v: gradcheck.check_layer(nc.ReLU(), (3,), v), but(ROWS, "None")),
    "gradcheck.check_layer.batch_size": (lambda v: gradcheck.check_layer(nc.ReLU(), (3,), batch_size=v), COUNT),
    "gradcheck.check_layer.step": (lambda v: gradcheck.check_layer(nc.ReLU(), (3,), step=v), but(POSITIVE, "None")),
    "gradcheck.check_layer.tolerance": (
        lambda v: gradcheck.check_layer(nc.ReLU(), (3,), tolerance=v),
        but(FROM_ZERO, "None"),
    ),
    "gradcheck.check_layer.max_elements": (
        lambda v: gradcheck.check_layer(nc.ReLU(), (3,), max_elements=v),
        but(COUNT, "None"),
    ),
    "gradcheck.check_layer.directions": (
        lambda v: gradcheck.check_layer(nc.ReLU(), (3,), directions=v),
        but(COUNT, "None"),
    ),
    "gradcheck.check_layer.method": (lambda v: gradcheck.check_layer(nc.ReLU(), (3,), method=v), CHOICE),
    "gradcheck.check_layer.seed": (lambda v: gradcheck.check_layer(nc.ReLU(), (3,), seed=v), FROM_0),
    "gradcheck.check_loss.loss": (
        lambda v: gradcheck.check_loss(v, np.ones((2, 3)), [0, 1]),
        {"None": (None, T), "a name": ("mse", T), "a class": (nc.MeanSquaredError, T)},
    ),
    "gradcheck.check_loss.weights": (
        lambda v: gradcheck.check_loss(nc.SoftmaxCrossEntropy(), np.ones((2, 3)), [0, 1], v), WEIGHTS,
    ),
    "gradcheck.check_loss.outputs": (
        lambda v: gradcheck.check_loss(nc.MeanSquaredError(), v, [1.0]),
        {**ARRAY, **EMPTY},
    ),
    "gradcheck.check_model.model": (
        lambda v: gradcheck.check_model(v, X[:3], Y[:3]),
        {"None": (None, T), "a layer": (nc.ReLU(), T)},
    ),
    "gradcheck.check_model.x": (lambda v: gradcheck.check_model(MODEL, v, Y[:3]), ROWS),
    "gradcheck.check_model.seed": (lambda v: gradcheck.check_model(MODEL, X[:3], Y[:3], seed=v), FROM_0),
    "gradcheck.check_optimizer.optimizer": (
        gradcheck.check_optimizer, {"None": (None, T), "a name": ("adam", T), "a layer": (nc.ReLU(), T)},
    ),
    "gradcheck.check_optimizer.seed": (lambda v: gradcheck.check_optimizer(nc.SGD(), seed=v), FROM_0),
    "gradcheck.assert_gradients": (
        gradcheck.assert_gradients,
        {"None": (None, T), "a bool": (True, T), "a list": ([], T)},
    ),
    "gradcheck.check_package": (lambda v: next(gradcheck.check_package(v)), CHOICE),
    "testing.check_layer.layer": (lambda v: testing.check_layer(v, (3,)), {"None": (None, T), "a class": (nc.ReLU, T)}),
    "testing.check_layer.input_shape": (lambda v: testing.check_layer(nc.ReLU(), v), SHAPE),
    "testing.check_layer.checks": (
        lambda v: testing.check_layer(nc.ReLU(), (3,), checks=v),
        {**LIST, "unknown": (["x"], V), "numbers": ([1], T)},
    ),
    "testing.check_layer.skip": (
        lambda v: testing.check_layer(nc.ReLU(), (3,), skip=v),
        {**LIST, "None": (None, T), "unknown": (["x"], V)},
    ),
    "torch.sequential_code.model": (torch.sequential_code, NO_MODEL),
    "torch.save_state_dict.model": (lambda v: torch.save_state_dict(v, "a.safetensors"), NO_MODEL),
    "torch.save_state_dict.path": (lambda v: torch.save_state_dict(MODEL, v), {**PATH, "a suffix": ("a.pt", V)}),
    "torch.load_state_dict.model": (lambda v: torch.load_state_dict(v, "a.pt"), NO_MODEL),
    "torch.load_state_dict.path": (lambda v: torch.load_state_dict(MODEL, v), PATH),
    "torch.load_state_dict.order": (
        lambda v: (torch.save_state_dict(MODEL, "a.safetensors"), torch.load_state_dict(MODEL, "a.safetensors", v)),
        {"a text": ("0", T), "a number": (0, T), "no names": ([], V), "another name": (["a", "b", "c", "d"], V)},
    ),
    "torch.read_state_dict.path": (torch.read_state_dict, PATH),
    "verify.verify.model": (lambda v: verify.verify(v, "onnx"), NO_MODEL),
    "verify.verify.against": (lambda v: verify.verify(MODEL, v), CHOICE),
    "verify.verify.images": (lambda v: verify.verify(MODEL, "onnx", v), but(ROWS, "None")),
    "verify.verify.seed": (lambda v: verify.verify(MODEL, "onnx", seed=v), FROM_0),
}  # fmt: skip
for _layer, _shape in layer_cases():
    _name = type(_layer).__name__
    PARAMETERS |= {
        f"{_name}.build.rng {_shape} {_layer}": (lambda v, layer=_layer, s=_shape: new(layer).build(s, v), GENERATOR),
        f"{_name}.build.dtype {_layer}": (lambda v, layer=_layer, s=_shape: new(layer).build(s, None, v), DTYPE),
        f"{_name}.build.shape {_layer}": (lambda v, layer=_layer: new(layer).build(v), SHAPE),
        f"{_name}.forward {_layer}": (lambda v, layer=_layer, s=_shape: built(layer, s).forward(v), ROWS),
        f"{_name}.backward {_layer}": (lambda v, layer=_layer, s=_shape: forward_and_backward(layer, s, v), ROWS),
    }
for _name in architectures.__all__:
    _wrong = {"a number": (28, T), "text": ("28x28", T), "tiny": ((1, 1), V), "empty": ((0, 28, 1), V)}
    _wrong = but(_wrong, "tiny") if _name == "mlp" else _wrong
    _make = getattr(architectures, _name)
    PARAMETERS[f"architectures.{_name}.input_shape"] = (lambda v, make=_make: make(input_shape=v), _wrong)
