"""What a model is in Keras's words: its layers, and how it was compiled.

Keras knows no explicit padding (it has a layer ``ZeroPadding2D``), and its softmax is a layer where ours is the loss's.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ...initializers import INITIALIZERS
from ...layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
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
from ...layers.window import Window
from ...losses import LOSSES, BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy
from ...optimizers import OPTIMIZERS, Optimizer
from ...regularizers import REGULARIZERS, get_regularizer
from ...schedules import (
    CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, PolynomialDecay, StepDecay,
)

if TYPE_CHECKING:
    from ...model import Sequential


Config = dict[str, Any]

CHANNELS_LAST = {"data_format": "channels_last"}
KERAS_WORDS = {"beta1": "beta_1", "beta2": "beta_2"}  # where an optimizer's argument has another name there
LOSS_NAMES: dict[type, str] = {
    SoftmaxCrossEntropy: "SparseCategoricalCrossentropy",  # integer labels; Keras has another loss for one-hot rows
    BinaryCrossEntropy: "BinaryCrossentropy",
    MeanSquaredError: "MeanSquaredError",
    MeanAbsoluteError: "MeanAbsoluteError",
    Huber: "Huber",
}


def snake_case(name: str) -> str:
    """Return a class's name as Keras names its objects: ``max_pooling2d``, ``leaky_re_lu``, ``glorot_uniform``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class KerasLayer(NamedTuple):
    """A layer in Keras's words; `layer` is ours if it has arrays to keep."""

    class_name: str
    config: Config
    layer: Layer | None = None


def model_to_keras(model: Sequential) -> list[KerasLayer]:
    """Return the model's layers in Keras's words and with Keras's names; the loss's softmax or sigmoid is the last.

    Raises
    ------
    TypeError, ValueError
        Keras has no such layer, not with these arguments, or no such loss.
    """
    described = [keras_layer for layer in model.layers for keras_layer in to_keras(layer)]
    if model.loss is not None and type(model.loss) not in LOSSES.values():
        raise TypeError(f"Keras has no loss like {model.loss!r}; compile with one of numpycnn's to save")
    if isinstance(model.loss, SoftmaxCrossEntropy) and not model.loss.predict_logits:
        if len(model.output_shape) != 1:
            raise ValueError(f"expected outputs of shape (N, K) for a softmax, got (N, *{model.output_shape})")
        described.append(KerasLayer("Activation", {"activation": "softmax"}))
    if isinstance(model.loss, BinaryCrossEntropy) and not model.loss.predict_logits:
        described.append(KerasLayer("Activation", {"activation": "sigmoid"}))
    made: Counter[str] = Counter()
    for class_name, config, _ in described:
        count = made[class_name]  # conv2d, conv2d_1, conv2d_2, ...
        config["name"] = snake_case(class_name) + (f"_{count}" if count else "")
        config["dtype"] = model.dtype.name
        made[class_name] += 1
    return described


def to_keras(layer: Layer) -> list[KerasLayer]:
    """Return the Keras layers, most often one, that compute what this layer does.

    Raises
    ------
    TypeError, ValueError
        Keras has no such layer, or not with these arguments.
    """
    write = WRITERS.get(type(layer))
    if write is None:
        raise TypeError(f"{layer!r}: Keras has no such layer; save to a .npz file")
    return [each._replace(config={**each.config, "trainable": layer.trainable}) for each in write(layer)]


def _write_conv2d(layer: Conv2D) -> list[KerasLayer]:
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ValueError(f"{layer!r}: Keras has no strides together with dilation; save to a .npz file")
    padding, written = layer.padding, []
    if not isinstance(padding, str):
        if any(padding):
            zeros = [[p, p] for p in padding]
            written.append(KerasLayer("ZeroPadding2D", {"padding": zeros, **CHANNELS_LAST}))
        padding = "valid"
    config = {
        "filters": layer.filters,
        "kernel_size": layer.kernel_size,
        "strides": layer.strides,
        "padding": padding,
        **CHANNELS_LAST,
        "dilation_rate": layer.dilation_rate,
        "groups": layer.groups,
        "activation": "linear",
        **_write_affine(layer),
    }
    return [*written, KerasLayer("Conv2D", config, layer)]


