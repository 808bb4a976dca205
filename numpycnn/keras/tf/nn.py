"""``tf.nn``: activations."""

from __future__ import annotations

from ..activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softmax, swish, tanh
from ..notes import missing_names

__getattr__ = missing_names("keras.tf.nn", dict.fromkeys(
    ("conv2d", "max_pool", "max_pool2d", "dropout", "softmax_cross_entropy_with_logits", "relu6", "selu", "l2_loss",
     "sparse_softmax_cross_entropy_with_logits", "bias_add", "batch_normalization"),
    "layers and losses for it: keras.layers, keras.losses",
))  # fmt: skip

__all__ = ["elu", "gelu", "leaky_relu", "relu", "sigmoid", "silu", "softmax", "swish", "tanh"]