def _write_dense(layer: Dense) -> list[KerasLayer]:
    return [KerasLayer("Dense", {"units": layer.units, "activation": "linear", **_write_affine(layer)}, layer)]


def _write_affine(layer: Conv2D | Dense) -> Config:
    """What Conv2D and Dense share. A function of the user's own has no name in Keras, and has done its work."""

    def name(initializer: Any, default: str) -> str:
        name = getattr(initializer, "__name__", initializer)
        return name if name in INITIALIZERS else default

    return {
        "use_bias": layer.use_bias,
        "kernel_initializer": name(layer.kernel_initializer, "glorot_uniform"),
        "bias_initializer": name(layer.bias_initializer, "zeros"),
        **_write_regularizers(layer),
    }


def _write_regularizers(layer: Conv2D | Dense) -> Config:
    """Return the penalties that there are."""
    written: Config = {}
    for name in ("kernel_regularizer", "bias_regularizer"):
        regularizer = get_regularizer(getattr(layer, name), name)
        if regularizer is None:
            continue
        if type(regularizer) not in REGULARIZERS.values():
            raise TypeError(f"{layer!r}: Keras has no such regularizer; save without it")
        found_in = {"module": "keras.regularizers", "registered_name": None}
        config = regularizer.get_config()
        written[name] = {"class_name": type(regularizer).__name__, "config": config, **found_in}
    return written


def _write_pool(layer: MaxPool2D | AvgPool2D) -> list[KerasLayer]:
    class_name = "MaxPooling2D" if isinstance(layer, MaxPool2D) else "AveragePooling2D"

    padding = layer.padding
    if not isinstance(padding, str):
        # Zeros around the image would count; "same" leaves them out as we do, where it has the same windows.
        padding = "valid" if not any(padding) else "same"
        if Window.on(layer.input_shape, layer.pool_size, layer.strides, padding, owner=layer) != layer.window:
            raise ValueError(f'{layer!r}: Keras pools with padding "valid" or "same" alone; save to a .npz file')
    config = {"pool_size": layer.pool_size, "strides": layer.strides, "padding": padding, **CHANNELS_LAST}
    return [KerasLayer(class_name, config)]


def _write_batch_norm(layer: BatchNorm) -> list[KerasLayer]:
    config = {"axis": -1, "momentum": layer.momentum, "epsilon": layer.epsilon, "center": True, "scale": True}
    return [KerasLayer("BatchNormalization", config, layer)]


def _write_gelu(layer: GELU) -> list[KerasLayer]:
    if layer.approximate:
        raise ValueError(f"{layer!r}: Keras has a name for the exact curve alone; save to a .npz file")
    return [KerasLayer("Activation", {"activation": "gelu"})]


WRITERS: dict[type, Callable[[Any], list[KerasLayer]]] = {
    Conv2D: _write_conv2d,
    Dense: _write_dense,
    MaxPool2D: _write_pool,
    AvgPool2D: _write_pool,
    BatchNorm: _write_batch_norm,
    GlobalAvgPool2D: lambda layer: [KerasLayer("GlobalAveragePooling2D", {**CHANNELS_LAST, "keepdims": False})],
    Flatten: lambda layer: [KerasLayer("Flatten", dict(CHANNELS_LAST))],
    Dropout: lambda layer: [KerasLayer("Dropout", {"rate": layer.rate})],
    ReLU: lambda layer: [KerasLayer("ReLU", {})],
    LeakyReLU: lambda layer: [KerasLayer("LeakyReLU", {"negative_slope": layer.negative_slope})],
    ELU: lambda layer: [KerasLayer("ELU", {"alpha": layer.alpha})],
    GELU: _write_gelu,
    SiLU: lambda layer: [KerasLayer("Activation", {"activation": "silu"})],
    Sigmoid: lambda layer: [KerasLayer("Activation", {"activation": "sigmoid"})],
    Tanh: lambda layer: [KerasLayer("Activation", {"activation": "tanh"})],
}


def training_to_keras(model: Sequential) -> Config:
    """Return what Keras keeps as ``training_config``: loss, metrics and optimizer, without the optimizer's memories.

    A schedule that Keras does not have is written as the rate of the next step.

    Raises
    ------
    TypeError
        Keras has no such optimizer.
    """
    return {
        "loss": _loss_to_keras(model.loss),
        "loss_weights": None,
        "metrics": [_metric_to_keras(metric) for metric in (*model.metrics, *model.weighted_metrics)],
        "weighted_metrics": None,
        "optimizer_config": _optimizer_to_keras(model.optimizer),
    }


def _metric_to_keras(metric: Any) -> str:
    """Return Keras's name of a metric for integer labels, which is what Keras will be given."""
    name = "sparse_top_k_categorical_accuracy" if metric == "top_k_accuracy" else metric
    if not isinstance(name, str) or name in ("precision", "recall", "f1_score", "auc"):
        raise TypeError(f"metrics: Keras has no {metric!r} of integer labels; save to a .npz file")
    return name


def _loss_to_keras(loss: Any) -> str | Config:
    name = LOSS_NAMES[type(loss)]
    arguments: Config = {}
    if isinstance(loss, Huber):
        arguments["delta"] = loss.delta
    if isinstance(loss, (SoftmaxCrossEntropy, BinaryCrossEntropy)):
        arguments = {"from_logits": True} if loss.predict_logits else {}
        if loss.label_smoothing:
            arguments |= {"from_logits": loss.predict_logits, "label_smoothing": loss.label_smoothing}
            name = name.removeprefix("Sparse")  # Keras has it for one-hot rows alone
    if loss.reduction != "mean":
        arguments["reduction"] = {"sum": "sum", "weighted_mean": "mean_with_sample_weight"}[loss.reduction]
    return {"class_name": name, "config": arguments} if arguments else snake_case(name)


def _optimizer_to_keras(optimizer: Optimizer) -> Config:
    class_name = type(optimizer).__name__
    if type(optimizer) not in OPTIMIZERS.values():
        raise TypeError(f"{optimizer!r}: Keras has no such optimizer; compile with one of numpycnn's to save")
    config = {KERAS_WORDS.get(name, name): value for name, value in optimizer.get_config().items()}
    config.pop("epsilon_hat", None)  # Keras knows no other
    config |= {"name": snake_case(class_name), "learning_rate": _rate_to_keras(optimizer)}
    return {"class_name": class_name, "config": config}


def _rate_to_keras(optimizer: Optimizer) -> Any:
    rate = optimizer.learning_rate
    if type(rate) is CosineDecay:
        alpha = rate.final_rate / rate.learning_rate if rate.learning_rate else 0.0
        config = {"initial_learning_rate": rate.learning_rate, "decay_steps": rate.steps, "alpha": alpha}
        return _schedule("CosineDecay", config)
    if type(rate) is StepDecay:
        config = {"initial_learning_rate": rate.learning_rate, "decay_steps": rate.step_size}
        return _schedule("ExponentialDecay", {**config, "decay_rate": rate.factor, "staircase": True})
    if isinstance(rate, (ExponentialDecay, InverseTimeDecay)):
        config = rate.get_config()
        return _schedule(type(rate).__name__, {"initial_learning_rate": config.pop("learning_rate"), **config})
    if type(rate) is PolynomialDecay:
        config = {"initial_learning_rate": rate.learning_rate, "decay_steps": rate.steps}
        return _schedule("PolynomialDecay", {**config, "end_learning_rate": rate.final_rate, "power": rate.power})
    if type(rate) is PiecewiseConstant:
        return _schedule("PiecewiseConstantDecay", {"boundaries": rate.boundaries, "values": rate.rates})
    return optimizer.current_rate


def _schedule(class_name: str, config: Config) -> Config:
    found_in = {"module": "keras.optimizers.schedules", "registered_name": None}
    return {"class_name": class_name, "config": config, **found_in}
